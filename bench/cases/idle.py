"""5,000 clients that connect and say nothing (200 for those that start a process for each). Memory is what the server and
its children keep for themselves (Private_Dirty in smaps_rollup) with the clients there, less that before the first came,
divided by their number. What the kernel keeps for the sockets is the same for all and not counted."""

import subprocess
import time
from pathlib import Path

from harness import LOAD, Metric, Skip, Table, backend, children, on_port, ours, program, relays, until

TITLE = "Idle: memory per connection"
METRICS = [Metric("kib", "memory per connection", "KiB", False, 2)]


def private(pid):
    total = 0
    for process in [pid, *children(pid)]:
        try:
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_Dirty"))
    return total


def steady(pid):
    """The memory once two looks, a quarter of a second apart, agree."""
    last = [-1]

    def same():
        time.sleep(0.25)
        before, last[0] = last[0], private(pid)
        return before == last[0]

    until(same, 5.0)
    return last[0]


def contestant(start, count):
    def run():
        server, port = start()
        with server:
            before = steady(server.pid)
            argv = [LOAD, "idle", f"127.0.0.1:{port}", str(count)]
            clients = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                if not clients.stdout.readline().startswith("ready"):
                    raise Skip(f"the clients did not get in: {clients.stderr.read().strip()[-200:]}")
                return {"kib": (steady(server.pid) - before) / count}
            finally:
                clients.kill()
                clients.communicate()

    return run


def tables(bench):
    many, few = bench.size(5000, 200), bench.size(200, 20)
    fork = "TCP-LISTEN:{},bind=127.0.0.1,reuseaddr,fork,backlog=1024"
    yield Table("clients of a server", METRICS, [
        ("sockeye", contestant(lambda: ours("listen", "0", "--discard"), many)),
        ("sockeye --echo", contestant(lambda: ours("listen", "0", "--echo"), many)),
        (f"socat fork ({few})", contestant(lambda: on_port(lambda p: [program("socat"), fork.format(p), "PIPE"]), few)),
        (f"ncat -k -e ({few})", contestant(lambda: on_port(
            lambda p: [program("ncat"), "-l", "-k", "-m", "1000", "-e", "/bin/cat", "127.0.0.1", p]), few)),
    ])
    names = [name for name, _ in relays(bench, 0)]
    yield Table("relayed connections", METRICS, [
        (f"{name} ({few})", relayed(bench, name, few)) if name.startswith("socat") else (name, relayed(bench, name, many))
        for name in names
    ])


def relayed(bench, name, count):
    """Each run has a backend of its own, for it holds its connections as long as it lives."""

    def run():
        holder, target = backend("hold")
        try:
            return contestant(dict(relays(bench, target))[name], count)()
        finally:
            holder.kill()
            holder.wait()

    return run
