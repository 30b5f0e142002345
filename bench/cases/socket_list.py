"""Reading the socket table. 10,000 TCP connections on loopback, both ends here, are held by 8 processes: 20,000 sockets,
and every program has to list all of them. Then one listener among 1,000 processes that hold nothing, and its owner.
(Whoever asks for
the first owner is content with one; the others look into every process.) Last, the time from the start of the program to the first byte of its list, on the machine as it is. Output goes to a
file; times include the start of the program."""

import os
import subprocess
import sys
import time

from harness import Metric, Process, SOCKEYE, Skip, Table, program

TITLE = "Sockets: the table of this machine"
METRICS = [Metric("ms", "time", "ms", False), Metric("cpu", "CPU", "ms", False), Metric("rows", "rows of ours", "", True, 0)]
FIRST = [Metric("ms", "to the first byte", "ms", False)]

# Connects COUNT times to itself, accepts, and holds all of it until its input ends.
HOLDER = """
import resource, socket, sys
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
server = socket.create_server(("127.0.0.1", 0), backlog=1024)
held = []
for _ in range(int(sys.argv[1])):
    client = socket.create_connection(server.getsockname())
    held += [client, server.accept()[0]]
print(server.getsockname()[1], flush=True)
sys.stdin.read()
"""


class Holders:
    """Python processes that hold sockets; `ports` are those of their listeners."""

    def __init__(self, processes, each):
        argv = [sys.executable, "-c", HOLDER, str(each)]
        self.held = [
            subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(processes)
        ]
        self.ports = [process.stdout.readline().strip() for process in self.held]
        if not all(self.ports):
            raise RuntimeError("the holders could not open their sockets")

    def close(self):
        for process in self.held:
            process.kill()
            process.communicate()


def timed(bench, argv, complete, at_least):
    """One run of a list: its time, its CPU time, and how many of the rows that must be there are."""

    def run():
        if argv[0] == SOCKEYE and not SOCKEYE.exists():
            raise Skip("the release binary is missing: cargo build --release")
        program(argv[0]) if isinstance(argv[0], str) else None
        path = bench.scratch / "list"
        times, cpus = [], []
        for _ in range(bench.size(5, 1)):
            with path.open("wb") as out:
                start = time.perf_counter()
                with Process(argv, stdout=out) as listing:
                    cpus.append(listing.succeed() * 1000)
                    times.append((time.perf_counter() - start) * 1000)
            rows = sum(map(complete, path.read_text(errors="replace").splitlines()))
            if rows < at_least:
                raise Skip(f"only {rows} of {at_least} rows are there")
        return {"ms": sorted(times)[len(times) // 2], "cpu": sorted(cpus)[len(cpus) // 2], "rows": rows}

    return run


def first_byte(argv):
    def run():
        program(argv[0]) if isinstance(argv[0], str) else None
        times = []
        for _ in range(20):
            start = time.perf_counter()
            listing = subprocess.Popen([str(arg) for arg in argv], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            os.read(listing.stdout.fileno(), 1)
            times.append((time.perf_counter() - start) * 1000)
            listing.communicate()
        return {"ms": sorted(times)[len(times) // 2]}

    return run


def tables(bench):
    processes, each = 8, bench.size(1250, 25)
    holders = Holders(processes, each)
    bench.closers = [holders.close]
    ports = {f":{port}" for port in holders.ports}
    ours = lambda line: line.count("127.0.0.1:") >= 2 and any(word.endswith(tuple(ports)) for word in line.split())
    count = 2 * processes * each
    yield Table(f"{count} TCP sockets, without owners", METRICS, [
        ("sockeye", timed(bench, [SOCKEYE, "sockets", "--tcp", "-n", "--owner=none", "-q"], ours, count)),
        ("ss -Htan", timed(bench, ["ss", "-Htan"], ours, count)),
        ("netstat -tan", timed(bench, ["netstat", "-tan"], ours, count)),
    ])
    yield Table(f"{count} TCP sockets, with their owners", METRICS, [
        ("sockeye", timed(bench, [SOCKEYE, "sockets", "--tcp", "-n", "-q"], ours, count)),
        ("ss -Htanp", timed(bench, ["ss", "-Htanp"], ours, count)),
        ("netstat -tanp", timed(bench, ["netstat", "-tanp"], ours, count)),
        ("lsof -nPiTCP", timed(bench, ["lsof", "-nP", "-iTCP"], lambda line: "->" in line and line.count("127.0.0.1:") == 2, count)),
    ])
    yield Table(f"{count} TCP sockets, as JSON with their owners", METRICS, [
        ("sockeye", timed(bench, [SOCKEYE, "sockets", "--tcp", "--json", "-q"], lambda line: '"type":"socket"' in line and '"127.0.0.1' in line, count)),
    ])
    holders.close()
    idle = [subprocess.Popen(["sleep", "3600"], stdin=subprocess.DEVNULL) for _ in range(bench.size(1000, 20))]
    one = Holders(1, 0)
    bench.closers = [one.close, lambda: [process.kill() or process.wait() for process in idle]]
    port = one.ports[0]
    listener = lambda line: f":{port}" in line and ("python" in line or f'"{port}' in line)
    yield Table(f"one listener and its owner among {len(idle)} idle processes", METRICS, [
        ("sockeye", timed(bench, [SOCKEYE, "sockets", "-l", "--port", port, "-q"], listener, 1)),
        ("sockeye --owner=first", timed(bench, [SOCKEYE, "sockets", "-l", "--port", port, "--owner=first", "-q"], listener, 1)),
        ("ss", timed(bench, ["ss", "-Htlnp", f"sport = :{port}"], listener, 1)),
        ("lsof", timed(bench, ["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN"], listener, 1)),
        ("netstat", timed(bench, ["netstat", "-tlnp"], listener, 1)),
    ])
    for close in bench.closers:
        close()
    one = Holders(1, 5)
    bench.closers = [one.close]
    yield Table("from start to the first byte, 11 sockets and more", FIRST, [
        ("sockeye", first_byte([SOCKEYE, "sockets", "--tcp"])),
        ("ss -tanp", first_byte(["ss", "-tanp"])),
        ("netstat -tanp", first_byte(["netstat", "-tanp"])),
        ("lsof -nPiTCP", first_byte(["lsof", "-nP", "-iTCP"])),
    ])
