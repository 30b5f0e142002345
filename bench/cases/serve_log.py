"""What an access log costs: 1 KiB over 64 connections as in serve_small, without a log and with one in the combined format, written to
a file. nginx's is buffered (64 KiB), as ours is."""

from harness import Metric, Table
from servers import folder, loaded, nginx, sockeye

TITLE = "Serve: the access log"
METRICS = [Metric("rate", "rate", "requests/s", True, 0), Metric("micros", "CPU", "µs/request", False, 2)]


def tables(bench):
    root, log = folder(bench, {"small.txt": 1024}), bench.scratch / "access.log"

    def emptied(start):
        def run():
            log.write_bytes(b"")
            return start()

        return run

    yield Table("1 KiB, 64 connections", METRICS, [
        (name, loaded(emptied(start), "http://127.0.0.1:{}/small.txt", bench.size(4, 1), 64)) for name, start in [
            ("sockeye", lambda: sockeye(root, "--log-file", log)),
            ("sockeye without", lambda: sockeye(root)),
            ("nginx", lambda: nginx(root, log=f"{log} combined buffer=64k flush=1s")),
            ("nginx without", lambda: nginx(root)),
        ]
    ])
