"""10,000 files of 1 KiB from one nginx on loopback, each saved under its own name: over HTTP/1.1 with 16 connections that are kept,
and over HTTP/2 with all requests on one connection. h2load asks for the same and saves nothing."""

import shutil
from pathlib import Path

from harness import Metric, Skip, Table, program
from web import Nginx, client, sockeye

TITLE = "Fetch: many small files"
METRICS = [
    Metric("rate", "rate", "files/s", True, 0),
    Metric("cpu", "CPU", "s", False, 2),
]


def tables(bench):
    nginx = Nginx(bench)
    count = bench.size(10_000, 200)
    for i in range(count):
        (nginx.root / f"f{i}").write_bytes(f"{i:1024}".encode())
    target = Path(bench.scratch) / "many"
    target.mkdir()
    plain, secure, ca = f"http://127.0.0.1:{nginx.http}", f"https://localhost:{nginx.https}", nginx.ca

    def lists(base):
        words, config = bench.scratch / f"urls-{base[:5]}", bench.scratch / f"curl-{base[:5]}"
        words.write_text("".join(f"{base}/f{i}\n" for i in range(count)))
        config.write_text("".join(f'url = "{base}/f{i}"\noutput = "{target}/f{i}"\n' for i in range(count)))
        return words, config

    def complete():
        there = sum(1 for path in target.iterdir() if path.stat().st_size == 1024)
        if there != count:
            raise Skip(f"{there} of {count} files came")

    def saving(name, argv):
        return name, client(argv, count, 1, target, complete)

    def ours(base, *flags):
        urls = [f"{base}/f{i}" for i in range(count)]
        return lambda: [sockeye(), "fetch", "-q", "-O", "-P", target, "--jobs", "16", "--per-host", "16", *flags, *urls]

    words, config = lists(plain)
    yield Table("10,000 files over HTTP/1.1, 16 at once", METRICS, [
        saving("sockeye", ours(plain)),
        saving("curl -Z", lambda: [program("curl"), "-s", "-Z", "--parallel-max", "16", "-K", config]),
        saving("wget2", lambda: [program("wget2"), "-q", "--no-http2", "--max-threads=16", "-P", target, "-i", words]),
        saving("aria2", lambda: [program("aria2c"), "-q", "-j16", "-x1", "-d", target, "-i", words]),
    ])
    words, config = lists(secure)
    yield Table("10,000 files over HTTP/2 and TLS, 16 at once on one connection", METRICS, [
        saving("sockeye", ours(secure, "--ca", ca)),
        saving("curl -Z --http2", lambda: [program("curl"), "-s", "-Z", "--http2", "--cacert", ca, "--parallel-max", "16", "-K", config]),
        ("h2load, saves nothing", client(lambda: [program("h2load"), "-n", count, "-c", "1", "-m", "16", "-i", words], count, 1)),
    ])
    shutil.rmtree(target)
