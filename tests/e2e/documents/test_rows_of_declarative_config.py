"""declarative-config.md and what admin-api.md says of a node without a database, row by row, on one control plane with database = off. What a
text alone decides is in unit/model/test_document. Names of rows: tests/contract_rows.txt."""
import hashlib
import json
import os
import subprocess

import kit
import pytest

YAML, JSON, FORM = "application/yaml", "application/json", "application/x-www-form-urlencoded"
V3 = '_format_version: "3.0"\n'
U0 = "0fbc9dde-9d3f-4f1f-a9a1-000000000001"
NO_DATABASE = "when not using a database"


def row(name, *values):
    return pytest.param(*values, id=name)


class ControlPlane:
    def __init__(self, process, port):
        self.process, self.port = process, port

    def ask(self, method, path, data=None, kind=JSON):
        body = data if data is None or isinstance(data, bytes) else data.encode() if isinstance(data, str) else json.dumps(data).encode()
        return kit.call(self.port, method, path, {"Content-Type": kind} if body is not None else {}, body, timeout=30)

    def load(self, text, kind=YAML, query=""):
        answer = self.ask("POST", f"/config{query}", text, kind)
        assert answer.status == 201, answer
        return answer.json

    def broken(self, text, query=""):
        answer = self.ask("POST", f"/config{query}", text, JSON if isinstance(text, dict) else YAML)
        assert (answer.status, answer.json["code"], answer.json["name"]) == (400, 14, "invalid declarative configuration"), answer
        return answer.json

    def rows(self, path):
        return self.ask("GET", f"/{path}?size=1000").json["data"]


@pytest.fixture(scope="module")
def cp(folder):
    port = kit.free_port()
    process = kit.Process(folder, "cp", {"role": "control_plane", "database": "off", "cluster_listen": "off", "log_level": "notice",
                                         "admin_listen": f"{kit.LOOPBACK}:{port}", "admin_max_document_size": "11m"}, "gatehouse-cp").start()
    yield ControlPlane(process, port)
    process.stop()


# ---- 1

@pytest.mark.parametrize("document, fields", [row(*rest) for rest in (
    ("declarative-config 1: _format_version", {}, {"_format_version": "required field missing"}),
    ("declarative-config 1: _format_version", "_format_version: 1.1\n", {"_format_version": "expected a string"}),
    ("declarative-config 1: _format_version", {"_format_version": "9.0"}, {"_format_version": "expected one of: 1.1, 2.1, 3.0"}),
    ("declarative-config 1: _transform", V3 + "_transform: yes please\n", {"_transform": "expected a boolean"}),
    ("declarative-config 1: <entity>", V3 + "services: {}\n", {"services": "expected an array"}),
    ("declarative-config 1: <entity>", V3 + "services: [x]\n", {"services": ["expected a record"]}),
    ("declarative-config 1: anything else", V3 + "key-auths: []\ntags: []\n", {"key-auths": "unknown field", "tags": "unknown field"}),
    ("declarative-config 1: anything else", V3 + "_plugin_configs: {}\n", {"_plugin_configs": "unknown field"}))])
def test_1_what_is_refused(cp, document, fields):
    if document == {}:
        assert cp.ask("POST", "/config", {}).json == {"message": "expected a declarative configuration"}
        assert cp.broken("services: []\n")["fields"] == fields
    else:
        assert cp.broken(document)["fields"] == fields


@pytest.mark.parametrize("text", [row(*one) for one in (
    ("declarative-config 1: _format_version", '_format_version: "1.1"\n'), ("declarative-config 1: _format_version", '_format_version: "2.1"\n'),
    ("declarative-config 1: _comment", V3 + "_comment: c\nservices: [{host: h, _comment: d}]\n"),
    ("declarative-config 1: _ignore",
     V3 + "_ignore: [{a: b}]\nservices: [{host: h, _ignore: [1], routes: [{paths: [/a], _ignore: [2], _comment: e}]}]\n"),
    ("declarative-config 1: <entity>", V3 + "workspaces: [{name: default}]\nparameters: [{key: cluster_id, value: x}]\n"))])
def test_1_what_is_taken(cp, text):
    assert not {"workspaces", "parameters"} & set(cp.load(text))


def test_1_transform(cp):
    """declarative-config 1: _transform"""
    text = "consumers:\n- username: u\n  id: %s\n  basicauth_credentials: [{username: n, password: p}]\n" % U0
    made = cp.load(V3 + text)
    assert next(iter(made["basicauth_credentials"].values()))["password"] == "p"  # as written: section 6
    assert cp.rows("basic-auths")[0]["password"] == hashlib.sha1(b"p" + U0.encode()).hexdigest()
    cp.load(V3 + "_transform: false\n" + text)
    assert cp.rows("basic-auths")[0]["password"] == "p"


# ---- 1: version migration

@pytest.mark.parametrize("version, given, stored", [row("declarative-config 1, version migration", *rest) for rest in (
    ("1.1", "/a-b_c~d.e%2F", "/a-b_c~d.e%2F"), ("2.1", "/a/%7Eb/../c", "/a/c"), ("2.1", "/a//b", "/a/b"), ("2.1", "/a[0-9]+$", "~/a[0-9]+$"),
    ("1.1", "/%5e%2d(b)", "~/\\^\\-(b)"),
    ("3.0", "~/a$", "~/a$"), ("3.0", "/a b", "/a b"))])
def test_1_migration(cp, version, given, stored):
    cp.load(json.dumps({"_format_version": version, "routes": [{"paths": [given]}], "services": [{"host": "h", "routes": [{"paths": [given]}]}]}),
            JSON)
    assert [one["paths"] for one in cp.rows("routes")] == [[stored]] * 2


def test_1_migration_of_what_is_no_regex(cp):
    """entities 2: router path"""
    fields = cp.broken({"_format_version": "2.1", "routes": [{"paths": ["/a(b"]}, {"paths": ["a"]}]})["fields"]
    assert fields["routes"][0]["paths"][0].startswith("invalid regex: '/a(b' (PCRE returned: ") and fields["routes"][1]["paths"] == [
        "should start with: / (fixed path) or ~/ (regex path)"]


# ---- 2.1: who stands in whom; the field that the nesting fills

ED = '{"kid":"k","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'
PEM = {"cert": "{vault://env/c}", "key": "{vault://env/k}"}
CREDENTIAL = {"name": "n", "client_id": "i"}
TOKEN, CODE = {"expires_in": 5}, {"code": "c"}
NESTED = [("declarative-config 2.1: services", {"host": "h"}, {"routes": [{"paths": ["/a"]}], "plugins": [{"name": "key-auth"}]}, "service"),
          ("declarative-config 2.1: routes", {"paths": ["/a"]}, {"plugins": [{"name": "key-auth"}]}, "route"),
          ("declarative-config 2.1: consumers", {"username": "u"}, {"plugins": [{"name": "rate-limiting", "config": {"minute": 1}}],
                                                                    "keyauth_credentials": [{"key": "k"}],
                                            "basicauth_credentials": [{"username": "u", "password": "p"}],
                                            "hmacauth_credentials": [{"username": "u"}],
                                            "jwt_secrets": [{"key": "k"}], "acls": [{"group": "g"}], "oauth2_credentials": [CREDENTIAL]}, "consumer"),
          ("declarative-config 2.1: upstreams", {"name": "u"}, {"targets": [{"target": "a:1"}]}, "upstream"),
          ("declarative-config 2.1: certificates", PEM, {"snis": [{"name": "a.test"}]}, "certificate"),
          ("declarative-config 2.1: certificates", PEM, {"services": [{"url": "https://h"}], "upstreams": [{"name": "u"}]}, "client_certificate"),
          ("declarative-config 2.1: key_sets", {"name": "s"}, {"keys": [{"kid": "k", "jwk": ED}]}, "set"),
          ("declarative-config 2.1: oauth2_credentials", {**CREDENTIAL, "consumer": "u"},
           {"oauth2_tokens": [TOKEN], "oauth2_authorization_codes": [CODE]}, "credential"),
          ("declarative-config 2.1: plugins", {"name": "key-auth"}, {"oauth2_authorization_codes": [{**CODE, "credential": "i"}]}, "plugin")]


@pytest.mark.parametrize("parent, body, children, field", [row(rest[0], rest[0].split(": ")[1], *rest[1:]) for rest in NESTED])
def test_2_1_nesting(cp, parent, body, children, field):
    document = {"_format_version": "3.0", "consumers": [{"username": "u"}], parent: [{**body, **children}]}
    if parent == "plugins":
        document["oauth2_credentials"] = [{**CREDENTIAL, "consumer": "u"}]
    made = cp.load(json.dumps(document), JSON)
    owner = next(iter(made[parent]))
    for kind, wanted in children.items():
        got = list(made[kind].values())
        assert [one[field] for one in got] == [{"id": owner}] * len(wanted), kind


@pytest.mark.parametrize("document, fields", [row(*rest) for rest in (
    ("declarative-config 2.1: certificates", {"certificates": [{**PEM, "snis": ["a.test"]}]}, {"certificates": [{"snis": ["expected a record"]}]}),
    ("declarative-config 2.1: services", {"services": [{"host": "h", "targets": []}]}, {"services": [{"targets": "unknown field"}]}),
    ("declarative-config 2.1: consumers", {"consumers": [{"username": "u", "plugins": [{"name": "rate-limiting", "config": {"minute": 1},
        "route": "x"}]}]},
     {"consumers": [{"plugins": [{"route": "value must be null"}]}]}))])
def test_2_1_what_has_no_place(cp, document, fields):
    assert cp.broken({"_format_version": "3.0", **document})["fields"] == fields


def test_2_1_nesting_is_recursive(cp):
    made = cp.load(json.dumps({"_format_version": "3.0", "services": [{"host": "h",
        "routes": [{"paths": ["/a"], "plugins": [{"name": "key-auth"}]}]}]}), JSON)
    assert next(iter(made["plugins"].values()))["route"]["id"] in made["routes"]


def test_codes_of_oauth2(cp):
    """entities 5: oauth2_authorization_codes fields"""
    def of(**code):
        return {"_format_version": "3.0", "consumers": [{"username": "u"}], "oauth2_credentials": [{**CREDENTIAL, "consumer": "u",
            "oauth2_authorization_codes": [code]}]}
    (made,) = cp.load(json.dumps(of(challenge="c", challenge_method="S256", scope="s", authenticated_userid="a")),
                      JSON)["oauth2_authorization_codes"].values()
    assert set(made) == {"id", "created_at", "service", "credential", "code", "authenticated_userid", "scope", "challenge", "challenge_method",
                         "plugin", "ttl"}
    assert len(made["code"]) == 32 and made["service"] is None and made["plugin"] is None and isinstance(made["created_at"], int)
    faults = cp.broken(of(challenge_method="plain", tags=["a"]))["fields"]["oauth2_credentials"][0]["oauth2_authorization_codes"][0]
    assert faults == {"challenge_method": "expected one of: S256", "tags": "unknown field"}


# ---- 3: ids

def v5(name_space, name):
    import uuid
    return str(uuid.uuid5(uuid.UUID(str(name_space)), name))


def derived(table, key):
    return v5(v5("fd02801f-0957-4a15-a55a-c8d9606f30b5", table), key)


IDS = [("declarative-config 3: services, routes, upstreams, snis, key_sets",
        {"services": [{"name": "s", "host": "h"}], "routes": [{"name": "r", "paths": ["/a"]}], "upstreams": [{"name": "u"}],
                                                         "certificates": [{**PEM, "snis": [{"name": "a.test"}]}], "key_sets": [{"name": "k"}]},
        [("services", "s"), ("routes", "r"), ("upstreams", "u"), ("snis", "a.test"), ("key_sets", "k")]),
       ("declarative-config 3: consumers", {"consumers": [{"username": "c", "custom_id": "x"}]}, [("consumers", "c")]),
       ("declarative-config 3: plugins", {"services": [{"name": "s", "host": "h", "plugins": [{"name": "key-auth"}]}],
                                          "plugins": [{"name": "cors", "service": "s"}, {"name": "key-auth"}]},
        [("plugins", "plugins:*:key-auth::%s:" % derived("services", "s")), ("plugins", "plugins:*:cors::s:"), ("plugins", "plugins:*:key-auth:::")]),
       ("declarative-config 3: targets", {"upstreams": [{"name": "u", "targets": [{"target": "A.test"}]}]},
        [("targets", "targets:*:%s:A.test" % derived("upstreams", "u"))]),
       ("declarative-config 3: acls", {"consumers": [{"username": "c", "acls": [{"group": "g"}]}]},
        [("acls", "acls:*:%s:g" % derived("consumers", "c"))]),
       ("declarative-config 3: basicauth_credentials, hmacauth_credentials",
        {"consumers": [{"username": "c", "basicauth_credentials": [{"username": "b", "password": "p"}],
                                                                       "hmacauth_credentials": [{"username": "h"}]}]},
        [("basicauth_credentials", "basicauth_credentials:*:b"), ("hmacauth_credentials", "hmacauth_credentials:*:h")]),
       ("declarative-config 3: vaults", {"vaults": [{"name": "env", "prefix": "abc"}]}, [("vaults", "vaults:*:abc")]),
       ("declarative-config 3: keys", {"key_sets": [{"name": "s", "keys": [{"kid": "k", "jwk": ED}]}], "keys": [{"kid": "k", "jwk": ED}]},
        [("keys", "keys:*:k:%s" % derived("key_sets", "s")), ("keys", "keys:*:k:")])]


@pytest.mark.parametrize("document, wanted", [row(*rest) for rest in IDS])
def test_3_ids_that_follow_from_names(cp, document, wanted):
    made = cp.load(json.dumps({"_format_version": "3.0", **document}), JSON)
    for table, key in wanted:
        assert derived(table, key) in made[table], (table, key)


def test_3_random_ids(cp):
    """declarative-config 3: keyauth_credentials, jwt_secrets, oauth2_* (auto keys), certificates, ca_certificates, unnamed services/routes"""
    document = json.dumps({"_format_version": "3.0", "services": [{"host": "h", "routes": [{"paths": ["/a"]}], "plugins": [{"name": "key-auth"}]}],
                           "certificates": [PEM],
                           "consumers": [{"custom_id": "c"}, {"username": "u", "keyauth_credentials": [{"key": "k"}], "jwt_secrets": [{"key": "k"}],
                                                              "oauth2_credentials": [CREDENTIAL]}]})
    one, two = ({(kind, made) for kind, of_kind in cp.load(document, JSON).items() for made in of_kind} for _ in range(2))
    assert one & two == {("consumers", derived("consumers", "u"))} and len(one) == len(two)


@pytest.mark.parametrize("kind, wanted", [row(*one) for one in (
    ("declarative-config 3: services my-service", "services", "0855b320-0dd2-547d-891d-601e9b38647f"),
    ("declarative-config 3: routes my-route", "routes", "481a9539-f49c-51b6-b2e2-fe99ee68866c"),
    ("declarative-config 3: consumers my-user", "consumers", "4b1b701d-de2b-5588-9aa2-3b97061d9f52"),
    ("declarative-config 3: plugin key-auth nested in my-service", "plugins", "4a4d9361-8cf7-5304-acb5-d4e8f72ac40b"),
    ("declarative-config 3: upstreams foo", "upstreams", "fd56258d-1040-5e29-a78a-8f4d9082ec6f"),
    ("declarative-config 3: target 10.20.30.40 nested in foo", "targets", "dbb34508-ad95-5930-9d3c-3832ae0117c3"))])
def test_3_vectors(cp, kind, wanted):
    made = cp.load(V3 + "services: [{name: my-service, host: h, routes: [{name: my-route, paths: [/x]}], plugins: [{name: key-auth}]}]\nconsumers: [{username: my-user}]\n"
                   "upstreams: [{name: foo, targets: [{target: 10.20.30.40}]}]\n")
    assert list(made[kind]) == [wanted]


# ---- 4 and 5

TAKEN = "uniqueness violation: '{}' entity with {} set to '{}' already declared"


@pytest.mark.parametrize("document, fields", [row(*rest) for rest in (
    ("declarative-config 4: primary key", {"services": [{"id": U0, "host": "h"}, {"id": U0, "host": "h"}]},
     {"services": [None, TAKEN.format("services", "primary key", U0)]}),
    ("declarative-config 4: primary key", {"plugins": [{"name": "key-auth"}, {"name": "key-auth"}]},
     {"plugins": [None, TAKEN.format("plugins", "primary key", derived("plugins", "plugins:*:key-auth:::"))]}),
    ("declarative-config 4: endpoint key", {"services": [{"name": "foo", "host": "h", "id": U0}, {"name": "foo", "host": "h"}]},
     {"services": [None, TAKEN.format("services", "name", "foo")]}),
    ("declarative-config 4: other unique field", {"consumers": [{"username": "a", "custom_id": "x"}, {"username": "b", "custom_id": "x"}]},
     {"consumers": {"b": TAKEN.format("consumers", "custom_id", "x")}}))])
def test_4_uniqueness(cp, document, fields):
    assert cp.broken({"_format_version": "3.0", **document})["fields"] == fields


FAULTY = {"_format_version": "3.0", "abnormal_extra_field": 1, "services": [
    {"name": "bad", "id": U0, "port": 99999, "tags": ["k8s"], "routes": [{"name": "rr", "paths": ["/ok", "x"], "protocols": ["http", "zork"]}]},
    {"name": "good", "host": "h"}],
    "upstreams": [{"name": "u", "healthchecks": {"active": {"concurrency": -10}}}], "consumers": [{"tags": ["a"], "acls": [{"group": 5}]}],
    "plugins": [{"id": U0, "name": "key-auth", "service": {"id": U0, "more": 1}, "config": {"key_names": "x"}}],
    "routes": [{"name": "lost", "paths": ["/a"], "service": "nowhere"}]}


def field(name, message):
    return {"type": "field", "field": name, "message": message}


@pytest.mark.parametrize("kind, part", [row(*one) for one in (
    ("declarative-config 5.3: entity_type", "upstream", {"entity_type": "upstream",
                                                         "errors": [field("healthchecks.active.concurrency",
                                                             "value should be between 1 and 2147483648")]}),
    ("declarative-config 5.3: entity_name", "service", {"entity_name": "bad"}),
    ("declarative-config 5.3: entity_name", "consumer", {"entity_name": None}), ("declarative-config 5.3: entity_id", "service", {"entity_id": U0}),
    ("declarative-config 5.3: entity_id", "upstream", {"entity_id": None}), ("declarative-config 5.3: entity_tags", "service",
        {"entity_tags": ["k8s"]}), ("declarative-config 5.3: entity_tags", "upstream", {"entity_tags": None}),
    ("declarative-config 5.3: entity", "service", {"entity": {"name": "bad", "id": U0, "port": 99999, "tags": ["k8s"]}}),
    ("declarative-config 5.3: entity", "plugin", {"entity": {"id": U0, "name": "key-auth", "service": {"id": U0}, "config": {"key_names": "x"}}}),
    ("declarative-config 5.3: errors", "service", {"errors": [field("host", "required field missing"),
                                                              field("port", "value should be between 0 and 65535")]}),
    ("declarative-config 5.3: errors", "consumer", {"errors": [{"type": "entity",
                                                                "message": "at least one of these fields must be non-empty: 'custom_id', 'username'"}]}),
    ("declarative-config 5.3: errors", "plugin", {"errors": [field("config.key_names", "expected an array")]}),
    ("declarative-config 5.3: errors", "acl", {"errors": [field("group", "expected a string")]}))])
def test_5_3_flattened(cp, kind, part):
    answer = cp.broken(FAULTY, "?flatten_errors=1")  # admin-api 3.2: 14
    assert answer["fields"] == {"abnormal_extra_field": "unknown field"}
    assert answer["message"] == 'declarative config is invalid: {abnormal_extra_field="unknown field"}'
    got = {one["entity_type"]: one for one in answer["flattened_errors"] if one.get("entity_name") != "lost"}
    assert set(got) == {"service", "route", "upstream", "consumer", "acl", "plugin"} and len(answer["flattened_errors"]) == 7
    assert {key: sorted(value, key=str) if key == "errors" else value for key, value in got[kind].items() if key in part} == {
        key: sorted(value, key=str) if key == "errors" else value for key, value in part.items() if value is not None}


def test_5_3_positions_and_references(cp):
    """declarative-config 5.3: errors | admin-api 10: flatten_errors"""
    answer = cp.broken(FAULTY, "?flatten_errors=yes")["flattened_errors"]
    routes = {one["entity_name"]: one for one in answer if one["entity_type"] == "route"}
    assert {error["field"]: error["message"] for error in routes["rr"]["errors"]} == {
        "paths.2": "should start with: / (fixed path) or ~/ (regex path)",
        "protocols.2": "expected one of: grpc, grpcs, http, https, tcp, tls, tls_passthrough, udp"}
    assert routes["rr"]["entity"]["service"] == {"id": U0}
    assert routes["lost"]["errors"] == [field("service", "invalid reference 'service: nowhere' (no such entry in 'services')")]
    for truthy in ("true", "ON", "Yes"):
        assert "flattened_errors" in cp.broken(FAULTY, f"?flatten_errors={truthy}")
    assert "flattened_errors" not in cp.broken(FAULTY, "?flatten_errors=0") and "flattened_errors" in cp.broken({**FAULTY, "flatten_errors": True})
    assert cp.broken("a: [", "?flatten_errors=1")["flattened_errors"] == []


# ---- 6: inputs, statuses, hash

TEXT = V3 + "consumers: [{username: u}]\n"
MULTIPART = f'--x\r\nContent-Disposition: form-data; name="config"; filename="kong.yml"\r\n\r\n{TEXT}\r\n--x--\r\n'


@pytest.mark.parametrize("body, kind, hashed", [row(*rest) for rest in (
    ("declarative-config 6 POST /config: JSON object with _format_version", json.dumps({"_format_version": "3.0", "consumers": [{"username": "u"}]}),
     JSON, False),
    ("declarative-config 6 POST /config: JSON object with config = text", json.dumps({"config": TEXT}), JSON, True),
    ("declarative-config 6 POST /config: urlencoded / multipart member config", "config=" + kit.urllib.parse.quote(TEXT), FORM, True),
    ("declarative-config 6 POST /config: urlencoded / multipart member config", MULTIPART, "multipart/form-data; boundary=x", True),
    ("declarative-config 6 POST /config: raw YAML", TEXT, YAML, True), ("declarative-config 6 POST /config: raw YAML", TEXT, "text/yaml", True))])
def test_6_inputs(cp, body, kind, hashed):
    cp.load(V3)
    assert list(cp.load(body, kind)) == ["consumers"]
    found = cp.ask("GET", "/status").json["configuration_hash"]
    assert len(found) == 32 and (found == hashlib.md5(TEXT.encode()).hexdigest()) is hashed
    again = cp.ask("POST", "/config?check_hash=1", body, kind)  # declarative-config 6 POST /config: 304
    assert (again.status, again.body) == (304, b"") if hashed else again.status in (201, 304)
    assert cp.ask("POST", "/config?check_hash=true", body, kind).status == 201  # only the value 1


@pytest.mark.parametrize("body, kind, status, answer", [row(*rest) for rest in (
    ("declarative-config 6 POST /config: 400", None, None, 400, {"message": "expected a declarative configuration"}),
    ("declarative-config 6 POST /config: 400", "{}", JSON, 400, {"message": "expected a declarative configuration"}),
    ("declarative-config 6 POST /config: 400", "x=1", FORM, 400, {"message": "expected a declarative configuration"}))])
def test_6_no_input(cp, body, kind, status, answer):
    got = cp.ask("POST", "/config", body, kind)
    assert (got.status, got.json) == (status, answer)


@pytest.mark.parametrize("body, kind, error", [row("declarative-config 6 POST /config: 400", *rest) for rest in (
    ("a: [", YAML, "failed parsing declarative configuration: line "), ("- a\n", YAML,
        "failed parsing declarative configuration: expected an object"), ("x", YAML, "failed parsing declarative configuration: expected an object"),
    ('{"config":"[1]"}', JSON, "failed parsing declarative configuration: expected an object"))])
def test_6_what_is_no_document(cp, body, kind, error):
    cp.load(TEXT)
    answer = cp.ask("POST", "/config", body, kind)
    assert (answer.status, answer.json["code"]) == (400, 14) and answer.json["fields"]["error"].startswith(error), answer
    assert [one["username"] for one in cp.rows("consumers")] == ["u"]  # as before


def test_6_201(cp):
    """declarative-config 6 POST /config: 201"""
    made = cp.load(V3 + "services: [{name: s, host: h, routes: [{name: r, paths: [/a]}]}]\n")
    assert set(made) == {"services", "routes"} and "ws_id" not in json.dumps(made)
    (service,) = made["services"].values()
    assert service == cp.ask("GET", "/services/s").json and service["retries"] == 5


def test_6_413(cp):
    """declarative-config 6 POST /config: 413"""
    whole, most = TEXT.encode() + b"#", 11 * 1024 * 1024
    assert cp.ask("POST", "/config", whole.ljust(most, b"-"), YAML).status == 201  # more than any other body may have
    assert cp.ask("POST", "/config", whole.ljust(most + 1, b"-"), YAML).status == 413
    assert [one["username"] for one in cp.rows("consumers")] == ["u"]


def test_6_empty(cp):
    """admin-api 8.2: DB-less | admin-api 10: /status in DB-less has database"""
    cp.load(V3)
    status = cp.ask("GET", "/status").json
    assert status["configuration_hash"] == "0" * 32 and "database" not in status


def test_7_3_an_export_is_flat_and_whole(cp):
    """declarative-config 7.3"""
    cp.load(V3 + "services: [{name: s, host: h, plugins: [{name: key-auth}], routes: [{name: r, paths: [/a]}]}]\nconsumers: [{username: u, keyauth_credentials: [{key: k, ttl: 4000000000}]}]\n"
            "vaults: [{name: env, prefix: abc}]\n")
    text = cp.ask("GET", "/config").json["config"]
    assert text.startswith("_format_version: '3.0'\n_transform: false\n") and "  client_certificate: ~\n" in text and "  ttl: 4000000000\n" in text
    before = {kind: cp.rows(kind) for kind in ("services", "routes", "plugins", "consumers", "key-auths", "vaults")}
    assert f"  service: {before['services'][0]['id']}\n" in text and "workspaces" not in text
    cp.load(text)
    after = {kind: cp.rows(kind) for kind in before}
    assert {kind: [{**one, "ttl": None} for one in rows] for kind, rows in after.items()} == {kind: [{**one, "ttl": None} for one in rows] for kind,
        rows in before.items()}
    assert cp.ask("GET", "/config").json["config"] == text


# ---- admin-api 9.1: writes

@pytest.fixture(scope="module")
def lesson(cp):
    text = V3 + ("services: [{name: my-service, host: h, routes: [{name: my-route, paths: [/x]}]}]\nconsumers: [{username: my-user, keyauth_credentials: [{key: k}]}]\n"
                 "upstreams: [{name: foo, targets: [{target: 10.20.30.40}]}]\n")
    return lambda: cp.load(text)


S = "/services/0855b320-0dd2-547d-891d-601e9b38647f"
BY = f"by 'name' {NO_DATABASE}"


@pytest.mark.parametrize("method, path, body, status, message", [row(*rest) for rest in (
    ("admin-api 9.1: POST", "POST", "/routes", {"paths": ["/a"]}, 405, f"cannot create 'routes' entities {NO_DATABASE}"),
    ("admin-api 9.1: POST", "POST", "/services/my-service/routes", {"paths": ["/a"]}, 405, f"cannot create 'routes' entities {NO_DATABASE}"),
    ("admin-api 9.1: POST", "POST", "/consumers/my-user/key-auth", {}, 405, f"cannot create 'keyauth_credentials' entities {NO_DATABASE}"),
    ("admin-api 9.1: POST", "POST", "/upstreams/foo/targets", {"target": "a:1"}, 405, f"cannot create 'targets' entities {NO_DATABASE}"),
    ("admin-api 9.1: POST", "POST", "/routes", {"zork": 1, "paths": ["/a"]}, 400, "schema violation (zork: unknown field)"),
    ("admin-api 9.1: POST", "POST", "/services/none/routes", {"paths": ["/a"]}, 404, "Not found"),
    ("admin-api 9.1: PUT by id / by key", "PUT", f"/services/{U0}", {"host": "h"}, 405, f"cannot create or update 'services' entities {NO_DATABASE}"),
    ("admin-api 9.1: PUT by id / by key", "PUT", S, {"host": "h"}, 405, f"cannot create or update 'services' entities {NO_DATABASE}"),
    ("admin-api 9.1: PUT by id / by key", "PUT", "/services/abc", {"host": "h"}, 405, f"cannot create or update 'services' entities {BY}"),
    ("admin-api 9.1: PUT by id / by key", "PUT", "/services/abc", {}, 400, "schema violation (host: required field missing)"),
    ("admin-api 9.1: PATCH existing by id / key", "PATCH", S, {"host": "g"}, 405, f"cannot update 'services' entities {NO_DATABASE}"),
    ("admin-api 9.1: PATCH existing by id / key", "PATCH", "/services/my-service", {"host": "g"}, 405, f"cannot update 'services' entities {BY}"),
    ("admin-api 9.1: PATCH existing by id / key", "PATCH", "/services/my-service", {"port": -1}, 400,
     "schema violation (port: value should be between 0 and 65535)"),
    ("admin-api 9.1: PATCH missing", "PATCH", "/services/none", {"host": "g"}, 404, "could not find the entity with '{name=\"none\"}'"),
    ("admin-api 9.1: PATCH missing", "PATCH", f"/services/{U0}", {"host": "g"}, 404, f"could not find the entity with primary key '{{id=\"{U0}\"}}'"),
    ("admin-api 9.1: DELETE existing by id / key", "DELETE", S, None, 405, f"cannot remove 'services' entities {NO_DATABASE}"),
    ("admin-api 9.1: DELETE existing by id / key", "DELETE", "/services/my-service", None, 405, f"cannot remove 'services' entities {BY}"),
    ("admin-api 9.1: DELETE missing", "DELETE", "/services/none", None, 204, None),
    ("admin-api 9.1: DELETE missing", "DELETE", f"/services/{U0}", None, 204, None),
    ("admin-api 9.1: DELETE missing", "DELETE", "/consumers/my-user/key-auth/none", None, 404, "Not found"))])
def test_9_1_writes(cp, lesson, method, path, body, status, message):
    lesson()
    answer = cp.ask(method, path, body)
    assert answer.status == status, answer
    assert (answer.json["message"] if answer.body else None) == message
    assert status != 405 or (answer.json["code"], answer.json["name"]) == (12, "operation unsupported")
    assert cp.ask("GET", S).json["host"] == "h"


def test_9_1_what_keeps_working(cp, lesson):
    """admin-api 3.2: 12"""
    lesson()
    assert cp.ask("POST", "/schemas/services/validate", {"host": "h"}).status == 200
    assert cp.ask("DELETE", "/cache").status == 204 and cp.ask("GET", "/cache/x").status == 404
    assert cp.ask("PUT", "/debug/node/log-level/info").json == {"message": "cannot change log level when not using a database"}
    assert cp.ask("GET", "/upstreams/foo/health").json["data"][0]["target"] == "10.20.30.40:8000"


def test_5_offsets_without_a_database(cp):
    """admin-api 5: DB-less offset | admin-api 5: extra page"""
    cp.load(json.dumps({"_format_version": "3.0", "consumers": [{"username": f"u{i}", "tags": ["a", "b"] if i % 2 else ["a"]} for i in range(6)]}),
            JSON)
    seen, path, pages = [], "/consumers?size=2", 0
    while path:
        page = cp.ask("GET", path).json
        seen, path, pages = seen + page["data"], page["next"], pages + 1
        assert ("offset" in page) is (path is not None)
    assert pages == 3 and [one["id"] for one in seen] == sorted(one["id"] for one in seen) and len(seen) == 6
    assert len(cp.ask("GET", "/consumers?tags=a,b").json["data"]) == 3 and len(cp.ask("GET", "/consumers?tags=b/c").json["data"]) == 3
    assert cp.ask("GET", "/consumers?offset=x").json["message"] == "'x' is not a valid offset: bad base64 encoding"
    assert len(cp.ask("GET", "/tags/b").json["data"]) == 3


def test_11_1_ingress_controller(cp):
    """admin-api 11.1: Ingress controller | admin-api 11.1: go-kong 4"""
    root = cp.ask("GET", "/").json
    assert root["version"] and root["node_id"] and (root["configuration"]["database"], root["configuration"]["router_flavor"]) == ("off",
        "traditional_compatible")
    document = {"_format_version": "3.0", "services": [{"name": "s", "id": U0, "host": "h", "tags": ["k8s-name:s"],
                                                        "routes": [{"name": "r", "paths": ["/a"]}]}]}
    assert cp.ask("POST", "/config?check_hash=1&flatten_errors=1", document).status == 201
    assert len(cp.ask("GET", "/status").json["configuration_hash"]) == 32
    document["services"][0]["routes"][0]["paths"] = ["x"]
    (error,) = cp.broken(document, "?check_hash=1&flatten_errors=1")["flattened_errors"]
    assert (error["entity_type"], error["entity_name"], error["errors"][0]["field"]) == ("route", "r", "paths.1")
    assert isinstance(cp.ask("GET", "/config").json["config"], str)
    for kind, body in (("plugins", {"name": "key-auth"}), ("routes", {"paths": ["/a"]}), ("vaults", {"name": "env", "prefix": "abc"})):
        assert cp.ask("POST", f"/schemas/{kind}/validate", body).status == 200
    assert cp.ask("GET", "/schemas/plugins/cors").status == 200


# ---- 7 and 10: files

@pytest.fixture(scope="module")
def parse(folder):
    conf = folder / "files.conf"

    def run(text, code=0, env=None, **settings):
        file = folder / "kong.yml"
        file.write_text(text)
        conf.write_text("".join(f"{key} = {value}\n" for key, value in {"prefix": folder / "files", "database": "off", **settings}.items()))
        done = subprocess.run([kit.BUILD / "gatectl", "config", "parse", file, "--conf", conf], capture_output=True, text=True,
                              env={**os.environ, **(env or {})}, timeout=60)
        assert done.returncode == code, done
        return done.stdout + done.stderr
    return run


@pytest.mark.parametrize("text, code, said, settings", [row(*rest) for rest in (
    ("declarative-config 10: syntax",
     "services: [{host: '${ROW_HOST}', port: 80, tags: ['$${ROW_HOST}', '$ROW_NONE', '$(x)', '${ROW_NONE:-d}', '${ROW_EMPTY:-e}', '${{ x }}']}]\n", 0,
     "parse successful", {}),
    ("declarative-config 10: where",
     "_comment: ${ROW_NONE}\nservices: [{host: h, tags: ['a-${ROW_HOST}-${ROW_HOST}'], _ignore: ['${ROW_NONE}']}] # ${ROW_NONE}\n", 0,
     "parse successful", {}),
    ("declarative-config 10: typing", "services:\n- host: h\n  port: ${ROW_PORT}\n", 0, "parse successful", {}),
    ("declarative-config 10: typing", "services: [{host: h, port: '${ROW_PORT}'}]\n", 1, "in 'port': expected an integer", {}),
    ("declarative-config 10: unset without default", "services:\n- host: h\n  tags: [a, '${ROW_NONE}']\n", 1,
     "kong.yml: line 4: services[1].tags[2]: the environment variable ROW_NONE is not set; ${ROW_NONE:-text} gives a default", {}),
    ("declarative-config 10: switch", "services: [{host: h, tags: ['${ROW_NONE}']}]\n", 0, "parse successful", {"declarative_config_env": "off"}),
    ("declarative-config 10: order", "routes: [{paths: ['${ROW_PATH}']}]\n", 0, "parse successful", {}),
    ("declarative-config 10: order", "certificates: [{cert: '${ROW_VAULT}', key: '${ROW_VAULT}'}]\n", 0, "parse successful", {}),
    ("declarative-config 10: scope", "services: [{host: '${ROW_HOST}/x'}]\n", 1, "in 'host': invalid value: h.test/x", {}))])
def test_10_expansion(parse, text, code, said, settings):
    environment = {"ROW_HOST": "h.test", "ROW_PORT": "81", "ROW_EMPTY": "", "ROW_PATH": "~/a$", "ROW_VAULT": "{vault://env/x}"}
    assert said in parse(V3 + text, code, environment, **settings)


@pytest.mark.parametrize("kind", [row("declarative-config 10: scope", JSON), row("declarative-config 10: scope", YAML)])
def test_10_not_what_is_posted(cp, kind):
    document = {"_format_version": "3.0", "consumers": [{"username": "${HOME}"}]}
    cp.load(json.dumps(document), kind)
    assert cp.rows("consumers")[0]["username"] == "${HOME}"


FAILED = "Router Expression failed validation: "
FIELDS = "'methods', 'hosts', 'paths', 'headers', 'snis', 'sources' or 'destinations' simultaneously"


@pytest.mark.parametrize("flavor, route, said", [row(*rest) for rest in (
    ("entities 4.2: expression", "expressions", {"expression": 'http.path ^= "/a"', "priority": 5}, "parse successful"),
    ("entities 4.2: expression", "traditional_compatible", {"expression": 'http.path ^= "/a"'}, "in 'expression': unknown field"),
    ("entities 4.2: expression", "expressions", {}, "'paths', 'snis', 'expression' when 'protocols' is 'https'"),
    ("entities 4.2: expression", "expressions", {"expression": 'http.path ^= "/a"', "paths": ["/a"]},
     f"{FAILED}cannot set 'expression' with {FIELDS}"),
    ("entities 4.2: expression", "expressions", {"expression": 'http.path ^= "/a"', "regex_priority": 1},
     f"{FAILED}cannot set 'regex_priority' with 'expression' simultaneously"),
    ("entities 4.2: expression", "expressions", {"expression": "http.path ^="}, FAILED),
    ("entities 4.2: expression", "expressions", {"expression": 'http.path.segments.x == "a"'}, f"{FAILED}illformed http.path.segments.* field"),
    ("entities 4.2: priority", "expressions", {"paths": ["/a"], "priority": 1}, f"{FAILED}cannot set 'priority' with {FIELDS}"),
    ("entities 4.2: priority", "expressions", {"expression": 'http.path ^= "/a"', "priority": 2 ** 46},
     "in 'priority': value should be between 0 and 70368744177663"),
    ("entities 4.2: priority", "traditional_compatible", {"paths": ["/a"], "priority": 1}, "in 'priority': unknown field"),
    ("entities 4.2: path_handling", "traditional", {"paths": ["/a"], "path_handling": "v1"}, "parse successful"))])
def test_4_2_by_the_router_flavor(parse, flavor, route, said):
    assert said in parse(json.dumps({"_format_version": "3.0", "routes": [route]}), said != "parse successful", router_flavor=flavor)


@pytest.mark.parametrize("text, code, said", [row("declarative-config 7: parse <file>", *rest) for rest in (
    ("services: [{host: h}]\n", 0, "parse successful\n"), ("services: [{host: 5}]\n", 1, "Error: Failed parsing:\n"),
    ("services: [{name: a, host: 5}]\n", 1, "  - in entry 1 of 'services' \"a\":\n    in 'host': expected a string (line 2)"),
    ("services: [{host: 5}]\n", 1, "\n\n  Run with --v (verbose) or --vv (debug) for more details"))])
def test_7_parse(parse, text, code, said):
    assert said in parse(V3 + text, code)


@pytest.mark.parametrize("text, code", [row(*rest) for rest in (
    ("declarative-config 9: _info.select_tags", "_info: {select_tags: [a]}\n", 0),
    ("declarative-config 9: _info.default_lookup_tags", "_info: {default_lookup_tags: {services: [a]}}\n", 0),
    ("declarative-config 9: _info.defaults", "_info: {defaults: {service: {retries: 1}}}\n", 0),
    ("declarative-config 9: _workspace, _konnect", "_workspace: default\n_konnect: {control_plane_name: x}\n", 0),
    ("declarative-config 9: _workspace, _konnect", "_workspace: team\n", 1),
    ("declarative-config 9: _plugin_configs + plugin _config: name", "_plugin_configs: {x: {minute: 1}}\n", 1),
    ("declarative-config 9: _plugin_configs + plugin _config: name", "plugins: [{name: key-auth, _config: x}]\n", 1),
    ("declarative-config 9: ${{ env DECK_NAME }}", "services: [{host: h, tags: ['${{ env \"DECK_X\" }}']}]\n", 0),
    ("declarative-config 9: references", "services: [{name: s, host: h}]\nroutes: [{paths: [/a], service: s}]\n", 0),
    ("declarative-config 9: consumers",
     "consumers: [{username: u, keyauth_credentials: [{key: k}], acls: [{group: g}], mtls_auth_credentials: [{subject_name: n}]}]\n", 0),
    ("declarative-config 9: dump",
     "services: [{name: s, url: 'http://h'}]\ncertificates: [{cert: '{vault://env/c}', key: '{vault://env/k}', snis: [{name: a.test}]}]\n", 0))])
def test_9_what_deck_writes(parse, text, code):
    parse(V3 + text, code)


def test_9_format_version(parse):
    """declarative-config 9: _format_version"""
    assert {parse(f'_format_version: "{version}"\n') for version in ("1.1", "3.0")} == {"parse successful\n"}
