"""New connections through a relay to an echo server: 16 clients at once, each opens, sends one byte, reads it back,
half-closes, waits for the end and starts again; until 15,000 are done or 3 seconds are over."""

from harness import Metric, Table, backend, load, relays

TITLE = "Relay: how many new connections per second"
METRICS = [Metric("per_second", "connections", "1/s", True, 0), Metric("failed", "failed", "", False, 0)]


def tables(bench):
    count, seconds = bench.size(15_000, 300), bench.size(3, 1)
    server, target = backend("echo")

    def contestant(start):
        def run():
            relay, port = start()
            with relay:
                return load("connrate", f"127.0.0.1:{port}", count, seconds, 16)

        return run

    try:
        everyone = [(name, contestant(start)) for name, start in relays(bench, target)]
        direct = ("direct", lambda: load("connrate", f"127.0.0.1:{target}", count, seconds, 16))
        yield Table("one byte each", METRICS, [*everyone, direct])
    finally:
        server.kill()
        server.wait()
