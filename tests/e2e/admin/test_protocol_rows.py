"""admin-api.md 1 (protocol basics) and 2 (request bodies), row by row."""
import json

import pytest

COLLECTION, ITEM, READ = "GET, HEAD, OPTIONS, POST", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT", "GET, HEAD, OPTIONS"


# ---- 1: protocol basics

def test_1_response_type(admin):
    """admin-api 1: Response type"""
    answer = admin.ask("GET", "/services")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert int(answer.headers["content-length"]) == len(answer.body)


def test_1_trailing_slash(admin):
    """admin-api 1: Trailing slash"""
    assert admin.ask("GET", "/services/").status == 200
    assert admin.ask("GET", "/schemas/services/").status == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
def test_1_unknown_path(admin, method):
    """admin-api 1: Unknown path"""
    for path in ("/nope", "/services/x/y/z/q", "/rbac/users", "/licenses", "/partials", "/event-hooks", "/workspaces", "/targets"):
        answer = admin.ask(method, path)
        assert (answer.status, answer.json) == (404, {"message": "Not found"}), path


def test_1_unknown_path_head(admin):
    answer = admin.ask("HEAD", "/nope")
    assert (answer.status, answer.body) == (404, b"")


@pytest.mark.parametrize("method, path", [("PUT", "/services"), ("DELETE", "/"), ("POST", "/services/abc"), ("BREW", "/services"),
                                          ("PATCH", "/consumers"), ("POST", "/schemas/services"), ("DELETE", "/plugins/enabled"),
                                          ("PUT", "/tags"), ("PATCH", "/tags/x"), ("POST", "/status")])
def test_1_known_path_unsupported_method(admin, method, path):
    """admin-api 1: Known path, unsupported method | admin-api 3.3: wrong method"""
    assert admin.refused(405, method, path, {}) == {"message": "Method not allowed"}


def test_1_head_is_get_without_a_body(admin):
    """admin-api 1: HEAD"""
    get, head = admin.ask("GET", "/services"), admin.ask("HEAD", "/services")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


@pytest.mark.parametrize("path, allow", [
    ("/services", COLLECTION), ("/services/x", ITEM), ("/", READ), ("/plugins/enabled", READ), ("/status", READ),
    ("/upstreams/x/targets", COLLECTION), ("/upstreams/x/targets/y", ITEM), ("/consumers/x/key-auth", COLLECTION),
    ("/tags", COLLECTION), ("/tags/x", ITEM), ("/routes/x/service", ITEM), ("/certificates/x/snis", COLLECTION),
    ("/vaults", COLLECTION), ("/key-sets/x/keys/y", ITEM), ("/services/x/client_certificate", ITEM)])
def test_1_options(admin, path, allow):
    """admin-api 1: OPTIONS"""
    answer = admin.ask("OPTIONS", path)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["allow"] == answer.headers["access-control-allow-methods"] == allow
    assert answer.headers["access-control-allow-headers"] == "Content-Type"
    assert answer.headers["x-kong-admin-latency"].isdigit()


def test_1_literal_beats_parameter(admin):
    """admin-api 1: Literal beats parameter"""
    assert "enabled_plugins" in admin.ask("GET", "/plugins/enabled").json
    assert "fields" in admin.ask("GET", "/plugins/schema/key-auth").json
    admin.make("/upstreams", {"name": "literal.test"})
    assert admin.ask("GET", "/upstreams/literal.test/targets/all").json == {"data": [], "next": None}
    assert admin.ask("POST", "/schemas/plugins/validate", {"name": "key-auth"}).status == 200


def test_1_query_on_write_is_ignored(admin):
    """admin-api 1: Query on write"""
    made = admin.make("/consumers?username=query", {"username": "query-on-write"})
    assert made["username"] == "query-on-write"


@pytest.mark.parametrize("method, status", [("GET", 200), ("HEAD", 200), ("DELETE", 405)])
def test_1_body_without_meaning_is_ignored(admin, method, status):
    """admin-api 1: Body on GET/HEAD/DELETE"""
    assert admin.ask(method, "/services", raw=b"{bad", type="application/json").status == status
    assert admin.ask("DELETE", "/services/none", raw=b"{bad", type="application/json").status == 204


def test_1_limits(admin):
    """admin-api 1: Limits"""
    many = "&".join(f"a{i}=1" for i in range(1001))
    assert admin.refused(400, "GET", f"/services?{many}") == {"message": "Too many arguments"}
    assert admin.refused(400, "POST", "/services", form=many)["message"] == "Too many arguments"
    assert admin.ask("GET", "/services?" + "&".join(f"a{i}=1" for i in range(1000))).status == 200


def test_1_headers(admin):
    """admin-api 1: Server | X-Kong-Admin-Latency | Access-Control-Allow-Origin | Access-Control-Allow-Credentials | Access-Control-Allow-Headers"""
    answer = admin.ask("GET", "/services")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["x-kong-admin-latency"].isdigit()
    assert "server" in answer.headers
    answer = admin.ask("GET", "/", headers=[("Origin", "http://ui.test:8002")])
    assert answer.headers["access-control-allow-origin"] == "http://ui.test:8002"
    answer = admin.ask("OPTIONS", "/services", headers=[("Access-Control-Request-Headers", "x-a,x-b")])
    assert answer.headers["access-control-allow-headers"] == "x-a,x-b"


def test_1_robots(admin):
    answer = admin.ask("GET", "/robots.txt")
    assert answer.body.split() == [b"User-agent:", b"*", b"Disallow:", b"/"]
    assert answer.headers["content-type"].startswith("text/plain")


# ---- 2.1: the gate

@pytest.mark.parametrize("type", ["text/plain", "application/yaml", "text/yaml", "Application/JSON", "application/xml"])
def test_2_1_other_types(admin, type):
    """admin-api 2.1: other value | application/yaml, text/yaml"""
    assert admin.ask("POST", "/consumers", raw=b"username=x", type=type).status == 415


def test_2_1_no_type(admin):
    """admin-api 2.1: header absent with a body | header absent and no body, or Content-Length: 0"""
    assert admin.ask("POST", "/services", raw=b"host=a").status == 415
    assert admin.violation("/services") == "host: required field missing"
    assert admin.violation("/services", raw=b"") == "host: required field missing"


def test_2_1_charset_is_fine(admin):
    """admin-api 2.1: starts with application/json, multipart/form-data, application/x-www-form-urlencoded"""
    assert admin.ask("POST", "/consumers", raw=b'{"username":"charset"}', type="application/json; charset=utf-8").status == 201


@pytest.mark.parametrize("body", [b"", b"{", b'"x"', b"5", b"null", b"[1]", b"{}{}", b'{"a":\xff}'])
def test_2_1_json_that_is_no_object(admin, body):
    """admin-api 2.1: application/json with missing or malformed body | application/json, valid but a scalar, null or a non-empty array"""
    assert admin.refused(400, "POST", "/services", raw=body, type="application/json") == {"message": "Cannot parse JSON body"}


def test_2_1_empty_bodies(admin):
    assert admin.violation("/services", raw=b"[]", type="application/json") == "host: required field missing"
    assert admin.ask("PUT", "/consumers/put-empty", {}).json["username"] == "put-empty"
    assert admin.ask("PUT", "/consumers/put-nothing").json["username"] == "put-nothing"


# ---- 2.2: JSON

@pytest.mark.parametrize("path, body, message", [
    ("/services", {"host": "h", "port": "80"}, "port: expected an integer"),
    ("/routes", {"paths": "/a"}, "paths: expected an array"),
    ("/services", {"host": ""}, "host: length must be at least 1"),
    ("/services", {"host": "h", "enabled": None}, "enabled: required field missing"),
    ("/consumers", {"username": "dots", "a.b": 1}, "a.b: unknown field"),
    ("/services", {"host": "h", "port": 2.5}, "port: expected an integer"),
    ("/services", {"host": "h", "tags": "a"}, "tags: expected a set")])
def test_2_2_json_is_used_as_it_is(admin, path, body, message):
    assert message in admin.violation(path, body)


# ---- 2.3: trees from forms

@pytest.mark.parametrize("form, wanted", [
    ("paths[]=/t1&paths[]=/t2", {"paths": ["/t1", "/t2"]}),
    ("paths=/t3&paths=/t4", {"paths": ["/t3", "/t4"]}),
    ("paths[1]=/x&paths[2]=/y", {"paths": ["/x", "/y"]}),
    ("paths%5B%5D=/enc", {"paths": ["/enc"]}),
    ("paths[]=/a&headers.X-Foo=1&headers.x-bar[]=2", {"headers": {"X-Foo": ["1"], "x-bar": ["2"]}}),
    ("paths[]=/a&headers[x]=1", {"headers": {"x": ["1"]}}),
    ("protocols[]=tcp&sources[1].ip=10.0.0.1&sources[2].port=9", {"sources": [{"ip": "10.0.0.1", "port": None}, {"ip": None, "port": 9}]}),
    ("paths[]=/a&strip_path", {"strip_path": True})])
def test_2_3_form_tree(admin, form, wanted):
    made = admin.make("/routes", form=form)
    assert {key: made[key] for key in wanted} == wanted


def test_2_3_comma_lists_are_one_element(admin):
    assert "hosts" in admin.violation("/routes", form="hosts=a.com,b.com")


def test_2_3_holes_are_no_array(admin):
    assert admin.violation("/routes", form="paths[2]=/x") == "paths: expected an array"


def test_2_3_references(admin):
    admin.make("/services", {"name": "form-ref", "host": "h"})
    by_name = admin.make("/routes", form="paths[]=/r&service.name=form-ref")
    by_id = admin.make("/routes", form=f"paths[]=/r&service.id={by_name['service']['id']}")
    assert by_id["service"] == by_name["service"]


@pytest.mark.parametrize("form", ["config.key_names=a&config.key_names=b", "config.key_names[]=a&config.key_names[]=b",
                                  "config.key_names[1]=a&config.key_names[2]=b"])
def test_2_3_plugin_config(admin, form):
    service = admin.make("/services", {"host": "h"})
    made = admin.make(f"/services/{service['id']}/plugins", form=f"name=key-auth&{form}")
    assert made["config"]["key_names"] == ["a", "b"]


def test_2_3_multipart(admin):
    parts = [("name", "", "multi"), ("url", "", "http://multi.test:81/x"), ("retries", "", "2"),
             ("tags[]", '; filename="t.txt"', "from-a-file"), ("enabled", "\r\nContent-Type: application/json", "false")]
    body = "".join(f'--X\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{text}\r\n' for name, more, text in parts) + "--X--\r\n"
    made = admin.make("/services", raw=body.encode(), type="multipart/form-data; boundary=X")
    assert (made["name"], made["port"], made["retries"], made["tags"], made["enabled"]) == ("multi", 81, 2, ["from-a-file"], False)


# ---- 2.4: types of leaves

@pytest.mark.parametrize("form, field, value", [
    ("host=h&path=", "path", None), ("host=h&retries=7", "retries", 7), ("host=h&retries=0x10", "retries", 16),
    ("host=h&retries=1e2", "retries", 100), ("host=h&retries=+5+", "retries", 5), ("host=h&enabled=false", "enabled", False),
    ("host=h&name=123", "name", "123"), ("host=h&tags=one", "tags", ["one"]), ("url=http%3A%2F%2Fh%3A81%2Fp", "port", 81)])
def test_2_4_inference(admin, form, field, value):
    assert admin.make("/services", form=form)[field] == value


@pytest.mark.parametrize("form, message", [
    ("host=h&retries=2.5", "retries: expected an integer"), ("host=h&retries=many", "retries: expected an integer"),
    ("host=h&enabled=yes", "enabled: expected a boolean"), ("host=h&zork=1", "zork: unknown field")])
def test_2_4_what_cannot_be_inferred(admin, form, message):
    assert admin.violation("/services", form=form) == message


def test_2_4_a_patch_infers_by_the_stored_plugin(admin):
    service = admin.make("/services", {"host": "h"})
    made = admin.make(f"/services/{service['id']}/plugins", {"name": "rate-limiting", "config": {"minute": 5}})
    assert admin.ask("PATCH", f"/plugins/{made['id']}", form="config.minute=6").json["config"]["minute"] == 6


def test_2_4_ttl(admin):
    admin.make("/consumers", {"username": "ttl-form"})
    assert 50 < admin.make("/consumers/ttl-form/key-auth", form="key=ttl-form&ttl=60")["ttl"] <= 60


# ---- what breaks readers (issue 3)

@pytest.mark.parametrize("body", [b"[" * 100000, b'{"a":' * 100000, b'{"username":"\xc3\x28"}', b'{"username":"a\x00b"}',
                                  b'{"username":"\\ud800"}', b"\xff\xfe{\x00}\x00"])
def test_hostile_json_is_refused(admin, body):
    answer = admin.ask("POST", "/consumers", raw=body, type="application/json")
    assert answer.status == 400, answer


def test_ten_thousand_unknown_fields_are_refused(admin):
    body = {f"f{i}": i for i in range(10000)} | {"username": "unknown-fields"}
    answer = admin.ask("POST", "/consumers", body)
    assert (answer.status, answer.json["code"]) == (400, 2)
    assert admin.ask("GET", "/consumers/unknown-fields").status == 404


@pytest.mark.parametrize("text", ["'; DROP TABLE consumers; --", '"); SELECT 1', "${HOME} {{7*7}} %s%n", "$1 \\x00 \\", "{vault://env/X}"])
def test_metacharacters_are_text(admin, text):
    made = admin.make("/consumers", {"username": text})
    assert admin.ask("GET", f"/consumers/{made['id']}").json["username"] == text
    assert admin.ask("DELETE", f"/consumers/{made['id']}").status == 204


def test_oversized_bodies_are_refused(admin):
    try:
        answer = admin.ask("POST", "/consumers", raw=b'{"username":"' + b"a" * (11 << 20) + b'"}', type="application/json")
        assert answer.status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # it did not wait for the rest
    assert json.loads(admin.ask("GET", "/consumers?size=1").body)
