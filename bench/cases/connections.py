"""New connections to an echo server: 16 clients at once, each opens, sends one byte, reads it back, half-closes, waits for
the end and starts again; until 15,000 are done or 3 seconds are over. A failed connection is not counted as done."""

import echo
from harness import Metric, Table, load

TITLE = "Connections: how many new ones per second"
METRICS = [Metric("per_second", "connections", "1/s", True, 0), Metric("failed", "failed", "", False, 0)]


def contestant(start, count, seconds):
    def run():
        server, port = start()
        with server:
            return load("connrate", f"127.0.0.1:{port}", count, seconds, 16)

    return run


def tables(bench):
    count, seconds = bench.size(15_000, 300), bench.size(3, 1)
    yield Table("one byte each", METRICS, [(name, contestant(start, count, seconds)) for name, start in echo.servers()])
