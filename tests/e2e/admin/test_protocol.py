"""The rows of admin-api.md 1, 2 and 3.3 over the wire, each by the name of its row."""
import json

import kit
import pytest

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
NOBODY = "5fd1c2d2-60a2-4a4c-9d4e-0e1c7b1f7a55"


def ask(gateway, method, path, body=None, kind=JSON, headers=()):
    pairs = list(headers) + ([("Content-Type", kind)] if body is not None and kind else [])
    return kit.call(gateway.admin, method, path, pairs, body)


# ---- section 1

def test_response_type_and_length(gateway):
    answer = ask(gateway, "GET", "/services")
    assert answer.headers["content-type"] == "application/json; charset=utf-8" and int(answer.headers["content-length"]) == len(answer.body)


@pytest.mark.parametrize("path", ["/services/", "/status/", "/consumers/?size=1"])
def test_trailing_slash(gateway, path):
    assert ask(gateway, "GET", path).status == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
def test_unknown_path(gateway, method):
    answer = ask(gateway, method, "/no/such/path/here")
    assert answer.status == 404 and answer.json == {"message": "Not found"}


def test_unknown_path_head_has_no_body(gateway):
    answer = ask(gateway, "HEAD", "/no-such-path")
    assert answer.status == 404 and answer.body == b""


@pytest.mark.parametrize("method,path", [("BREW", "/services"), ("PUT", "/services"), ("POST", "/services/x"), ("DELETE", "/"), ("PATCH", "/tags/x")])
def test_known_path_unsupported_method(gateway, method, path):
    answer = ask(gateway, method, path)
    assert answer.status == 405 and answer.json == {"message": "Method not allowed"}


@pytest.mark.parametrize("path,allow", [
    ("/services", "GET, HEAD, OPTIONS, POST"), ("/services/nowhere", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"), ("/", "GET, HEAD, OPTIONS"),
    ("/tags", "GET, HEAD, OPTIONS, POST"), ("/tags/x", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
    ("/routes/nowhere/service", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT")])
def test_options(gateway, path, allow):
    answer = ask(gateway, "OPTIONS", path)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["allow"] == answer.headers["access-control-allow-methods"] == allow
    assert answer.headers["access-control-allow-headers"] == "Content-Type" and "x-kong-admin-latency" in answer.headers


@pytest.mark.parametrize("path,key", [("/plugins/enabled", "enabled_plugins"), ("/plugins/schema/key-auth", "fields"), ("/schemas/plugins/key-auth", "fields")])
def test_literal_beats_parameter(gateway, path, key):
    assert key in ask(gateway, "GET", path).json


def test_query_on_write_is_ignored(gateway):
    assert ask(gateway, "POST", "/services?host=other&name=x", b'{"host":"h"}').json["host"] == "h"


@pytest.mark.parametrize("method,status", [("GET", 200), ("HEAD", 200), ("DELETE", 204)])
def test_body_where_none_is_wanted_is_ignored(gateway, method, status):
    made = ask(gateway, "POST", "/services", b'{"host":"h"}').json
    assert ask(gateway, method, f"/services/{made['id']}", b"{malformed", "text/plain").status == status


def test_limit_of_arguments(gateway):
    answer = ask(gateway, "GET", "/services?" + "&".join(f"a{i}=1" for i in range(1001)))
    assert answer.status == 400 and answer.json == {"message": "Too many arguments"}
    assert ask(gateway, "GET", "/services?" + "&".join(f"a{i}=1" for i in range(1000))).status == 200


@pytest.mark.parametrize("method,path", [("GET", "/services"), ("OPTIONS", "/services"), ("GET", "/nowhere"), ("BREW", "/")])
def test_headers_set_on_every_answer(gateway, method, path):
    answer = ask(gateway, method, path, headers=[("Origin", "http://ui.test")])
    assert answer.headers["server"].startswith("gatehouse/") and answer.headers["x-kong-admin-latency"].isdigit()
    assert answer.headers["access-control-allow-origin"] == "http://ui.test" and answer.headers["access-control-allow-credentials"] == "true"


def test_robots(gateway):
    answer = ask(gateway, "GET", "/robots.txt")
    assert answer.headers["content-type"].startswith("text/plain") and answer.body.split() == [b"User-agent:", b"*", b"Disallow:", b"/"]


# ---- section 2

@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_2_1_no_type_and_no_body_is_an_empty_entity(gateway, method):
    answer = ask(gateway, method, "/consumers" if method == "POST" else "/consumers/bob")
    assert (answer.status, answer.json.get("code"), answer.json.get("username")) == ((400, 2, None) if method == "POST" else (200, None, "bob"))


def test_2_1_an_empty_list_counts_as_an_empty_object(gateway):
    assert ask(gateway, "PUT", "/consumers/eve", b"[]").json["username"] == "eve"


@pytest.mark.parametrize("body,field,text", [
    ({"host": "h", "port": "80"}, "port", "expected an integer"), ({"host": "h", "tags": "a"}, "tags", "expected a set"),
    ({"host": ""}, "host", "length must be at least 1"), ({"host": "h", "port": None}, "port", "required field missing"),
    ({"host": "h", "a.b": 1}, "a.b", "unknown field")])
def test_2_2_json_is_not_inferred(gateway, body, field, text):
    answer = ask(gateway, "POST", "/services", json.dumps(body).encode())
    assert answer.status == 400 and answer.json["fields"] == {field: text}


@pytest.mark.parametrize("form,want", [
    ("name=a&paths[]=/a&paths[]=/b", {"paths": ["/a", "/b"]}), ("paths[2]=/b&paths[1]=/a", {"paths": ["/a", "/b"]}),
    ("paths=/a&paths=/b", {"paths": ["/a", "/b"]}), ("sources[1].ip=10.0.0.1&protocols=tcp", {"sources": [{"ip": "10.0.0.1", "port": None}]}),
    ("paths=/a&headers.X-Foo=a", {"headers": {"X-Foo": ["a"]}}), ("paths=/a&headers[X-Foo]=a", {"headers": {"X-Foo": ["a"]}}),
    ("paths%5B%5D=/a", {"paths": ["/a"]}), ("paths=/a&hosts=a.com", {"hosts": ["a.com"]}), ("paths=/a&preserve_host", {"preserve_host": True}),
    ("paths=/a&strip_path=false&regex_priority=0x10", {"strip_path": False, "regex_priority": 16}), ("paths=/a&name=", {"name": None}),
    ("paths=/a&name=123", {"name": "123"})])
def test_2_3_and_2_4_forms(gateway, form, want):
    answer = ask(gateway, "POST", "/routes", form.encode(), FORM)
    assert answer.status == 201, answer
    assert {key: answer.json[key] for key in want} == want


@pytest.mark.parametrize("form,fields", [
    ("paths[1]=/a&paths[3]=/b", {"paths": "expected an array"}), ("paths=/a&regex_priority=2.5", {"regex_priority": "expected an integer"}),
    ("paths=/a&strip_path=yes", {"strip_path": "expected a boolean"}), ("paths=/a&nonsense=1", {"nonsense": "unknown field"}),
    ("paths=/a&.name=x", {".name": "unknown field"})])
def test_2_4_text_that_fits_no_type_is_refused_as_text(gateway, form, fields):
    answer = ask(gateway, "POST", "/routes", form.encode(), FORM)
    assert answer.status == 400 and answer.json["fields"] == fields, answer


def test_2_3_references_by_unique_field(gateway):
    gateway.post("/services", {"name": "orders", "host": "h"})
    made = ask(gateway, "POST", "/routes", b"paths=/a&service.name=orders", FORM)
    assert made.json["service"] == {"id": ask(gateway, "GET", "/services/orders").json["id"]}
    missing = ask(gateway, "POST", "/routes", b"paths=/a&service.name=nowhere", FORM)
    assert (missing.status, missing.json["code"]) == (400, 13)


# ---- section 3.3

@pytest.mark.parametrize("method,path,status,code", [
    ("GET", "/services/nowhere", 404, None), ("GET", f"/certificates/{NOBODY}", 404, 6), ("GET", "/certificates/nowhere", 404, None),
    ("PATCH", "/services/nowhere", 404, 6), ("PATCH", f"/plugins/{NOBODY}", 404, None), ("DELETE", f"/services/{NOBODY}", 204, None),
    ("DELETE", f"/consumers/nowhere/plugins/{NOBODY}", 404, None), ("POST", "/services/nowhere/routes", 404, None)])
def test_3_3_which_not_found_body(gateway, method, path, status, code):
    answer = ask(gateway, method, path, b"{}" if method in ("POST", "PATCH") else None)
    assert answer.status == status
    if status == 404:
        assert answer.json.get("code") == code and (code or answer.json["message"] in ("Not found", "SNI not found"))


def test_3_3_an_item_of_another_parent_is_not_found(gateway):
    for name in ("one", "two"):
        gateway.post("/services", {"name": name, "host": "h"})
    route = gateway.post("/services/one/routes", {"paths": ["/a"]})
    assert ask(gateway, "GET", f"/services/one/routes/{route['id']}").status == 200
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        assert ask(gateway, method, f"/services/two/routes/{route['id']}", b'{"paths":["/b"]}' if method[0] == "P" else None).status == 404, method
