"""XML-RPC: a method that gives back a small struct, called by Python's own `xmlrpc.client` with one connection where the server keeps it,
for three seconds after half a one to warm up; then the same call put by wrk with one thread over 16 connections, where no client is in
the way. The server has one core and whoever calls the other. Ours is the example program `xmlrpc_server`, beside Python's
SimpleXMLRPCServer without its log. That one closes each connection after its answer, which is part of it."""

import subprocess
import xmlrpc.client

from harness import PATIENCE, TARGET, Metric, Skip, Table, program
from servers import LOAD_CORE, cpu, loaded, pinned, server

TITLE = "XML-RPC: echo"
METRICS = [Metric("rate", "rate", "calls/s", True, 0), Metric("micros", "CPU of the server", "µs/call", False, 1)]
PYTHON = """
import sys
from xmlrpc.server import SimpleXMLRPCServer
server = SimpleXMLRPCServer(("127.0.0.1", int(sys.argv[1])), logRequests=False)
server.register_function(lambda value: value, "echo")
server.serve_forever()
"""
CLIENT = """
import sys, time
from xmlrpc.client import ServerProxy
value = {"id": 7, "name": "salmon", "weight": 2.5, "tags": ["fresh", "blue"]}
with ServerProxy(sys.argv[1]) as server:
    def calls(seconds):
        start, count = time.perf_counter(), 0
        while (now := time.perf_counter()) - start < seconds:
            assert server.echo(value) == value
            count += 1
        return count, now - start
    calls(0.5)
    print("warm", flush=True)
    sys.stdin.readline()
    print(*calls(float(sys.argv[2])))
"""
VALUE = {"id": 7, "name": "salmon", "weight": 2.5, "tags": ["fresh", "blue"]}
SCRIPT = 'wrk.method = "POST"\nwrk.headers["Content-Type"] = "text/xml"\nwrk.body = [[{}]]\n'


def sockeye():
    ours = TARGET / "release" / "examples" / "xmlrpc_server"
    if not ours.exists():
        raise Skip("the example is missing: cargo build --release -p sockeye --example xmlrpc_server")
    return server(lambda port: [ours, port])


def python():
    return server(lambda port: [program("python3"), "-c", PYTHON, port])


def called(start, seconds):
    """One run of a server under Python's client."""

    def run():
        process, port = start()
        with process:
            argv = pinned(LOAD_CORE, [program("python3"), "-c", CLIENT, f"http://127.0.0.1:{port}", seconds])
            with subprocess.Popen([str(arg) for arg in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
                if client.stdout.readline() != "warm\n":
                    raise Skip("the client failed")
                before = cpu(process.pid)
                said, _ = client.communicate("go\n", timeout=PATIENCE)
                cost = cpu(process.pid) - before
            count, took = map(float, said.split())
            return {"rate": count / took, "micros": cost * 1e6 / count}

    return run


def tables(bench):
    seconds = bench.size(3, 1)
    both = [("sockeye", sockeye), ("SimpleXMLRPCServer", python)]
    yield Table("Python's client", METRICS, [(name, called(start, seconds)) for name, start in both])
    script = bench.scratch / "call.lua"
    script.write_text(SCRIPT.format(xmlrpc.client.dumps((VALUE,), "echo")))
    yield Table("wrk, 16 connections", METRICS, [
        (name, loaded(start, "http://127.0.0.1:{}/RPC2", seconds, 16, "-s", script)) for name, start in both
    ])
