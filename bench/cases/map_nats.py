"""Jobs that give back their input, from a list to their results in order: two worker processes, the broker and who submits share the
machine. `--batch 100` sends a hundred inputs in a message. Ours is counted from the start of `map` to its end, all results compared;
RQ's and Celery's from the first submission to the last result."""

import subprocess
import time

from harness import Metric, Process, SOCKEYE, Skip, Table, on_port, program, python, until

TITLE = "Map: on many machines"
METRICS = [Metric("rate", "jobs", "jobs/s", True, 0)]
RQ_TASK = "def nothing(n):\n    return n\n"
RQ_SUBMIT = """
import sys, time
sys.path.insert(0, sys.argv[3])
from redis import Redis
from rq import Queue
from rq.job import Job
import tasks
queue = Queue(connection=Redis(port=int(sys.argv[1])))
count = int(sys.argv[2])
start = time.perf_counter()
jobs = queue.enqueue_many([Queue.prepare_data(tasks.nothing, (n,)) for n in range(count)])
left = set(job.id for job in jobs)
while left:
    done = [job.id for job in Job.fetch_many(list(left), queue.connection) if job and job.is_finished]
    left.difference_update(done)
    time.sleep(0.01)
print(count / (time.perf_counter() - start))
"""
CELERY_APP = """
import os
from celery import Celery
url = f"redis://127.0.0.1:{os.environ['REDIS_PORT']}/0"
app = Celery("tasks", broker=url, backend=url)
app.conf.worker_prefetch_multiplier = 64
@app.task
def nothing(n):
    return n
"""
CELERY_SUBMIT = """
import sys, time
from celery import group
import tasks
count = int(sys.argv[1])
tasks.nothing.delay(0).get(timeout=30)
start = time.perf_counter()
results = group(tasks.nothing.s(n) for n in range(count)).apply_async()
assert len(results.get(timeout=120)) == count
print(count / (time.perf_counter() - start))
"""


def ours(bench, count, batch):
    def run():
        inputs = bench.scratch / "inputs"
        inputs.write_text("".join(f"{n}\n" for n in range(count)))
        store = bench.scratch / f"nats-{time.monotonic_ns()}"
        broker, port = on_port(lambda port: [program("nats-server"), "-a", "127.0.0.1", "-p", port, "-js", "-sd", store])
        url = f"nats://127.0.0.1:{port}"
        workers = [Process([SOCKEYE, "worker", "--engine", url, "-j", "8"]) for _ in range(2)]
        try:
            for worker in workers:
                if not until(lambda: "working for" in worker.said(), 10):
                    raise Skip(f"no worker: {worker.said()[-200:]}")
            start = time.perf_counter()
            argv = [SOCKEYE, "map", "-q", "--engine", url, "--batch", str(batch), "-a", inputs, "@echo"]
            done = subprocess.run([str(arg) for arg in argv], capture_output=True, timeout=120)
            took = time.perf_counter() - start
            if done.returncode or done.stdout != inputs.read_bytes():
                raise Skip(f"it ended with {done.returncode}: {done.stderr.decode()[-300:]}")
            return {"rate": count / took}
        finally:
            for process in [*workers, broker]:
                process.stop()

    return run


def redis(bench):
    return on_port(lambda port: [program("redis-server"), "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", bench.scratch])


def rq(bench, count):
    def run():
        interpreter = python("rq")
        (bench.scratch / "tasks.py").write_text(RQ_TASK)
        server, port = redis(bench)
        rq_worker = [interpreter, "-m", "rq.cli", "worker", "-u", f"redis://127.0.0.1:{port}", "-P", bench.scratch,
                     "-w", "rq.SimpleWorker", "-q"]
        workers = [Process(rq_worker) for _ in range(2)]
        try:
            done = subprocess.run([interpreter, "-c", RQ_SUBMIT, str(port), str(count), str(bench.scratch)],
                                  capture_output=True, text=True, timeout=120)
            if done.returncode:
                raise Skip(done.stderr[-300:])
            return {"rate": float(done.stdout)}
        finally:
            for process in [*workers, server]:
                process.stop()

    return run


def celery(bench, count):
    def run():
        interpreter = python("celery", "redis")
        root = bench.scratch / "celery"
        root.mkdir(exist_ok=True)
        (root / "tasks.py").write_text(CELERY_APP)
        server, port = redis(bench)
        env = ["env", f"REDIS_PORT={port}", f"PYTHONPATH={root}"]
        worker = Process([*env, interpreter, "-m", "celery", "-A", "tasks", "worker", "-c", "2", "-l", "error"])
        try:
            done = subprocess.run([str(arg) for arg in [*env, interpreter, "-c", CELERY_SUBMIT, count]],
                                  capture_output=True, text=True, timeout=150)
            if done.returncode:
                raise Skip(done.stderr[-300:])
            return {"rate": float(done.stdout)}
        finally:
            for process in [worker, server]:
                process.stop()

    return run


def tables(bench):
    few, many = bench.size(20_000, 500), bench.size(200_000, 5_000)
    slow = bench.size(3_000, 200)
    yield Table("jobs that do nothing, 2 workers", METRICS, [
        ("sockeye", ours(bench, few, 1)),
        ("sockeye --batch 100", ours(bench, many, 100)),
        ("Celery, 2 processes", celery(bench, slow)),
        ("RQ, 2 workers", rq(bench, slow)),
    ])
