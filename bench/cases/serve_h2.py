"""1 KiB over HTTP/2 by h2load with one thread: 16 connections with 32 requests at once on each, without and with TLS."""

import re
import subprocess

from harness import PATIENCE, Metric, Skip, Table, program
from servers import LOAD_CORE, cpu, folder, nginx, pinned, sockeye

TITLE = "Serve: HTTP/2"
METRICS = [Metric("rate", "rate", "requests/s", True, 0), Metric("micros", "CPU", "µs/request", False, 2)]


def contestant(start, url, count):
    def run():
        process, port = start()
        with process:
            argv = pinned(LOAD_CORE, [program("h2load"), "-t1", "-c16", "-m32", f"-n{count}", url.format(port)])
            before = cpu(process.pid)
            said = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE).stdout
            rate, good = re.search(r"([\d.]+) req/s", said), re.search(r"(\d+) succeeded", said)
            if url.startswith("https") and "Application protocol: h2" not in said:
                raise Skip("HTTP/2 was not agreed on")
            if not rate or not good or int(good.group(1)) != count:
                raise Skip(f"h2load: {' '.join(said.split())[-300:]}")
            return {"rate": float(rate.group(1)), "micros": (cpu(process.pid) - before) * 1e6 / count}

    return run


def tables(bench):
    root, count = folder(bench, {"small.txt": 1024}), bench.size(300_000, 1000)
    for title, url, servers in [
        ("without TLS", "http://127.0.0.1:{}/small.txt",
         [("sockeye", lambda: sockeye(root)), ("nginx", lambda: nginx(root, "http2"))]),
        ("with TLS", "https://127.0.0.1:{}/small.txt",
         [("sockeye", lambda: sockeye(root, "--tls")), ("nginx", lambda: nginx(root, "ssl http2"))]),
    ]:
        yield Table(title, METRICS, [(name, contestant(start, url, count)) for name, start in servers])
