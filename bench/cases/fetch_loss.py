"""256 MiB over a path of 50 ms there and back that loses one packet in a thousand: netem on the loopback of a network namespace,
where the kernel has it. Ours is in the segments that it chooses by itself, aria2 has four connections."""

import subprocess

from harness import Metric, Process, Skip, Table, program, until
from web import Nginx, client, is_whole, sockeye

TITLE = "Fetch: far away, with loss"
METRICS = [Metric("rate", "throughput", "MiB/s", True, 1), Metric("cpu", "CPU", "s", False, 2)]
SHAPE = "ip link set lo up && tc qdisc add dev lo root netem limit 100000 delay 25ms loss 0.1% && echo shaped && exec sleep 3600"


def namespace(bench):
    """Words before a command that run it in a namespace whose loopback is slow."""
    holder = Process([program("unshare"), "-n", "sh", "-c", SHAPE], stdout=subprocess.PIPE)
    bench.closers = [*getattr(bench, "closers", []), holder.stop]
    if holder.popen.stdout.readline().strip() != b"shaped":
        until(holder.poll, 2.0)
        raise Skip(f"no netem here: {holder.said().strip()[-200:]}")
    return [program("nsenter"), f"--net=/proc/{holder.pid}/ns/net"]


def tables(bench):
    size = bench.size(256 << 20, 1 << 20)
    target = bench.scratch / "saved"
    try:
        inside = namespace(bench)
        nginx = Nginx(bench, inside)
        (nginx.root / "big").hardlink_to(bench.file(size))
        url = f"http://127.0.0.1:{nginx.http}/big"
        why = None
    except Skip as skipped:
        inside, url, why = [], "", str(skipped)

    def file(name, argv):
        def run():
            if why:
                raise Skip(why)
            return client(lambda: [*inside, *argv()], size, 1 << 20, target, is_whole(target, size))()

        return name, run

    yield Table("256 MiB, 50 ms, 0.1 % loss", METRICS, [
        file("sockeye", lambda: [sockeye(), "fetch", "-q", "-o", target, url]),
        file("aria2 -x4", lambda: [program("aria2c"), "-q", "-x4", "-s4", "--file-allocation=none", "-d", target.parent, "-o", target.name, url]),
        file("curl", lambda: [program("curl"), "-s", "-o", target, url]),
    ])
