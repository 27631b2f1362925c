"""Who is let in and as whom, through the Admin API and a data plane: plugins.md 1 and 2.1, numbers of its appendix B.
What a plugin does in detail stands in its unit tests; here each is configured, written and used once for real."""
import base64
import email.utils
import hashlib
import hmac
import json
import subprocess
import time

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


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(key, secret="osprey-secret-09", algorithm="HS256", **claims):
    text = b64(json.dumps({"typ": "JWT", "alg": algorithm}).encode()) + "." + b64(json.dumps({"iss": key, **claims}).encode())
    return {"Authorization": f"Bearer {text}.{b64(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())}"}


def test_ex37_to_ex46_jwt(gateway, svc):
    plugin(gateway, "jwt", claims_to_verify=["exp"])
    gateway.post("/consumers/tern/jwt", {"key": "gull-key-1", "secret": "osprey-secret-09"})
    later = int(time.time()) + 600
    answer, seen = svc(token("gull-key-1", exp=later))
    assert answer.status == 200 and seen["x-credential-identifier"] == "gull-key-1" and seen["x-consumer-username"] == "tern"
    answer, _ = svc()
    assert (answer.status, answer.body, answer.headers["www-authenticate"]) == (401, b'{"message":"Unauthorized"}', "Bearer")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    for bad, body in ((token("gull-key-1"), {"exp": "must be a number"}), (token("gull-key-1", exp=1), {"exp": "token expired"}),
                      (token("gull-key-1", "no", exp=later), {"message": "Invalid signature"}),
                      (token("nobody", exp=later), {"message": "No credentials found for given 'iss'"}),
                      (token("gull-key-1", algorithm="HS512", exp=later), {"message": "Invalid algorithm"}),
                      (token("gull-key-1", algorithm="none", exp=later), {"message": "Bad token; invalid alg"})):
        answer, _ = svc(bad)
        assert (answer.status, answer.json, answer.headers["www-authenticate"]) == (401, body, 'Bearer error="invalid_token"')


def test_a_changed_secret_counts_from_the_next_request_on(gateway, svc):
    plugin(gateway, "jwt")
    gateway.post("/consumers/tern/jwt", {"key": "k", "secret": "one"})
    assert svc(token("k", "one"))[0].status == 200
    gateway.api("PATCH", "/consumers/tern/jwt/k", {"secret": "two"})
    assert svc(token("k", "one"))[0].status == 401 and svc(token("k", "two"))[0].status == 200
    gateway.api("DELETE", "/consumers/tern/jwt/k")
    assert svc(token("k", "two"))[0].json == {"message": "No credentials found for given 'iss'"}


def test_a_public_key_verifies_what_its_private_key_has_signed(gateway, svc, tmp_path):
    def openssl(*args, data=b""):
        return subprocess.run(["openssl", *args], input=data, check=True, capture_output=True).stdout

    private = tmp_path / "key.pem"
    private.write_bytes(openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"))
    public = openssl("pkey", "-in", private, "-pubout").decode()
    plugin(gateway, "jwt")
    gateway.post("/consumers/tern/jwt", {"key": "rs", "algorithm": "RS256", "rsa_public_key": public})
    text = b64(b'{"alg":"RS256"}') + "." + b64(b'{"iss":"rs"}')
    signature = b64(openssl("dgst", "-sha256", "-sign", private, data=text.encode()))
    answer, seen = svc({"Authorization": f"Bearer {text}.{signature}"})
    assert answer.status == 200 and seen["x-consumer-username"] == "tern"
    assert svc({"Authorization": f"Bearer {text[:-1]}A.{signature}"})[0].status == 401
    # the public key is no secret
    assert svc(token("rs", public))[0].json == {"message": "Invalid algorithm"}


def test_ex65_to_ex68_acl(gateway, svc):
    plugin(gateway, "key-auth", anonymous="guest")
    made = plugin(gateway, "acl", allow=["gold"])
    gateway.post("/consumers/tern/key-auth", {"key": "K-tern-1"})
    assert svc()[0].status == 401  # guest, in no group
    answer, _ = svc({"apikey": "K-tern-1"})
    assert answer.status == 403 and answer.json["message"] == "You cannot consume this service"
    for group in ("gold", "beta"):
        gateway.api("PUT", f"/consumers/tern/acls/{group}", {})
    answer, seen = svc({"apikey": "K-tern-1", "X-Consumer-Groups": "admin"})
    assert answer.status == 200 and seen["x-consumer-groups"] == "beta, gold"
    gateway.api("PATCH", f"/plugins/{made['id']}", {"config": {"allow": None, "deny": ["beta"]}})
    assert svc({"apikey": "K-tern-1"})[0].status == 403
    assert gateway.api("DELETE", "/consumers/tern/acls/beta").status == 204
    assert svc({"apikey": "K-tern-1"})[0].status == 200
    answer = gateway.api("POST", "/services/svc/plugins", {"name": "acl", "config": {"allow": ["a"], "deny": ["b"]}})
    assert answer.status == 400
    assert answer.json["fields"]["@entity"][0] == "exactly one of these fields must be non-empty: 'config.allow', 'config.deny'"


def test_ex77_ip_restriction(gateway, svc):
    made = plugin(gateway, "ip-restriction", deny=["127.0.0.0/8"])
    assert made["protocols"] == ["http", "https", "tcp", "tls", "grpc", "grpcs"]
    answer, _ = svc()
    assert answer.status == 403 and answer.json["message"] == "IP address not allowed: 127.0.0.1"
    gateway.api("PATCH", f"/plugins/{made['id']}", {"config": {"deny": None, "allow": ["127.0.0.1"]}})
    assert svc()[0].status == 200
    gateway.api("PATCH", f"/plugins/{made['id']}", {"config": {"allow": ["10.0.0.0/8"], "status": 451, "message": "no"}})
    answer, _ = svc()
    assert answer.status == 451 and answer.json["message"] == "no"


def test_ex78_bot_detection(gateway, svc):
    made = plugin(gateway, "bot-detection")
    answer, _ = svc({"User-Agent": "Googlebot/2.1 (+http://x)"})
    assert answer.status == 403 and answer.json["message"] == "Forbidden"
    assert svc({"User-Agent": "curl/8.4"})[0].status == 200 and svc()[0].status == 200
    answer, _ = svc([("User-Agent", "a"), ("User-Agent", "b")])
    assert answer.status == 400 and answer.json["message"] == "Only one User-Agent header allowed"
    gateway.api("PATCH", f"/plugins/{made['id']}", {"config": {"allow": ["Googlebot"], "deny": ["^curl"]}})
    assert svc({"User-Agent": "Googlebot/2.1"})[0].status == 200 and svc({"User-Agent": "curl/8.4"})[0].status == 403
