"""entities.md, row by row: what each field is without being given, which values it takes, and with which words it refuses others. A row's name
is its section and first cell, as in tests/contract_rows.txt."""
import re
import time
import uuid

import pki
import pytest

U0 = "11111111-2222-4333-8444-555555555555"
CONDITION = "failed conditional validation given value of field '{}'"
ASCII = "invalid value '{}': the only accepted ascii characters are alphanumerics or ., -, _, and ~"
PATH = "invalid path: '{}' (characters outside of the reserved list of RFC 3986 found)"
TAG = "invalid tag '{}': expected printable ascii (except `,` and `/`) or valid utf-8 sequences"
COOKIE = ("contains one or more invalid characters. ASCII control characters (0-31;127), space, tab and the characters "
          "()<>@,;:\\\"/?={}[] are not allowed.")
HEADER = "bad header name '{}', allowed characters are A-Z, a-z, 0-9, '_', and '-'"
PROTOCOLS = "expected one of: grpc, grpcs, http, https, tcp, tls, tls_passthrough, udp"
NUMBER, INTEGER, STRING, BOOLEAN = "expected a number", "expected an integer", "expected a string", "expected a boolean"
ARRAY, SET, MAP, RECORD = "expected an array", "expected a set", "expected a map", "expected a record"
MISSING, EMPTY = "required field missing", "length must be at least 1"
NEEDED = object()  # in place of a default: the field must be given
LATER = object()  # the default is made up when the entity is


def between(low, high):
    return f"value should be between {low} and {high}"


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    return {"ec": pki.Pair(folder, "ec.test"), "rsa": pki.Pair(folder, "rsa.test", key="rsa"), "other": pki.Pair(folder, "other.test"),
            "ca": pki.authority(folder, "ca"), "ca2": pki.authority(folder, "ca2"), "ca3": pki.authority(folder, "ca3")}


@pytest.fixture(scope="module")
def known(admin, pairs):
    """What a body's words $service, $certificate, ... stand for."""
    made = {"$service": admin.make("/services", {"host": "h"})["id"], "$route": admin.make("/routes", {"paths": ["/rows"]})["id"],
            "$consumer": admin.make("/consumers", {"username": "rows"})["id"], "$upstream": admin.make("/upstreams", {"name": "rows.test"})["id"],
            "$certificate": admin.make("/certificates", pairs["ec"].entity())["id"], "$set": admin.make("/key-sets", {"name": "rows"})["id"],
            "$oauth2": admin.make("/consumers/rows/oauth2", {"name": "rows"})["id"],
            "$public": pki.openssl("pkey", "-in", pairs["other"].key_path, "-pubout"), "$cert": pairs["rsa"].cert, "$key": pairs["rsa"].key,
            "$eccert": pairs["other"].cert, "$eckey": pairs["other"].key,
            "$ca": pairs["ca2"].cert, "$ca3": pairs["ca3"].cert, "$two": pairs["ca"].cert + pairs["ca2"].cert, "$authority": pairs["ca"].cert}
    made["$routed"] = admin.make("/services", {"host": "h"})["id"]
    admin.make(f"/services/{made['$routed']}/routes", {"paths": ["/rows"]})
    return made


def filled(value, known):
    """A body with what its words stand for; ~ is another text each time."""
    if isinstance(value, dict):
        return {key: filled(item, known) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, known) for item in value]
    if isinstance(value, str) and value == "~":
        return "u" + uuid.uuid4().hex[:12]
    return known.get(value, value) if isinstance(value, str) else value


# A kind's path and its smallest body.
SERVICE, ROUTE, CONSUMER = ("/services", {"host": "h"}), ("/routes", {"paths": ["/a"]}), ("/consumers", {"username": "~"})
PLUGIN, UPSTREAM = ("/plugins", {"name": "key-auth", "service": {"id": "$service"}}), ("/upstreams", {"name": "~"})
TARGET, CERTIFICATE = ("/upstreams/rows.test/targets", {"target": "~"}), ("/certificates", {"cert": "$cert", "key": "$key"})
SNI, CA = ("/snis", {"name": "~", "certificate": {"id": "$certificate"}}), ("/ca_certificates", {"cert": "$ca"})
VAULT, KEY_SET, KEY = ("/vaults", {"prefix": "~", "name": "env"}), ("/key-sets", {}), ("/keys", {"kid": "k", "pem": {"private_key": "$key"}})
KEY_AUTH, BASIC = ("/key-auths", {"consumer": {"id": "$consumer"}}), ("/basic-auths",
                                                                      {"username": "~", "password": "p", "consumer": {"id": "$consumer"}})
HMAC, JWT = ("/hmac-auths", {"username": "~", "consumer": {"id": "$consumer"}}), ("/jwts", {"consumer": {"id": "$consumer"}})
ACL, OAUTH2 = ("/acls", {"group": "~", "consumer": {"id": "$consumer"}}), ("/oauth2", {"name": "n", "consumer": {"id": "$consumer"}})
TOKEN = ("/oauth2_tokens", {"expires_in": 9, "credential": {"id": "$oauth2"}})

# The row; kind; field, or fields; the default; what is taken: a value, or (given, stored); what is refused, and why.
# entities 2: protocol | port | tags | methods | headers | sources / destinations
FIELDS = [
    ("entities 4.1: name", SERVICE, "name", None, ["größe-~._9"], [("a b", ASCII.format("a b")), ("a/b", ASCII.format("a/b")), (5, STRING)]),
    ("entities 4.1: retries", SERVICE, "retries", 5, [0, 32767, (2.0, 2)], [(-1, between(0, 32767)), (32768, between(0, 32767)), ("5", INTEGER)]),
    ("entities 4.1: protocol", SERVICE, "protocol", "http", ["grpc", "grpcs", "https", "tcp", "tls", "tls_passthrough", "udp"],
     [("ftp", PROTOCOLS), (None, MISSING)]),
    ("entities 4.1: host", SERVICE, "host", NEEDED, ["a.test", "10.0.0.1", "::1", "under_score"],
     [("h:80", "must not have a port"), ("h/x", "invalid value: h/x"), ("a..b", "invalid value: a..b"), ("", EMPTY), (None, MISSING)]),
    ("entities 4.1: port", SERVICE, "port", 80, [0, 65535], [(65536, between(0, 65535)), (-1, between(0, 65535)), (None, MISSING)]),
    ("entities 4.1: path", SERVICE, "path", None, ["/", "/a;b=1,c@d:e!$&'()*+~%20"],
     [("x", "should start with: /"), ("/a//b", "must not have empty segments"), ("/a b", PATH.format("/a b")),
      ("/a%zz", "invalid url-encoded value: '%zz'")]),
    ("entities 4.1: connect_timeout, write_timeout, read_timeout", SERVICE, "connect_timeout, write_timeout, read_timeout", 60000,
     [1, 2147483646], [(0, between(1, 2147483646)), (2147483647, between(1, 2147483646))]),
    ("entities 4.1: tags", SERVICE, "tags", None, [["a", "with space", "ümlaut"], [], (["b", "a", "b"], ["b", "a"])],
     [(["ok", "a,b"], [None, TAG.format("a,b")]), (["a/b"], [TAG.format("a/b")]), ("a", SET), ([5], [STRING]), ([""], [EMPTY])]),
    ("entities 4.1: tls_verify", ("/services", {"host": "h", "protocol": "https"}), "tls_verify", None, [True, False], [("yes", BOOLEAN)]),
    ("entities 4.1: tls_verify_depth", ("/services", {"host": "h", "protocol": "tls"}), "tls_verify_depth", None, [0, 64], [(65, between(0, 64))]),
    ("entities 4.1: client_certificate", ("/services", {"host": "h", "protocol": "https"}), "client_certificate", None, [{"id": "$certificate"}],
     [("x", {"id": "missing primary key"}), ({"id": "x"}, {"id": "expected a valid UUID"})]),
    ("entities 4.1: ca_certificates", ("/services", {"host": "h", "protocol": "https"}), "ca_certificates", None, [[], [U0]],
     [(["x"], ["expected a valid UUID"]), ("x", ARRAY)]),
    ("entities 4.1: enabled", SERVICE, "enabled", True, [False], [(None, MISSING), ("true", BOOLEAN)]),

    ("entities 4.2: name", ROUTE, "name", None, ["größe"], [("a b", ASCII.format("a b"))]),
    ("entities 4.2: protocols", ROUTE, "protocols", ["http", "https"], [["https"], ["http"], (["http", "http"], ["http"])],
     [([], EMPTY), (None, MISSING), ("http", SET),
      (["http", "tcp"], "these sets are mutually exclusive: ('http', 'https'), ('tcp', 'tls', 'udp'), ('tls_passthrough'), ('grpc', 'grpcs')")]),
    ("entities 4.2: https_redirect_status_code", ROUTE, "https_redirect_status_code", 426, [301, 302, 307, 308],
     [(300, "expected one of: 426, 301, 302, 307, 308"), (None, MISSING)]),
    ("entities 4.2: strip_path", ROUTE, "strip_path", True, [False], [(None, MISSING)]),
    ("entities 4.2: preserve_host", ROUTE, "preserve_host", False, [True], [(None, MISSING)]),
    ("entities 4.2: request_buffering, response_buffering", ROUTE, "request_buffering, response_buffering", True, [False], [(None, MISSING)]),
    ("entities 4.2: tags", ROUTE, "tags", None, [["a"]], [(["a,b"], [TAG.format("a,b")])]),
    ("entities 4.2: service", ROUTE, "service", None, [{"id": "$service"}], [({}, {"id": "missing primary key"})]),
    ("entities 4.2: snis", ROUTE, "snis", None, [["a.test", "*.b.test", "c.*"]],
     [(["a.*.b"], ["wildcard must be leftmost or rightmost character"]), (["1.2.3.4"], ["must not be an IP"])]),
    ("entities 4.2: sources, destinations", ("/routes", {"protocols": ["tls"], "snis": ["a.test"]}), "sources, destinations", None,
     [([{"ip": "10.0.0.0/8"}, {"port": 9}], [{"ip": "10.0.0.0/8", "port": None}, {"ip": None, "port": 9}])],
     [([{}], [{"@entity": ["at least one of these fields must be non-empty: 'ip', 'port'"]}]),
      ([{"ip": "10.0.0.0/33"}], [{"ip": "invalid ip or cidr range: '10.0.0.0/33'"}]), ([{"port": 65536}], [{"port": between(0, 65535)}])]),
    ("entities 4.2: methods, hosts, headers", ROUTE, "methods", None, [["GET", "X"]], [(["get"], ["invalid value: get"]), ("GET", SET)]),
    ("entities 4.2: methods, hosts, headers", ROUTE, "hosts", None, [["a.test", "*.b.test:80", "c.*", "10.0.0.1:8080", "a.test"]],
     [(["*.a.*"], ["invalid wildcard: must have at most one wildcard"]),
      (["a.*.b"], ["invalid wildcard: must be placed at leftmost or rightmost label"]), (["a b"], ["invalid value: a b"])]),
    ("entities 4.2: methods, hosts, headers", ROUTE, "headers", None, [{"x-a": ["1", "2"]}, {"x-a": []}],
     [({"x y": ["1"]}, HEADER.format("x y")), ({"x": "1"}, ARRAY), ([], MAP),
      ({"HoSt": ["a"]}, "cannot contain 'host' header, which must be specified in the 'hosts' attribute")]),
    ("entities 4.2: paths", ("/routes", {"hosts": ["a.test"]}), "paths", None, [["/a", "~/b/[0-9]+$", "/a"]],
     [(["b"], ["should start with: / (fixed path) or ~/ (regex path)"]), (["/a//b"], ["must not have empty segments"]),
      (["/a/../b"], ["non-normalized path, consider use '/b' instead"]),
      (["~/a(b"], ["invalid regex: '/a(b' (PCRE returned: missing closing parenthesis at offset 4)"])]),
    ("entities 4.2: regex_priority", ROUTE, "regex_priority", 0, [-5, 2 ** 53], [("1", INTEGER), (1.5, INTEGER)]),
    ("entities 4.2: path_handling", ROUTE, "path_handling", "v0", ["v1"], [("v2", "expected one of: v0, v1")]),

    ("entities 4.3: username", ("/consumers", {"custom_id": "~"}), "username", None, ["any; thing / ü {x}"], [("", EMPTY), (5, STRING)]),
    ("entities 4.3: custom_id", CONSUMER, "custom_id", None, ["any thing"], [("", EMPTY)]),
    ("entities 4.3: tags", CONSUMER, "tags", None, [["a"]], [(["a/b"], [TAG.format("a/b")])]),

    ("entities 4.5: instance_name", PLUGIN, "instance_name", None, ["größe"], [("a b", ASCII.format("a b"))]),
    ("entities 4.5: route, service, consumer", ("/plugins", {"name": "rate-limiting", "config": {"minute": 1}}), "route, service, consumer", None,
     [], [({}, {"id": "missing primary key"})]),
    ("entities 4.5: route, service, consumer", PLUGIN, "consumer", None, [], [({"id": "$consumer"}, "value must be null")]),
    ("entities 4.5: protocols", PLUGIN, "protocols", ["grpc", "grpcs", "http", "https"], [["http", "https"]], [(None, MISSING)]),
    ("entities 2: protocols_http", PLUGIN, "protocols", ["grpc", "grpcs", "http", "https"], [],
     [(["tcp"], ["expected one of: grpc, grpcs, http, https"]), ("http", SET)]),
    ("entities 4.5: enabled", PLUGIN, "enabled", True, [False], [(None, MISSING), (1, BOOLEAN)]),
    ("entities 4.5: tags", PLUGIN, "tags", None, [["a"]], [("a", SET)]),
    ("entities 4.5: config", PLUGIN, "config", LATER, [],
     [({"zork": 1}, {"zork": "unknown field"}), (5, RECORD), (None, MISSING), ({"key_names": None}, {"key_names": MISSING})]),
    ("entities 4.5: name", PLUGIN, "name", NEEDED, [],
     [("zork", "plugin 'zork' not enabled; add it to the 'plugins' configuration property"), (5, STRING)]),

    ("entities 4.6: name", UPSTREAM, "name", NEEDED, ["my.up-stream_1"],
     [("a b", "Invalid name ('a b'); must be a valid hostname"), ("10.0.0.1", "Invalid name ('10.0.0.1'); no ip addresses allowed"),
      ("a.test:80", "Invalid name ('a.test:80'); no port allowed")]),
    ("entities 4.6: algorithm", UPSTREAM, "algorithm", "round-robin", ["consistent-hashing", "least-connections", "latency"],
     [("random", "expected one of: consistent-hashing, least-connections, round-robin, latency")]),
    ("entities 4.6: hash_on, hash_fallback", UPSTREAM, "hash_on", "none", ["consumer", "ip", "path"],
     [("zork", "expected one of: none, consumer, ip, header, cookie, path, query_arg, uri_capture")]),
    ("entities 4.6: hash_on, hash_fallback", ("/upstreams", {"name": "~", "hash_on": "ip"}), "hash_fallback", "none", ["consumer", "path"],
     [("ip", "expected one of: none, consumer, header, cookie, path, query_arg, uri_capture")]),
    ("entities 4.6: hash_on_header, hash_fallback_header", UPSTREAM, "hash_on_header, hash_fallback_header", None, ["X-A_1"],
     [("a b", HEADER.format("a b"))]),
    ("entities 4.6: hash_on_cookie", UPSTREAM, "hash_on_cookie", None, ["sid"], [("a=b", COOKIE)]),
    ("entities 4.6: hash_on_cookie_path", UPSTREAM, "hash_on_cookie_path", "/", ["/a"], [("a", "should start with: /")]),
    ("entities 4.6: hash_on_query_arg, hash_fallback_query_arg, hash_on_uri_capture, hash_fallback_uri_capture", UPSTREAM,
     "hash_on_query_arg, hash_fallback_query_arg, hash_on_uri_capture, hash_fallback_uri_capture", None, ["any thing"], [("", EMPTY)]),
    ("entities 4.6: slots", UPSTREAM, "slots", 10000, [10, 65536], [(9, between(10, 65536)), (65537, between(10, 65536))]),
    ("entities 4.6: tags", UPSTREAM, "tags", None, [["a"]], [("a", SET)]),
    ("entities 4.6: host_header", UPSTREAM, "host_header", None, ["a.test", "a.test:80"], [("a b", "invalid value: a b")]),
    ("entities 4.6: client_certificate", UPSTREAM, "client_certificate", None, [{"id": "$certificate"}], [("x", {"id": "missing primary key"})]),
    ("entities 4.6: use_srv_name", UPSTREAM, "use_srv_name", False, [True], [("x", BOOLEAN)]),

    ("entities 4.7: target", TARGET, "target", NEEDED, [("10.0.0.9", "10.0.0.9:8000"), ("a.test:81", "a.test:81"),
                                                        ("::1", "[0000:0000:0000:0000:0000:0000:0000:0001]:8000")],
     [("a b", "Invalid target; not a valid hostname or ip address"), ("a:99999", "Invalid target; not a valid hostname or ip address")]),
    ("entities 4.7: weight", TARGET, "weight", 100, [0, 65535], [(65536, between(0, 65535)), (-1, between(0, 65535))]),
    ("entities 4.7: tags", TARGET, "tags", None, [["a"]], [("a", SET)]),

    ("entities 4.8: cert", CERTIFICATE, "cert", NEEDED, ["{vault://env/cert}"], []),
    ("entities 4.8: key", CERTIFICATE, "key", NEEDED, ["{vault://env/key}"], []),
    ("entities 4.8: tags", CERTIFICATE, "tags", None, [["a"]], [("a", SET)]),

    ("entities 4.9: name", SNI, "name", NEEDED, ["*.rows.test", "rows.*"],
     [("a.*.b", "wildcard must be leftmost or rightmost character"), ("*.a.*", "only one wildcard must be specified"),
      ("1.2.3.4", "must not be an IP"), ("a.test:1", "must not have a port")]),
    ("entities 4.9: certificate", SNI, "certificate", NEEDED, [], [("x", {"id": "missing primary key"})]),
    ("entities 4.9: tags", SNI, "tags", None, [["a"]], [("a", SET)]),

    ("entities 4.10: cert", CA, "cert", NEEDED, [], [("x", None), (5, STRING)]),
    ("entities 4.10: cert_digest", CA, "cert_digest", LATER, [], []),
    ("entities 4.10: tags", CA, "tags", None, [["a"]], [("a", SET)]),

    ("entities 4.11: prefix", VAULT, "prefix", NEEDED, ["my-vault-1"], [
        ("x", "invalid value: x"), ("1a", "invalid value: 1a"), ("A-b", "invalid value: A-b"), ("env", "must not be one of: env")]),
    ("entities 4.11: name", VAULT, "name", NEEDED, [], [("zork", "vault 'zork' is not installed")]),
    ("entities 4.11: description", VAULT, "description", None, ["any text"], [("", EMPTY)]),
    ("entities 4.11: config", VAULT, "config", LATER, [{"prefix": "A_-b9"}], [
        ({"prefix": "9"}, {"prefix": "invalid value: 9"}), ({"zork": 1}, {"zork": "unknown field"})]),
    ("entities 4.11: tags", VAULT, "tags", None, [["a"]], [("a", SET)]),

    ("entities 4.13: set", KEY, "set", None, [{"id": "$set"}], [("x", {"id": "missing primary key"})]),
    ("entities 4.13: name", KEY, "name", None, ["free text, / ü"], [("", EMPTY)]),
    ("entities 4.13: kid", KEY, "kid", NEEDED, ["any thing"], [("", EMPTY), (None, MISSING)]),
    ("entities 4.13: tags", KEY, "tags", None, [["a"]], [("a", SET)]),
    ("entities 4.13: pem", KEY, "pem", LATER, [({"private_key": "{vault://env/k}"}, {"private_key": "{vault://env/k}", "public_key": None})],
     [({"zork": "x"}, {"zork": "unknown field", "@entity": ["at least one of these fields must be non-empty: 'private_key', 'public_key'"]}),
      ("x", RECORD)]),
    ("entities 4.13: jwk", ("/keys", {"kid": "k",
                                      "jwk": '{"kid":"k","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'}),
     "jwk", LATER, ["{vault://env/jwk}"], [(5, STRING), ("", EMPTY)]),

    ("entities 5: keyauth_credentials fields", KEY_AUTH, "key", LATER, ["any thing / ü"], [("", EMPTY), (5, STRING)]),
    ("entities 5: basicauth_credentials fields", BASIC, "username", NEEDED, ["any thing / ü"], [("", EMPTY)]),
    ("entities 5: basicauth_credentials fields", BASIC, "password", NEEDED, [], [("", EMPTY), (5, STRING)]),
    ("entities 5: hmacauth_credentials fields", HMAC, "username", NEEDED, ["any thing / ü"], [("", EMPTY)]),
    ("entities 5: hmacauth_credentials fields", HMAC, "secret", LATER, ["s"], [("", EMPTY)]),
    ("entities 5: jwt_secrets fields", JWT, "key, secret", LATER, ["any thing"], [("", EMPTY)]),
    ("entities 5: jwt_secrets fields", JWT, "algorithm", "HS256", ["HS384", "HS512", "ES256", "ES384", "ES512"],
     [("HS1", "expected one of: HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384, ES512, PS256, PS384, PS512, EdDSA")]),
    ("entities 5: jwt_secrets fields", JWT, "rsa_public_key", None, [], []),
    ("entities 5: acls fields", ACL, "group", NEEDED, ["any thing / ü"], [("", EMPTY)]),
    ("entities 5: oauth2_credentials fields", OAUTH2, "name", NEEDED, ["any"], [("", EMPTY)]),
    ("entities 5: oauth2_credentials fields", OAUTH2, "client_id, client_secret", LATER, ["any"], [("", EMPTY)]),
    ("entities 5: oauth2_credentials fields", OAUTH2, "hash_secret", False, [], [(None, MISSING)]),
    ("entities 5: oauth2_credentials fields", OAUTH2, "redirect_uris", None, [["http://a.test/x?y=1"]],
     [(["x"], ["cannot parse 'x'"]), (["http://a.test/#f"], ["fragment not allowed in 'http://a.test/#f'"])]),
    ("entities 5: oauth2_credentials fields", OAUTH2, "client_type", "confidential", ["public"],
     [("x", "expected one of: confidential, public"), (None, MISSING)]),
    ("entities 5: oauth2_tokens fields", TOKEN, "service", None, [{"id": "$service"}], [("x", {"id": "missing primary key"})]),
    ("entities 5: oauth2_tokens fields", TOKEN, "credential", NEEDED, [], [("x", {"id": "missing primary key"})]),
    ("entities 5: oauth2_tokens fields", TOKEN, "token_type", "bearer", [], [("mac", "expected one of: bearer"), (None, MISSING)]),
    ("entities 5: oauth2_tokens fields", TOKEN, "expires_in", NEEDED, [0], [("x", INTEGER)]),
    ("entities 5: oauth2_tokens fields", TOKEN, "access_token", LATER, ["t"], [("", EMPTY)]),
    ("entities 5: oauth2_tokens fields", TOKEN, "refresh_token, authenticated_userid, scope", None, ["t"], [("", EMPTY)]),
]




def each_field():
    for row, kind, fields, *rest in FIELDS:
        for field in fields.split(", "):
            yield pytest.param(kind, field, *rest, id=f"{row}-{field}")


@pytest.mark.parametrize("kind, field, default, good, bad", each_field())
def test_a_field(admin, known, kind, field, default, good, bad):
    path, body = kind[0], filled(kind[1], known)

    def stored(**more):
        made = admin.make(path, {**body, **filled(more, known)})
        assert admin.ask("DELETE", f"{path}/{made['id']}").status == 204
        return made[field]

    def refused(body, why):
        fields = admin.refused(400, "POST", path, body)["fields"]
        assert why is None or fields[field] == why

    if default is NEEDED:
        refused({key: value for key, value in body.items() if key != field}, MISSING)
    elif default is LATER:
        assert stored() is not None
    else:
        assert stored() == default
    for value in good:
        given, wanted = value if isinstance(value, tuple) else (value, value)
        assert stored(**{field: given}) == filled(wanted, known)
    for value, why in bad:
        refused({**body, field: filled(value, known)}, why)


# ---- ids and times

TIMES = [("entities 4.1: id, created_at, updated_at", SERVICE), ("entities 4.2: id, created_at, updated_at", ROUTE),
         ("entities 4.3: id, created_at, updated_at", CONSUMER), ("entities 4.5: id, created_at, updated_at", PLUGIN),
         ("entities 4.6: id, created_at, updated_at", UPSTREAM), ("entities 4.7: id", TARGET), ("entities 4.7: created_at, updated_at", TARGET),
         ("entities 4.8: id, created_at, updated_at", CERTIFICATE), ("entities 4.9: id, created_at, updated_at", SNI),
         ("entities 4.10: id, created_at, updated_at", CA), ("entities 4.11: id, created_at, updated_at", VAULT), ("entities 4.12", KEY_SET),
         ("entities 4.13: id, created_at, updated_at", KEY), ("entities 3: id", SERVICE), ("entities 3: created_at", ROUTE),
         ("entities 3: updated_at", CONSUMER),
         ("entities 2: uuid", SERVICE), ("entities 2: ts_s", SERVICE), ("entities 2: ts_ms", TARGET)]
CREDENTIALS = [KEY_AUTH, BASIC, HMAC, JWT, ACL, OAUTH2, TOKEN]  # "None of them has `updated_at`"
UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


@pytest.mark.parametrize("kind", [pytest.param(kind, id=row) for row, kind in [*TIMES, *(("entities 5", kind) for kind in CREDENTIALS)]])
def test_ids_and_times(admin, known, kind):
    path, body, at = kind[0], filled(kind[1], known), int(time.time())
    made = admin.make(path, {**body, "created_at": None})
    admin.ask("DELETE", f"{path}/{made['id']}")
    assert re.fullmatch(UUID4, made["id"])
    assert at <= made["created_at"] <= at + 20 and isinstance(made["created_at"], float if kind is TARGET else int)
    changed = {} if kind in CREDENTIALS else {"updated_at": 6}
    wanted = str(uuid.uuid4())
    again = admin.make(path, {**body, "id": wanted.upper(), "created_at": 5, **changed})
    assert (again["id"], again["created_at"]) == (wanted, 5)
    assert set(changed) == {"updated_at"} & set(again) and again.get("updated_at", at) >= at
    assert admin.refused(400, "POST", path, {**body, "id": "abc"})["fields"]["id"] == "expected a valid UUID"
    assert admin.refused(400, "POST", path, {**body, "created_at": 0})["fields"]["created_at"] == "expected a valid timestamp"
    if kind is not TARGET:  # whose PUT changes what is there (admin-api.md 7.1)
        put = admin.ask("PUT", f"{path}/{wanted}", {**body, "id": U0})
        assert (put.status, put.json["id"]) == (200, wanted) and put.json["created_at"] >= at
    assert admin.ask("DELETE", f"{path}/{wanted}").status == 204


# ---- what is refused for more than one field's sake; the answer's fields

def condition(field, fields):
    return {"@entity": [CONDITION.format(field)], **fields}


def of(*protocols, **more):
    return "/routes", {"protocols": list(protocols), **more}


def entity(*texts):
    return {"@entity": list(texts)}


def closed(names, protocols, *others):
    return {name: f"cannot set '{name}' when 'protocols' is {protocols}" for name in names}


NULL, HTTP, STREAM, GRPC = "value must be null", "'http' or 'https'", "'tcp', 'tls', 'tls_passthrough' or 'udp'", "'grpc' or 'grpcs'"
SOURCE = [{"ip": "10.0.0.1"}]
MATCHERS = {"methods": ["GET"], "hosts": ["a.test"], "paths": ["/a"], "headers": {"x": ["1"]}}
SNIS = "'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'"
DISTINCT = "values of these fields must be distinct: '{0}', '{1}'"
U = {"name": "checks.test"}
PEMS = "only one or none of these fields must be set: 'jwk', 'pem'"
ED = '{"kid":"k","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'

REFUSED = [
    ("entities 1.1: string", ("/services", {"host": 5}), {"host": STRING}),
    ("entities 1.1: number", ("/upstreams", {**U, "healthchecks": {"active": {"timeout": "1"}}}), {"healthchecks": {"active": {"timeout": NUMBER}}}),
    ("entities 1.1: integer", ("/services", {"host": "h", "port": 1.5}), {"port": INTEGER}),
    ("entities 1.1: boolean", ("/services", {"host": "h", "enabled": 1}), {"enabled": BOOLEAN}),
    ("entities 1.1: array", ("/routes", {"paths": "/a"}), {"paths": ARRAY}),
    ("entities 1.1: set", ("/services", {"host": "h", "tags": {}}), {"tags": SET}),
    ("entities 1.1: map", ("/routes", {"paths": ["/a"], "headers": "x"}), {"headers": MAP}),
    ("entities 1.1: record", ("/upstreams", {**U, "healthchecks": []}), {"healthchecks": RECORD}),
    ("entities 1.1: foreign", ("/routes", {"paths": ["/a"], "service": [1]}), {"service": {"id": "missing primary key"}}),
    ("entities 1.2: eq", ("/services", {"host": "h", "protocol": "tcp", "path": "/a"}), condition("protocol", {"path": NULL})),
    ("entities 1.2: gt", ("/plugins", {"name": "rate-limiting", "config": {"minute": 0}}), {"config": {"minute": "value must be greater than 0"}}),
    ("entities 1.2: between", ("/services", {"host": "h", "retries": -1}), {"retries": between(0, 32767)}),
    ("entities 1.2: len_eq / len_min / len_max", of("http", paths=["/a"], snis=["a.test"]), {"snis": "length must be 0", "@entity": [SNIS]}),
    ("entities 1.2: match, not_match", ("/routes", {"methods": ["get"]}), {"methods": ["invalid value: get"]}),
    ("entities 1.2: match_all / match_none / match_any", ("/routes", {"paths": ["x", "/a//b"]}),
     {"paths": ["should start with: / (fixed path) or ~/ (regex path)", "must not have empty segments"]}),
    ("entities 1.2: starts_with", ("/services", {"host": "h", "path": "x"}), {"path": "should start with: /"}),
    ("entities 1.2: contains", ("/plugins", {"name": "jwt", "config": {"maximum_expiration": 5, "claims_to_verify": ["nbf"]}}),
     {"config": {"claims_to_verify": "expected to contain: exp"}, "@entity": [CONDITION.format("config.maximum_expiration")]}),
    ("entities 1.2: one_of", ("/services", {"host": "h", "protocol": "x"}), {"protocol": PROTOCOLS}),
    ("entities 1.2: not_one_of", ("/vaults", {"name": "env", "prefix": "env"}), {"prefix": "must not be one of: env"}),
    ("entities 1.2: is_regex", ("/plugins", {"name": "bot-detection", "config": {"deny": ["("]}}), {"config": {"deny": ["not a valid regex: ("]}}),
    ("entities 1.2: timestamp", ("/services", {"host": "h", "created_at": -1}), {"created_at": "expected a valid timestamp"}),
    ("entities 1.2: uuid", ("/services", {"host": "h", "id": U0[:-1]}),
     {"id": "expected a valid UUID"}),
    ("entities 1.2: mutually_exclusive_subsets", of("http", "udp", paths=["/a"]), {
        "protocols": "these sets are mutually exclusive: ('http', 'https'), ('tcp', 'tls', 'udp'), ('tls_passthrough'), ('grpc', 'grpcs')"}),
    ("entities 1.2: required missing", ("/services", {}), {"host": MISSING}),
    ("entities 1.2: unknown field", ("/upstreams", {**U, "healthchecks": {"active": {"zork": 1}}}),
     {"healthchecks": {"active": {"zork": "unknown field"}}}),
    ("entities 1.2: primary key missing inside a reference", ("/routes", {"paths": ["/a"], "service": {}}),
     {"service": {"id": "missing primary key"}}),
    ("entities 2: timeout", ("/plugins", {"name": "rate-limiting", "config": {"minute": 1, "redis": {"timeout": -1, "port": 65536}}}),
     {"config": {"redis": {"timeout": between(0, 2147483646), "port": between(0, 65535)}}}),
    ("entities 1.3: at_least_one_of", ("/consumers", {"tags": ["a"]}),
     entity("at least one of these fields must be non-empty: 'custom_id', 'username'")),
    ("entities 1.3: conditional_at_least_one_of", of("tls_passthrough"), entity("must set snis when 'protocols' is 'tls_passthrough'")),
    ("entities 1.3: only_one_of", ("/plugins", {"name": "acl", "config": {"allow": ["a"], "deny": ["b"]}}),
     entity("exactly one of these fields must be non-empty: 'config.allow', 'config.deny'")),
    ("entities 1.3: distinct", ("/upstreams", {**U, "hash_on": "header", "hash_fallback": "header", "hash_on_header": "a",
                                               "hash_fallback_header": "a"}),
     entity(DISTINCT.format("hash_on_header", "hash_fallback_header"))),
    ("entities 1.3: mutually_required", ("/certificates", {"cert": "$cert", "key": "$key", "cert_alt": "$eccert"}),
     entity("all or none of these fields must be set: 'cert_alt', 'key_alt'")),
    ("entities 1.3: mutually_exclusive", ("/keys", {"kid": "k", "jwk": ED, "pem": {"private_key": "$key"}}), entity(PEMS)),
    ("entities 1.3: conditional", ("/upstreams", {**U, "hash_on": "cookie"}), condition("hash_on", {"hash_on_cookie": MISSING})),
    ("entities 1.3: custom", ("/certificates", {"cert": "$cert", "key": "$eckey"}), entity("certificate does not match key")),

    *[("entities 4.1: path", ("/services", {"host": "h", "protocol": protocol, "path": "/a"}), condition("protocol", {"path": NULL}))
      for protocol in ("tcp", "tls", "udp", "grpc", "grpcs")],
    *[(f"entities 4.1: {field}", ("/services", {"host": "h", "protocol": protocol, field: value}), condition("protocol", {field: NULL}))
      for field, value in (("client_certificate", {"id": "$certificate"}), ("tls_verify", False), ("tls_verify_depth", 1), ("ca_certificates", [U0]))
      for protocol in ("http", "tcp", "grpcs")],
    ("entities 4.1: url", ("/services", {"url": "invalid url"}), {"host": MISSING, "path": "should start with: /"}),
    ("entities 4.1: url", ("/services", {"url": 5}), {"url": STRING}),

    ("entities 4.2: protocols", of("zork"), {"protocols": "unknown type: zork"}),
    ("entities 4.2: protocols", of("http", "zork", paths=["/a"]), {"protocols": [None, PROTOCOLS]}),
    ("entities 4.2: strip_path", of("grpc", paths=["/a"], strip_path=True), {"strip_path": f"cannot set 'strip_path' when 'protocols' is {GRPC}"}),
    ("entities 4.2: snis", of("tcp", sources=SOURCE, snis=["a.test"]), {"snis": "length must be 0", "@entity": [SNIS]}),
    ("entities 4.2: protocols https", of("https"),
     entity("must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'")),
    ("entities 4.2: protocols https", of("http", "https", paths=["/a"], sources=SOURCE, destinations=SOURCE),
     closed(["sources", "destinations"], HTTP)),
    ("entities 4.2: protocols http", of("http"), entity("must set one of 'methods', 'hosts', 'headers', 'paths' when 'protocols' is 'http'")),
    ("entities 4.2: protocols http", of("http", paths=["/a"], sources=SOURCE, destinations=SOURCE), closed(["sources", "destinations"], HTTP)),
    ("entities 4.2: protocols tcp, tls, udp", of("tcp"),
     entity("must set one of 'sources', 'destinations', 'snis' when 'protocols' is 'tcp', 'tls' or 'udp'")),
    ("entities 4.2: protocols tcp, tls, udp", of("tls", snis=["a.test"], **MATCHERS), closed(MATCHERS, STREAM)),
    ("entities 4.2: protocols tls_passthrough", of("tls_passthrough", sources=SOURCE), entity("must set snis when 'protocols' is 'tls_passthrough'")),
    ("entities 4.2: protocols tls_passthrough", of("tls_passthrough", snis=["a.test"], **MATCHERS), closed(MATCHERS, STREAM)),
    ("entities 4.2: protocols grpcs", of("grpcs"), entity("must set one of 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'grpcs'")),
    ("entities 4.2: protocols grpcs", of("grpcs", paths=["/a"], methods=["GET"], sources=SOURCE, destinations=SOURCE),
     closed(["methods", "sources", "destinations"], GRPC)),
    ("entities 4.2: protocols grpc", of("grpc"), entity("must set one of 'hosts', 'headers', 'paths' when 'protocols' is 'grpc'")),
    ("entities 4.2: protocols grpc", of("grpc", paths=["/a"], methods=["GET"]), closed(["methods"], GRPC)),

    ("entities 4.3: username", ("/consumers", {}), entity("at least one of these fields must be non-empty: 'custom_id', 'username'")),
    ("entities 4.5: protocols", ("/plugins", {"name": "key-auth", "route": {"id": "$route"}, "protocols": ["grpc"]}),
     {"protocols": "must match the associated route's protocols"}),
    ("entities 4.5: protocols", ("/plugins", {"name": "key-auth", "service": {"id": "$routed"}, "protocols": ["grpc"]}),
     {"protocols": "must match the protocols of at least one route pointing to this Plugin's service"}),
    ("entities 4.5: name", ("/plugins", {"config": {"zork": 1}, "zork": 1}), {"name": MISSING}),

    *[("entities 4.6: hash_on, hash_fallback", ("/upstreams", {**U, "hash_on": on, f"hash_on_{on}": None}),
       condition("hash_on", {f"hash_on_{on}": MISSING}))
      for on in ("header", "cookie", "query_arg", "uri_capture")],
    *[("entities 4.6: hash_on, hash_fallback", ("/upstreams", {**U, "hash_on": "path", "hash_fallback": on}),
       condition("hash_fallback", {field: MISSING}))
      for on, field in (("header", "hash_fallback_header"), ("cookie", "hash_on_cookie"), ("query_arg", "hash_fallback_query_arg"),
                        ("uri_capture", "hash_fallback_uri_capture"))],
    ("entities 4.6: hash_on, hash_fallback", ("/upstreams", {**U, "hash_fallback": "ip"}),
     condition("hash_on", {"hash_fallback": "expected one of: none"})),
    ("entities 4.6: hash_on, hash_fallback", ("/upstreams", {**U, "hash_on": "cookie", "hash_on_cookie": "c", "hash_fallback": "ip"}),
     condition("hash_on", {"hash_fallback": "expected one of: none"})),
    *[("entities 4.6: hash_on, hash_fallback", ("/upstreams", {**U, "hash_on": on, "hash_fallback": on}),
       condition("hash_on", {"hash_fallback": f"expected one of: {others}"}))
      for on, others in (("consumer", "none, ip, header, cookie, path, query_arg, uri_capture"),
                         ("ip", "none, consumer, header, cookie, path, query_arg, uri_capture"),
                         ("path", "none, consumer, header, cookie, query_arg, ip, uri_capture"))],
    *[("entities 4.6: hash_on, hash_fallback", ("/upstreams", {**U, "hash_on": on, "hash_fallback": on, f"hash_on_{on}": "a",
                                                               f"hash_fallback_{on}": "a"}),
       entity(DISTINCT.format(f"hash_on_{on}", f"hash_fallback_{on}"))) for on in ("header", "query_arg", "uri_capture")],
    *[(row, ("/upstreams", {**U, "healthchecks": tree}), {"healthchecks": why}) for row, tree, why in (
        ("entities 4.6: healthchecks type", {"active": {"type": "x"}}, {"active": {"type": "expected one of: tcp, http, https, grpc, grpcs"}}),
        ("entities 4.6: healthchecks type", {"passive": {"type": "x"}}, {"passive": {"type": "expected one of: tcp, http, https, grpc, grpcs"}}),
        ("entities 4.6: healthchecks timeout, interval", {"active": {"timeout": 65536, "healthy": {"interval": -1}}},
         {"active": {"timeout": between(0, 65535), "healthy": {"interval": between(0, 65535)}}}),
        ("entities 4.6: healthchecks concurrency", {"active": {"concurrency": 0}},
         {"active": {"concurrency": "value should be between 1 and 2147483648"}}),
        ("entities 4.6: healthchecks successes, tcp_failures, timeouts, http_failures",
         {"active": {"healthy": {"successes": 256}, "unhealthy": {"tcp_failures": 256, "timeouts": -1}},
                                                              "passive": {"unhealthy": {"http_failures": 256}}},
         {"active": {"healthy": {"successes": between(0, 255)}, "unhealthy": {"tcp_failures": between(0, 255), "timeouts": between(0, 255)}},
          "passive": {"unhealthy": {"http_failures": between(0, 255)}}}),
        ("entities 4.6: healthchecks http_statuses", {"active": {"healthy": {"http_statuses": [200, 99, 1000]}}},
         {"active": {"healthy": {"http_statuses": [None, between(100, 999), between(100, 999)]}}}),
        ("entities 4.6: healthchecks http_path", {"active": {"http_path": "x", "https_sni": "1.2.3.4", "headers": {"a b": ["1"]}}},
         {"active": {"http_path": "should start with: /", "https_sni": "must not be an IP", "headers": HEADER.format("a b")}}),
        ("entities 4.6: healthchecks threshold", {"threshold": 100.5}, {"threshold": between(0, 100)}))],

    ("entities 4.7: upstream", ("/schemas/targets/validate", {"target": "a.test"}), {"upstream": MISSING}),
    ("entities 4.8: key", ("/certificates", {"cert": "$cert", "key": "$eckey"}), entity("certificate does not match key")),
    ("entities 4.8: cert_alt, key_alt", ("/certificates", {"cert": "$cert", "key": "$key", "cert_alt": "$cert", "key_alt": "$key"}),
     entity("certificate and alternative certificate need to have different type (e.g. RSA and ECDSA), the provided certificates were both of the same type")),
    ("entities 4.8: cert_alt, key_alt", ("/certificates", {"cert": "$cert", "key": "$key", "cert_alt": "$eccert", "key_alt": "$key"}),
     entity("alternative certificate does not match key")),
    ("entities 4.8: cert_alt, key_alt", ("/certificates", {"cert": "$cert", "key": "$key", "key_alt": "$eckey"}),
     entity("all or none of these fields must be set: 'cert_alt', 'key_alt'")),
    ("entities 4.8: snis", ("/certificates", {"cert": "$cert", "key": "$key", "snis": ["d.rows.test", "d.rows.test"]}),
     {"snis": "d.rows.test is duplicated"}),
    ("entities 4.10: cert", ("/ca_certificates", {"cert": "$two"}), entity("please submit only one certificate at a time")),
    ("entities 4.10: cert", ("/ca_certificates", {"cert": "$cert"}),
     entity("certificate does not appear to be a CA because it is missing the \"CA\" basic constraint")),
    ("entities 4.13: jwk", ("/keys", {"kid": "k"}), entity("at least one of these fields must be non-empty: 'jwk', 'pem'")),
    ("entities 4.13: jwk", ("/keys", {"kid": "k", "jwk": "{"}), entity("could not json decode jwk string")),
    ("entities 4.13: jwk", ("/keys", {"kid": "other", "jwk": ED}), entity("kid in jwk.kid must be equal to keys.kid")),
    ("entities 4.13: jwk", ("/keys", {"kid": "k", "jwk": '{"kid":"k","kty":"oct","k":"AAAA"}'}),
     entity("could not load JWK, likely not a valid key")),
    ("entities 4.13: pem", ("/keys", {"kid": "k", "pem": {"public_key": "x"}}), entity("could not load public key")),
    ("entities 4.13: pem", ("/keys", {"kid": "k", "pem": {"private_key": "x"}}), entity("could not load private key")),
    ("entities 4.13: pem", ("/keys", {"kid": "k", "pem": {"private_key": "$key", "public_key": "$public"}}),
     entity("public key does not match private key")),

    *[("entities 5: jwt_secrets fields", ("/jwts", {**JWT[1], "algorithm": algorithm}),
       condition("algorithm", {"rsa_public_key": MISSING})) for algorithm in ("RS256", "RS512", "PS256", "PS512", "EdDSA")],
    ("entities 5: jwt_secrets fields", ("/jwts", {**JWT[1], "algorithm": "RS256", "rsa_public_key": "x"}), None),
    *[(f"entities 5: {name} fields", (path, {**body, "consumer": None}), {"consumer": MISSING})
      for name, (path, body) in {"keyauth_credentials": KEY_AUTH, "basicauth_credentials": BASIC, "hmacauth_credentials": HMAC, "jwt_secrets": JWT,
                                 "acls": ACL, "oauth2_credentials": OAUTH2}.items()],
]


@pytest.mark.parametrize("where, fields", [pytest.param(*rest, id=row) for row, *rest in REFUSED])
def test_what_is_refused(admin, known, where, fields):
    body = admin.refused(400, "POST", where[0], filled(where[1], known))
    assert (body["code"], body["name"]) == (2, "schema violation")
    assert fields is None or body["fields"] == fields


def test_pem(admin, known):
    """entities 2: certificate / key"""
    body = filled(CERTIFICATE[1], known)
    for field, word in (("cert", "certificate"), ("key", "key")):
        assert admin.refused(400, "POST", "/certificates", {**body, field: "x"})["fields"][field].startswith(f"invalid {word}: ")


ACTIVE = {"type": "http", "timeout": 1, "concurrency": 10, "http_path": "/", "https_sni": None, "https_verify_certificate": True, "headers": None,
          "healthy": {"interval": 0, "http_statuses": [200, 302], "successes": 0},
          "unhealthy": {"interval": 0, "http_statuses": [429, 404, 500, 501, 502, 503, 504, 505], "tcp_failures": 0, "timeouts": 0,
                        "http_failures": 0}}
PASSIVE = {"type": "http", "unhealthy": {"http_statuses": [429, 500, 503], "tcp_failures": 0, "timeouts": 0, "http_failures": 0},
           "healthy": {"http_statuses": [*range(200, 209), 226, *range(300, 309)], "successes": 0}}


def test_healthchecks_in_full(admin):
    """entities 4.6: healthchecks"""
    made = admin.make("/upstreams", {"name": "full.rows.test"})
    assert made["healthchecks"] == {"threshold": 0, "active": ACTIVE, "passive": PASSIVE}
    changed = admin.ask("PATCH", "/upstreams/full.rows.test", {"healthchecks": {"active": {"healthy": {"interval": 0.5}}}}).json
    assert changed["healthchecks"] == {"threshold": 0, "active": {**ACTIVE, "healthy": {**ACTIVE["healthy"], "interval": 0.5}}, "passive": PASSIVE}
    assert admin.refused(400, "POST", "/upstreams", {"name": "null.rows.test", "healthchecks": None})["fields"] == {"healthchecks": MISSING}
