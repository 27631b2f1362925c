"""Ten clients write at once: creates, conflicting uniques, deletes of what others refer to, changes of one shared entity. No 5xx, no
lost update, versions dense, and every data plane equals the store in the end. GATEHOUSE_PARALLEL_SECONDS makes it longer (default 20)."""
import http.client
import json
import os
import random
import threading
import time

import kit

SECONDS = float(os.environ.get("GATEHOUSE_PARALLEL_SECONDS", "20"))
CLIENTS, NAMES = 10, [f"n{i}" for i in range(10, 22)]
SHARED = ["retries", "connect_timeout", "write_timeout", "read_timeout", "port", "path"]  # client i alone changes field i


class Client(threading.Thread):
    """Writes at random on one connection and keeps what was acknowledged: (version, what it did)."""

    def __init__(self, gateway, number, until):
        super().__init__()
        self.gateway, self.number, self.until = gateway, number, until
        self.random = random.Random(number)
        self.connection = http.client.HTTPConnection(kit.LOOPBACK, gateway.admin, timeout=30)
        self.statuses, self.log, self.counter, self.unexpected = {}, [], 0, []

    def call(self, method, path, data=None):
        self.connection.request(method, path, json.dumps(data) if data is not None else None, {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        body = answer.read()
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        if answer.status >= 500:
            self.unexpected.append((method, path, answer.status, body))
        return answer, json.loads(body) if body else None

    def note(self, answer, wanted, *what):
        if answer.status == wanted:
            self.log.append((int(answer.headers["X-Gatehouse-Config-Version"]), *what))

    def change_shared(self):
        self.counter += 1
        field = SHARED[self.number]
        value = f"/{self.counter}" if field == "path" else self.counter
        self.note(self.call("PATCH", "/services/shared", {field: value})[0], 200, "shared", field, value)

    def create_service(self):
        answer, made = self.call("POST", "/services", {"name": self.random.choice(NAMES), "host": kit.LOOPBACK, "port": self.gateway.origin})
        self.note(answer, 201, "create", "services", made.get("id"), made.get("name"))

    def create_route(self):
        name = self.random.choice(NAMES)
        answer, made = self.call("POST", f"/services/{name}/routes", {"name": self.random.choice(NAMES), "paths": [f"/{name}"]})
        self.note(answer, 201, "create", "routes", made.get("id"), made.get("name"))

    def delete(self, kind):
        found, row = self.call("GET", f"/{kind}/{self.random.choice(NAMES)}")
        if found.status == 200:
            self.note(self.call("DELETE", f"/{kind}/{row['id']}")[0], 204, "delete", kind, row["id"])

    def run(self):
        while time.monotonic() < self.until:
            if self.number < len(SHARED) and self.random.random() < 0.4:
                self.change_shared()
            else:
                self.random.choice([self.create_service, self.create_route, self.create_route, lambda: self.delete("services"),
                                    lambda: self.delete("routes")])()


def replay(logs):
    """The state that the acknowledged writes lead to, in the order of their versions."""
    rows, shared = {"services": {}, "routes": {}}, {}
    for _, what, *rest in sorted(logs):
        if what == "shared":
            shared[rest[0]] = rest[1]
        elif what == "create":
            rows[rest[0]][rest[1]] = rest[2]
        else:  # somebody else may have been quicker: then it was gone already
            rows[rest[0]].pop(rest[1], None)
    return rows, shared


def all_versions(gateway):
    versions, path = [], "/versions?size=1000"
    while path:
        page = gateway.api("GET", path).json
        versions += [v["version"] for v in page["data"]]
        path = page["next"]
    return versions


def test_ten_clients_at_once(gateway, origin):
    gateway.origin = origin.port
    gateway.post("/services", {"name": "shared", "host": "h"})
    clients = [Client(gateway, i, time.monotonic() + SECONDS) for i in range(CLIENTS)]
    for c in clients:
        c.start()
    for c in clients:
        c.join()
    assert [c.unexpected for c in clients if c.unexpected] == []
    statuses = {s for c in clients for s in c.statuses}
    assert {200, 201, 204, 400, 404, 409} <= statuses  # all that was meant to happen has happened

    # no lost update: what was acknowledged, in the order of versions, is what is there
    rows, shared = replay([line for c in clients for line in c.log])
    found = gateway.api("GET", "/services/shared").json
    assert {field: found[field] for field in shared} == shared and len(shared) == len(SHARED)
    routes = gateway.api("GET", "/routes?size=1000").json["data"]
    assert {r["id"]: r["name"] for r in routes} == rows["routes"]
    services = {r["id"]: r["name"] for r in gateway.api("GET", "/services?size=1000").json["data"] if r["name"] != "shared"}
    assert services == rows["services"]

    # dense versions, one per acknowledged change; a long run makes more than history_versions keeps
    versions = all_versions(gateway)
    assert versions == list(range(versions[0], versions[-1] - 1, -1))
    assert versions[-1] == 0 or len(versions) >= 10000
    made = [line[0] for c in clients for line in c.log if line[1] == "create"]
    assert len(set(made)) == len(made) > 0

    # every data plane runs the last version, and serves exactly the routes that the store has
    end = kit.eventually(lambda: gateway.api("GET", f"/versions/{versions[0]}/progress").json, what="progress")
    kit.eventually(lambda: gateway.api("GET", f"/versions/{versions[0]}/progress").json["laggards"] == [], what=end["message"])
    paths = {path for route in routes for path in route["paths"]}
    for port in gateway.proxies:
        assert {f"/{name}" for name in NAMES if kit.call(port, "GET", f"/{name}").status == 200} == paths

    # and the past was true all the way: what differs from the beginning is what is there
    if versions[-1] == 0:
        changed = gateway.api("GET", f"/versions/0..{versions[0]}?size=1000").json["data"]
        assert {d["id"] for d in changed} == set(rows["routes"]) | set(rows["services"]) | {found["id"]}
