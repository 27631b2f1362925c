"""A change is live on every data plane when its write has been answered, and never half."""
import kit


def test_a_new_route_is_never_404_200_times_over(gateway, origin):
    for i in range(200):
        gateway.post("/services", {"name": f"s{i}", "host": kit.LOOPBACK, "port": origin.port})
        gateway.post(f"/services/s{i}/routes", form={"paths[]": f"/fresh/{i}"})
        assert kit.call(gateway.proxies[i % 2], "GET", f"/fresh/{i}").status == 200


def test_a_write_says_its_version_and_who_runs_it(gateway):
    first = gateway.api("POST", "/services", {"host": "h"})
    second = gateway.api("POST", "/services", {"host": "h"})
    assert int(second.headers["x-gatehouse-config-version"]) == int(first.headers["x-gatehouse-config-version"]) + 1
    assert second.headers["x-gatehouse-applied"] == "2/2"


def test_a_removed_route_is_gone_at_once(gateway, origin):
    _, route = gateway.service("s", origin)
    assert gateway.get("/s").status == 200
    assert gateway.api("DELETE", f"/routes/{route['id']}").status == 204
    assert [kit.call(port, "GET", "/s").status for port in gateway.proxies] == [404, 404]


def test_a_disabled_service_matches_nothing(gateway, origin):
    gateway.service("s", origin)
    assert gateway.api("PATCH", "/services/s", {"enabled": False}).status == 200
    assert gateway.get("/s").status == 404


def test_a_refused_write_changes_nothing(gateway, origin):
    gateway.service("s", origin)
    before = gateway.api("GET", "/services/s").json
    assert gateway.api("PATCH", "/services/s", {"retries": -1}).status == 400
    assert gateway.api("GET", "/services/s").json == before and gateway.get("/s").status == 200


def test_a_consumer_takes_its_keys_along(gateway, origin):
    gateway.service("s", origin)
    gateway.post("/services/s/plugins", {"name": "key-auth"})
    gateway.post("/consumers", {"username": "carl"})
    gateway.post("/consumers/carl/key-auth", {"key": "k"})
    assert gateway.get("/s", {"apikey": "k"}).status == 200
    assert gateway.api("DELETE", "/consumers/carl").status == 204
    assert gateway.get("/s", {"apikey": "k"}).status == 401
    assert gateway.api("GET", "/key-auths").json["data"] == []
