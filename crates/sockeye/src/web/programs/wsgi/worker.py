"""A worker of `sockeye serve --wsgi`: answers requests with a WSGI application (PEP 3333).

Started with one end of a socket pair as standard input, the control socket. Over it come further sockets, lanes, each
for one request at a time; a thread that has none writes `L`. The frames on a lane are described in
docs/serve-programs.md. Python 3.8 or later, nothing but its standard library.
"""

import io
import os
import socket
import struct
import sys
import threading
import time
import traceback

PREFIX = struct.Struct("!cI")
BLOCK = 65536
NO_BODY = b"R"
HAS_BODY = b"P"
END = PREFIX.pack(b"E", 0)
WANT = PREFIX.pack(b"W", 0)


class Gone(Exception):
    """The server has closed the lane: nobody wants the answer."""


class Broken(Exception):
    """The answer cannot be completed; closing the lane says so."""


class Input(io.RawIOBase):
    """The body of a request, asked for piece by piece."""

    def __init__(self, lane):
        self.lane = lane
        self.rest = b""
        self.over = False

    def readable(self):
        return True

    def readinto(self, room):
        if not self.rest:
            if self.over:
                return 0
            self.rest = self.more()
        piece = self.rest[: len(room)]
        room[: len(piece)] = piece
        self.rest = self.rest[len(piece) :]
        return len(piece)

    def more(self):
        self.lane.sendall(WANT)
        kind, size = PREFIX.unpack(receive(self.lane, PREFIX.size))
        if kind != b"B":
            self.over = True
            raise OSError("the body of the request broke off")
        self.over = size == 0
        return memoryview(receive(self.lane, size))


def receive(lane, size):
    data = lane.recv(size, socket.MSG_WAITALL)
    while len(data) < size:
        more = lane.recv(size - len(data), socket.MSG_WAITALL)
        if not more:
            raise Gone
        data += more
    return data


class FileWrapper:
    """wsgi.file_wrapper: a file as blocks."""

    def __init__(self, file, size=BLOCK):
        self.file = file
        self.size = size
        if hasattr(file, "close"):
            self.close = file.close

    def __iter__(self):
        return self

    def __next__(self):
        block = self.file.read(self.size)
        if not block:
            raise StopIteration
        return block


def head_frame(status, headers):
    pieces = [status]
    for pair in headers:
        pieces.extend(pair)
    payload = "\0".join(pieces).encode("latin-1")
    return PREFIX.pack(b"H", len(payload)) + payload


class Exchange:
    """One request and its answer."""

    __slots__ = ("lane", "status", "headers", "begun")

    def __init__(self, lane):
        self.lane = lane
        self.status = None
        self.headers = None
        self.begun = False

    def start_response(self, status, headers, exc_info=None):
        if exc_info is not None:
            try:
                if self.begun:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self.status is not None:
            raise AssertionError("start_response was called twice, the second time without exc_info")
        if type(status) is not str:
            raise TypeError("the status is not a str")
        for name, value in headers:
            if "\0" in name or "\0" in value or "\n" in name or "\n" in value or "\r" in value:
                raise ValueError("the header %r has a character that no header may have" % name)
        self.status = status
        self.headers = list(headers)
        return self.write

    def begin(self):
        if self.begun:
            return b""
        if self.status is None:
            raise AssertionError("the application wrote before it called start_response")
        self.begun = True
        return head_frame(self.status, self.headers)

    def write(self, data):
        if not isinstance(data, bytes):
            raise TypeError("the application gave %s where bytes are due" % type(data).__name__)
        frame = self.begin()
        if data:
            frame += PREFIX.pack(b"D", len(data)) + data
        if frame:
            self.send(frame)

    def send(self, frame):
        try:
            self.lane.sendall(frame)
        except OSError:
            raise Gone from None

    def run(self, app, environ):
        result = app(environ, self.start_response)
        try:
            kind = type(result)
            if kind is list or kind is tuple:
                # All of it is there: one write says it.
                data = result[0] if len(result) == 1 else b"".join(result)
                if not isinstance(data, bytes):
                    raise TypeError("the application gave %s where bytes are due" % type(data).__name__)
                if data:
                    self.send(self.begin() + PREFIX.pack(b"D", len(data)) + data + END)
                else:
                    self.send(self.begin() + END)
                return
            for data in result:
                if data:
                    self.write(data)
                elif not isinstance(data, bytes):
                    raise TypeError("the application gave %s where bytes are due" % type(data).__name__)
            self.send(self.begin() + END)
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()

    def fail(self):
        """The application raised: say so, here and to the client, if that can still be told."""
        traceback.print_exc(file=sys.stderr)
        sys.stderr.flush()
        if self.begun:
            raise Broken
        self.status, self.begun = "500 Internal Server Error", True
        data = b"the application failed\n"
        frame = head_frame(self.status, [("Content-Type", "text/plain; charset=utf-8")])
        self.send(frame + PREFIX.pack(b"D", len(data)) + data + END)


def serve(lane, app, base):
    """Answer what comes over a lane until it is closed."""
    size = PREFIX.size
    while True:
        data = lane.recv(BLOCK)
        if not data:
            return
        if len(data) < size:
            data += receive(lane, size - len(data))
        kind, length = PREFIX.unpack_from(data)
        if len(data) < size + length:
            data += receive(lane, size + length - len(data))
        pieces = iter(data[size:].decode("latin-1").split("\0"))
        environ = base.copy()
        environ.update(zip(pieces, pieces))
        if kind == NO_BODY:
            environ["wsgi.input"] = io.BytesIO()
        else:
            environ["wsgi.input"] = io.BufferedReader(Input(lane), BLOCK)
        if "HTTPS" in environ:
            environ["wsgi.url_scheme"] = "https"
        exchange = Exchange(lane)
        try:
            exchange.run(app, environ)
        except Gone:
            return
        except Exception:
            exchange.fail()


def take_lane(control, lock):
    """Ask for a lane and wait for it; None when there are no more."""
    control.sendall(b"L")
    with lock:
        data, rights, _, _ = control.recvmsg(1, socket.CMSG_SPACE(4))
    if not data:
        return None
    for level, kind, fds in rights:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            return socket.socket(fileno=struct.unpack("i", fds[:4])[0])
    return None


def work(control, lock, app, base):
    while True:
        try:
            lane = take_lane(control, lock)
        except OSError:
            return
        if lane is None:
            return
        try:
            with lane:
                serve(lane, app, base)
        except (Gone, Broken, OSError):
            # The lane is closed, and another one asked for.
            pass


def load(name):
    """MODULE:APP, where APP may be a path of attributes, or a call without arguments that makes the application."""
    module, _, path = name.partition(":")
    __import__(module)
    found = sys.modules[module]
    if not path:
        path = next((name for name in ("application", "app") if hasattr(found, name)), "application")
    is_factory = path.endswith("()")
    for part in (path[:-2] if is_factory else path).split("."):
        found = getattr(found, part)
    app = found() if is_factory else found
    if not callable(app):
        raise TypeError("%s is not callable, so it is no WSGI application" % name)
    return app


def watch(control):
    """Say `C` once a file that a module came from has changed."""
    times = {}
    while True:
        for module in list(sys.modules.values()):
            path = getattr(module, "__file__", None)
            if not path:
                continue
            try:
                now = os.stat(path).st_mtime_ns
            except OSError:
                now = 0
            if times.setdefault(path, now) != now:
                control.sendall(b"C")
                return
        time.sleep(0.5)


def main(name, threads, several, reload):
    control = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    # What an application prints is for whoever runs the server.
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    sys.path.insert(0, os.getcwd())
    app = load(name)
    base = {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": threads > 1,
        "wsgi.multiprocess": several,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        # The end of the input is the end of the body, whether or not CONTENT_LENGTH is there.
        "wsgi.input_terminated": True,
    }
    if reload:
        threading.Thread(target=watch, args=(control,), daemon=True).start()
    lock = threading.Lock()
    others = [threading.Thread(target=work, args=(control, lock, app, base)) for _ in range(threads - 1)]
    for thread in others:
        thread.start()
    work(control, lock, app, base)
    for thread in others:
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "several", sys.argv[4] == "reload")
