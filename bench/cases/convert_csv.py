"""60.8 MB of CSV: two of eight columns, and all of it into NDJSON. Files are read from the page cache, output goes to /dev/null."""

from harness import Metric, Table, program
from records import converting, csv
from web import sockeye

TITLE = "Convert: CSV"
METRICS = [
    Metric("seconds", "time", "s", False, 3),
    Metric("cpu", "CPU", "s", False, 2),
    Metric("mib", "peak memory", "MiB", False, 1),
]
ONE = ["taskset", "-c", "0"]


def tables(bench):
    size = bench.size(60_800_000, 2_000_000)
    path = csv(bench, size)
    yield Table("two columns of CSV", METRICS, [
        ("sockeye", converting(lambda: [sockeye(), "convert", "--fields", "name,score", path], size)),
        ("sockeye, one core", converting(lambda: [*ONE, sockeye(), "convert", "--fields", "name,score", path], size)),
        ("xan", converting(lambda: [program("xan"), "select", "name,score", path], size)),
        ("miller", converting(lambda: [program("mlr"), "--icsv", "--ocsv", "cut", "-o", "-f", "name,score", path], size)),
    ])
    yield Table("CSV to NDJSON", METRICS, [
        ("sockeye", converting(lambda: [sockeye(), "convert", "-t", "ndjson", path], size)),
        ("sockeye, one core", converting(lambda: [*ONE, sockeye(), "convert", "-t", "ndjson", path], size)),
        ("xan", converting(lambda: [program("xan"), "to", "ndjson", path], size)),
        ("miller", converting(lambda: [program("mlr"), "--icsv", "--ojsonl", "cat", path], size)),
    ])
