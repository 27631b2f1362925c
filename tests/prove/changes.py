"""50 route changes a second on 50,000 routes, under load for a minute.

Services v0 to v9 are told apart by what the origin answers. A route's change moves it to another service; it is answered when the data plane has
applied it. So what a request may be answered is known: what the route said at some time between when it was asked and when it was answered."""
import bisect
import http.client
import json
import random
import threading
import time

from bed import compare_p99, median

ROUTES, HOT, PER_SECOND, WRITERS = 50000, 100, 50, 4
ROUNDS, SECONDS, RATE, HOT_RATE = 6, 10, 3000, 600


class History:
    """What each route has said: (from when it may have, service)."""

    def __init__(self):
        self.values = {i: [(0, 0, i % 10)] for i in range(ROUTES)}  # (write begun, write answered, digit)

    def add(self, route, begun, answered, digit):
        self.values[route].append((begun, answered, digit))

    def allows(self, route, asked, done, digit):
        known = self.values[route]
        at = bisect.bisect_right(known, (done, 1 << 62, 0)) - 1  # the last that had begun when the answer was there
        while at >= 0:
            if known[at][2] == digit:
                return True
            if known[at][1] < asked:  # it was in force before the request: nothing older may be seen
                return False
            at -= 1
        return False


class Writer(threading.Thread):
    """Changes routes, each of which is its own business alone, at a steady rate until told to stop."""

    def __init__(self, bed, history, number):
        super().__init__(daemon=True)
        self.bed, self.history, self.number = bed, history, number
        self.changes, self.failures, self.lagging, self.slowest = 0, [], 0, 0
        self.stopping = threading.Event()

    def run(self):
        admin = http.client.HTTPConnection("127.0.0.1", self.bed.gateway.admin, timeout=20)
        chance = random.Random(self.number)
        due = time.monotonic()
        while not self.stopping.is_set():
            due += WRITERS / PER_SECOND
            self.change(admin, chance.randrange(HOT // WRITERS) * WRITERS + self.number, chance.randrange(10))
            time.sleep(max(0, due - time.monotonic()))

    def change(self, admin, route, digit):
        begun = time.monotonic_ns()
        admin.request("PATCH", f"/routes/r{route}", json.dumps({"service": {"name": f"v{digit}"}}), {"Content-Type": "application/json"})
        answer = admin.getresponse()
        body, answered = answer.read(), time.monotonic_ns()
        if answer.status != 200:
            self.failures.append((answer.status, body[:200]))
            return
        applied = answer.getheader("X-Gatehouse-Applied") or ""
        self.lagging += applied != "1/1"
        self.history.add(route, begun, answered if applied == "1/1" else 1 << 62, digit)
        self.changes += 1
        self.slowest = max(self.slowest, answered - begun)


def check(path, history):
    """(answers, wrong ones) of a load's record."""
    total, wrong = 0, []
    for line in path.open():
        asked, done, route, status, first = map(int, line.split())
        total += 1
        if status != 200 or not history.allows(route, asked, done, first - ord("0")):
            wrong.append((route, status, first))
    return total, wrong


def configure(bed):
    routes = [[] for _ in range(10)]
    for i in range(ROUTES):
        routes[i % 10].append({"name": f"r{i}", "paths": [f"/many/{i % 100}/route-{i}"]})
    bed.apply([bed.service(f"v{d}", routes[d], path=f"/v{d}") for d in range(10)])


def both_loads(bed, name):
    """One on all routes, whose latency counts; one on those that change."""
    records = [bed.folder / f"{name}-{which}" for which in ("all", "hot")]
    before = bed.worker_seconds()
    loads = [bed.begin_load(SECONDS, "-c", 64, "-r", rate, "-m", many, "-o", record, "/many/%/route-%")
             for rate, many, record in ((RATE, ROUTES, records[0]), (HOT_RATE, HOT, records[1]))]
    said = [bed.end_load(load) for load in loads]
    cpu = (bed.worker_seconds() - before) / sum(one["requests"] for one in said) * 1e6
    return said[0]["p99_ms"], cpu, records


def measured(p99, cpu, records, what, turn):
    p99[what].append(turn[0])
    cpu[what].append(turn[1])
    records += turn[2]


def prove(bed):
    bed.start_origin()
    bed.start()
    configure(bed)
    history, p99, cpu, records, writers = History(), {"quiet": [], "changing": []}, {"quiet": [], "changing": []}, [], []
    both_loads(bed, "warm")
    for turn in range(ROUNDS):
        measured(p99, cpu, records, "quiet", both_loads(bed, f"quiet-{turn}"))
        crew = [Writer(bed, history, n) for n in range(WRITERS)]
        for writer in crew:
            writer.start()
        measured(p99, cpu, records, "changing", both_loads(bed, f"changing-{turn}"))
        for writer in crew:
            writer.stopping.set()
        for writer in crew:
            writer.join()
        writers += crew
    total, wrong = 0, []
    for record in records:
        answers, bad = check(record, history)
        total, wrong = total + answers, wrong + bad
    changes = sum(w.changes for w in writers)
    bed.note(f"{changes} changes in {ROUNDS * SECONDS} s, the slowest answered after {max(w.slowest for w in writers) / 1e6:.0f} ms; "
             f"{total} answers checked")
    for failure in [f for w in writers for f in w.failures][:5] + wrong[:5]:
        bed.note(f"wrong: {failure}")
    bed.found("changes that failed", sum(len(w.failures) for w in writers), 0)
    bed.found("changes answered before they were live", sum(w.lagging for w in writers), 0)
    bed.found("changes missing from 50 a second", max(0, ROUNDS * SECONDS * PER_SECOND * 0.98 - changes), 0)
    bed.found("wrong answers", len(wrong), 0)
    bed.found("CPU of the worker for each request, changing over quiet", median(cpu["changing"]) / median(cpu["quiet"]), 1.10)
    compare_p99(bed, "changing", p99["quiet"], p99["changing"])
