"""Python's own server, and what it does; each request is told on stderr."""

import datetime
import sys
from xmlrpc.client import Binary, DateTime, Fault
from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer


class Handler(SimpleXMLRPCRequestHandler):
    def do_POST(self):
        told = [f"{name}={self.headers.get(name)}" for name in ("Content-Length", "Content-Encoding", "Transfer-Encoding", "Expect")]
        print("asked", self.path, *told, file=sys.stderr)
        if self.path == "/RPC2?secret" and self.headers.get("Authorization") != "Basic am86dCYh":
            self.send_error(401)
        else:
            self.path = self.path.removesuffix("?secret")
            super().do_POST()

    def send_header(self, name, value):
        if name == "Content-Encoding":
            print("answers in", value, file=sys.stderr)
        super().send_header(name, value)

    def log_message(self, *_):
        pass


class Shop:
    class tea:
        @staticmethod
        def price(name):
            return {"green": 3, "black": 2.5}[name]

    def _hidden(self):
        return "hidden"


def echo(*params):
    """Gives back what it is given."""
    return list(params)


def samples():
    return [DateTime("19980717T14:08:55"), datetime.datetime(2026, 11, 27, 10, 30), Binary(bytes(range(100))), 1e16, float("inf"), float("nan"), -7, True, "é\U0001f41f <&>", {"a": [1, {}]}]


def refuse(code, text):
    raise Fault(code, text)


def fail(text):
    raise ValueError(text)


encoding = sys.argv[1] if len(sys.argv) > 1 else None
with SimpleXMLRPCServer(("127.0.0.1", 0), Handler, allow_none=True, encoding=encoding) as server:
    server.register_introspection_functions()
    server.register_multicall_functions()
    server.register_instance(Shop(), allow_dotted_names=True)
    for method in (echo, samples, refuse, fail, pow):
        server.register_function(method)
    server.register_function(lambda count: "a" * count, "large")
    print("listening on tcp://127.0.0.1:%d" % server.server_address[1], file=sys.stderr, flush=True)
    server.serve_forever()
