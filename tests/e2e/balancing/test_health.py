"""Passive health checks, marks and what is shown of them: proxy.md 6, examples 103, 104, 106; admin-api.md 7.1, 7.2."""
import kit
import pytest
from pools import health, passive, shows, who


def mark(gateway, target, word, status=204):
    answer = gateway.api("PUT", f"/upstreams/pool/targets/{target}/{word}")
    assert answer.status == status, answer
    return answer


def test_a_dead_target_is_taken_out_after_its_limit_until_it_is_marked(gateway, origins, pool):
    """Example 103; no request is lost, and none goes there after the second failure."""
    dead = f"127.0.0.1:{kit.free_port()}"
    pool(dead, origins[1], healthchecks=passive(tcp_failures=2))
    shows(gateway, states=["HEALTHY", "HEALTHY"])
    assert who(gateway, 8) == "B" * 8
    shows(gateway, states=["HEALTHY", "UNHEALTHY"])
    mark(gateway, dead, "healthy")
    assert health(gateway)[dead] == "HEALTHY"  # every data plane has done it when the mark is answered
    row = next(r for r in gateway.api("GET", "/upstreams/pool/health").json["data"] if r["target"] == dead)
    assert row["data"] == {"host": "127.0.0.1", "port": int(dead[10:]), "dns": "A", "nodeWeight": 100,
                           "weight": {"total": 100, "available": 100, "unavailable": 0},
                           "addresses": [{"ip": "127.0.0.1", "port": int(dead[10:]), "weight": 100, "health": "HEALTHY"}]}


@pytest.mark.parametrize("successes, state", [(0, "UNHEALTHY"), (1, "HEALTHY")])
def test_successes_reset_failures_only_when_they_count(gateway, origins, pool, successes, state):
    """Example 104."""
    a = origins[0]
    pool(a, healthchecks=passive(healthy={"successes": successes}, http_failures=3, http_statuses=[500]))
    for status in (500, 200, 200, 500, 200):
        a.status = status
        assert gateway.get("/").status == status
    shows(gateway, states=["HEALTHY"])
    a.status = 500
    gateway.get("/")
    shows(gateway, states=[state])
    assert gateway.get("/").status == (503 if state == "UNHEALTHY" else 500)


def test_below_the_threshold_nobody_is_asked(gateway, origins, pool):
    """Example 106."""
    pool(*origins[:2], healthchecks=passive(threshold=50, http_failures=1))
    assert set(who(gateway, 2)) == {"A", "B"}
    mark(gateway, f"127.0.0.1:{origins[0].port}", "unhealthy")
    answer = gateway.get("/")
    assert (answer.status, answer.json["message"]) == (503, "failure to get a peer from the ring-balancer")
    data = gateway.api("GET", "/upstreams/pool/health?balancer_health=1").json["data"]
    assert (data["health"], data["balancer_health"], data["details"]["healthy"]) == ("UNHEALTHY", "UNHEALTHY", False)
    assert data["details"]["weight"] == {"total": 200, "available": 100, "unavailable": 100}
    assert sorted(h["addresses"][0]["healthy"] for h in data["details"]["hosts"]) == [False, True]


def test_one_address_may_be_marked(gateway, origins, pool):
    a, b, _ = origins
    pool(a, b, healthchecks=passive(http_failures=1))
    target = f"127.0.0.1:{a.port}"
    mark(gateway, f"{target}/127.0.0.1:1", "unhealthy")  # not one of its addresses: no effect
    assert set(who(gateway, 2)) == {"A", "B"}
    mark(gateway, f"{target}/{target}", "unhealthy")
    assert who(gateway, 4) == "BBBB"
    mark(gateway, f"none.test:1", "unhealthy", 404)


def test_health_outlives_changes(gateway, origins, pool):
    """6.5, pitfalls A3-3: changing the upstream or another target does not bring a sick target back."""
    a, b, c = origins
    pool(a, b, healthchecks=passive(http_failures=1))
    mark(gateway, f"127.0.0.1:{a.port}", "unhealthy")
    gateway.post("/upstreams/pool/targets", {"target": f"127.0.0.1:{c.port}"})
    gateway.api("PATCH", "/upstreams/pool", {"slots": 1234})
    assert set(who(gateway, 6)) == {"B", "C"}
    gateway.api("DELETE", f"/upstreams/pool/targets/127.0.0.1:{a.port}")
    gateway.post("/upstreams/pool/targets", {"target": f"127.0.0.1:{a.port}"})
    assert set(who(gateway, 6)) == {"B", "C"}


def test_what_the_gateway_answers_itself_says_nothing_of_a_target(gateway, origins, pool):
    pool(origins[0], healthchecks=passive(http_failures=1, http_statuses=[401, 500]))
    gateway.post("/plugins", {"name": "key-auth"})
    assert [gateway.get("/").status for _ in range(3)] == [401] * 3
    shows(gateway, states=["HEALTHY"])


def test_garbage_counts_as_502_not_as_a_failed_connection(gateway, pool):
    """3.2."""
    garbage = kit.RawOrigin(b"this is no HTTP\r\n\r\n")
    pool(f"127.0.0.1:{garbage.port}", healthchecks=passive(tcp_failures=1, http_failures=2, http_statuses=[502]))
    assert gateway.get("/").status == 502
    shows(gateway, states=["HEALTHY"])
    assert gateway.get("/").status == 502
    shows(gateway, states=["UNHEALTHY"])
    garbage.close()


def test_a_silent_target_counts_as_a_timeout(gateway, pool):
    silent = kit.RawOrigin(b"", close=False)
    pool(f"127.0.0.1:{silent.port}", service={"read_timeout": 100, "retries": 0},
         healthchecks=passive(timeouts=2, tcp_failures=1))
    assert gateway.get("/").status == 504
    shows(gateway, states=["HEALTHY"])
    assert gateway.get("/").status == 504
    shows(gateway, states=["UNHEALTHY"])
    silent.close()


def test_off_without_checks_and_for_targets_without_weight(gateway, origins, pool):
    a, b, _ = origins
    pool(a, (b, 0))
    shows(gateway, states=["HEALTHCHECKS_OFF", "HEALTHCHECKS_OFF"])
    gateway.api("PATCH", "/upstreams/pool", {"healthchecks": passive(http_failures=1)})
    shows(gateway, states=["HEALTHCHECKS_OFF", "HEALTHY"])


def test_data_planes_show_what_is_unhealthy(gateway, origins, pool):
    a = origins[0]
    pool(a, healthchecks=passive(http_failures=1))
    mark(gateway, f"127.0.0.1:{a.port}", "unhealthy")
    node = gateway.api("GET", "/clustering/data-planes").json["data"][0]
    assert node["targets"] == {"upstreams": 1, "unhealthy": [{"upstream": "pool", "address": f"127.0.0.1:{a.port}"}], "more": 0}
