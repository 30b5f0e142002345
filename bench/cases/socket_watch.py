"""Watching 10,000 TCP sockets on loopback, once a second, for 20 s. CPU is what the program itself took, its start
included, as a part of one core; memory is its highest resident set. `ss -tanpi` in a loop is what one would do without a
view; it shows no rates."""

import os
import pty
import subprocess
import threading
import time
from importlib.machinery import SourceFileLoader
from pathlib import Path

from harness import Metric, SOCKEYE, Skip, Table, program

holders = SourceFileLoader("socket_list", str(Path(__file__).with_name("socket_list.py"))).load_module().Holders

TITLE = "Watch: 10,000 sockets once a second"
METRICS = [Metric("cpu", "of one core", "%", False), Metric("mib", "memory", "MiB", False, 1)]


def watched(argv, seconds, terminal):
    """Run it for a while, reading what it writes as a terminal would."""

    def run():
        if argv[0] == SOCKEYE and not SOCKEYE.exists():
            raise Skip("the release binary is missing: cargo build --release")
        program(argv[0]) if isinstance(argv[0], str) else None
        if terminal:
            ours, theirs = pty.openpty()
            os.system(f"stty rows 50 cols 160 < {os.ttyname(theirs)}")
        else:
            ours, theirs = os.pipe()
        watch = subprocess.Popen([str(arg) for arg in argv], stdin=theirs if terminal else subprocess.DEVNULL, stdout=theirs,
                                 stderr=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm-256color"}, start_new_session=True)
        os.close(theirs)

        def read():
            try:
                while os.read(ours, 1 << 16):
                    pass
            except OSError:
                pass

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        time.sleep(seconds)
        early = watch.poll() is not None
        if terminal:
            os.write(ours, b"q")
        else:
            watch.terminate()
        _, _, usage = os.wait4(watch.pid, 0)
        watch.returncode = 0
        reader.join(2)
        os.close(ours)
        if early:
            raise Skip("it ended by itself")
        return {"cpu": (usage.ru_utime + usage.ru_stime) / seconds * 100, "mib": usage.ru_maxrss / 1024}

    return run


def tables(bench):
    held = holders(4, bench.size(1250, 25))
    bench.closers = [held.close]
    seconds = bench.size(20, 3)
    loop = "while :; do ss -tanpi; sleep 1; done"
    yield Table("10,000 sockets" if seconds > 3 else "few sockets", METRICS, [
        ("sockeye", watched([SOCKEYE, "sockets", "--tcp", "--watch"], seconds, True)),
        ("sockeye --json", watched([SOCKEYE, "sockets", "--tcp", "--watch", "--json"], seconds, False)),
        ("ss -tanpi each second", watched(["bash", "-c", loop], seconds, False)),
    ])
