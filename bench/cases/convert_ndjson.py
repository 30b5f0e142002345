"""60.8 MB of NDJSON (records of eight members) into CSV, and through a jq program. Files are read from the page cache, output goes to
/dev/null. `one core` is the same command held to one core."""

from harness import Metric, Table, program
from records import converting, ndjson
from web import sockeye

TITLE = "Convert: NDJSON"
METRICS = [
    Metric("seconds", "time", "s", False, 3),
    Metric("cpu", "CPU", "s", False, 2),
    Metric("mib", "peak memory", "MiB", False, 1),
]
ONE = ["taskset", "-c", "0"]


def tables(bench):
    size = bench.size(60_800_000, 2_000_000)
    path = ndjson(bench, size)
    jq_csv = '(["id","a","name","email","score","ok","at","note"] | @csv), (inputs | [.id,.a,.name,.email,.score,.ok,.at,.note] | @csv)'
    yield Table("NDJSON to CSV", METRICS, [
        ("sockeye", converting(lambda: [sockeye(), "convert", "-t", "csv", path], size)),
        ("sockeye, one core", converting(lambda: [*ONE, sockeye(), "convert", "-t", "csv", path], size)),
        ("miller", converting(lambda: [program("mlr"), "--ijsonl", "--ocsv", "cat", path], size)),
        ("jq", converting(lambda: [program("jq"), "-nr", jq_csv, path], size)),
        ("jaq", converting(lambda: [program("jaq"), "-nr", jq_csv, path], size)),
        ("xan", converting(lambda: [program("xan"), "from", "-f", "ndjson", path], size)),
    ])
    pick = "select(.a==1)|.name"
    yield Table("NDJSON through `select(.a==1)|.name`", METRICS, [
        ("sockeye", converting(lambda: [sockeye(), "convert", "--jq", pick, path], size)),
        ("sockeye, one core", converting(lambda: [*ONE, sockeye(), "convert", "--jq", pick, path], size)),
        ("jaq", converting(lambda: [program("jaq"), pick, path], size)),
        ("jq", converting(lambda: [program("jq"), pick, path], size)),
    ])
    whole = ".score += 1 | .tags = [.name, .at]"
    yield Table("NDJSON through `.score += 1 | .tags = [.name, .at]`, compact", METRICS, [
        ("sockeye", converting(lambda: [sockeye(), "convert", "-c", "--jq", whole, path], size)),
        ("sockeye, one core", converting(lambda: [*ONE, sockeye(), "convert", "-c", "--jq", whole, path], size)),
        ("jaq", converting(lambda: [program("jaq"), "-c", whole, path], size)),
        ("jq", converting(lambda: [program("jq"), "-c", whole, path], size)),
    ])
