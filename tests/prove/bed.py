"""What a proof runs on: a gateway with one data plane, the origin and the load generators of tests/bench, and the table of what was found.

The data plane's worker has CPU 0; origin and load share CPU 1 with everything else: control plane, database, the data plane's main thread, the proof
itself. They have real-time priority there, so that latency is what the worker takes and not how long the one that measures it waits for its turn."""
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / "build/release/tests/bench"
for folder in ("tests/e2e", "tests/bench", "tests/e2e/http2"):
    sys.path.insert(0, str(ROOT / folder))
import kit  # noqa: E402
from proxies import Proxy, apply, is_listening, pin  # noqa: E402

WORKER_CPU, OTHER_CPU = 0, 1
NICE_LEVEL = 10


class Bed:
    def __init__(self, folder, options):
        os.sched_setaffinity(0, {OTHER_CPU})  # and all that is started from here
        self.folder, self.options, self.processes = folder, options, []
        self.services = kit.Services()
        self.findings, self.origin = [], None

    def start(self, listen="", **settings):
        self.gateway = kit.Gateway(self.services, self.folder / "gw", settings={
            "log_level": "warn", "proxy_access_log": "off", "nginx_http_keepalive_requests": 1000000000, **settings})
        self.gateway.dps[0].settings["proxy_listen"] += listen
        self.gateway.start()
        self.dp = Proxy("gatehouse", self.gateway.proxy, None, self.gateway.dps[0].pid)
        pin(self.dp.pid, lambda name: WORKER_CPU if name.startswith("worker") else OTHER_CPU)
        subprocess.run(["renice", "-n", str(NICE_LEVEL), "-p", str(self.gateway.cp.pid)], check=True, stdout=subprocess.DEVNULL)
        return self

    def stop(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        self.gateway.stop()  # fails when a sanitizer has found something
        self.services.stop()

    def tool(self, name, *words, first=False, **more):
        """A program of tests/bench, in the background; first: it never waits for the others on its CPU."""
        rank = ["chrt", "-f", "1"] if first else []
        process = subprocess.Popen(["taskset", "-c", str(OTHER_CPU), *rank, str(TOOLS / name), *map(str, words)], stdout=subprocess.PIPE,
                                   stdin=subprocess.PIPE, text=True, **more)
        self.processes.append(process)
        return process

    def start_origin(self):
        self.origin = kit.free_port()
        self.tool("origin", self.origin, first=True)
        kit.eventually(lambda: is_listening(self.origin), 10, "the origin listens")

    def service(self, name, routes, **more):
        return {"name": name, "host": kit.LOOPBACK, "port": self.origin, "routes": routes, **more}

    def apply(self, services, **more):
        apply(self.gateway, self.folder, {"_format_version": "3.0", "services": services, **more})

    def load(self, seconds, *words):
        """What load says once it is over; words end with a path."""
        process = self.begin_load(seconds, *words)
        return self.end_load(process)

    def begin_load(self, seconds, *words):
        *options, path = words
        return self.tool("load", "-s", seconds, *options, self.dp.port, path, first=True)

    def end_load(self, process):
        out, _ = process.communicate()
        self.processes.remove(process)
        assert process.returncode == 0, "the load failed"
        return json.loads(out)

    def worker_seconds(self):
        """CPU of the worker alone, without what configuration costs on other threads."""
        return sum(int((task / "schedstat").read_text().split()[0]) for task in pathlib.Path(f"/proc/{self.dp.pid}/task").iterdir()
                   if (task / "comm").read_text().startswith("worker")) / 1e9

    def found(self, what, value, most, unit=""):
        """A line of the table: a figure, and the most it may be."""
        self.findings.append((what, value, most, unit))
        print(f"  {'ok ' if value <= most else 'NOT'}  {what:64} {value:12.3f} {unit:12} at most {most:.3f}", flush=True)

    def note(self, text):
        print(f"       {text}", flush=True)


def median(values):
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if len(ordered) % 2 else sum(ordered[len(ordered) // 2 - 1:len(ordered) // 2 + 1]) / 2


def flat(bed, what, samples):
    """Memory has settled: the last third is not above the second by more than a fiftieth and a quarter of a MiB."""
    third = len(samples) // 3
    second, last = median(samples[third:2 * third]), median(samples[2 * third:])
    bed.note(f"{what}: own memory {samples[0] / 2**20:.2f} MiB first, {second / 2**20:.2f} then, {last / 2**20:.2f} last, "
             f"{max(samples) / 2**20:.2f} most")
    bed.found(f"{what}: memory, last third over second", last / second, 1.02 + 2**18 / second)


def compare_p99(bed, what, quiet, other, most=1.10):
    """Says something only on a machine where latency is the same from turn to turn when nothing happens."""
    bed.note(f"p99 of each turn in ms, quiet: {quiet}, {what}: {other}")
    bed.found("p99 while quiet, worst turn over best", max(quiet) / min(quiet), 1.5)
    bed.found(f"p99, {what} over quiet", median(other) / median(quiet), most)


def until(seconds):
    """Yields until the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
