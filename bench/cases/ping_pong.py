"""64 bytes there and back over one TCP connection, 20,000 times, to an echo server; the client is the same for all."""

import echo
from harness import Metric, Table, load

TITLE = "Ping-pong: round trips to an echo server"
METRICS = [Metric("median_us", "median", "µs", False, 1), Metric("p99_us", "99th percentile", "µs", False, 1)]


def contestant(start, count):
    def run():
        server, port = start()
        with server:
            return load("pingpong", f"127.0.0.1:{port}", count, 64)

    return run


def tables(bench):
    count = bench.size(20_000, 500)
    yield Table("64 bytes", METRICS, [(name, contestant(start, count)) for name, start in echo.servers()])
