"""router_flavor expressions from the Admin API to the upstream (proxy.md R-1.9, R-1.7), and explain (pitfalls A2-5)."""
import json
import subprocess

import kit
import pytest


@pytest.fixture(scope="module")
def shared_gateway(services, folder):
    made = kit.Gateway(services, folder, settings={"router_flavor": "expressions"}).start()
    yield made
    made.stop()


@pytest.fixture
def service(gateway, origin):
    return gateway.post("/services", {"name": "s", "host": kit.LOOPBACK, "port": origin.port, "path": "/base"})


def add(gateway, name, **route):
    return gateway.post("/services/s/routes", {"name": name, **route})


def test_expressions_route_and_strip_what_they_matched(gateway, origin, service):
    add(gateway, "orders", expression='http.path ^= "/orders" && http.method == "GET"')
    add(gateway, "ids", expression='http.path ~ r#"^/ids/[0-9]+"# && any(http.headers.x_plan) == "gold"', priority=5)
    assert gateway.get("/orders/7?a=1").status == 200
    assert origin.seen[-1]["path"] == "/base/7?a=1"
    assert kit.call(gateway.proxy, "POST", "/orders/7").status == 404
    assert gateway.get("/ids/17/x").status == 404
    assert gateway.get("/ids/17/x", [("X-Plan", "iron"), ("X-Plan", "gold")]).status == 200
    assert origin.seen[-1]["path"] == "/base/x"


def test_expressions_see_addresses_and_arguments(gateway, origin, service):
    add(gateway, "near", expression='net.src.ip in 127.0.0.0/8 && net.dst.ip == 127.0.0.1 && http.queries.tier != "free"')
    assert gateway.get("/x?tier=paid").status == 200
    assert gateway.get("/x?tier=free").status == 404
    assert gateway.get("/x").status == 404, "example 58: what is missing never matches"


def test_an_expression_that_changes_or_goes_stops_matching(gateway, origin, service):
    route = add(gateway, "r", expression='http.path == "/one"')
    assert gateway.get("/one").status == 200
    assert gateway.api("PATCH", f"/routes/{route['id']}", {"expression": 'http.path == "/two"'}).status == 200
    assert (gateway.get("/one").status, gateway.get("/two").status) == (404, 200)
    assert gateway.api("DELETE", f"/routes/{route['id']}").status == 204
    assert gateway.get("/two").status == 404


def test_what_does_not_parse_is_refused(gateway, service):
    for expression, says in [('! http.path == "/a"', "expected term"), ("http.path == 5", "Type mismatch"),
                             ('http.path ~ "(?=a)"', "look-around")]:
        answer = gateway.api("POST", "/services/s/routes", {"expression": expression})
        assert answer.status == 400 and f"Router Expression failed validation: " in answer.json["message"], answer
        assert says in answer.json["message"]


def explain(gateway, *words, code=0):
    done = subprocess.run([kit.BUILD / "gatectl", "explain", *words, "--status", f"http://{kit.LOOPBACK}:{gateway.dps[0].status}", "-o", "json"],
                          capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout) if code == 0 else done.stderr


def test_explain_says_who_wins_and_why_the_others_do_not(gateway, origin, service):
    gateway.post("/services/s/plugins", {"name": "key-auth"})
    add(gateway, "expr", expression='http.path ^= "/a/b"')
    add(gateway, "long", paths=["/a/b/c"])
    add(gateway, "posts", paths=["/a"], methods=["POST"])
    add(gateway, "elsewhere", hosts=["other.test"])
    add(gateway, "other-path", paths=["/z"])
    kit.eventually(lambda: explain(gateway, "http://h.test/a/./b/c")["routes_of_other_paths"] == 1)
    said = explain(gateway, "http://h.test/a/./b/c%2fd?x=1")
    assert said["request"]["path"] == "/a/b/c%2Fd"
    assert [(c["route"]["name"], c["matches"]) for c in said["considered"]] == [("expr", True), ("long", True), ("posts", False)]
    assert [c["why"] for c in said["considered"]] == ["wins", "routes with an expression come first", "the method is another"]
    assert (said["routes_of_other_hosts"], said["routes_of_other_paths"]) == (1, 1)
    assert said["route"]["name"] == "expr" and [(p["name"], p["from"]) for p in said["plugins"]] == [("key-auth", "service")]
    assert said["service"]["path"] == "/base/c%2Fd" and said["service"]["query"] == "x=1"
    assert said["service"]["destination"]["port"] == origin.port
    assert not origin.seen, "explaining sends nothing"
    assert explain(gateway, "http://h.test/a", "-X", "POST")["route"]["name"] == "posts"
    assert explain(gateway, "http://x/none", "-H", "Host: other.test")["route"]["name"] == "elsewhere"


def test_explain_names_what_is_wrong_with_the_question(gateway):
    assert "expected http://host/path" in explain(gateway, "ftp://h", code=1)
    assert "answered with 400" in explain(gateway, "http://h/%zz", code=1)
