"""2,000 routes posted one after the other while wrk runs: no request fails, and p99 stays as it was.

wrk has few connections: it asks again as soon as it is answered, and with many it would take all of the CPU that control plane and database need."""
import re
import subprocess
import time

from bed import OTHER_CPU, compare_p99, kit

ROUTES, PER_SECOND, ROUNDS, CONNECTIONS = 2000, 100, 4, 2
SECONDS = ROUTES // ROUNDS // PER_SECOND


class Wrk:
    def __init__(self, port):
        words = ["taskset", "-c", str(OTHER_CPU), "chrt", "-f", "1", "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS + 1}s", "--latency",
                 f"http://{kit.LOOPBACK}:{port}/plain"]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)

    def end(self):
        """p99 in ms, requests, failed ones."""
        said = self.process.communicate()[0]
        assert self.process.returncode == 0, said
        value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", said).groups()
        failed = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", said)))
        failed += sum(int(n) for line in re.findall(r"Socket errors: (.*)", said) for n in re.findall(r"\d+", line))
        return round(float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit], 3), int(re.search(r"(\d+) requests in", said)[1]), failed


def post(bed, first, count):
    """How many the control plane did not take."""
    began, missed = time.monotonic(), 0
    for i in range(count):
        answer = bed.gateway.api("POST", "/services/plain/routes", {"name": f"more-{first + i}", "paths": [f"/more/{first + i}"]})
        missed += answer.status != 201
        time.sleep(max(0, began + (i + 1) / PER_SECOND - time.monotonic()))
    return missed


def prove(bed):
    bed.start_origin()
    bed.start()
    bed.apply([bed.service("plain", [{"name": "plain", "paths": ["/plain"]}])])
    Wrk(bed.dp.port).end()
    p99, failed, requests, missed = {"quiet": [], "posting": []}, 0, 0, 0
    for turn in range(ROUNDS):
        for what in p99:
            wrk = Wrk(bed.dp.port)
            if what == "posting":
                missed += post(bed, turn * ROUTES // ROUNDS, ROUTES // ROUNDS)
            one, n, bad = wrk.end()
            p99[what].append(one)
            requests, failed = requests + n, failed + bad
    bed.note(f"{ROUTES} routes, {PER_SECOND} a second; {requests} requests")
    bed.found("requests that failed", failed, 0)
    bed.found("routes that were not taken", missed, 0)
    compare_p99(bed, "while routes are posted", p99["quiet"], p99["posting"], most=1.5)
