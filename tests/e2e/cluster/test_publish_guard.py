"""publish_guard (issue: nobody's slip empties all gateways; pitfalls.md A1-7): a version that takes most of the routes away is in the
database, and not with the data planes, until it is confirmed or the routes are back."""
import kit
import pytest

ROUTES = 120


def document(origin, routes):
    return {"_format_version": "3.0", "services": [{"name": "s", "host": kit.LOOPBACK, "port": origin.port,
            "routes": [{"name": f"r{i}", "paths": [f"/r{i}-"]} for i in range(routes)]}]}


def statuses(gateway, path):
    return [kit.call(port, "GET", path).status for port in gateway.proxies]


def held(gateway):
    return [problem for problem in gateway.api("GET", "/clustering/overview").json["problems"] if "held back" in problem]


@pytest.fixture
def filled(gateway, origin):
    assert gateway.api("POST", "/config?wait=all", document(origin, ROUTES)).status in (200, 201)
    assert statuses(gateway, "/r99-") == [200, 200] and held(gateway) == []
    yield gateway
    gateway.api("POST", f"/versions/{gateway.api('GET', '/versions?size=1').json['data'][0]['version']}/publish")


def newest(gateway):
    return gateway.api("GET", "/versions?size=1").json["data"][0]["version"]


def test_what_takes_most_routes_away_waits_for_a_word(filled, origin):
    answer = filled.api("POST", "/config", document(origin, 10))
    assert answer.status in (200, 201) and answer.headers["x-gatehouse-applied"] == "0/2", answer
    version = newest(filled)
    assert len(held(filled)) == 1 and f"version {version} is held back" in held(filled)[0] and "10 of 120 routes" in held(filled)[0]
    filled.post("/consumers", {"username": "later"})  # what follows waits as well
    assert statuses(filled, "/r99-") == [200, 200]
    assert filled.api("POST", f"/versions/{version - 1}/publish").status == 404
    assert filled.api("POST", f"/versions/{version}/publish").status == 200
    kit.eventually(lambda: statuses(filled, "/r99-") == [404, 404], what="it is live")
    assert statuses(filled, "/r9-") == [200, 200] and held(filled) == []


def test_when_the_routes_are_back_nothing_is_held(filled, origin):
    before = newest(filled)
    filled.api("POST", "/config", document(origin, 0))
    assert held(filled)
    assert filled.api("POST", f"/versions/{before}/rollback?wait=all&timeout=5s").headers["x-gatehouse-applied"] == "2/2"
    assert held(filled) == [] and statuses(filled, "/r99-") == [200, 200]


def test_less_than_that_is_nobodys_business(filled, origin):
    answer = filled.api("POST", "/config?wait=all", document(origin, ROUTES // 2))
    assert answer.headers["x-gatehouse-applied"] == "2/2" and held(filled) == []
