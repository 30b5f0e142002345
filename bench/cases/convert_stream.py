"""One value that is larger than what anybody wants to keep in memory: an array of records with `.[]`, a feed of items by its path, and
1 GB of NDJSON. Files are read from the page cache, output goes to /dev/null. jq and jaq build the whole array; they get 200 MB of it."""

from harness import Metric, Table, program
from records import array, converting, ndjson, xml
from web import sockeye

TITLE = "Convert: in constant memory"
METRICS = [
    Metric("rate", "rate", "MB/s", True, 0),
    Metric("cpu", "CPU", "s", False, 2),
    Metric("mib", "peak memory", "MiB", False, 1),
]


def tables(bench):
    large, small = bench.size(2_000_000_000, 4_000_000), bench.size(200_000_000, 2_000_000)
    huge, lesser = array(bench, large), array(bench, small)
    yield Table("`.[]` over one array", METRICS, [
        ("sockeye, 2 GB", converting(lambda: [sockeye(), "convert", "-c", "--jq", ".[] | .name", huge], large)),
        ("sockeye", converting(lambda: [sockeye(), "convert", "-c", "--jq", ".[] | .name", lesser], small)),
        ("jaq", converting(lambda: [program("jaq"), "-c", ".[] | .name", lesser], small)),
        ("jq", converting(lambda: [program("jq"), "-c", ".[] | .name", lesser], small)),
    ])
    huge.unlink()
    lesser.unlink()
    size = bench.size(100_000_000, 2_000_000)
    feed = xml(bench, size)
    yield Table("titles of a feed of 100 MB", METRICS, [
        ("sockeye", converting(lambda: [sockeye(), "convert", "-f", "xml", "--records", "feed/item", "--jq", ".title", "-r", feed], size)),
        ("xmlstarlet", converting(lambda: [program("xmlstarlet"), "sel", "-t", "-m", "//item", "-v", "title", "-n", feed], size)),
    ])
    feed.unlink()
    size = bench.size(1_000_000_000, 4_000_000)
    path = ndjson(bench, size)
    yield Table("1 GB of NDJSON to CSV, columns of the first record", METRICS, [
        ("sockeye", converting(lambda: [sockeye(), "convert", "-t", "csv", "--columns", "strict", path], size)),
        ("xan", converting(lambda: [program("xan"), "from", "-f", "ndjson", path], size)),
    ])
