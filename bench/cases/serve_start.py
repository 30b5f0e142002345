"""From the start of the server to the first byte of its first answer, 30 times a run: a client that cannot connect tries again at
once. The start of the process, as Python does it, is in all of them alike."""

import socket
import statistics
import subprocess
import time

from harness import Metric, SOCKEYE, Skip, Table, free_port, program
from servers import folder

TITLE = "Serve: from nothing to the first byte"
METRICS = [Metric("ms", "to the first byte", "ms", False)]
REQUEST = b"GET /small.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"


def first_byte(port, deadline):
    while time.perf_counter() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                client.sendall(REQUEST)
                if client.recv(1):
                    return time.perf_counter()
        except OSError:
            pass
    raise Skip("no answer within 10 s")


def contestant(make_argv, count):
    def run():
        times = []
        for _ in range(count):
            port = free_port()
            argv = [str(arg) for arg in make_argv(port)]
            start = time.perf_counter()
            with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
                try:
                    times.append((first_byte(port, start + 10) - start) * 1000)
                finally:
                    server.kill()
        return {"ms": statistics.median(times)}

    return run


def tables(bench):
    root, count = folder(bench, {"small.txt": 1024}), bench.size(30, 3)
    config = bench.scratch / "start.conf"

    def nginx(port):
        temporary = "".join(f"{kind}_temp_path {bench.scratch}/{kind}; " for kind in
                            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config.write_text(
            f"daemon off;\nmaster_process off;\nerror_log stderr crit;\npid {bench.scratch}/start.pid;\nevents {{}}\n"
            f"http {{ access_log off; {temporary} server {{ listen 127.0.0.1:{port}; root {root}; }} }}\n")
        return [program("nginx"), "-e", "stderr", "-c", config]

    yield Table("1 KiB", METRICS, [
        ("sockeye", contestant(lambda p: [SOCKEYE, "serve", root, "--port", p], count)),
        ("nginx", contestant(nginx, count)),
        ("static-web-server", contestant(
            lambda p: [program("static-web-server"), "-a", "127.0.0.1", "-p", p, "-d", root, "-g", "error"], count)),
        ("miniserve", contestant(lambda p: [program("miniserve"), "-i", "127.0.0.1", "-p", p, root], count)),
        ("caddy", contestant(
            lambda p: [program("caddy"), "file-server", "--root", root, "--listen", f"127.0.0.1:{p}"], count)),
        ("python -m http.server", contestant(
            lambda p: [program("python3"), "-m", "http.server", "--bind", "127.0.0.1", "--directory", root, p], count)),
    ])
