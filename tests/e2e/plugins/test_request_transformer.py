"""request-transformer through the Admin API and a data plane: plugins.md 4.1, examples 107 to 113."""
import json

import kit
import pytest


@pytest.fixture
def svc(gateway, origin):
    gateway.service("svc", origin, [r"~/u/(?<user>\w+)$", "/"], strip_path=False)
    return gateway, origin


def plugin(gateway, name="request-transformer", **config):
    return gateway.post("/services/svc/plugins", {"name": name, "config": config})


def test_ex107_ex110_headers(svc):
    gateway, _ = svc
    plugin(gateway, remove={"headers": ["x-a", "x-t"]}, rename={"headers": ["x-b:x-c"]}, replace={"headers": ["x-d:4", "x-no:1", "host:other.test"]},
           add={"headers": ["x-e:5", "x-u:$(headers.x_t)"]}, append={"headers": ["x-f:6"]})
    sent = {"x-a": "1", "x-b": "2", "x-d": "3", "x-e": "0", "x-f": "5", "x-t": "hey"}
    seen = gateway.get("/a", sent).json
    assert [v for k, v in seen["pairs"] if k.lower() == "x-f"] == ["5", "6"]
    got = seen["headers"]
    assert not {"x-a", "x-b", "x-no", "x-t"} & got.keys()
    assert (got["x-c"], got["x-d"], got["x-e"], got["x-u"], got["host"]) == ("2", "4", "0", "hey", "other.test")


def test_ex108_ex109_captures_in_query_and_path(svc):
    gateway, origin = svc
    made = plugin(gateway, add={"querystring": ["u:$(uri_captures.user)", "q:$(query_params.z or 'none')"]},
                  replace={"uri": "/v2/$(uri_captures.user)"})
    assert gateway.get("/u/ann").json["path"] == "/v2/ann?u=ann&q=none"
    gateway.api("PATCH", f"/plugins/{made['id']}", {"config": {"replace": {"uri": "/$(10 * uri_captures.user)"}}})
    before = len(origin.seen)
    assert gateway.get("/u/ann").status == 500
    assert len(origin.seen) == before


def test_ex111_ex112_bodies_and_methods(svc):
    gateway, _ = svc
    made = plugin(gateway, add={"body": ["p:1"]})

    def post(body, kind="application/json", path="/a"):
        return kit.call(gateway.proxy, "POST", path, {"Content-Type": kind}, body).json

    assert json.loads(post(b'{"p":9,"e":[]}')["body"]) == {"p": 9, "e": []}
    assert post(b"{}")["body"] == '{"p":"1"}' and post(b'{"p":')["body"] == '{"p":'
    assert post(b"a=1", "application/x-www-form-urlencoded")["body"] == "a=1&p=1"
    gateway.api("PATCH", f"/plugins/{made['id']}", {"config": {"http_method": "GET", "add": {"body": []}}})
    seen = post(b"k=v", "application/x-www-form-urlencoded", "/a?a=1")
    assert (seen["method"], seen["path"], seen["body"]) == ("GET", "/a?a=1&k=v", "k=v")


def test_a_token_that_was_accepted_can_be_passed_on(svc):
    gateway, _ = svc
    plugin(gateway, "jwt")
    plugin(gateway, add={"headers": ["x-token:$(shared.authenticated_jwt_token)"]})
    gateway.post("/consumers", {"username": "tern"})
    gateway.post("/consumers/tern/jwt", {"key": "k", "secret": "osprey-secret-09"})
    import base64
    import hashlib
    import hmac
    parts = b".".join(base64.urlsafe_b64encode(p).rstrip(b"=") for p in (b'{"alg":"HS256"}', b'{"iss":"k"}'))
    token = parts + b"." + base64.urlsafe_b64encode(hmac.digest(b"osprey-secret-09", parts, hashlib.sha256)).rstrip(b"=")
    assert gateway.get("/a", {"Authorization": "Bearer " + token.decode()}).json["headers"]["x-token"] == token.decode()


@pytest.mark.parametrize("body, status", [(b"[" * (1 << 20), 413), (b"[]," * 3_000_000, 413), (b'{"a":"' + b"x" * (9 << 20) + b'"}', 200),
                                          (b" " * (11 << 20), 413)],
                         ids=["deep", "many values", "large", "too large"])
def test_evil_bodies_have_an_answer(svc, body, status):
    gateway, _ = svc
    plugin(gateway, remove={"body": ["secret"]})
    assert kit.call(gateway.proxy, "POST", "/a", {"Content-Type": "application/json"}, body).status == status
    assert gateway.get("/a").status == 200
