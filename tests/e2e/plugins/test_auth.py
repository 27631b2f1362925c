"""Who is let in and as whom, through the Admin API and a data plane: plugins.md 1 and 2.1, numbers of its appendix B.
What a plugin does in detail stands in its unit tests; here each is configured, written and used once for real."""
import base64
import email.utils
import hashlib
import hmac

import pytest

TERN = "7f3c2b1a-4d5e-4f60-8a7b-9c0d1e2f3a4b"
PIPIT = {"Authorization": "Basic cGlwaXQ6d2FndGFpbDo5OQ=="}  # pipit:wagtail:99


@pytest.fixture
def svc(gateway, origin):
    """A service `svc` at /a, consumers tern and guest; returns a function that asks and gives answer and what the upstream saw."""
    gateway.service("svc", origin, ["/a"], strip_path=False)
    gateway.api("PUT", f"/consumers/{TERN}", {"username": "tern", "custom_id": "c-77"})
    gateway.post("/consumers", {"username": "guest"})

    def ask(headers=(), path="/a", **more):
        before = len(origin.seen)
        answer = gateway.get(path, headers, **more)
        return answer, origin.seen[-1]["headers"] if len(origin.seen) > before else None

    return ask


def plugin(gateway, name, **config):
    return gateway.post("/services/svc/plugins", {"name": name, "config": config})


def test_ex18_to_ex22_basic_auth(gateway, svc):
    made = plugin(gateway, "basic-auth")
    stored = gateway.post("/consumers/tern/basic-auth", {"username": "pipit", "password": "wagtail:99"})
    assert stored["password"] == "2d318aad55a3b9cbf12cb538b4d442c4a878367f"
    answer, _ = svc()
    assert answer.status == 401 and answer.json["message"] == "Unauthorized" and answer.headers["www-authenticate"] == 'Basic realm="service"'
    answer, seen = svc(PIPIT)
    assert answer.status == 200 and seen["x-consumer-username"] == "tern" and seen["x-credential-identifier"] == "pipit"
    gateway.api("PATCH", f"/plugins/{made['id']}", {"config": {"hide_credentials": True}})
    assert "authorization" not in svc(PIPIT)[1]


def test_a_patch_changes_the_password_only_when_it_brings_one(gateway, svc):
    plugin(gateway, "basic-auth")
    stored = gateway.post("/consumers/tern/basic-auth", {"username": "pipit", "password": "wagtail:99"})
    same = gateway.api("PATCH", "/consumers/tern/basic-auth/pipit", {"tags": ["x"]}).json
    assert same["password"] == stored["password"] and svc(PIPIT)[0].status == 200
    moved = gateway.api("PATCH", f"/basic-auths/{stored['id']}", {"consumer": {"username": "guest"}})
    assert moved.status == 400 and "'password', 'consumer.id'" in moved.json["message"]
    gateway.api("PATCH", f"/basic-auths/{stored['id']}", {"consumer": {"username": "guest"}, "password": "wagtail:99"})
    answer, seen = svc(PIPIT)
    assert answer.status == 200 and seen["x-consumer-username"] == "guest"
    gateway.api("PUT", "/consumers/guest/basic-auth/pipit", {"password": "other"})
    assert svc(PIPIT)[0].status == 401


def signed(names, text, secret="Kestrel-77-plum"):
    code = base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()
    return f'hmac username="kestrel", algorithm="hmac-sha256", headers="{names}", signature="{code}"'


def test_ex29_to_ex36_hmac_auth(gateway, svc):
    plugin(gateway, "hmac-auth")
    gateway.post("/consumers/tern/hmac-auth", {"username": "kestrel", "secret": "Kestrel-77-plum"})
    date = email.utils.formatdate(usegmt=True)
    good = signed("date @request-target", f"date: {date}\n@request-target: get /a?limit=5")
    answer, seen = svc({"Date": date, "Authorization": good}, "/a?limit=5")
    assert answer.status == 200 and seen["x-credential-identifier"] == "kestrel" and seen["x-consumer-username"] == "tern"
    answer, _ = svc({"Date": date, "Authorization": good}, "/a?limit=6")
    assert answer.status == 401 and answer.json["message"] == "HMAC signature does not match" and answer.headers["www-authenticate"] == "hmac"
    answer, _ = svc({"Date": date})
    assert answer.status == 401 and answer.json["message"] == "Unauthorized"
