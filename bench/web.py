"""nginx for the comparisons of clients: plain, over TLS, and with HTTP/2, over a directory of the benchmark."""

import os
import subprocess
import time
from pathlib import Path

from harness import Process, SOCKEYE, Skip, free_port, listens, program, until


class Nginx:
    """It serves `root`; `http`, `https` and `h2c` are its ports, `ca` is what its certificate leads to."""

    def __init__(self, bench, inside=None):
        self.dir = Path(bench.scratch) / f"nginx-{time.monotonic_ns()}"
        self.root, self.ca = self.dir / "root", self.dir / "cert.pem"
        self.root.mkdir(parents=True)
        subprocess.run(
            [program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", self.dir / "key.pem", "-out", self.ca],
            check=True, capture_output=True,
        )
        self.http, self.https, self.h2c = free_port(), free_port(), free_port()
        config = self.dir / "nginx.conf"
        config.write_text(
            f"daemon off;\nmaster_process off;\npid {self.dir}/pid;\nerror_log stderr;\nevents {{ worker_connections 4096; }}\n"
            f"http {{\n  access_log off;\n  sendfile on;\n  tcp_nopush on;\n  keepalive_requests 1000000;\n"
            f"  open_file_cache max=20000;\n  client_body_temp_path {self.dir}/b;\n  proxy_temp_path {self.dir}/p;\n"
            f"  fastcgi_temp_path {self.dir}/f;\n  uwsgi_temp_path {self.dir}/u;\n  scgi_temp_path {self.dir}/s;\n"
            f"  ssl_certificate {self.ca};\n  ssl_certificate_key {self.dir}/key.pem;\n"
            f"  server {{ listen 127.0.0.1:{self.http}; root {self.root}; }}\n"
            f"  server {{ listen 127.0.0.1:{self.https} ssl http2; root {self.root}; }}\n"
            f"  server {{ listen 127.0.0.1:{self.h2c} http2; root {self.root}; }}\n}}\n"
        )
        self.process = Process([*(inside or []), program("nginx"), "-e", "stderr", "-c", config])
        # In a namespace of its own nobody outside sees it listen.
        started = (lambda: (self.dir / "pid").exists()) if inside else (lambda: listens(self.h2c))
        if not until(lambda: self.process.poll() or started(), 5.0) or self.process.poll():
            raise Skip(f"nginx does not start: {self.process.said().strip()[-300:]}")
        bench.closers = [*getattr(bench, "closers", []), self.process.stop]


def sockeye():
    if not SOCKEYE.exists():
        raise Skip("the release binary is missing: cargo build --release")
    return SOCKEYE


def client(argv, size, unit, target=None, check=None, stdout=subprocess.DEVNULL):
    """One run of a client: how fast, at which cost. `target` is removed before and measured after."""
    def run():
        command = argv()
        if target is not None:
            for path in ([target] if target.is_file() else target.glob("*") if target.is_dir() else []):
                path.unlink()
        start = time.monotonic()
        with Process(command, stdout=stdout) as process:
            cpu = process.succeed()
            seconds = time.monotonic() - start
        if check:
            check()
        return {"rate": size / seconds / unit, "cpu": cpu}

    return run


def is_whole(path, size):
    def check():
        got = os.stat(path).st_size
        if got != size:
            raise Skip(f"{path.name} has {got} of {size} bytes")

    return check
