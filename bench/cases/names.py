"""One name, asked of one name server on loopback (a dozen lines of Python): from the start of the program to its end."""

import socket
import statistics
import struct
import subprocess
import threading
import time

from harness import Metric, SOCKEYE, Skip, Table, program

TITLE = "Names: one question to a name server"
METRICS = [Metric("ms", "from start to end", "ms", False)]


def name_server():
    """A thread that answers every question for A with 192.0.2.7, and others with nothing; its port."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def serve():
        while True:
            query, peer = server.recvfrom(4096)
            end = query.index(b"\0", 12) + 5
            known = struct.unpack(">H", query[end - 4 : end - 2])[0] == 1
            answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 300, 4) + bytes([192, 0, 2, 7]) if known else b""
            server.sendto(query[:2] + b"\x85\x80" + query[4:6] + struct.pack(">HHH", known, 0, 0) + query[12:end] + answer, peer)

    threading.Thread(target=serve, daemon=True).start()
    return server.getsockname()[1]


def asked(argv, count):
    def run():
        if argv[0] == SOCKEYE and not SOCKEYE.exists():
            raise Skip("the release binary is missing: cargo build --release")
        program(argv[0]) if isinstance(argv[0], str) else None
        times = []
        for _ in range(count):
            start = time.perf_counter()
            done = subprocess.run([str(arg) for arg in argv], capture_output=True, text=True, timeout=10)
            times.append((time.perf_counter() - start) * 1000)
            if "192.0.2.7" not in done.stdout:
                raise Skip(f"`{argv[0]}` did not find it: {(done.stdout + done.stderr)[-200:]}")
        return {"ms": statistics.median(times)}

    return run


def tables(bench):
    port, count = name_server(), bench.size(50, 3)
    yield Table("the address of www.example.test", METRICS, [
        ("sockeye", asked([SOCKEYE, "resolve", "www.example.test", "A", f"@127.0.0.1:{port}", "--short"], count)),
        ("dig +short", asked(["dig", "+short", "-p", port, "@127.0.0.1", "www.example.test", "A"], count)),
        ("kdig +short", asked(["kdig", "+short", "-p", str(port), "@127.0.0.1", "www.example.test", "A"], count)),
    ])
