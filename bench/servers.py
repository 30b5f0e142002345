"""Web servers for the comparisons of `serve`, each pinned to one core, and wrk on the other."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from harness import PATIENCE, SOCKEYE, Skip, children, on_port, program

SERVER_CORE, LOAD_CORE = "0", "1"


def pinned(core, argv):
    return [program("taskset"), "-c", core, *argv]


def server(make_argv):
    return on_port(lambda port: pinned(SERVER_CORE, make_argv(port)))


def sockeye(root, *flags):
    """Ours: one thread, as it comes, without its lines on the terminal."""
    if not SOCKEYE.exists():
        raise Skip("the release binary is missing: cargo build --release")
    return server(lambda port: [SOCKEYE, "serve", root, "--port", port, "-q", *flags])


def certificate(directory):
    """A key and a certificate for localhost."""
    key, cert = directory / "key.pem", directory / "cert.pem"
    if not cert.exists():
        subprocess.run(
            [program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", key, "-out", cert], check=True, capture_output=True)
    return key, cert


def nginx(root, listen="", log="off", more=""):
    """One worker, tuned: sendfile, open_file_cache, no log."""
    directory = Path(tempfile.mkdtemp(prefix="nginx-", dir=root.parent))
    tls = ""
    if "ssl" in listen:
        key, cert = certificate(directory)
        tls = f"  ssl_certificate {cert};\n  ssl_certificate_key {key};\n"
    temporary = "".join(f"  {kind}_temp_path {directory}/{kind};\n" for kind in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))

    def argv(port):
        config = directory / "nginx.conf"
        config.write_text(
            f"daemon off;\nmaster_process off;\nerror_log stderr crit;\nworker_rlimit_nofile 20000;\npid {directory}/pid;\n"
            f"events {{ worker_connections 12000; }}\n"
            f"http {{\n  access_log {log};\n  sendfile on;\n  tcp_nopush on;\n  keepalive_requests 100000000;\n"
            f"  open_file_cache max=20000 inactive=60s;\n  open_file_cache_valid 60s;\n{temporary}{tls}{more}"
            f"  types {{ text/plain txt; }}\n  default_type application/octet-stream;\n"
            f"  server {{ listen 127.0.0.1:{port} {listen}; root {root}; }}\n}}\n")
        return [program("nginx"), "-e", "stderr", "-c", config]

    return server(argv)


def caddy(root):
    return server(lambda port: [program("caddy"), "file-server", "--root", root, "--listen", f"127.0.0.1:{port}"])


def python(root):
    return server(lambda port: [program("python3"), "-m", "http.server", "--protocol", "HTTP/1.1", "--bind", "127.0.0.1",
                                "--directory", root, port])


def miniserve(root):
    return server(lambda port: [program("miniserve"), "-i", "127.0.0.1", "-p", port, root])


def static_web_server(root):
    return server(lambda port: [program("static-web-server"), "-a", "127.0.0.1", "-p", port, "-d", root, "-g", "error"])


def everybody(root):
    return [
        ("sockeye", lambda: sockeye(root)),
        ("nginx", lambda: nginx(root)),
        ("caddy", lambda: caddy(root)),
        ("static-web-server", lambda: static_web_server(root)),
        ("miniserve", lambda: miniserve(root)),
        ("python -m http.server", lambda: python(root)),
    ]


def folder(bench, files):
    """A folder with these files: name and size."""
    root = bench.scratch / "root"
    root.mkdir(exist_ok=True)
    for name, size in files.items():
        source = bench.file(size) if size >= 1 << 20 else None
        if source:
            (root / name).unlink(missing_ok=True)
            os.link(source, root / name)
        else:
            (root / name).write_bytes(os.urandom(size))
    return root


def cpu(pid):
    """CPU seconds of a process and those below it so far, as the scheduler counts them: to the nanosecond, unless threads have
    ended, which only the coarser count of the whole process remembers."""
    total = 0
    for each in [pid, *children(pid)]:
        alive = 0
        for task in Path(f"/proc/{each}/task").glob("*/schedstat"):
            try:
                alive += int(task.read_text().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                pass
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        tick = 1 / os.sysconf("SC_CLK_TCK")
        whole = (int(fields[11]) + int(fields[12])) * tick
        # Within two ticks both say the same, and one of them says it better.
        total += whole if whole > alive / 1e9 + 2 * tick else alive / 1e9
    return total


def wrk(url, seconds, connections, *flags):
    """Requests a second, bytes a second, and how many requests there were."""
    argv = pinned(LOAD_CORE, [program("wrk"), "-t1", f"-c{connections}", f"-d{seconds}", *flags, url])
    done = subprocess.run([str(arg) for arg in argv], capture_output=True, text=True, timeout=PATIENCE)
    said = done.stdout + done.stderr
    rate, count = re.search(r"Requests/sec: +([\d.]+)", said), re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)", said)
    if done.returncode != 0 or not rate or not count or int(count.group(1)) == 0 or "Non-2xx" in said:
        raise Skip(f"wrk: {' '.join(said.split())[-300:]}")
    return float(rate.group(1)), int(count.group(1))


def loaded(start, url, seconds, connections, *flags):
    """One run of a server under wrk: requests a second, and what one costs."""

    def run():
        process, port = start()
        with process:
            address = url.format(port)
            wrk(address, 1, connections, *flags)
            before = cpu(process.pid)
            rate, count = wrk(address, seconds, connections, *flags)
            cost = cpu(process.pid) - before
            return {"rate": rate, "micros": cost * 1e6 / count}

    return run

