"""A call that adds three numbers, again and again: by wrk with one thread over 64 connections that are kept, for four seconds after
one to warm up; the server has one core and wrk the other. Then 200,000 such calls in one piece over one connection, a call on each
line, until all answers are there. jsonrpcserver stands behind Python's ThreadingHTTPServer, for HTTP is not its own affair. Ours is
`crates/sockeye/examples/rpc_server.rs`."""

import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request

from harness import ROOT, TARGET, Metric, Skip, Table, python
from servers import loaded, server

TITLE = "JSON-RPC"
HTTP = [Metric("rate", "rate", "calls/s", True, 0), Metric("micros", "CPU", "µs/call", False, 2)]
LINES = [Metric("rate", "rate", "calls/s", True, 0)]
CALL = '{"jsonrpc": "2.0", "method": "sum", "params": [1, 2, 4], "id": 1}'

PYTHON = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from jsonrpcserver import Success, dispatch, method
@method
def sum(*terms): return Success(__builtins__.sum(terms))
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    def do_POST(self):
        answer = dispatch(self.rfile.read(int(self.headers["Content-Length"])).decode()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    def log_message(self, *args): pass
class Server(ThreadingHTTPServer):
    request_queue_size = 128
Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def example():
    """The release build of our example."""
    if "--no-build" not in sys.argv:
        subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "sockeye", "--example", "rpc_server"], check=True, cwd=ROOT)
    built = TARGET / "release" / "examples" / "rpc_server"
    if not built.exists():
        raise Skip("the example is missing: cargo build --release -p sockeye --example rpc_server")
    return built


def checked(start):
    """A server that was asked once, and was right."""

    def run():
        process, port = start()
        request = urllib.request.Request(f"http://127.0.0.1:{port}/", CALL.encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            said = json.load(answer)
        if said != {"jsonrpc": "2.0", "result": 7, "id": 1}:
            raise Skip(f"it answers {said}")
        return process, port

    return run


def lines(built, calls):
    """All calls in one piece, and the time until all answers are there."""

    def run():
        process, port = server(lambda port: [built, "lines", f"127.0.0.1:{port}"])
        with process, socket.create_connection(("127.0.0.1", port)) as connection:
            piece = (CALL + "\n").encode() * calls
            began = time.perf_counter()
            threading.Thread(target=connection.sendall, args=(piece,), daemon=True).start()
            answered = 0
            while answered < calls:
                came = connection.recv(1 << 18)
                if not came:
                    raise Skip(f"the connection ended after {answered} answers")
                answered += came.count(b"\n")
            return {"rate": calls / (time.perf_counter() - began)}

    return run


def tables(bench):
    script = bench.scratch / "post.lua"
    script.write_text(f"wrk.method = 'POST'\nwrk.body = '{CALL}'\nwrk.headers['Content-Type'] = 'application/json'\n")
    built, seconds = example(), bench.size(4, 1)

    def ours():
        return server(lambda port: [built, "http", f"127.0.0.1:{port}"])

    def theirs():
        return server(lambda port: [python("jsonrpcserver"), "-c", PYTHON, port])

    yield Table("HTTP, 64 connections", HTTP, [
        (name, loaded(checked(start), "http://127.0.0.1:{}/", seconds, 64, "-s", script))
        for name, start in [("sockeye", ours), ("python jsonrpcserver", theirs)]
    ])
    yield Table("TCP, a call on each line, one connection", LINES, [("sockeye", lines(built, bench.size(200_000, 2_000)))])
