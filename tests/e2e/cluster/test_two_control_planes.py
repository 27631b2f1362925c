"""Two control planes on one database (house.md 7, users.md 2.3 and 4): either takes writes, everything reaches all data planes, whichever
of the two they follow, and the loss of one is nothing to those that follow both."""
import kit
import pytest
from two_cps import TwoControlPlanes


@pytest.fixture(scope="module")
def cluster(services, folder):
    made = TwoControlPlanes(services, folder).start()
    yield made
    made.stop()


@pytest.fixture
def gateway(cluster):
    yield cluster
    cluster.wipe()


def statuses(gateway, path):
    return [kit.call(port, "GET", path).status for port in gateway.proxies]


@pytest.mark.parametrize("which", ["admin", "admin2"])
def test_a_write_at_either_is_live_everywhere_when_wait_all_says_so(gateway, origin, which):
    admin = getattr(gateway, which)
    assert gateway.at(admin, "POST", "/services", {"name": "s", "host": kit.LOOPBACK, "port": origin.port}).status == 201
    made = gateway.at(admin, "POST", "/services/s/routes?wait=all&timeout=5s", {"name": "s", "paths": ["/s"]})
    assert made.status == 201 and made.headers["x-gatehouse-applied"] == "3/3", made
    assert statuses(gateway, "/s") == [200, 200, 200]


def test_writers_at_both_make_one_history(gateway):
    before = gateway.published(gateway.admin)
    for i in range(10):
        for admin in (gateway.admin, gateway.admin2):
            assert gateway.at(admin, "POST", "/consumers", {"username": f"c{i}-{admin}"}).status == 201
    assert gateway.at(gateway.admin, "GET", "/consumers?size=1000").json["data"] == \
        gateway.at(gateway.admin2, "GET", "/consumers?size=1000").json["data"]
    kit.eventually(lambda: gateway.versions() == [before + 20] * 3, what="all data planes at one version")


def test_a_mark_given_at_one_reaches_all_data_planes_and_ends_with_the_process(gateway, origin):
    """proxy.md 6.5: a mark does not survive a restart, and A1-11: it reaches all nodes."""
    checks = {"passive": {"unhealthy": {"tcp_failures": 3}}}
    gateway.post("/upstreams", {"name": "u", "healthchecks": checks})
    target = gateway.post("/upstreams/u/targets", {"target": f"{kit.LOOPBACK}:{origin.port}"})
    gateway.post("/services", {"name": "s", "host": "u"})
    gateway.post("/services/s/routes?wait=all", {"name": "s", "paths": ["/s"]})
    assert statuses(gateway, "/s") == [200, 200, 200]
    assert gateway.at(gateway.admin2, "PUT", f"/upstreams/u/targets/{target['id']}/unhealthy").status == 204
    assert statuses(gateway, "/s") == [503, 503, 503]

    def seen(admin):
        rows = gateway.at(admin, "GET", "/upstreams/u/health").json["data"]
        return sorted(one["health"] for one in rows[0].get("data_planes", []))
    for admin in (gateway.admin, gateway.admin2):
        kit.eventually(lambda: seen(admin) == ["UNHEALTHY"] * 3, what="each control plane shows all three")
    for i in (0, 2):
        gateway.dps[i].stop()
        gateway.dps[i].start()
        gateway.wait_ready(gateway.dps[i])
    marked = gateway.at(gateway.admin, "GET", "/clustering/data-planes").json["data"]
    assert len(marked) >= 3
    kit.eventually(lambda: len(gateway.connected(gateway.admin)) == 3, what="they are back")
    # an order given now has been carried out by them: whatever was to come has come
    gateway.at(gateway.admin, "GET", "/explain?url=http://x/s")
    assert statuses(gateway, "/s") == [200, 503, 200]
    assert gateway.at(gateway.admin, "PUT", f"/upstreams/u/targets/{target['id']}/healthy").status == 204
    assert statuses(gateway, "/s") == [200, 200, 200]


def test_each_can_ask_any_data_plane(gateway, origin):
    gateway.service("s", origin)
    ids = {row["id"] for row in gateway.connected(gateway.admin)}
    assert len(ids) == 3
    for admin in (gateway.admin, gateway.admin2):
        for node in ids:
            answer = gateway.at(admin, "GET", f"/explain?url=http://x/s&dp={node}")
            assert answer.status == 200 and answer.json["data_plane"] == node, answer


def test_the_log_level_of_the_whole_cluster(gateway):
    """admin-api.md 8.12: /debug/cluster/log-level, and control-planes-nodes."""
    changed = gateway.at(gateway.admin2, "PUT", "/debug/cluster/log-level/debug?timeout=60")
    assert changed.status == 200 and len(changed.json["data_planes"]) == 3 and changed.json["silent"] == 0, changed
    assert [one["message"] for one in changed.json["control_planes"]] == ["log level changed"]
    assert gateway.at(gateway.admin, "GET", "/debug/node/log-level").json["message"] == "log level: debug"
    back = gateway.at(gateway.admin, "PUT", "/debug/cluster/control-planes-nodes/log-level/info?timeout=0")
    assert back.status == 200 and len(back.json["control_planes"]) == 1 and "data_planes" not in back.json
    assert gateway.at(gateway.admin2, "GET", "/debug/node/log-level").json["message"] == "log level: info"
    gateway.at(gateway.admin, "PUT", "/debug/cluster/log-level/info?timeout=0")


def test_limits_that_nodes_share_count_over_both(gateway, origin):
    """plugins.md 3.1, policy cluster: nodes of different control planes hear of each other within a second or so."""
    gateway.service("s", origin)
    gateway.post("/services/s/plugins?wait=all", {"name": "rate-limiting", "config": {"hour": 20, "policy": "cluster"}})
    assert [kit.call(gateway.proxies[0], "GET", "/s").status for _ in range(20)] == [200] * 20
    kit.eventually(lambda: statuses(gateway, "/s")[1:] == [429, 429], 10, "the others have heard")


def test_the_loss_of_one_is_nothing_to_those_that_follow_both(gateway, origin):
    gateway.service("s", origin)
    gateway.cp.kill()
    try:
        made = gateway.at(gateway.admin2, "POST", "/services/s/routes", {"name": "s2", "paths": ["/later"]})
        assert made.status == 201
        kit.eventually(lambda: statuses(gateway, "/later") == [404, 200, 200], 1, "those that follow the other one have it")
        assert kit.call(gateway.dps[2].status, "GET", "/status/ready").status == 200
    finally:
        gateway.cp.start()
    kit.eventually(lambda: statuses(gateway, "/later") == [200, 200, 200], 15, "the first one's data plane catches up")
    kit.eventually(lambda: len(gateway.connected(gateway.admin)) == len(gateway.connected(gateway.admin2)) == 3, 20, "all are known again")
