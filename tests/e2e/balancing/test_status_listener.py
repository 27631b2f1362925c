"""What a data plane shows of its upstreams by itself: proxy.md 6.7, 11.4."""
import kit
from pools import passive, shows


def test_the_get_forms_are_those_of_the_admin_api(gateway, origins, pool):
    a, b, _ = origins
    pool(a, (b, 0), healthchecks=passive(http_failures=1))
    shows(gateway, states=["HEALTHCHECKS_OFF", "HEALTHY"])

    def ask(path):
        return kit.call(gateway.dps[0].status, "GET", path)
    upstream = gateway.api("GET", "/upstreams/pool").json
    assert ask("/upstreams").json == {"data": [upstream], "next": None}
    assert ask("/upstreams/pool").json == upstream and ask(f"/upstreams/{upstream['id']}").json == upstream
    by_target = lambda answer: {row["target"]: row for row in answer.json["data"]}
    assert by_target(ask("/upstreams/pool/targets")) == by_target(gateway.api("GET", "/upstreams/pool/targets"))
    mine, theirs = ask("/upstreams/pool/health"), gateway.api("GET", "/upstreams/pool/health")
    assert by_target(mine) == by_target(theirs) and mine.json["node_id"] != theirs.json["node_id"]
    data = ask("/upstreams/pool/health?balancer_health=1").json["data"]
    assert (data["id"], data["health"], len(data["details"]["hosts"])) == (upstream["id"], "HEALTHY", 2)
    first = ask("/upstreams/pool/targets?size=1").json
    second = ask(first["next"] + "&size=1").json
    assert first["offset"] == "1" and second["next"] is None and first["data"] != second["data"]
    for path in ("/upstreams/none", "/upstreams/none/health", "/upstreams/pool/nonsense", "/upstreamsx"):
        assert ask(path).status == 404
    assert ask("/status/dns").status == 501


def test_changes_are_counted(gateway, origins, pool):
    def changes():
        text = kit.call(gateway.dps[0].status, "GET", "/metrics").body.decode()
        return int(next(line for line in text.splitlines() if line.startswith("gatehouse_target_state_changes_total{")).split()[-1])
    pool(origins[0], healthchecks=passive(http_failures=1))
    before = changes()
    for word in ("unhealthy", "unhealthy", "healthy"):
        gateway.api("PUT", f"/upstreams/pool/targets/127.0.0.1:{origins[0].port}/{word}")
    assert changes() == before + 2
