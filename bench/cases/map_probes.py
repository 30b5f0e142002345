"""2,000 ports of this machine, half of them open: does somebody answer? From the start of the program to its end."""

import shutil
import socket
import statistics
import subprocess
import threading
import time

from harness import Metric, SOCKEYE, Skip, Table

TITLE = "map: 2,000 TCP probes on loopback"
METRICS = [Metric("ms", "from start to end", "ms", False)]


def open_ports(count):
    """So many listeners, each of which takes whoever comes and closes; their ports."""
    listeners = []
    for _ in range(count):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        listeners.append(listener)

    def serve():
        import selectors

        ready = selectors.DefaultSelector()
        for listener in listeners:
            ready.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                key.fileobj.accept()[0].close()

    threading.Thread(target=serve, daemon=True).start()
    return [listener.getsockname()[1] for listener in listeners]


def closed_ports(count):
    """So many sockets that are bound and do not listen; held, so that nobody else gets their ports."""
    held = []
    for _ in range(count):
        one = socket.socket()
        one.bind(("127.0.0.1", 0))
        held.append(one)
    return held, [one.getsockname()[1] for one in held]


def probed(argv, inputs, count, is_open):
    def run():
        if not shutil.which(str(argv[0])):
            raise Skip(f"`{argv[0]}` is not installed" if argv[0] != SOCKEYE else "the release binary is missing")
        times = []
        for _ in range(count):
            start = time.perf_counter()
            done = subprocess.run([str(arg) for arg in argv], input=inputs, capture_output=True, text=True, timeout=120)
            times.append((time.perf_counter() - start) * 1000)
            found = is_open(done)
            if found is not None:
                raise Skip(found)
        return {"ms": statistics.median(times)}

    return run


def tables(bench):
    total, count = bench.size(2000, 100), bench.size(5, 1)
    ports = open_ports(total // 2)
    held, closed = closed_ports(total // 2)
    mixed = [port for pair in zip(ports, closed) for port in pair]
    lines = "".join(f"127.0.0.1:{port}\n" for port in mixed)
    pairs = "".join(f"127.0.0.1 {port}\n" for port in mixed)

    def of_map(done):
        found = len(done.stdout.splitlines())
        return None if found == len(ports) else f"{found} of {len(ports)} answer: {done.stderr[-200:]}"

    def any_end(done):
        return None

    def of_nmap(done):
        found = done.stdout.count("/open/tcp")
        return None if found == len(ports) else f"{found} of {len(ports)} answer"

    spec = ",".join(str(port) for port in sorted(mixed))
    yield Table(f"{total} ports, half of them open", METRICS, [
        ("sockeye map @connect", probed([SOCKEYE, "map", "@connect"], lines, count, of_map)),
        ("xargs -P 64 nc -z", probed(["xargs", "-P", "64", "-n", "2", "nc", "-z"], pairs, max(1, count // 3), any_end)),
        ("nmap -sT", probed(["nmap", "-sT", "-n", "-Pn", "-oG", "-", "-p", spec, "127.0.0.1"], None, count, of_nmap)),
    ])
    for one in held:
        one.close()
