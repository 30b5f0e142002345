"""One file of 1 GiB from nginx on loopback, in the page cache: to /dev/null, to a file, and over TLS. CPU is that of the client
alone, with the system's part; the server takes one of the two cores. Every client takes one connection and no segments."""

import shutil

from harness import Metric, Table, program
from web import Nginx, client, is_whole, sockeye

TITLE = "Fetch: one large file"
METRICS = [
    Metric("rate", "throughput", "MiB/s", True, 0),
    Metric("cpu", "CPU", "s", False, 3),
]
MIB = 1 << 20


def tables(bench):
    nginx = Nginx(bench)
    size = bench.size(1 << 30, 16 << 20)
    source = bench.file(size)
    (nginx.root / "big").hardlink_to(source)
    plain, secure = f"http://127.0.0.1:{nginx.http}/big", f"https://localhost:{nginx.https}/big"
    xh = lambda: program("xh")

    def null(name, argv):
        return name, client(argv, size, MIB)

    yield Table("1 GiB over http, to /dev/null", METRICS, [
        null("sockeye", lambda: [sockeye(), "fetch", plain]),
        null("curl", lambda: [program("curl"), "-s", plain]),
        null("wget2", lambda: [program("wget2"), "-q", "-O", "-", plain]),
        null("xh", lambda: [xh(), "--ignore-stdin", "--body", plain]),
    ])
    target = bench.scratch / "saved"
    whole = is_whole(target, size)

    def file(name, argv):
        return name, client(argv, size, MIB, target, whole)

    yield Table("1 GiB over http, to a file", METRICS, [
        file("sockeye", lambda: [sockeye(), "fetch", "--segments", "off", "-o", target, plain]),
        file("curl", lambda: [program("curl"), "-s", "-o", target, plain]),
        file("wget2", lambda: [program("wget2"), "-q", "-O", target, plain]),
        file("aria2", lambda: [program("aria2c"), "-q", "--file-allocation=none", "-d", target.parent, "-o", target.name, plain]),
        file("xh", lambda: [xh(), "--ignore-stdin", "-d", "-o", target, plain]),
    ])
    target.unlink(missing_ok=True)
    ca = nginx.ca
    yield Table("1 GiB over https, to /dev/null (HTTP/1.1)", METRICS, [
        null("sockeye", lambda: [sockeye(), "fetch", "--http1.1", "--ca", ca, secure]),
        null("curl", lambda: [program("curl"), "-s", "--http1.1", "--cacert", ca, secure]),
        null("wget2", lambda: [program("wget2"), "-q", "--no-http2", f"--ca-certificate={ca}", "-O", "-", secure]),
        null("xh", lambda: [xh(), "--ignore-stdin", "--http-version=1.1", "--verify", ca, "--body", secure]),
    ])
    yield Table("1 GiB over https, to /dev/null (HTTP/2)", METRICS, [
        null("sockeye", lambda: [sockeye(), "fetch", "--http2", "--ca", ca, secure]),
        null("curl", lambda: [program("curl"), "-s", "--http2", "--cacert", ca, secure]),
        null("xh", lambda: [xh(), "--ignore-stdin", "--http-version=2", "--verify", ca, "--body", secure]),
    ])
    shutil.rmtree(nginx.root)
