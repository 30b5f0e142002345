"""The same over TLS 1.3 with keys on the curve P-256: 1 KiB over 64 connections that are kept, and over connections that are closed
after each request, so that each request costs a full handshake."""

from harness import Metric, Table
from servers import folder, loaded, nginx, sockeye

TITLE = "Serve: HTTPS"
METRICS = [Metric("rate", "rate", "requests/s", True, 0), Metric("micros", "CPU", "µs/request", False, 2)]


def tables(bench):
    root = folder(bench, {"small.txt": 1024})
    url, seconds = "https://127.0.0.1:{}/small.txt", bench.size(4, 1)
    servers = [("sockeye", lambda: sockeye(root, "--tls")), ("nginx", lambda: nginx(root, "ssl"))]
    yield Table("1 KiB, 64 connections", METRICS, [(name, loaded(start, url, seconds, 64)) for name, start in servers])
    yield Table("1 KiB, a handshake for each", METRICS, [
        (name, loaded(start, url, seconds, 16, "-H", "Connection: close")) for name, start in servers
    ])
