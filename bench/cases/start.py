"""From the start of the client to the moment its connection is accepted, on loopback, 50 times a run; the start of the
process, as Python does it, is in all of them alike. And the size of the release binary, without what it links to."""

import os
import socket
import statistics
import subprocess
import time

from harness import Metric, SOCKEYE, Skip, Table, program

TITLE = "Start: from nothing to connected"
METRICS = [Metric("ms", "to connected", "ms", False), Metric("mib", "binary", "MiB", False)]


def contestant(make_argv, count):
    def run():
        if not SOCKEYE.exists() and make_argv(0)[0] == SOCKEYE:
            raise Skip("the release binary is missing: cargo build --release")
        times = []
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(16)
            listener.settimeout(5)
            argv = [str(arg) for arg in make_argv(listener.getsockname()[1])]
            for _ in range(count):
                start = time.perf_counter()
                client = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                try:
                    listener.accept()[0].close()
                    times.append((time.perf_counter() - start) * 1000)
                except TimeoutError:
                    raise Skip(f"`{' '.join(argv)}` did not connect") from None
                finally:
                    client.kill()
                    client.wait()
        size = os.stat(os.path.realpath(argv[0])).st_size
        return {"ms": statistics.median(times), "mib": size / (1 << 20)}

    return run


def tables(bench):
    count = bench.size(50, 5)
    yield Table("connect to loopback", METRICS, [
        ("sockeye", contestant(lambda p: [SOCKEYE, "connect", f"127.0.0.1:{p}"], count)),
        ("nc", contestant(lambda p: [program("nc.openbsd"), "127.0.0.1", p], count)),
        ("ncat", contestant(lambda p: [program("ncat"), "127.0.0.1", p], count)),
        ("socat", contestant(lambda p: [program("socat"), "STDIO", f"TCP:127.0.0.1:{p}"], count)),
    ])
