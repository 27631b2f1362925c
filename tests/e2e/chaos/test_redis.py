"""Redis killed, restarted, silent and moved while requests keep coming: no request fails but as its limit's policy says, and none is
slowed for longer than one time-out."""
import http.client
import threading

import kit
import pytest
import redis_servers

CLIENTS = 4
POLICIES = {"open": {200}, "local": {200}, "closed": {200, 500}}


@pytest.fixture(scope="module")
def shared_gateway(services, folder):
    made = kit.Gateway(services, folder / "gw", data_planes=1, settings={"nginx_worker_processes": 2}).start()
    yield made
    made.stop()


class Load:
    """Clients that ask one limit after the other without a pause; what they were told, by policy."""

    def __init__(self, gateway, policies):
        self.gateway, self.policies, self.over = gateway, policies, threading.Event()
        self.lock, self.seen, self.served = threading.Lock(), {policy: set() for policy in policies}, 0
        self.threads = [threading.Thread(target=self.run) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def run(self):
        connection = http.client.HTTPConnection(kit.LOOPBACK, self.gateway.proxy, timeout=20)
        while not self.over.is_set():
            for policy in self.policies:
                connection.request("GET", f"/{policy}")
                answer = connection.getresponse()
                answer.read()
                with self.lock:
                    self.seen[policy].add(answer.status)
                    self.served += 1
        connection.close()

    def more(self, n=200):
        want = self.served + n
        kit.eventually(lambda: self.served >= want, 20, f"{n} more requests are served")

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def under_load(gateway):
    """under_load(redis): a limit of each policy that counts there, and requests to all of them until the test ends."""
    made = []

    def begin(redis):
        gateway.post("/services", {"name": "svc", "host": kit.LOOPBACK, "port": 9})
        for policy in POLICIES:
            gateway.post("/services/svc/routes", {"name": policy, "paths": [f"/{policy}"]})
            gateway.post(f"/routes/{policy}/plugins", {"name": "rate-limiting", "config": {
                "policy": "redis", "hour": 100000000, "on_store_error": policy, "redis": {"timeout": 300, **redis}}})
            gateway.post(f"/routes/{policy}/plugins", {"name": "request-termination", "config": {"status_code": 200}})
        made.append(Load(gateway, POLICIES))
        return made[0]
    yield begin
    for load in made:
        load.stop()
        assert all(load.seen[policy] <= allowed for policy, allowed in POLICIES.items()), load.seen


def is_counted(gateway):
    return all("ratelimit-limit" in (answer := gateway.get(f"/{policy}")).headers and "x-ratelimit-store" not in answer.headers
               for policy in POLICIES)


def is_missed(gateway):
    return gateway.get("/closed").status == 500


def test_killed_and_restarted(gateway, folder, under_load):
    redis = redis_servers.Server(folder)
    load = under_load(redis.address)
    for _ in range(2):
        kit.eventually(lambda: is_counted(gateway), what="it counts")
        load.more()
        redis.kill()
        kit.eventually(lambda: is_missed(gateway), what="it is missed")
        load.more()
        redis.start()
    kit.eventually(lambda: is_counted(gateway), what="it counts again")
    load.stop()
    redis.kill()


def test_a_silent_one_slows_nobody_for_long(gateway, folder, under_load):
    """It takes connections and says nothing. Served one after the other, each with a time-out, 4000 requests would take five minutes."""
    redis = redis_servers.Server(folder)
    load = under_load(redis.address)
    kit.eventually(lambda: is_counted(gateway), what="it counts")
    redis.pause()
    kit.eventually(lambda: is_missed(gateway), what="it is missed")
    load.more(4000)
    redis.resume()
    kit.eventually(lambda: is_counted(gateway), what="it counts again")
    load.stop()
    redis.kill()


def test_a_master_that_is_killed_is_replaced(gateway, folder, under_load):
    (folder / "watched").mkdir()
    watched = redis_servers.Watched(folder / "watched")
    load = under_load(watched.config)
    kit.eventually(lambda: is_counted(gateway), what="it counts")
    was = watched.master
    was.kill()
    watched.has_moved(was)
    kit.eventually(lambda: is_counted(gateway), what="the new master counts")
    load.more()
    load.stop()
    watched.kill()


def test_a_clusters_node_is_silent_and_comes_back(gateway, folder, under_load):
    (folder / "cluster").mkdir()
    cluster = redis_servers.Cluster(folder / "cluster")
    load = under_load(cluster.config)
    kit.eventually(lambda: is_counted(gateway), what="it counts")
    for node in cluster.nodes:
        node.pause()
        load.more(500)
        node.resume()
    kit.eventually(lambda: is_counted(gateway), 20, what="it counts again")
    load.stop()
    cluster.kill()
