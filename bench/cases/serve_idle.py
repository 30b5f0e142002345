"""10,000 connections, each of which has asked for 1 KiB once and is kept. Memory is what the server keeps for itself (Private_Dirty in
smaps_rollup) with them there, less that before the first came. What the kernel keeps for the sockets is the same for all and not
counted."""

import importlib.util
import socket
from pathlib import Path

from harness import Metric, Skip, Table
from servers import everybody, folder

TITLE = "Serve: idle connections"
METRICS = [Metric("mib", "memory", "MiB", False, 2), Metric("bytes", "each", "bytes", False, 0)]
REQUEST = b"GET /small.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"


def memory():
    """How the other comparison of idle connections looks at it."""
    spec = importlib.util.spec_from_file_location("idle", Path(__file__).with_name("idle.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.steady


def contestant(start, count, steady):
    def run():
        process, port = start()
        clients = []
        with process:
            before = steady(process.pid)
            try:
                for _ in range(count):
                    client = socket.create_connection(("127.0.0.1", port), timeout=5)
                    clients.append(client)
                    client.sendall(REQUEST)
                    answer = b""
                    while len(answer) < 1024 or len(answer.partition(b"\r\n\r\n")[2]) < 1024:
                        got = client.recv(4096)
                        if not got:
                            raise Skip(f"a connection was closed after {len(clients)}")
                        answer += got
                kib = steady(process.pid) - before
            finally:
                for client in clients:
                    client.close()
            return {"mib": kib / 1024, "bytes": kib * 1024 / count}

    return run


def tables(bench):
    root, count, steady = folder(bench, {"small.txt": 1024}), bench.size(10_000, 100), memory()
    # Python starts a thread for each.
    servers = [(name, start) for name, start in everybody(root) if not name.startswith("python")]
    yield Table(f"{count:,} connections that are kept", METRICS, [
        (name, contestant(start, count, steady)) for name, start in servers
    ])
