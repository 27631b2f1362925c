"""Where plugins stand: by priority (plugins.md 0.2), or where `ordering` puts one configuration; which of them runs (R-8.3); groups."""


def limit(gateway, **more):
    return gateway.post("/services/svc/plugins", {"name": "rate-limiting", "config": {"hour": 1, "policy": "local", "limit_by": "service"}, **more})


def statuses(gateway, n=3):
    return [gateway.get("/svc").status for _ in range(n)]


def test_a_limit_before_authentication(gateway, origin):
    gateway.service("svc", origin)
    gateway.post("/services/svc/plugins", {"name": "key-auth"})
    made = limit(gateway)
    assert "ordering" not in made and set(statuses(gateway)) == {401}
    changed = gateway.api("PATCH", f"/plugins/{made['id']}", {"ordering": {"before": {"access": ["key-auth"]}}}).json
    assert changed["ordering"]["before"]["access"] == ["key-auth"]
    seen = statuses(gateway, 6)  # two data planes, each counts for itself
    assert seen[0] == 401 and seen[-1] == 429
    bad = gateway.api("PATCH", f"/plugins/{made['id']}", {"ordering": {"before": {"acces": ["key-auth"]}}})
    assert bad.status == 400 and bad.json["fields"]["ordering"]["before"]["acces"] == "unknown field"


def test_groups_are_told_to_the_upstream(gateway, origin):
    gateway.service("svc", origin)
    gateway.post("/services/svc/plugins", {"name": "key-auth"})
    gateway.post("/consumers", {"username": "tern"})
    gateway.post("/consumers/tern/key-auth", {"key": "k"})
    assert gateway.get("/svc", {"apikey": "k", "X-Consumer-Groups": "forged"}).status == 200
    assert "x-consumer-groups" not in origin.seen[-1]["headers"]
    for name in ("silver", "gold"):
        group = gateway.post("/consumer_groups", {"name": name})
        assert gateway.api("POST", f"/consumer_groups/{group['name']}/consumers", {"consumer": "tern"}).status == 201
    gateway.get("/svc", {"apikey": "k"})
    assert origin.seen[-1]["headers"]["x-consumer-groups"] == "gold, silver"
    for name in ("silver", "gold"):
        gateway.api("DELETE", f"/consumer_groups/{name}")
