"""64 bytes there and back through a relay to an echo server, 20,000 times on one connection; the client and the echo
server are the same for all. `direct` is without a relay."""

from harness import Metric, Table, backend, load, relays

TITLE = "Relay: round trips"
METRICS = [Metric("median_us", "median", "µs", False, 1), Metric("p99_us", "99th percentile", "µs", False, 1)]


def tables(bench):
    count = bench.size(20_000, 500)
    server, target = backend("echo")

    def contestant(start):
        def run():
            relay, port = start()
            with relay:
                return load("pingpong", f"127.0.0.1:{port}", count, 64)

        return run

    try:
        everyone = [(name, contestant(start)) for name, start in relays(bench, target)]
        direct = ("direct", lambda: load("pingpong", f"127.0.0.1:{target}", count, 64))
        yield Table("64 bytes", METRICS, [*everyone, direct])
    finally:
        server.kill()
        server.wait()
