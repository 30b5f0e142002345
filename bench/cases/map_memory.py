"""10,000,000 lines through jobs that need no program, in order: the memory that reading, order and writing take."""

from pathlib import Path

from harness import Metric, Table
from records import converting
from web import sockeye

TITLE = "Map: ten million inputs"
METRICS = [
    Metric("seconds", "time", "s", False, 1),
    Metric("cpu", "CPU", "s", False, 1),
    Metric("mib", "peak memory", "MiB", False, 1),
]


def tables(bench):
    count = bench.size(10_000_000, 100_000)
    inputs = Path(bench.scratch) / "inputs"
    with inputs.open("w") as lines:
        lines.writelines(f"{number}\n" for number in range(count))

    def mapping(*words):
        return converting(lambda: [sockeye(), "map", *words], count, inputs, lines=count)

    yield Table("a job for each line", METRICS, [
        ("@echo", mapping("@echo")),
        ("@echo, two jobs at once", mapping("-j2", "@echo")),
    ])
