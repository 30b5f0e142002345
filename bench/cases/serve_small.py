"""A file of 1 KiB, asked for again and again by wrk with one thread over 64 connections that are kept, for four seconds after one to
warm up. The server has one core and wrk the other. nginx has one worker, sendfile, open_file_cache and no log. What a request
costs the server is its CPU time divided by the requests; other programs on the machine change it less than the rate."""

from harness import Metric, Table
from servers import everybody, folder, loaded

TITLE = "Serve: small files"
METRICS = [Metric("rate", "rate", "requests/s", True, 0), Metric("micros", "CPU", "µs/request", False, 2)]


def tables(bench):
    root = folder(bench, {"small.txt": 1024})
    seconds = bench.size(4, 1)
    yield Table("1 KiB, 64 connections", METRICS, [
        (name, loaded(start, "http://127.0.0.1:{}/small.txt", seconds, 64)) for name, start in everybody(root)
    ])
