"""The smallest WSGI application (12 bytes of text), asked by wrk with one thread over 64 connections. One worker process each; server and
worker share one core, wrk has the other. gunicorn's sync worker closes the connection after each answer, which is part of it."""

from harness import Metric, SOCKEYE, Table, python
from servers import loaded, server

TITLE = "Serve: a WSGI application"
METRICS = [Metric("rate", "rate", "requests/s", True, 0), Metric("micros", "CPU", "µs/request", False, 1)]
APP = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "12")])
    return [b"Hello World\\n"]
"""
FASTPYSGI = "import fastpysgi, sys, hello; fastpysgi.run(hello.app, host='127.0.0.1', port=int(sys.argv[1]), workers=1)"


def tables(bench):
    root = bench.scratch / "app"
    root.mkdir()
    (root / "hello.py").write_text(APP)
    seconds = bench.size(4, 1)

    def sockeye():
        return server(lambda port: [SOCKEYE, "serve", "-q", "--port", port, "--wsgi", "hello:app", "--workers", "1",
                                    "--chdir", root, "--python", python()])

    def gunicorn():
        return server(lambda port: [python("gunicorn"), "-m", "gunicorn", "-w", "1", "--chdir", root, "--log-level", "error",
                                    "-b", f"127.0.0.1:{port}", "hello:app"])

    def fastpysgi():
        interpreter = python("fastpysgi")
        return server(lambda port: ["env", f"PYTHONPATH={root}", interpreter, "-c", FASTPYSGI, port])

    yield Table("hello, 64 connections", METRICS, [
        (name, loaded(start, "http://127.0.0.1:{}/", seconds, 64))
        for name, start in [("sockeye", sockeye), ("gunicorn sync", gunicorn), ("FastPySGI", fastpysgi)]
    ])
