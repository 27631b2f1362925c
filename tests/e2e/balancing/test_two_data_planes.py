"""Each data plane has its own view of a target; marks reach all of them (pitfalls.md A1-11, proxy.md 5.8)."""
import kit
import pytest
from pools import passive


@pytest.fixture(scope="module")
def shared_gateway(services, folder):
    gateway = kit.Gateway(services, folder / "two", data_planes=2, proxy_ports=2).start()
    yield gateway
    gateway.stop()


def views(gateway):
    row = gateway.api("GET", "/upstreams/pool/health").json["data"][0]
    return row["health"], sorted(view["health"] for view in row.get("data_planes", []))


def test_one_sees_a_failure_and_the_other_does_not(gateway, origins, pool):
    a = origins[0]
    pool(a, healthchecks=passive(http_failures=1))
    kit.eventually(lambda: views(gateway) == ("HEALTHY", ["HEALTHY", "HEALTHY"]), 5)
    a.status = 500
    assert kit.call(gateway.proxies[0], "GET", "/").status == 500
    kit.eventually(lambda: views(gateway) == ("UNHEALTHY", ["HEALTHY", "UNHEALTHY"]), 5)
    assert kit.call(gateway.proxies[0], "GET", "/").status == 503
    a.status = 200
    assert kit.call(gateway.proxies[1], "GET", "/").status == 200
    counts = sorted(len(node["targets"]["unhealthy"]) for node in gateway.api("GET", "/clustering/data-planes").json["data"])
    assert counts == [0, 1]


def test_a_mark_holds_on_both_when_it_is_answered(gateway, origins, pool):
    a = origins[0]
    pool(a, healthchecks=passive(http_failures=1))
    for word, status in (("unhealthy", 503), ("healthy", 200)):
        assert gateway.api("PUT", f"/upstreams/pool/targets/127.0.0.1:{a.port}/{word}").status == 204
        assert [kit.call(port, "GET", "/").status for port in gateway.proxies] == [status, status]
    data = gateway.api("GET", "/upstreams/pool/health?balancer_health=1").json["data"]
    assert [view["health"] for view in data["data_planes"]] == ["HEALTHY", "HEALTHY"]
