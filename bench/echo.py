"""The echo servers that `ping_pong` and `connections` compare."""

from harness import on_port, ours, program

LISTEN = "TCP-LISTEN:{},bind=127.0.0.1,reuseaddr,fork,backlog=1024"


def servers():
    return [
        ("sockeye", lambda: ours("listen", "0", "--echo")),
        ("socat fork, PIPE", lambda: on_port(lambda p: [program("socat"), LISTEN.format(p), "PIPE"])),
        ("socat fork, EXEC:cat", lambda: on_port(lambda p: [program("socat"), LISTEN.format(p), "EXEC:cat"])),
        ("ncat -k -e", lambda: on_port(
            lambda p: [program("ncat"), "-l", "-k", "-m", "1000", "-e", "/bin/cat", "127.0.0.1", p])),
    ]
