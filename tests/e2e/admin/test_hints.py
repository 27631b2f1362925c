"""What to do about a refusal (users.md 2.2 and 3: "what was given, what is allowed, and the nearest known name"): a header, because admin-api.md 3.1
allows no other keys in the body."""
import pytest

U0 = "11111111-2222-4333-8444-555555555555"


@pytest.mark.parametrize("method, path, body, hint", [
    ("POST", "/services", {"host": "h", "retires": 3}, "services has no field 'retires'; did you mean 'retries'?"),
    ("POST", "/services", {"host": "h", "ur": "x"}, "services has no field 'ur'; it has id, created_at, updated_at, name, retries, protocol, host, "),
    ("POST", "/services", {"Url": "http://h"}, "services has no field 'Url'; did you mean 'url'?"),
    ("POST", "/upstreams", {"name": "hints.test", "healthchecks": {"active": {"helthy": {}}}},
     "active has no field 'helthy'; did you mean 'healthy'?"),
    ("POST", "/plugins", {"name": "rate-limiting", "config": {"minutes": 5}}, "rate-limiting has no field 'minutes'; did you mean 'minute'?"),
    ("POST", "/schemas/plugins/validate", {"name": "cors", "config": {"orgins": []}}, "cors has no field 'orgins'; did you mean 'origins'?"),
    ("POST", "/routes", {"protocols": ["tcp"], "sources": [{"prot": 5}]}, "cidr_port has no field 'prot'; did you mean 'port'?"),
    ("POST", "/plugins", {"name": "rate-limitng"}, "did you mean 'rate-limiting'? GET /plugins/enabled lists the plugins that there are"),
    ("POST", "/plugins", {"name": "zork"}, "GET /plugins/enabled lists the plugins that there are"),
    ("POST", "/routes", {"paths": ["/a"], "service": {"id": U0}}, "GET /services lists the services that there are"),
    ("POST", "/routes", {"paths": ["/a"], "service": {"name": "none"}}, "GET /services lists the services that there are"),
    ("DELETE", "/services/hinted", None, "remove those routes first, or change what they refer to: GET /services/hinted/routes"),
    ("POST", "/services", {"name": "hinted", "host": "h"}, "PUT or PATCH change the one that is there"),
    ("GET", "/sevices", None, "did you mean /services? GET /endpoints lists all paths"), ("GET", "/zork/x", None, "GET /endpoints lists all paths"),
    ("POST", "/services", {"host": "h", "a\r\nb": 1}, None), ("POST", "/services", {"host": "h", "port": "80"}, None),
    ("GET", "/services", None, None)])
def test_a_refusal_says_what_to_do(admin, method, path, body, hint):
    admin.ask("PUT", "/services/hinted", {"host": "h"})
    admin.ask("PUT", "/services/hinted/routes/hinted", {"paths": ["/a"]})
    answer = admin.ask(method, path, body)
    said = answer.headers.get("x-gatehouse-hint")
    assert said == hint if hint is None or not hint.endswith(", ") else said.startswith(hint)
    assert "hint" not in answer.json


def test_a_wrong_type_and_a_wrong_method_say_which_are_right(admin):
    answer = admin.ask("POST", "/services", raw=b"host=h", type="text/plain")
    assert answer.headers["x-gatehouse-hint"] == "send Content-Type: application/json, application/x-www-form-urlencoded or multipart/form-data"
    answer = admin.ask("DELETE", "/services")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST" and "access-control-allow-methods" not in answer.headers  # RFC 9110 15.5.6
