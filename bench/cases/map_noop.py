"""A million lines through jobs that need no program, in order: what reading, the loop, order and writing cost."""

from pathlib import Path

from harness import Metric, Table
from records import converting
from web import sockeye

TITLE = "Map: jobs within the process"
METRICS = [
    Metric("jobs", "jobs", "1/s", True, 0),
    Metric("cpu", "CPU", "s", False, 2),
    Metric("mib", "peak memory", "MiB", False, 1),
]


def tables(bench):
    count = bench.size(1_000_000, 10_000)
    inputs = Path(bench.scratch) / "inputs"
    inputs.write_text("".join(f"{number}\n" for number in range(count)))

    def mapping(*words):
        run = converting(lambda: [sockeye(), "map", *words], count, inputs)

        def jobs():
            figures = run()
            return {"jobs": count / figures["seconds"], "cpu": figures["cpu"], "mib": figures["mib"]}

        return jobs

    yield Table("a job for each of 1,000,000 lines", METRICS, [
        ("@true", mapping("@true")),
        ("@echo", mapping("@echo")),
        ("@echo --unordered", mapping("--unordered", "@echo")),
    ])
