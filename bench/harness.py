"""What every comparison needs: processes and what they cost, ports, interleaved runs, tables.

Python's standard library only. A contestant is a name and a function that does one run and returns its figures; the
harness takes the contestants in turns, so that a slow minute of the machine hits all of them alike.
"""

import json
import os
import platform
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
SOCKEYE = Path(os.environ.get("SOCKEYE", TARGET / "release" / "sockeye"))
# Where bench/install-peers puts what Debian has not.
PEERS = ROOT / "target" / "bench-peers"
LOAD = BENCH / "load" / "target" / "release" / "sockeye-load"
PATIENCE = 120.0


class Skip(Exception):
    """A contestant that cannot take part; the reason is printed."""


class Metric:
    def __init__(self, key, title, unit, more_is_better, digits=2):
        self.key, self.title, self.unit = key, title, unit
        self.more_is_better, self.digits = more_is_better, digits


class Table:
    """One table of a section: who takes part, and what is measured. `ours` is the contestant to compare with."""

    def __init__(self, title, metrics, contestants, ours="sockeye"):
        self.title, self.metrics, self.contestants, self.ours = title, metrics, contestants, ours


class Process:
    """A running program, measured by wait4: its own CPU time and that of the children it waited for."""

    def __init__(self, argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL):
        self.argv = [str(arg) for arg in argv]
        self.log = tempfile.TemporaryFile()
        self.popen = subprocess.Popen(self.argv, stdin=stdin, stdout=stdout, stderr=self.log, start_new_session=True)
        self.pid, self.usage, self.status = self.popen.pid, None, None

    def said(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def poll(self):
        """Whether it has ended."""
        if self.usage is None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self._ended(status, usage)
        return self.usage is not None

    def _ended(self, status, usage):
        self.status, self.usage = os.waitstatus_to_exitcode(status), usage
        self.popen.returncode = self.status

    def wait(self):
        """Wait for its end, for PATIENCE at most; the CPU seconds it took."""
        if self.usage is None:
            # A blocking wait keeps this process off the CPU; the alarm bounds it.
            signal.signal(signal.SIGALRM, lambda *_: os.killpg(self.pid, signal.SIGKILL))
            signal.setitimer(signal.ITIMER_REAL, PATIENCE)
            _, status, usage = os.wait4(self.pid, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
            self._ended(status, usage)
        return self.usage.ru_utime + self.usage.ru_stime

    def succeed(self):
        cpu = self.wait()
        if self.status != 0:
            raise Skip(f"`{' '.join(self.argv)[:200]}` ended with {self.status}: {self.said().strip()[-300:]}")
        return cpu

    def stop(self):
        """End it as a service manager does, once its children are gone; the CPU seconds it took."""
        until(lambda: self.poll() or not children(self.pid), 1.0)
        if not self.poll():
            os.kill(self.pid, signal.SIGTERM)
            if not until(self.poll, 2.0):
                # A server that lets its clients finish first: a second signal ends it.
                os.kill(self.pid, signal.SIGTERM)
                if not until(self.poll, 2.0):
                    os.killpg(self.pid, signal.SIGKILL)
        cpu = self.wait()
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return cpu

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.usage is None:
            os.killpg(self.pid, signal.SIGKILL)
            self.wait()
        self.log.close()


def until(true, seconds):
    """Ask until it is true; only used where a program has no way to tell us."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def children(pid):
    """All processes below this one."""
    try:
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return below + [deeper for child in below for deeper in children(child)]


def program(name):
    found = shutil.which(name, path=f"{PEERS / 'bin'}:{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if not found:
        raise Skip(f"{name} is not installed; see bench/install-peers")
    return found


def python(*modules):
    """The Python of bench/install-peers, which has to have these modules."""
    found = PEERS / "python" / "bin" / "python"
    tried = found.exists() and subprocess.run([found, "-c", f"import {', '.join(modules or ['sys'])}"], stderr=subprocess.DEVNULL)
    if not tried or tried.returncode != 0:
        raise Skip(f"{' and '.join(modules)} for Python: not installed; see bench/install-peers")
    return found


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listens(port):
    """Whether somebody listens there, without calling: a server for one client would be used up."""
    wanted = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(wanted) and fields[3] == "0A":
                return True
    return False


def on_port(make_argv, **kwargs):
    """Start a peer on a free port; the process and the port."""
    said = ""
    for _ in range(3):
        port = free_port()
        server = Process(make_argv(port), **kwargs)
        if until(lambda: server.poll() or listens(port), 5.0) and not server.poll():
            return server, port
        said = server.said()
        server.stop()
    raise Skip(f"`{make_argv(0)[0]}` does not listen: {said.strip()[-300:]}")


def ours(*args, **kwargs):
    """Start our server; the process and the port that it names."""
    if not SOCKEYE.exists():
        raise Skip("the release binary is missing: cargo build --release")
    server = Process([SOCKEYE, *args], **kwargs)
    said = lambda: re.search(r"listening on tcp://127\.0\.0\.1:(\d+)", server.said())
    until(lambda: server.poll() or said(), 5.0)
    if not said() or server.poll():
        why = server.said().strip()[-300:]
        server.stop()
        raise Skip(f"`sockeye {' '.join(args)}` does not listen: {why}")
    return server, int(said().group(1))


def backend(mode):
    """Start our load generator's backend; the process and its port."""
    server = subprocess.Popen([str(LOAD), mode], stdout=subprocess.PIPE, text=True)
    return server, int(server.stdout.readline().rsplit(":", 1)[1])


def load(*args):
    done = subprocess.run([str(LOAD), *map(str, args)], capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode != 0:
        raise Skip(f"the load generator failed: {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout)


def haproxy_config(directory, port, target, threads=None):
    """TCP relay with splicing. 7,000 connections, with the pipes, stay below a limit of 20,000 descriptors."""
    path = Path(directory) / f"haproxy-{port}.cfg"
    nbthread = f"    nbthread {threads}\n" if threads else ""
    path.write_text(
        f"global\n    maxconn 7000\n{nbthread}"
        "defaults\n    mode tcp\n    option splice-auto\n    option redispatch\n"
        "    timeout connect 10s\n    timeout client 1h\n    timeout server 1h\n"
        f"listen relay\n    bind 127.0.0.1:{port}\n    server target 127.0.0.1:{target}\n"
    )
    return path


def relays(bench, target):
    """Every relay we compare with, as name and start function; all go to 127.0.0.1:target."""
    to = f"TCP:127.0.0.1:{target}"
    listen = "TCP-LISTEN:{},bind=127.0.0.1,reuseaddr,fork,backlog=1024"

    def socat(*options):
        return lambda: on_port(lambda p: [program("socat"), *options, listen.format(p), to])

    def haproxy(threads):
        return lambda: on_port(
            lambda p: [program("haproxy"), "-db", "-f", haproxy_config(bench.scratch, p, target, threads)]
        )

    return [
        ("sockeye", lambda: ours("relay", "0", f"127.0.0.1:{target}")),
        ("socat", socat()),
        ("socat -b 262144", socat("-b", "262144")),
        ("haproxy splice-auto", haproxy(None)),
        ("haproxy, 1 thread", haproxy(1)),
    ]


class Bench:
    def __init__(self, runs, quick, scratch):
        self.runs, self.quick, self.scratch = runs, quick, Path(scratch)

    def size(self, full, quick):
        return quick if self.quick else full

    def file(self, size):
        """A file of this many bytes that does not compress, in the page cache."""
        path = self.scratch / f"input-{size}"
        if not path.exists():
            block = os.urandom(1 << 20)
            with path.open("wb") as f:
                for _ in range(size >> 20):
                    f.write(block)
        path.read_bytes() if size < 1 << 28 else subprocess.run(["cat", path], stdout=subprocess.DEVNULL)
        return path

    def run_table(self, table):
        """Interleaved runs; the figures of each contestant by metric."""
        figures = {name: {} for name, _ in table.contestants}
        out = {}
        for turn in range(self.runs):
            order = table.contestants[turn % len(table.contestants):] + table.contestants[:turn % len(table.contestants)]
            for name, run in order:
                if name in out:
                    continue
                try:
                    result = run()
                except (Skip, OSError, subprocess.SubprocessError) as why:
                    out[name] = str(why)
                    print(f"  SKIPPED: {name}: {why}", flush=True)
                    continue
                shown = ", ".join(f"{m.title} {result[m.key]:.{m.digits}f} {m.unit}" for m in table.metrics if m.key in result)
                print(f"  run {turn + 1}: {name}: {shown}", flush=True)
                for key, value in result.items():
                    figures[name].setdefault(key, []).append(value)
        return {name: ({"skipped": out[name]} if name in out else values) for name, values in figures.items()}


def render(table, figures):
    """A Markdown table: median, spread (lowest to highest), and our ratio to each."""
    head, rule = ["contestant"], ["---"]
    for metric in table.metrics:
        unit = f", {metric.unit}" if metric.unit else ""
        head += [f"{metric.title}{unit}", "spread", f"{table.ours} is"]
        rule += ["---:", "---:", "---:"]
    lines = [f"**{table.title}**", "", "| " + " | ".join(head) + " |", "|" + "|".join(rule) + "|"]
    mine = figures.get(table.ours, {})
    for name, _ in table.contestants:
        values, cells = figures.get(name, {}), [name]
        if "skipped" in values:
            lines.append(f"| {name} | skipped: {values['skipped'].splitlines()[0][:120]} |" + " |" * (len(head) - 2))
            continue
        for metric in table.metrics:
            got = values.get(metric.key)
            if not got:
                cells += ["", "", ""]
                continue
            median, digits = statistics.median(got), metric.digits
            ratio = ""
            if name != table.ours and mine.get(metric.key) and median:
                ratio = f"{statistics.median(mine[metric.key]) / median:.2f} ×"
            cells += [f"{median:.{digits}f}", f"{min(got):.{digits}f} – {max(got):.{digits}f}", ratio]
        lines.append("| " + " | ".join(cells) + " |")
    better = ", ".join(f"{m.title}: {'more' if m.more_is_better else 'less'} is better" for m in table.metrics)
    return "\n".join([*lines, "", f"({better}.)", ""])


def machine():
    """What the figures were measured on."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    versions = []
    for name, args, pattern in [
        ("socat", ["-V"], r"socat version \S+"),
        ("ncat", ["--version"], r"Version \S+"),
        ("haproxy", ["-v"], r"version \S+"),
        ("iperf3", ["--version"], r"iperf \S+"),
        ("ss", ["-V"], r"iproute2-\S+"),
        ("lsof", ["-v"], r"revision: \S+"),
        ("netstat", ["--version"], r"net-tools \S+"),
        ("dig", ["-v"], r"DiG \S+"),
        ("curl", ["--version"], r"curl \S+"),
        ("wget2", ["--version"], r"Wget2 \S+"),
        ("aria2c", ["--version"], r"aria2 version \S+"),
        ("xh", ["--version"], r"xh \S+"),
        ("h2load", ["--version"], r"nghttp2/\S+"),
        ("nginx", ["-v"], r"nginx/\S+"),
        ("caddy", ["version"], r"v?\d+\.\S+"),
        ("miniserve", ["--version"], r"miniserve \S+"),
        ("static-web-server", ["--version"], r"\d+\.\S+"),
        ("jq", ["--version"], r"jq-\S+"),
        ("jaq", ["--version"], r"jaq \S+"),
        ("mlr", ["--version"], r"mlr \S+"),
        ("xan", ["--version"], r"xan \S+"),
        ("xmlstarlet", ["--version"], r"^\d\S+"),
        ("python3", ["--version"], r"Python \S+"),
        ("wrk", ["-v"], r"wrk \S+"),
        ("ab", ["-V"], r"Version \S+"),
    ]:
        try:
            done = subprocess.run([program(name), *args], capture_output=True, text=True)
            found = re.search(pattern, done.stdout + done.stderr)
            versions.append(f"{name} {found.group().split()[-1]}" if found else name)
        except Skip:
            versions.append(f"{name} not installed")
    return (
        f"{os.cpu_count()} cores ({model.group(1) if model else platform.machine()}), "
        f"Linux {platform.release().split('-')[0]}; {', '.join(versions)}"
    )


def raise_limits():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
