"""What h11 and llhttp (httptools) make of messages: one line in, "request HEX" or "response HEX", one line out.

A line out has a word for each of the two: "no", or "yes:" and the body in hexadecimal.
"""
import sys

import h11
import httptools


def by_h11(kind, data):
    role = h11.SERVER if kind == "request" else h11.CLIENT
    connection = h11.Connection(our_role=role, max_incomplete_event_size=1 << 16)
    body = b""
    try:
        if role is h11.CLIENT:
            connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
            connection.send(h11.EndOfMessage())
        connection.receive_data(data)
        closed = False
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA and not closed and role is h11.CLIENT:
                # Only a body that ends with the connection becomes complete by this.
                connection.receive_data(b"")
                closed = True
            elif event is h11.NEED_DATA or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                return None
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return body
            elif isinstance(event, h11.InformationalResponse) and event.status_code != 101:
                return b""
    except h11.ProtocolError:
        return None


class Message:
    def __init__(self):
        self.body, self.headers, self.done = b"", False, False

    def on_headers_complete(self):
        self.headers = True

    def on_body(self, body):
        if not self.done:
            self.body += body

    def on_message_complete(self):
        self.done = True


def by_llhttp(kind, data):
    message = Message()
    make = httptools.HttpRequestParser if kind == "request" else httptools.HttpResponseParser
    try:
        make(message).feed_data(data)
    except httptools.HttpParserUpgrade:
        return message.body
    except httptools.HttpParserError:
        return message.body if message.done else None
    # Without an end of input it cannot say that a body is complete which ends with the connection.
    return message.body if message.done or (kind == "response" and message.headers) else None


def word(body):
    return "no" if body is None else "yes:" + body.hex()


for line in sys.stdin:
    kind, _, text = line.rstrip("\n").partition(" ")
    data = bytes.fromhex(text)
    print(word(by_h11(kind, data)), word(by_llhttp(kind, data)), flush=False)
