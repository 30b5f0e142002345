"""10,000 times `true`, two at once, results in order; the journal is on where it says so. xargs keeps no output apart and no order."""

import os
import subprocess
import time
from pathlib import Path

from harness import Metric, Process, Table, program
from web import sockeye

TITLE = "Map: 10,000 programs that do nothing"
METRICS = [
    Metric("rate", "jobs", "1/s", True, 0),
    Metric("cpu", "our CPU", "s", False, 2),
]


def running(argv, inputs, count, before=None):
    def run():
        if before:
            before()
        command = [str(word) for word in argv()]
        start = time.monotonic()
        with open(inputs, "rb") as stdin, Process(command, stdin=stdin, stdout=subprocess.DEVNULL) as process:
            cpu = process.succeed()
            seconds = time.monotonic() - start
        return {"rate": count / seconds, "cpu": cpu}

    return run


def tables(bench):
    count = bench.size(10_000, 200)
    inputs, journal = Path(bench.scratch) / "inputs", Path(bench.scratch) / "journal"
    inputs.write_text("".join(f"{number}\n" for number in range(count)))

    def forget():
        for path in Path(bench.scratch).glob("journal*"):
            os.unlink(path)

    yield Table("`true` for each line, -j2", METRICS, [
        ("sockeye", running(lambda: [sockeye(), "map", "-j2", "--", "/bin/true"], inputs, count)),
        ("sockeye, journal", running(lambda: [sockeye(), "map", "-j2", "--journal", journal, "--", "/bin/true"], inputs, count, forget)),
        ("xargs", running(lambda: [program("xargs"), "-P2", "-n1", "/bin/true"], inputs, count)),
        ("parallel", running(lambda: [program("parallel"), "-k", "-j2", "/bin/true"], inputs, count)),
    ])
