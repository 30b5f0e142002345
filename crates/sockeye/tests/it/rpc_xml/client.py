"""Python's own client against our server, whose URL is the first argument."""

import datetime
import http.client
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from xmlrpc.client import Binary, DateTime, Fault, MultiCall, ProtocolError, ServerProxy, Transport

url = sys.argv[1]


class Counting(Transport):
    """Counts connections, and whether answers come in gzip."""

    opened = 0
    gzipped = 0

    def make_connection(self, host):
        if not (self._connection and host == self._connection[0]):
            self.opened += 1
        return super().make_connection(host)

    def parse_response(self, response):
        assert response.getheader("Content-Length"), "a length is missing"
        self.gzipped += response.getheader("Content-Encoding", "") == "gzip"
        return super().parse_response(response)


def fault_of(call, *params):
    try:
        raise AssertionError(f"no fault but {call(*params)!r}")
    except Fault as fault:
        return fault.faultCode, fault.faultString


transport = Counting(use_builtin_types=True)
with ServerProxy(url, transport=transport, allow_none=True) as server:
    for value in [0, -(2**31), 2**31 - 1, True, 1.5, 1e16, 1e-7, -0.0, float("inf"), "", " a\n", "é\U0001f41f <&>", b"", bytes(range(256)) * 3,
                  datetime.datetime(2026, 11, 27, 10, 30), None, [], {}, [1, ["2", {"a": [None]}]], {"": 1, "é&": {"b": b"c"}}]:
        assert server.echo(value) == [value], value
        assert type(server.echo(value)[0]) is type(value), value
    nan = server.echo(float("nan"))[0]
    assert nan != nan
    assert server.echo() == [] and server.echo(1, 2) == [1, 2]
    assert server.shop.tea.price("green") == 3
    assert server.large(1400 - 250) == "a" * (1400 - 250) and transport.gzipped == 0
    assert server.large(300_000) == "a" * 300_000 and transport.gzipped == 1
    transport.encode_threshold = 10
    assert server.echo("b" * 500_000)[0] == "b" * 500_000
    transport.encode_threshold = None
    assert transport.opened == 1, transport.opened

    assert fault_of(server.refuse) == (42, "not <today>: \ufffd")
    assert fault_of(server.nothing.there) == (-32601, 'method "nothing.there" is not supported')
    assert fault_of(server.panics) == (1, 'the method "panics" failed')
    assert fault_of(server.add, 1)[0] == -32602
    assert fault_of(server.big)[1].startswith("the answer cannot be sent: 2147483648, which is beyond 32 bits")

    assert server.system.listMethods() == ["add", "big", "echo", "large", "panics", "refuse", "shop.tea.price", "slow", "system.listMethods",
                                           "system.methodHelp", "system.methodSignature", "system.multicall"]
    assert server.system.methodHelp("add") == "adds two numbers"
    assert server.system.methodHelp("echo") == server.system.methodHelp("nothing") == ""
    assert server.system.methodHelp("system.multicall").startswith("Calls methods")
    assert server.system.methodSignature("add") == "signatures not supported"
    assert server.system.methodSignature("system.methodHelp") == [["string", "string"]]

    several = MultiCall(server)
    several.add(2, 3)
    several.refuse()
    several.big()
    several.system.multicall([])
    several.panics()
    several.shop.tea.price("green")
    results = several()
    assert results[0] == 5 and results[5] == 3
    faults = [fault_of(results.__getitem__, at) for at in (1, 2, 3, 4)]
    assert [code for code, _ in faults] == [42, 1, -32600, 1], faults
    raw = server.system.multicall([{"methodName": "echo"}, 7, {"methodName": "add", "params": [1, 1]}, {"params": []}])
    assert raw[0] == [[]] and raw[2] == [2] and raw[1]["faultCode"] == raw[3]["faultCode"] == -32600
    assert fault_of(server.system.multicall, 7)[0] == -32602

for encoding in ("us-ascii", "iso-8859-1", "utf-16"):
    with ServerProxy(url, encoding=encoding) as server:
        assert server.echo("é\U0001f41f ÿ") == ["é\U0001f41f ÿ"], encoding
with ServerProxy(url) as server:
    plain = server.echo(DateTime("20261127T10:30:00"), Binary(b"x"))
    assert type(plain[0]) is DateTime and plain[0].value == "20261127T10:30:00" and plain[1].data == b"x"
for path, status in [("/", None), ("/nothing", 404), ("/RPC2/", 404)]:
    try:
        with ServerProxy(url.removesuffix("/RPC2") + path) as server:
            assert server.add(1, 1) == 2 and status is None
    except ProtocolError as error:
        assert error.errcode == status, (path, error.errcode)
with ThreadPoolExecutor(8) as pool:
    def many(start):
        with ServerProxy(url) as server:
            return [server.add(start, i) for i in range(20)]
    assert list(pool.map(many, range(8))) == [[start + i for i in range(20)] for start in range(8)]
print("all is well")
