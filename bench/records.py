"""Inputs for the comparisons of `convert`, made once for each run of a case, and a contestant that reads them."""

import json
import subprocess
import threading
import time
from pathlib import Path

from harness import Process, Skip

WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu".split()
# Records that are written over and over; enough of them that no cache of a peer helps.
DISTINCT = 5_000


def records():
    for i in range(DISTINCT):
        yield {
            "id": i, "a": i % 10, "name": f"user {WORDS[i % 12]} {i * 7919 % 10007}", "email": f"{WORDS[i * 5 % 12]}{i}@example.org",
            "score": round(i * 0.37 % 100, 2), "ok": i % 3 == 0, "at": f"2026-11-{i % 28 + 1:02}T{i % 24:02}:{i % 60:02}:00Z",
            "note": 'said "hi", and left' if i % 50 == 0 else WORDS[i * 3 % 12],
        }


def repeated(path, block, size, head=b"", foot=b""):
    """`block` until the file has `size` bytes."""
    with path.open("wb") as f:
        f.write(head)
        for _ in range(max(1, size // len(block))):
            f.write(block)
        f.write(foot)
    return path


def ndjson(bench, size):
    block = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records()).encode()
    return repeated(Path(bench.scratch) / f"{size}.ndjson", block, size)


def array(bench, size):
    block = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records()).encode()
    return repeated(Path(bench.scratch) / f"{size}.json", block + b",\n", size, b"[", b"{}]\n")


def cell(value):
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return '"' + text.replace('"', '""') + '"' if '"' in text or "," in text else text


def csv(bench, size):
    rows = list(records())
    head = (",".join(rows[0]) + "\n").encode()
    block = "".join(",".join(map(cell, row.values())) + "\n" for row in rows).encode()
    return repeated(Path(bench.scratch) / f"{size}.csv", block, size, head)


def xml(bench, size):
    def item(record):
        text = record["note"].replace('"', "&quot;")
        return (f'  <item id="{record["id"]}"><title>{record["name"]}</title><link>http://example.org/{record["id"]}</link>'
                f"<pubDate>{record['at']}</pubDate><description>{text} &amp; more</description></item>\n")
    block = "".join(map(item, records())).encode()
    return repeated(Path(bench.scratch) / f"{size}.xml", block, size, b"<?xml version=\"1.0\"?>\n<feed>\n", b"</feed>\n")


def peak(pid, ended):
    """The most memory (VmHWM) that the process had, in MiB. What wait4 tells has the memory of its parent in it."""
    most = 0
    while not ended.is_set():
        try:
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    most = max(most, int(line.split()[1]))
        except OSError:
            break
        ended.wait(0.005)
    return most / 1024


def converting(argv, size, stdin=None, lines=None):
    """One run: how fast, what it costs, how much memory. With `lines`, the output has to have so many."""
    def run():
        command = [str(word) for word in argv()]
        counted = subprocess.PIPE if lines is not None else subprocess.DEVNULL
        source = open(stdin, "rb") if stdin else subprocess.DEVNULL
        start = time.monotonic()
        process = Process(command, stdin=source, stdout=counted)
        ended, most = threading.Event(), []
        watch = threading.Thread(target=lambda: most.append(peak(process.pid, ended)))
        watch.start()
        try:
            got = 0
            if lines is not None:
                while block := process.popen.stdout.read(1 << 20):
                    got += block.count(b"\n")
            cpu = process.succeed()
            seconds = time.monotonic() - start
        finally:
            ended.set()
            watch.join()
        if lines is not None and got != lines:
            raise Skip(f"`{command[0]}` wrote {got} lines instead of {lines}")
        return {"seconds": seconds, "rate": size / seconds / 1e6, "cpu": cpu, "mib": most[0]}

    return run
