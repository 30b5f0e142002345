"""1 KiB over TLS 1.3 with a key on the curve P-256: by wrk over 64 connections that are kept, and by ab with a connection, and so a full
handshake, for each of 3,000 requests, 16 at once."""

import re
import subprocess

from harness import PATIENCE, Metric, Skip, Table, program
from servers import LOAD_CORE, cpu, folder, loaded, nginx, pinned, sockeye

TITLE = "Serve: HTTPS"
METRICS = [Metric("rate", "rate", "requests/s", True, 0), Metric("micros", "CPU", "µs/request", False, 2)]


def shaken(start, url, count):
    def run():
        process, port = start()
        with process:
            argv = pinned(LOAD_CORE, [program("ab"), "-q", "-n", str(count), "-c", "16", url.format(port)])
            before = cpu(process.pid)
            said = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE).stdout
            rate, failed = re.search(r"Requests per second: +([\d.]+)", said), re.search(r"Failed requests: +(\d+)", said)
            if not rate or not failed or failed.group(1) != "0":
                raise Skip(f"ab: {' '.join(said.split())[-300:]}")
            return {"rate": float(rate.group(1)), "micros": (cpu(process.pid) - before) * 1e6 / count}

    return run


def tables(bench):
    root = folder(bench, {"small.txt": 1024})
    url, seconds = "https://127.0.0.1:{}/small.txt", bench.size(4, 1)
    servers = [("sockeye", lambda: sockeye(root, "--tls")), ("nginx", lambda: nginx(root, "ssl"))]
    yield Table("1 KiB, 64 connections", METRICS, [(name, loaded(start, url, seconds, 64)) for name, start in servers])
    count = bench.size(3000, 100)
    yield Table("1 KiB, a handshake for each", METRICS, [(name, shaken(start, url, count)) for name, start in servers])
