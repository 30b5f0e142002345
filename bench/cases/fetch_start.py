"""From the start of the client to the first byte of the answer on its standard output, 50 times a run. The server is a loop in
Python that answers at once; the start of the process, as Python does it, is in all of them alike."""

import socket
import statistics
import subprocess
import threading
import time

from harness import Metric, Skip, Table, program
from web import sockeye

TITLE = "Fetch: from nothing to the first byte"
METRICS = [Metric("ms", "to the first byte", "ms", False)]


def answer(listener):
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")


def contestant(make_argv, count):
    def run():
        times = []
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(16)
            threading.Thread(target=answer, args=[listener], daemon=True).start()
            argv = [str(arg) for arg in make_argv(f"http://127.0.0.1:{listener.getsockname()[1]}/")]
            for _ in range(count):
                start = time.perf_counter()
                client = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
                first = client.stdout.read(1)
                times.append((time.perf_counter() - start) * 1000)
                client.stdout.read()
                client.wait()
                if first != b"h":
                    raise Skip(f"`{' '.join(argv)}` did not print the answer")
            listener.shutdown(socket.SHUT_RDWR)
        return {"ms": statistics.median(times)}

    return run


def tables(bench):
    count = bench.size(50, 5)
    yield Table("http on loopback", METRICS, [
        ("sockeye", contestant(lambda url: [sockeye(), "fetch", url], count)),
        ("curl", contestant(lambda url: [program("curl"), "-s", url], count)),
        ("wget2", contestant(lambda url: [program("wget2"), "-q", "-O", "-", url], count)),
        ("xh", contestant(lambda url: [program("xh"), "--ignore-stdin", "--body", url], count)),
    ])
