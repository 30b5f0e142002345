"""1 GiB through a codec: random bytes into base64 and hexadecimal, and back. From a file in the page cache to /dev/null."""

import subprocess
from pathlib import Path

from harness import Metric, Table, program
from records import converting
from web import sockeye

TITLE = "Encode and decode"
METRICS = [
    Metric("rate", "rate", "MB/s", True, 0),
    Metric("cpu", "CPU", "s", False, 2),
    Metric("mib", "peak memory", "MiB", False, 1),
]


def tables(bench):
    size = bench.size(1 << 30, 1 << 20)
    plain = bench.file(size)
    coded = Path(bench.scratch) / "coded"
    for codec, peer in [("base64", ["base64"]), ("hex", ["basenc", "--base16"])]:
        back = [*peer, "-d"]
        with coded.open("wb") as f:
            subprocess.run([program(peer[0]), *peer[1:], plain], stdout=f, check=True)
        yield Table(f"{codec}: encode", METRICS, [
            ("sockeye", converting(lambda: [sockeye(), "encode", codec], size, plain)),
            (peer[0], converting(lambda: [program(peer[0]), *peer[1:]], size, plain)),
        ])
        yield Table(f"{codec}: decode", METRICS, [
            ("sockeye", converting(lambda: [sockeye(), "decode", codec], coded.stat().st_size, coded)),
            (peer[0], converting(lambda: [program(back[0]), *back[1:]], coded.stat().st_size, coded)),
        ])
