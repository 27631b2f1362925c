"""Ten clients write at once (issue 3): no server error, no lost update, dense versions. GATEHOUSE_PARALLEL_S makes it longer than two seconds."""
import collections
import os
import random
import threading
import time

CLIENTS, SECONDS = 10, float(os.environ.get("GATEHOUSE_PARALLEL_S", "2"))


class Client(threading.Thread):
    """Creates, changes and removes a few entities that all clients fight for."""

    def __init__(self, admin, number, counter):
        super().__init__()
        self.admin, self.random, self.counter = admin, random.Random(number), counter
        self.seen, self.added = collections.Counter(), 0

    def ask(self, method, path, data=None):
        answer = self.admin.ask(method, path, data)
        self.seen[answer.status] += 1
        return answer

    def step(self):
        name = f"fight{self.random.randrange(4)}"
        choice = self.random.randrange(6)
        if choice == 0:
            self.ask("POST", "/services", {"name": name, "host": "h"})
        elif choice == 1:
            self.ask("PUT", f"/services/{name}", {"host": "h"})
        elif choice == 2:
            self.ask("POST", f"/services/{name}/routes", {"paths": ["/fight"], "name": f"{name}-{self.random.randrange(3)}"})
        elif choice == 3:
            self.ask("DELETE", f"/services/{name}")
        elif choice == 4:
            self.ask("DELETE", f"/routes/{name}-{self.random.randrange(3)}")
        else:  # each client changes a field of its own in an entity of all
            self.added += 1
            self.ask("PATCH", f"/upstreams/{self.counter}", {"healthchecks": {"active": {"headers": None, "concurrency": self.added},
                                                                            "passive": {"type": "http"}}})

    def run(self):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            self.step()


def test_parallel_writers(admin):
    """admin-api 1: Concurrency"""
    admin.make("/upstreams", {"name": "counter.test"})
    before = admin.ask("GET", "/").json["configuration"]["gatehouse"]["config_version"]
    clients = [Client(admin, number, "counter.test") for number in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    seen = sum((client.seen for client in clients), collections.Counter())
    assert all(status < 500 for status in seen), seen
    assert seen[201] and seen[200] and seen[204] and seen[409] and seen[400], seen  # they did get into each other's way
    after = admin.ask("GET", "/").json["configuration"]["gatehouse"]["config_version"]
    assert after > before
    # what refers to something refers to what is there
    services = {row["id"] for row in admin.ask("GET", "/services?size=1000").json["data"]}
    for route in admin.ask("GET", "/routes?size=1000").json["data"]:
        assert route["service"] is None or route["service"]["id"] in services


def test_no_update_is_lost(admin):
    """PATCHes of different fields of one entity at the same time all arrive."""
    admin.make("/services", {"name": "shared-by-all", "host": "h"})
    fields = ["retries", "connect_timeout", "read_timeout", "write_timeout", "port"]
    statuses = []

    def write(field):
        for value in range(1, 31):
            statuses.append(admin.ask("PATCH", "/services/shared-by-all", {field: value}).status)

    threads = [threading.Thread(target=write, args=(field,)) for field in fields]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200}
    assert {field: admin.ask("GET", "/services/shared-by-all").json[field] for field in fields} == {field: 30 for field in fields}


def test_versions_are_dense(admin):
    """A hundred writes of ten clients are a hundred versions, one after the other."""
    before = admin.ask("GET", "/").json["configuration"]["gatehouse"]["config_version"]

    def write(number):
        for i in range(10):
            admin.make("/consumers", {"username": f"dense-{number}-{i}"})

    threads = [threading.Thread(target=write, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert admin.ask("GET", "/").json["configuration"]["gatehouse"]["config_version"] == before + 100
    listed = admin.ask("GET", "/versions?size=100").json["data"]
    assert [row["version"] for row in listed] == list(range(before + 100, before, -1))
