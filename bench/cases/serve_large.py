"""Large files over loopback, from the page cache: 1 MiB asked for by wrk over 16 connections, and 1 GiB fetched once by one curl,
and by 16 of them at once. The server has one core and the clients the other. CPU is that of the server: for a GiB where curl
fetches, for a request where wrk does."""

import subprocess
import time

from harness import PATIENCE, Metric, Skip, Table, program
from servers import LOAD_CORE, cpu, everybody, folder, loaded, pinned

TITLE = "Serve: large files"
WRK = [Metric("rate", "rate", "requests/s", True, 0), Metric("micros", "CPU", "µs/request", False, 0)]
CURL = [Metric("rate", "rate", "GB/s", True, 2), Metric("cpu", "CPU", "s/GiB", False, 3)]


def fetched(start, size, clients):
    def run():
        process, port = start()
        with process:
            argv = pinned(LOAD_CORE, [program("curl"), "-sf", "-o", "/dev/null", f"http://127.0.0.1:{port}/large.bin"])
            before, began = cpu(process.pid), time.monotonic()
            curls = [subprocess.Popen(argv) for _ in range(clients)]
            ended = [curl.wait(PATIENCE) for curl in curls]
            seconds = time.monotonic() - began
            if any(ended):
                raise Skip(f"curl ended with {max(ended)}")
            total = size * clients
            return {"rate": total / seconds / 1e9, "cpu": (cpu(process.pid) - before) * (1 << 30) / total}

    return run


def tables(bench):
    size = bench.size(1 << 30, 16 << 20)
    root = folder(bench, {"medium.bin": 1 << 20, "large.bin": size})
    servers = everybody(root)
    yield Table("1 MiB, 16 connections", WRK, [
        (name, loaded(start, "http://127.0.0.1:{}/medium.bin", bench.size(4, 1), 16)) for name, start in servers
    ])
    for clients in (1, 16):
        yield Table(f"1 GiB, {clients} at once", CURL, [(name, fetched(start, size, clients)) for name, start in servers])
