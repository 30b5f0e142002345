"""From the start of the program to its end with one small record, 50 times a run; the start of the process, as Python does it, is in all
of them alike."""

import statistics
import subprocess
import time

from harness import Metric, Table, program
from web import sockeye

TITLE = "Convert: from nothing to the answer"
METRICS = [Metric("ms", "start to end", "ms", False)]


def contestant(make_argv, count):
    def run():
        argv, times = [str(arg) for arg in make_argv()], []
        for _ in range(count):
            start = time.perf_counter()
            subprocess.run(argv, input=b'{"a":1}\n', stdout=subprocess.DEVNULL, check=True)
            times.append((time.perf_counter() - start) * 1000)
        return {"ms": statistics.median(times)}

    return run


def tables(bench):
    count = bench.size(50, 5)
    yield Table("`.a` of one record", METRICS, [
        ("sockeye", contestant(lambda: [sockeye(), "convert", "--jq", ".a"], count)),
        ("jaq", contestant(lambda: [program("jaq"), ".a"], count)),
        ("jq", contestant(lambda: [program("jq"), ".a"], count)),
        ("miller", contestant(lambda: [program("mlr"), "--ojson", "--ijson", "cut", "-f", "a"], count)),
    ])
