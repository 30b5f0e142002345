"""TCP to TCP with iperf3 as load, one stream for 5 seconds. CPU is that of the relay alone. `direct` is iperf3 without a
relay. With `-v --stats 100ms` our relay reports events and live counters. haproxy runs with splice-auto and as many threads
as the machine has cores, then with one; 1 GiB is 2^30 bytes."""

import json
import subprocess

from harness import Metric, PATIENCE, Skip, Table, on_port, ours, program, relays

TITLE = "Relay: throughput and CPU"
METRICS = [Metric("gbit_s", "throughput", "Gbit/s", True), Metric("cpu_gib", "CPU", "s/GiB", False, 3)]


def iperf(port, seconds):
    argv = [program("iperf3"), "-c", "127.0.0.1", "-p", str(port), "-t", str(seconds), "-J"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE)
    answer = json.loads(done.stdout or "{}")
    if done.returncode != 0 or "end" not in answer:
        raise Skip(f"iperf3: {answer.get('error', done.stderr)}")
    return answer["end"]["sum_received"]


def tables(bench):
    seconds = bench.size(5, 1)
    server, target = on_port(lambda p: [program("iperf3"), "-s", "-B", "127.0.0.1", "-p", p])

    def direct():
        return {"gbit_s": iperf(target, seconds)["bits_per_second"] / 1e9}

    def contestant(start):
        def run():
            relay, port = start()
            with relay:
                got = iperf(port, seconds)
                cpu = relay.stop()
            return {"gbit_s": got["bits_per_second"] / 1e9, "cpu_gib": cpu / (got["bytes"] / (1 << 30))}

        return run

    with server:
        everyone = [(name, contestant(start)) for name, start in relays(bench, target)]
        reporting = lambda: ours("relay", "0", f"127.0.0.1:{target}", "-v", "--stats", "100ms")
        everyone.insert(1, ("sockeye -v --stats 100ms", contestant(reporting)))
        yield Table("one stream", METRICS, [*everyone, ("direct", direct)])
