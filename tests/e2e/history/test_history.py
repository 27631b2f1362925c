"""History through the Admin API: who changed what, the past, and back again (users.md 2.3, 2.5, 5.1, 5.2, 5.4)."""
import http.client
import signal
import threading
import time

import kit
import pytest


def newest(gateway):
    return gateway.api("GET", "/versions?size=1").json["data"][0]


def version_of(dp):
    return kit.call(dp.status, "GET", "/status").json["gatehouse"]["config_version"]


def test_a_version_says_who_why_when_from_where_and_how_much(gateway):
    headers = [("X-Gatehouse-Author", "anna"), ("X-Gatehouse-Message", "JIRA-1 orders")]
    made = gateway.api("POST", "/services", {"name": "orders", "host": "h"}, headers=headers)
    version = gateway.api("GET", f"/versions/{made.headers['x-gatehouse-config-version']}").json
    assert (version["author"], version["message"], version["source"]) == ("anna", "JIRA-1 orders", kit.LOOPBACK)
    assert version["counts"] == {"services": {"created": 1, "updated": 0, "deleted": 0}}
    assert abs(version["time"] - time.time()) < 60
    gateway.api("DELETE", "/services/orders?message=gone")
    assert (newest(gateway)["message"], newest(gateway)["deleted"], newest(gateway)["author"]) == ("gone", 1, None)


def test_a_rollback_is_live_everywhere_and_leaves_connections_and_counters_alone(gateway, origin):
    """users.md 2.5: drops no connection; counters survive. policy=local counts in the data plane's memory."""
    gateway.service("s", origin)
    plugin = gateway.post("/services/s/plugins", {"name": "rate-limiting", "config": {"minute": 50, "policy": "local"}})
    before = newest(gateway)["version"]
    client = http.client.HTTPConnection(kit.LOOPBACK, gateway.proxy, timeout=15)

    def remaining():
        client.request("GET", "/s")
        answer = client.getresponse()
        answer.read()
        assert answer.status == 200
        return int(answer.headers["x-ratelimit-remaining-minute"])

    kit.eventually(lambda: time.time() % 60 < 50, 15, "not at the end of a minute")  # the window must not turn over meanwhile
    first = remaining()
    socket_before = client.sock
    gateway.api("PATCH", "/services/s", {"read_timeout": 1})
    gateway.api("DELETE", f"/plugins/{plugin['id']}")
    gateway.post("/consumers", {"username": "later"})
    assert kit.call(gateway.proxies[1], "GET", "/s").headers.get("x-ratelimit-remaining-minute") is None

    answer = gateway.api("POST", f"/versions/{before}/rollback?message=undo&wait=all&timeout=10s")
    assert answer.status == 201 and answer.json["version"] == before + 4 and answer.json["message"] == "undo"
    assert [version_of(dp) for dp in gateway.dps] == [before + 4, before + 4]
    assert gateway.api("GET", "/services/s").json["read_timeout"] == 60000
    assert gateway.api("GET", "/consumers").json["data"] == []
    assert remaining() == first - 1 and client.sock is socket_before
    client.close()
    assert gateway.api("GET", f"/versions/{before}..{before + 4}").json["data"] == []


def test_requests_under_way_during_a_rollback_are_all_answered(gateway, origin):
    gateway.service("s", origin)
    before = newest(gateway)["version"]
    statuses, stop = [], threading.Event()

    def load():
        client = http.client.HTTPConnection(kit.LOOPBACK, gateway.proxy, timeout=15)
        while not stop.is_set():
            client.request("GET", "/s")
            answer = client.getresponse()
            answer.read()
            statuses.append(answer.status)
        client.close()

    threads = [threading.Thread(target=load) for _ in range(4)]
    for t in threads:
        t.start()
    for i in range(10):
        gateway.api("PATCH", "/services/s", {"tags": [str(i)]})
        assert gateway.api("POST", f"/versions/{before}/rollback").status == 201
    kit.eventually(lambda: len(statuses) > 20, what="the load has run")
    stop.set()
    for t in threads:
        t.join()
    assert set(statuses) == {200}


def test_the_past_is_read_with_the_same_shapes_pages_and_tags(gateway):
    for i in range(5):
        gateway.post("/services", {"name": f"s{i}", "host": "h", "tags": ["even" if i % 2 == 0 else "odd"]})
    then = newest(gateway)["version"]
    now = [row for row in gateway.api("GET", "/services?size=1000").json["data"]]
    gateway.wipe()
    assert gateway.api("GET", f"/services?version={then}&size=1000").json["data"] == now
    page = gateway.api("GET", f"/services?version=v{then}&size=2&tags=even").json
    rest = gateway.api("GET", page["next"]).json
    assert [row["name"] for row in page["data"] + rest["data"]] == [row["name"] for row in now if row["tags"] == ["even"]]
    assert gateway.api("GET", f"/services/s1?version={then}").json == next(row for row in now if row["name"] == "s1")
    assert gateway.api("GET", "/services/s1").status == 404


def test_differences_never_show_secrets(gateway):
    gateway.post("/consumers", {"username": "carl"})
    key = gateway.post("/consumers/carl/key-auth", {"key": "hush-hush"})
    gateway.api("PATCH", f"/key-auths/{key['id']}", {"key": "hush-again"})
    last = newest(gateway)["version"]
    created = gateway.api("GET", f"/versions/{last - 2}..{last - 1}")
    changed = gateway.api("GET", f"/versions/{last - 1}..{last}")
    assert b"hush" not in created.body + changed.body
    fields = {f["field"]: f for f in changed.json["data"][0]["fields"]}
    assert fields["key"]["from"].startswith("*** (") and fields["key"]["from"] != fields["key"]["to"]


# -- waiting for all data planes


def test_a_write_can_wait_until_all_data_planes_have_it(gateway):
    answer = gateway.api("POST", "/services?wait=all&timeout=5s", {"name": "s", "host": "h"})
    assert answer.status == 201 and answer.json["name"] == "s" and answer.headers["x-gatehouse-applied"] == "2/2"
    version = int(answer.headers["x-gatehouse-config-version"])
    assert [version_of(dp) for dp in gateway.dps] == [version, version]
    assert gateway.api("DELETE", "/services/s?wait=all").status == 204
    for bad in ("wait=some", "wait=all&timeout=x", "wait=all&timeout=0s", "wait=all&timeout=11m"):
        assert gateway.api("POST", f"/services?{bad}", {"host": "h"}).status == 400
    assert gateway.api("GET", "/services").json["data"] == []


def test_a_wait_that_times_out_names_who_lags_and_blocks_nobody(gateway):
    lagging = gateway.dps[1]
    lagging.process.send_signal(signal.SIGSTOP)
    try:
        answers, threads = [], []
        for i in range(8):  # more than there are admin threads
            t = threading.Thread(target=lambda i=i: answers.append(
                gateway.api("POST", "/services?wait=all&timeout=3s", {"name": f"s{i}", "host": "h"})))
            t.start()
            threads.append(t)
        begin = time.monotonic()
        assert gateway.api("GET", "/services").status == 200 and time.monotonic() - begin < 2.5
        for t in threads:
            t.join()
        assert [a.status for a in answers] == [202] * 8
        body = max((a.json for a in answers), key=lambda a: a["version"])
        assert body["applied"] == 1 and body["data_planes"] == 2 and body["entity"]["host"] == "h"
        assert [laggard["behind"] >= 1 for laggard in body["laggards"]] == [True]
        assert body["laggards"][0]["name"] in body["message"] and body["message"].startswith(f"1/2 data planes at v{body['version']} (")
        progress = gateway.api("GET", f"/versions/{body['version']}/progress").json
        assert progress["laggards"][0]["id"] == body["laggards"][0]["id"]
    finally:
        lagging.process.send_signal(signal.SIGCONT)
    kit.eventually(lambda: gateway.api("GET", f"/versions/{body['version']}/progress").json["laggards"] == [], what="it has caught up")


# -- what is kept


@pytest.fixture
def forgetful(services, tmp_path):
    """Two control planes on one database, both of which keep ten versions and look every second."""
    settings = {"history_versions": 12, "upkeep_interval": 1}
    made = kit.Gateway(services, tmp_path / "gw", settings=settings).start()
    admin = kit.free_port()
    second = kit.Process(made.folder, "cp2", {**made.cp.settings, "prefix": made.folder / "cp2", "cluster_listen": "off",
                                              "admin_listen": f"{kit.LOOPBACK}:{admin}"}, "gatehouse-cp").start()
    yield made, admin
    second.stop()
    made.stop()


def test_old_versions_go_and_the_present_stays(forgetful):
    gateway, second = forgetful
    for i in range(30):
        gateway.post("/services", {"name": f"s{i}", "host": "h"})
    kit.eventually(lambda: len(gateway.api("GET", "/versions?size=1000").json["data"]) == 12, what="12 versions are kept")
    answer = gateway.api("GET", "/services?version=5")
    assert answer.status == 410 and answer.json["message"] == "version 5 is no longer kept; the oldest that is kept is 19"
    assert len(kit.call(second, "GET", "/services?version=19&size=1000").json["data"]) == 19
    assert len(gateway.api("GET", "/services?size=1000").json["data"]) == 30
    assert kit.call(second, "POST", "/versions/18/rollback").status == 410
    # a data plane that comes from before the cut gets what is there
    dp = gateway.dps[0]
    dp.stop()
    for i in range(20):
        gateway.post("/consumers", {"username": f"c{i}"})
    kit.eventually(lambda: gateway.api("GET", "/consumers?version=31").status == 410, what="31 is gone")
    gateway.cp.stop()
    gateway.cp.start()  # and a control plane that has nothing in memory
    dp.start()
    kit.eventually(lambda: version_of(dp) == 50, what="it is at the present version")


def test_expired_credentials_are_removed_as_a_version(forgetful):
    gateway, _ = forgetful
    gateway.post("/consumers", {"username": "carl"})
    gateway.post("/consumers/carl/key-auth", {"key": "short", "ttl": 1})
    gateway.post("/consumers/carl/key-auth", {"key": "long", "ttl": 1000})
    kit.eventually(lambda: newest(gateway)["author"] == "gatehouse", what="the purge")
    version = newest(gateway)
    assert version["deleted"] == 1 and version["message"] == "expired credentials removed" and version["version"] == 4
    kit.eventually(lambda: version_of(gateway.dps[0]) == 4, what="data planes learn of it")
    assert [row["key"] for row in gateway.api("GET", "/key-auths").json["data"]] == ["long"]



# -- several control planes


def test_all_data_planes_means_those_of_every_control_plane(services, tmp_path):
    """users.md 2.1, 2.3: two control planes on one database, a data plane each."""
    gateway = kit.Gateway(services, tmp_path / "gw", data_planes=2).start()
    admin, cluster = kit.free_port(), kit.free_port()
    second = kit.Process(gateway.folder, "cp2", {**gateway.cp.settings, "prefix": gateway.folder / "cp2", "cluster_listen":
                                                 f"{kit.LOOPBACK}:{cluster}", "admin_listen": f"{kit.LOOPBACK}:{admin}"}, "gatehouse-cp").start()
    try:
        moved = gateway.dps[1]
        moved.stop()
        moved.settings["cluster_control_plane"] = f"{kit.LOOPBACK}:{cluster}"
        moved.start()

        def overview(port):
            return kit.call(port, "GET", "/clustering/overview").json
        for port in (gateway.admin, admin):
            kit.eventually(lambda: overview(port)["ok"] and len(overview(port)["data_planes"]) == 2
                           and len(overview(port)["control_planes"]) == 2, 20, f"all is well, says {port}")
        answer = gateway.api("POST", "/services?wait=all&timeout=10s", {"name": "s", "host": "h"})
        assert answer.status == 201 and answer.headers["x-gatehouse-applied"] == "2/2" and version_of(moved) == 1
        moved.process.send_signal(signal.SIGSTOP)
        answer = gateway.api("POST", "/services?wait=all&timeout=1500ms", {"name": "t", "host": "h"})
        moved.process.send_signal(signal.SIGCONT)
        assert answer.status == 202 and len(answer.json["laggards"]) == 1
        second.stop()
        kit.eventually(lambda: len(overview(gateway.admin)["control_planes"]) == 1, what="it has said goodbye")
    finally:
        second.stop()
        gateway.stop()
