"""A 2 GiB file on the client's stdin goes through one TCP connection to the server's stdout, which is /dev/null. The
clock runs from the client's start to the server's end; CPU is that of both ends. Then 32 MiB with every byte dumped to a
file: our hex view beside `socat -v` and `socat -x`, which take minutes for more."""

import time

from harness import Metric, Process, SOCKEYE, Skip, Table, on_port, ours, program

TITLE = "One way: a file through connect to listen"
METRICS = [Metric("mib_s", "throughput", "MiB/s", True, 0), Metric("cpu_gib", "CPU", "s/GiB", False, 3)]


def transfer(server, port, client, path, check=lambda sender, server, size: None):
    size = path.stat().st_size
    with server:
        start = time.monotonic()
        with path.open("rb") as f, Process(client(port), stdin=f) as sender:
            cpu = sender.succeed()
            cpu += server.succeed()
            seconds = time.monotonic() - start
            check(sender, server, size)
    return {"mib_s": size / seconds / (1 << 20), "cpu_gib": cpu / (size / (1 << 30))}


def peer(path, server, client):
    def run():
        listening, port = on_port(server)
        return transfer(listening, port, client, path)

    return run


def mine(path, *options):
    def run():
        listening, port = ours("listen", "0", "--once", "-v")
        return transfer(listening, port, lambda p: [SOCKEYE, "connect", "-v", f"127.0.0.1:{p}", *options], path, all_crossed)

    return run


def all_crossed(sender, server, size):
    """Zero copy to /dev/null is fast beyond belief, so both ends must have counted every byte."""
    if f"sent {size:,} bytes" not in sender.said().replace(f"{size} bytes", f"{size:,} bytes"):
        raise Skip(f"the client did not send all: {sender.said()[-300:]}")
    if f"{size} bytes received" not in server.said().replace(",", ""):
        raise Skip(f"the server did not receive all: {server.said()[-300:]}")


def socat(path, *options, watch=()):
    return peer(
        path,
        lambda p: [program("socat"), *options, "-u", f"TCP-LISTEN:{p},bind=127.0.0.1,reuseaddr", "STDOUT"],
        lambda p: [program("socat"), *options, *watch, "-u", "STDIN", f"TCP:127.0.0.1:{p}"],
    )


def tables(bench):
    path = bench.file(bench.size(2 << 30, 16 << 20))
    yield Table("2 GiB", METRICS, [
        ("sockeye", mine(path)),
        ("nc", peer(path, lambda p: [program("nc.openbsd"), "-l", "127.0.0.1", p],
                    lambda p: [program("nc.openbsd"), "-N", "127.0.0.1", p])),
        ("ncat", peer(path, lambda p: [program("ncat"), "-l", "--recv-only", "127.0.0.1", p],
                      lambda p: [program("ncat"), "--send-only", "127.0.0.1", p])),
        ("socat", socat(path)),
        ("socat -b 262144", socat(path, "-b", "262144")),
    ])
    path.unlink()
    path = bench.file(bench.size(32 << 20, 1 << 20))
    yield Table("32 MiB, every byte dumped by the client", METRICS, [
        ("sockeye", mine(path, "--wire=hex")),
        ("socat -v", socat(path, watch=["-v"])),
        ("socat -x", socat(path, watch=["-x"])),
    ])
