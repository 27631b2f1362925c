"""entities.md 3 (what is made up), 4.1's url, 5 (where credentials are), 6 (what goes with what, what is unique) and 7 (how paths name things);
1.2 and 1.3 where no field uses a rule. Names of rows: tests/contract_rows.txt."""
import json
import re
import uuid

import pytest

NOBODY = "11111111-2222-4333-8444-555555555555"


def row(name, *values):
    return pytest.param(*values, id=name)


@pytest.fixture(scope="module")
def anna(admin):
    return admin.make("/consumers", {"username": "relations"})


# ---- rules that no entity and no plugin uses

@pytest.mark.parametrize("word", [row("entities 1.2: ne", "ne"), row("entities 1.2: immutable field changed", "immutable"),
                                  row("entities 1.3: mutually_exclusive_sets", "mutually_exclusive_sets"), row("entities 3: ws_id", "ws_id"),
                                  row("entities 3: cache_key", "cache_key")])
def test_no_schema_has_it(admin, word):
    """Should one come to have it, this row needs a test of its own (unit/schema has those of the rules)."""
    kinds = {path.split("/")[1] for path in admin.ask("GET", "/endpoints").json["data"] if "{" in path}
    names = [f"/schemas/{kind.replace('-', '_')}" for kind in kinds] + [f"/schemas/plugins/{name}"
        for name in admin.ask("GET", "/plugins/enabled").json["enabled_plugins"]]
    read = [answer.body.decode() for answer in (admin.ask("GET", name) for name in names) if answer.status == 200]
    assert len(read) > 25 and not [text for text in read if f'"{word}"' in text]


@pytest.mark.parametrize("body, stored", [row("entities 1.2: extra key where only a PK is allowed", {"name": "x", "zork": 1}, True),
                                          row("entities 1.1: foreign", {"protocol": "http", "host": "h"}, True)])
def test_1_6_what_stands_beside_an_id_is_ignored(admin, body, stored):
    service = admin.make("/services", {"host": "h"})
    route = admin.make("/routes", {"paths": ["/a"], "service": {"id": service["id"].upper(), **body}})
    assert (route["service"] == {"id": service["id"]}) is stored


# ---- 3

RANDOM = "entities 3: random strings"


@pytest.mark.parametrize("path, body, field", [row(RANDOM, *rest) for rest in (
    ("/consumers/relations/key-auth", {}, "key"), ("/consumers/relations/hmac-auth", {"username": "~"}, "secret"),
    ("/consumers/relations/jwt", {}, "key"),
    ("/consumers/relations/jwt", {}, "secret"), ("/consumers/relations/oauth2", {"name": "n"}, "client_id"),
    ("/consumers/relations/oauth2", {"name": "n"}, "client_secret"))])
def test_random_strings(admin, anna, path, body, field):
    one, two = (admin.make(path, {key: uuid.uuid4().hex if value == "~" else value for key, value in body.items()}) for _ in range(2))
    assert all(re.fullmatch("[0-9A-Za-z]{32}", made[field]) for made in (one, two)) and one[field] != two[field]
    kept = admin.ask("PATCH", f"{path}/{one['id']}", {"tags": ["a"]}).json
    assert kept[field] == one[field]  # made up on POST and PUT alone
    assert admin.ask("PUT", f"{path}/{one['id']}", body if "~" not in body.values() else {"username": uuid.uuid4().hex}).json[field] != one[field]
    null = admin.make(path, {**{key: uuid.uuid4().hex if value == "~" else value for key, value in body.items()}, field: None})
    assert null[field] is None


@pytest.mark.parametrize("ttl, why", [row("entities 3: ttl", *rest) for rest in (
    (-1, "must be an integer between 0 and 100000000"), (100000001, "must be an integer between 0 and 100000000"),
    (1.5, "must be an integer between 0 and 100000000"), (0, None), (100000000, None))])
def test_ttl(admin, anna, ttl, why):
    if why:
        body = admin.refused(400, "POST", "/consumers/relations/key-auth", {"ttl": ttl})
        assert (body["code"], body["options"], body["message"]) == (11, {"ttl": why}, f"invalid option (ttl: {why})")
    else:
        made = admin.make("/consumers/relations/key-auth", {"ttl": ttl})
        assert made["ttl"] in ((None,) if ttl == 0 else (ttl - 1, ttl))


# ---- 4.1: url

@pytest.mark.parametrize("url, protocol, host, port, path", [row("entities 4.1: url", *rest) for rest in (
    ("http://h.test", "http", "h.test", 80, None), ("https://h.test", "https", "h.test", 443, None), ("tcp://h.test", "tcp", "h.test", 80, None),
    ("grpcs://h.test", "grpcs", "h.test", 80, None),
    ("http://h.test:81/x/y", "http", "h.test", 81, "/x/y"), ("//h.test:443/x", "https", "h.test", 443, "/x"),
    ("//h.test:80", "http", "h.test", 80, None),
    ("//h.test", "http", "h.test", 80, None))])
def test_url(admin, url, protocol, host, port, path):
    made = admin.make("/services", {"url": url, "protocol": "udp", "host": "other.test", "port": 9, "path": "/other"})
    assert (made["protocol"], made["host"], made["port"], made["path"]) == (protocol, host, port, path) and "url" not in made
    if protocol == "http":
        assert admin.ask("PATCH", f"/services/{made['id']}", {"url": "http://g.test"}).json["path"] is None


# ---- 5: where credentials are, and how their paths name them

CREDENTIALS = [("entities 5: keyauth_credentials paths", "key-auths", "key-auth", "key", {}),
               ("entities 5: basicauth_credentials paths", "basic-auths", "basic-auth", "username", {"password": "p"}),
               ("entities 5: hmacauth_credentials paths", "hmac-auths", "hmac-auth", "username", {}),
               ("entities 5: jwt_secrets paths", "jwts", "jwt", "key", {}),
               ("entities 5: acls paths", "acls", "acls", "group", {}), ("entities 5: oauth2_credentials paths", "oauth2", "oauth2", "client_id",
                   {"name": "n"})]


@pytest.mark.parametrize("flat, nested, key, more", [row(*rest) for rest in CREDENTIALS])
def test_where_credentials_are(admin, anna, flat, nested, key, more):
    value = f"where-{flat}"
    made = admin.make(f"/consumers/relations/{nested}", {key: value, **more})
    assert made["consumer"] == {"id": anna["id"]}
    assert admin.ask("GET", f"/consumers/{anna['id']}/{nested}/{value}").json == made
    assert made in [{**listed, "ttl": None} if "ttl" in listed else listed for listed in admin.ask("GET", f"/{flat}?size=1000").json["data"]]
    assert admin.ask("GET", f"/{flat}/{made['id']}/consumer").json["id"] == anna["id"]
    by_key = admin.ask("GET", f"/{flat}/{value}")
    if flat == "acls":  # which have no endpoint key, but a group's name below a consumer
        assert (by_key.status, by_key.json["code"]) == (400, 1)
    else:
        assert by_key.json == made
        assert admin.refused(409, "POST", f"/{flat}", {key: value, "consumer": {"id": anna["id"]}, **more})["fields"] == {key: value}
    assert ("ttl" in made) == (flat == "key-auths") and made["tags"] is None
    assert admin.ask("DELETE", f"/{flat}/{made['id']}").status == 204


@pytest.mark.parametrize("path, status", [row("entities 5: oauth2_authorization_codes paths", "/oauth2_authorization_codes", 404),
                                          row("entities 5: ratelimiting_metrics paths", "/ratelimiting_metrics", 404),
                                          row("entities 5: sessions paths", "/sessions", 404),
                                          row("entities 5: acme_storage paths", "/acme_storage", 404)])
def test_what_has_no_path(admin, path, status):
    """Sessions and acme_storage belong to plugins that are not loaded, the others have none ever."""
    assert not {"session", "acme"} & set(admin.ask("GET", "/plugins/enabled").json["enabled_plugins"])
    assert admin.refused(status, "GET", path) == {"message": "Not found"}
    assert admin.refused(404, "GET", f"/schemas{path}" if "_" not in path
                         or "acme" in path else "/schemas/none")["message"].startswith("No entity named")


@pytest.mark.parametrize("name", [row("entities 5: oauth2_tokens paths", None), row("entities 5: oauth2_tokens fields", None)])
def test_tokens(admin, anna, name):
    credential = admin.make("/consumers/relations/oauth2", {"name": "n"})
    service = admin.make("/services", {"host": "h"})
    made = admin.make(f"/oauth2/{credential['id']}/oauth2_tokens", {"expires_in": 5, "service": {"id": service["id"]}, "ttl": 100})
    assert made["credential"] == {"id": credential["id"]} and made["token_type"] == "bearer" and 90 < made["ttl"] <= 100
    assert re.fullmatch("[0-9A-Za-z]{32}", made["access_token"]) and "tags" not in made
    assert admin.refused(400, "POST", "/oauth2_tokens", {"tags": ["a"], "expires_in": 5,
                                                         "credential": {"id": credential["id"]}})["fields"]["tags"] == "unknown field"
    for path in (f"/oauth2_tokens/{made['access_token']}", f"/services/{service['id']}/oauth2_tokens/{made['id']}",
                 f"/oauth2/{credential['client_id']}/oauth2_tokens/{made['id']}"):
        assert admin.ask("GET", path).json["id"] == made["id"], path
    assert admin.ask("GET", f"/oauth2_tokens/{made['id']}/credential").json["id"] == credential["id"]
    assert admin.ask("GET", f"/oauth2_tokens/{made['id']}/service").json["id"] == service["id"]


def test_5_a_password_is_a_hash_with_its_consumer(admin, anna):
    """entities 5: basicauth_credentials fields"""
    import hashlib
    made = admin.make("/consumers/relations/basic-auth", {"username": "hashed", "password": "pass"})
    assert made["password"] == hashlib.sha1(b"pass" + anna["id"].encode()).hexdigest()
    other = admin.make("/consumers", {"username": "relations-2"})
    body = admin.refused(400, "PATCH", f"/basic-auths/{made['id']}", {"consumer": {"id": other["id"]}})
    assert "all or none of these fields must be set: 'password', 'consumer.id'" in body["message"]
    moved = admin.ask("PATCH", f"/basic-auths/{made['id']}", {"consumer": {"id": other["id"]}, "password": "pass"}).json
    assert moved["password"] == hashlib.sha1(b"pass" + other["id"].encode()).hexdigest()


# ---- 6.1: what goes with what

def service_with_all(admin):
    service = admin.make("/services", {"host": "h"})["id"]
    plugin = admin.make(f"/services/{service}/plugins", {"name": "key-auth"})["id"]
    credential = admin.make("/consumers/relations/oauth2", {"name": "n"})["id"]
    token = admin.make("/oauth2_tokens", {"expires_in": 5, "credential": {"id": credential}, "service": {"id": service}})["id"]
    return f"/services/{service}", [f"/plugins/{plugin}", f"/oauth2_tokens/{token}"], [f"/oauth2/{credential}"]


def route_with_all(admin):
    service = admin.make("/services", {"host": "h"})["id"]
    route = admin.make(f"/services/{service}/routes", {"paths": ["/a"]})["id"]
    return f"/routes/{route}", [f"/plugins/{admin.make(f'/routes/{route}/plugins', {'name': 'key-auth'})['id']}"], [f"/services/{service}"]


def consumer_with_all(admin):
    consumer = admin.make("/consumers", {"username": uuid.uuid4().hex})["id"]
    below = {nested: admin.make(f"/consumers/{consumer}/{nested}", body)["id"] for nested, body in (
        ("key-auth", {}), ("basic-auth", {"username": uuid.uuid4().hex, "password": "p"}), ("hmac-auth", {"username": uuid.uuid4().hex}), ("jwt", {}),
        ("acls", {"group": "g"}), ("oauth2", {"name": "n"}), ("plugins", {"name": "rate-limiting", "config": {"minute": 1}}))}
    token = admin.make("/oauth2_tokens", {"expires_in": 5, "credential": {"id": below["oauth2"]}})["id"]
    flat = {"key-auth": "key-auths", "basic-auth": "basic-auths", "hmac-auth": "hmac-auths", "jwt": "jwts"}
    return f"/consumers/{consumer}", [*(f"/{flat.get(nested, nested)}/{made}" for nested, made in below.items()), f"/oauth2_tokens/{token}"], []


def upstream_with_all(admin):
    upstream = admin.make("/upstreams", {"name": f"{uuid.uuid4().hex}.test"})["id"]
    target = admin.make(f"/upstreams/{upstream}/targets", {"target": "a.test:1"})["id"]
    return f"/upstreams/{upstream}", [f"/upstreams/{upstream}/targets/{target}"], []


def key_set_with_all(admin):
    key_set = admin.make("/key-sets", {})["id"]
    key = admin.make(f"/key-sets/{key_set}/keys", {"kid": "k", "jwk": json.dumps({"kid": "k", "kty": "OKP", "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})})
    return f"/key-sets/{key_set}", [f"/keys/{key['id']}"], []


def oauth2_with_all(admin):
    credential = admin.make("/consumers/relations/oauth2", {"name": "n"})["id"]
    token = admin.make("/oauth2_tokens", {"expires_in": 5, "credential": {"id": credential}})["id"]
    return f"/oauth2/{credential}", [f"/oauth2_tokens/{token}"], ["/consumers/relations"]


def plugin_alone(admin):
    service = admin.make("/services", {"host": "h"})["id"]
    return f"/plugins/{admin.make(f'/services/{service}/plugins', {'name': 'key-auth'})['id']}", [], [f"/services/{service}"]


@pytest.mark.parametrize("make", [row("entities 6.1: service", service_with_all), row("entities 6.1: route", route_with_all),
                                  row("entities 6.1: consumer", consumer_with_all),
                                  row("entities 6.1: upstream", upstream_with_all), row("entities 6.1: key_set", key_set_with_all),
                                  row("entities 6.1: plugin", plugin_alone),
                                  row("entities 6.1: oauth2 credential", oauth2_with_all)])
def test_what_goes_with_it(admin, anna, make):
    path, goes, stays = make(admin)
    assert all(admin.ask("GET", other).status == 200 for other in [*goes, *stays])
    assert admin.ask("DELETE", path).status == 204
    assert [admin.ask("GET", other).status for other in goes] == [404] * len(goes)
    assert [admin.ask("GET", other).status for other in stays] == [200] * len(stays)


@pytest.mark.parametrize("child, body", [
    row("entities 6.1: service", "routes", {"paths": ["/a"], "service": {"id": "$"}}),
    row("entities 6.1: certificate", "services", {"url": "https://h", "client_certificate": {"id": "$"}}),
    row("entities 6.1: certificate", "upstreams", {"name": "refers.test", "client_certificate": {"id": "$"}})])
def test_what_is_referred_to_stays(admin, pem, child, body):
    if child == "routes":
        parent, kind = admin.make("/services", {"host": "h"})["id"], "services"
    else:
        cert, key = pem("referred.test")
        parent, kind = admin.make("/certificates", {"cert": cert, "key": key, "snis": [f"{uuid.uuid4().hex}.test"]})["id"], "certificates"
    made = admin.make(f"/{child}", json.loads(json.dumps(body).replace('"$"', f'"{parent}"')))
    assert admin.refused(400, "DELETE", f"/{kind}/{parent}") == {
        "code": 4, "name": "foreign key violation", "fields": {"@referenced_by": child},
        "message": f"an existing '{child}' entity references this '{kind}' entity"}
    snis = admin.ask("GET", f"/{kind}/{parent}").json.get("snis", [])
    assert len(snis) == (kind == "certificates")  # nothing has gone
    assert admin.ask("DELETE", f"/{child}/{made['id']}").status == admin.ask("DELETE", f"/{kind}/{parent}").status == 204
    assert not [name for name in snis if admin.ask("GET", f"/snis/{name}").status != 404]


@pytest.mark.parametrize("child, body", [row("entities 6.1: ca_certificate", "services", {"url": "https://h", "ca_certificates": ["$"]})])
def test_an_authority_in_use_stays(admin, pem, child, body):
    """admin-api 3.2: 19 | admin-api 10: DELETE referenced CA certificate"""
    ca = admin.make("/ca_certificates", {"cert": pem(f"authority-{uuid.uuid4().hex}")[0]})["id"]
    made = admin.make(f"/{child}", json.loads(json.dumps(body).replace('"$"', f'"{ca}"')))
    answer = admin.refused(400, "DELETE", f"/ca_certificates/{ca}")
    assert (answer["code"], answer["name"]) == (19, "referenced by others")
    assert answer["message"] == f"ca certificate {ca} is still referenced by {child} (id = {made['id']})"
    assert admin.ask("DELETE", f"/{child}/{made['id']}").status == admin.ask("DELETE", f"/ca_certificates/{ca}").status == 204


# ---- 6.3: keys of several fields

def test_6_3_plugins(admin, anna):
    """entities 6.3: plugins"""
    service = admin.make("/services", {"host": "h"})
    body = {"name": "rate-limiting", "config": {"minute": 1}, "service": {"id": service["id"]}, "consumer": {"id": anna["id"]}}
    admin.make("/plugins", body)
    answer = admin.refused(409, "POST", "/plugins", body)
    assert answer["fields"] == {"name": "rate-limiting", "route": None, "service": {"id": service["id"]}, "consumer": {"id": anna["id"]}}
    assert answer["message"] == ("UNIQUE violation detected on '{consumer={id=\"%s\"},name=\"rate-limiting\",route=null,service={id=\"%s\"}}'"
                                 % (anna["id"], service["id"]))
    admin.make("/plugins", {**body, "consumer": None})
    assert admin.refused(409, "POST", "/plugins", {**body, "consumer": None})["code"] == 5


@pytest.mark.parametrize("path, body, fields", [
    row("entities 6.3: targets", "/upstreams/unique.test/targets", {"target": "a.test"}, {"target": "a.test:8000", "upstream": {"id": "$upstream"}}),
    row("entities 6.3: acls", "/consumers/relations/acls", {"group": "unique"}, {"group": "unique", "consumer": {"id": "$consumer"}}),
    row("entities 6.3: keys", "/key-sets/unique/keys", {"kid": "ü", "pem": {"public_key": "{vault://env/x}"}}, {"kid": "ü", "set": {"id": "$set"}}),
    row("entities 4.13: kid", "/keys", {"kid": "alone", "pem": {"public_key": "{vault://env/x}"}}, {"kid": "alone", "set": None})])
def test_composite_keys(admin, anna, path, body, fields):
    known = {"$upstream": admin.ask("PUT", "/upstreams/unique.test", {}).json["id"], "$consumer": anna["id"],
             "$set": admin.ask("PUT", "/key-sets/unique", {}).json["id"]}
    wanted = json.loads(json.dumps(fields), object_hook=lambda o: {key: known.get(value, value) if isinstance(value, str) else value for key,
                                                                   value in o.items()})
    made = admin.make(path, body)
    answer = admin.refused(409, "POST", path, body)
    assert (answer["code"], answer["fields"]) == (5, wanted)
    item = f"{path}/{made['id']}"
    if "targets" not in path:
        assert admin.ask("PUT", item, body).status == 200  # the same entity is no other
    assert admin.ask("DELETE", item).status == 204
    admin.make(path, body)


# ---- 7: how paths name things

@pytest.mark.parametrize("path, code", [
    ("/services/a%2Fb", 10), ("/services/a%20b", 10), ("/ca_certificates/x", 1), ("/acls/x", 1), ("/upstreams/a%20b", 10),
    ("/services/%C3%BC", None)])
def test_7_what_is_no_key(admin, path, code):
    answer = admin.ask("GET", path)
    assert (answer.status, answer.json.get("code")) == ((400, code) if code else (404, None)), answer
    assert ("fields" in answer.json) == (code == 1)


def test_7_a_name_that_looks_like_an_id_is_not_found_by_it(admin):
    name = str(uuid.uuid4())
    made = admin.make("/consumers", {"username": name})
    assert admin.ask("GET", f"/consumers/{name}").status == 404 and admin.ask("GET", f"/consumers/{made['id'].upper()}").json["username"] == name
