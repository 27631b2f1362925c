"""Targets that fail and return while requests keep coming: errors are bounded by the thresholds, there are none after the mark, and no
retry repeats what an upstream may have acted on (issue: "It must show")."""
import threading

import kit
import pytest
from pools import Named, active, passive, shows, who


class Load:
    """Clients that ask without a pause, until stop(); answers are counted by status, and errors by when they came."""

    def __init__(self, gateway, clients=6, method="GET"):
        self.gateway, self.method, self.counts, self.errors = gateway, method, {}, 0
        self.stopping, self.lock = threading.Event(), threading.Lock()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.stopping.is_set():
            try:
                status = kit.call(self.gateway.proxy, self.method, "/", body=b"x" if self.method == "POST" else None).status
            except OSError:
                status = 0
            with self.lock:
                self.counts[status] = self.counts.get(status, 0) + 1
                self.errors += status != 200

    def served(self):
        with self.lock:
            return self.counts.get(200, 0)

    def more(self, n=60):
        want = self.served() + n
        kit.eventually(lambda: self.served() >= want, 20)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(20)


@pytest.fixture
def load(gateway):
    """load(clients=6) begins one."""
    made = []
    yield lambda **more: made.append(Load(gateway, **more)) or made[-1]
    for one in made:
        one.stop()


def test_a_target_that_dies_costs_no_more_than_its_threshold(gateway, origins, pool, load):
    """Without retries every failed try is an error: at most tcp_failures of them, and those under way at that moment."""
    a, b, _ = origins
    pool(a, b, service={"retries": 0}, healthchecks=passive(tcp_failures=3))
    clients = load()
    clients.more()
    assert clients.errors == 0
    a.die()
    shows(gateway, states=["HEALTHY", "UNHEALTHY"])
    clients.more(20)  # those that were picked before the mark have been answered
    after_mark = clients.errors
    assert after_mark <= 3 + 6
    clients.more(200)
    clients.stop()
    assert clients.errors == after_mark, clients.counts


def test_with_retries_nobody_notices(gateway, origins, pool, load):
    a, b, _ = origins
    pool(a, b, healthchecks=passive(tcp_failures=3))
    clients = load()
    clients.more()
    a.die()
    shows(gateway, states=["HEALTHY", "UNHEALTHY"])
    clients.more(100)
    clients.stop()
    assert clients.errors == 0, clients.counts


def test_falling_and_returning_all_the_time(gateway, origins, pool, load):
    """Active checks take a target out and bring it back; with retries no request is lost on the way."""
    a, b, _ = origins
    pool(a, b, healthchecks={**active(), **passive(tcp_failures=2)})
    clients = load(clients=4)
    port = a.port
    for _ in range(2):
        a.die()
        shows(gateway, states=["HEALTHY", "UNHEALTHY"])
        clients.more(40)
        a = Named("A", port)
        shows(gateway, states=["HEALTHY", "HEALTHY"])
        before = len(a.seen)
        clients.more(40)
        assert any(seen["path"] == "/" for seen in a.seen[before:])
    clients.stop()
    a.die()
    assert clients.errors == 0, clients.counts


def test_all_down_is_told_at_once(gateway, origins, pool):
    pool(origins[0], healthchecks=passive(tcp_failures=1))
    origins[0].die()
    assert gateway.get("/").status in (502, 503)
    shows(gateway, states=["UNHEALTHY"])
    answer = gateway.get("/")
    assert (answer.status, answer.json["message"]) == (503, "failure to get a peer from the ring-balancer")


def test_a_post_that_may_have_been_acted_on_is_not_repeated(gateway, origins, pool):
    taker = kit.RawOrigin(b"")
    pool(taker, origins[1], healthchecks=passive(tcp_failures=100))
    statuses = [kit.call(gateway.proxy, "POST", "/", body=b"pay").status for _ in range(8)]
    assert sorted(set(statuses)) == [200, 502]
    assert len(taker.heads) + len(origins[1].seen) == 8  # each was sent once, to one of the two
    assert statuses.count(502) == len(taker.heads)
    taker.close()


def test_a_get_may_be_repeated_and_is(gateway, origins, pool):
    taker = kit.RawOrigin(b"")
    pool(taker, origins[1])
    assert [gateway.get("/").status for _ in range(6)] == [200] * 6
    assert len(origins[1].seen) == 6 and len(taker.heads) >= 1
    taker.close()


def test_a_post_that_reached_nobody_is_tried_elsewhere(gateway, origins, pool):
    pool(f"127.0.0.1:{kit.free_port()}", origins[1])
    assert [kit.call(gateway.proxy, "POST", "/", body=b"pay").status for _ in range(6)] == [200] * 6
    assert len(origins[1].seen) == 6


def test_a_restarted_data_plane_begins_with_all_healthy(gateway, origins, pool):
    """6.5: a restart loses states."""
    a, b, _ = origins
    pool(a, b, healthchecks=passive(http_failures=1))
    a.status = 500
    kit.eventually(lambda: gateway.get("/").status == 500)
    shows(gateway, states=["HEALTHY", "UNHEALTHY"])
    a.status = 200
    dp = gateway.dps[0]
    dp.stop()
    dp.start()
    gateway.wait_ready(dp)
    shows(gateway, states=["HEALTHY", "HEALTHY"])
    assert who(gateway, 2) in ("AB", "BA")
