"""admin-api.md 3: shapes, codes and which "not found" is answered."""
import pytest

U0 = "11111111-2222-4333-8444-555555555555"
NOT_FOUND = {"message": "Not found"}


def test_3_2_code_1(admin):
    """admin-api 3.2: 1"""
    assert admin.refused(400, "GET", "/ca_certificates/foo") == {
        "code": 1, "name": "invalid primary key", "message": "invalid primary key: '{id=\"expected a valid UUID\"}'",
        "fields": {"id": "expected a valid UUID"}}


def test_3_2_code_2_one_and_several(admin):
    """admin-api 3.2: 2"""
    assert admin.refused(400, "POST", "/services", {}) == {
        "code": 2, "name": "schema violation", "message": "schema violation (host: required field missing)",
        "fields": {"host": "required field missing"}}
    body = admin.refused(400, "POST", "/services", {"path": "x"})
    assert body["message"] == "2 schema violations (host: required field missing; path: should start with: /)"


def test_3_2_code_2_positions_are_counted_from_one(admin):
    body = admin.refused(400, "POST", "/routes", {"protocols": ["http", "zork"], "paths": ["/a", "b"]})
    assert "paths.2: should start with: / (fixed path) or ~/ (regex path)" in body["message"]
    assert body["fields"]["paths"] == [None, "should start with: / (fixed path) or ~/ (regex path)"]


def test_3_2_code_2_deeper_levels_are_a_dump(admin):
    body = admin.refused(400, "POST", "/upstreams", {"name": "deep.test", "healthchecks": {"active": {"concurrency": -1}}})
    assert body["fields"] == {"healthchecks": {"active": {"concurrency": "value should be between 1 and 2147483648"}}}
    assert body["message"] == 'schema violation (healthchecks.active: {concurrency="value should be between 1 and 2147483648"})'


def test_3_2_code_3(admin):
    """admin-api 3.2: 3"""
    made = admin.make("/services", {"host": "h"})
    body = admin.refused(400, "POST", "/services", {"host": "h", "id": made["id"]})
    assert body == {"code": 3, "name": "primary key violation", "fields": {"id": made["id"]},
                    "message": f"primary key violation on key '{{id=\"{made['id']}\"}}'"}


def test_3_2_code_4_both_ways(admin):
    """admin-api 3.2: 4"""
    assert admin.refused(400, "POST", "/routes", {"paths": ["/a"], "service": {"id": U0}}) == {
        "code": 4, "name": "foreign key violation", "fields": {"service": {"id": U0}},
        "message": f"the foreign key '{{id=\"{U0}\"}}' does not reference an existing 'services' entity."}
    admin.make("/services", {"name": "referred", "host": "h"})
    admin.make("/services/referred/routes", {"paths": ["/a"]})
    assert admin.refused(400, "DELETE", "/services/referred") == {
        "code": 4, "name": "foreign key violation", "fields": {"@referenced_by": "routes"},
        "message": "an existing 'routes' entity references this 'services' entity"}


def test_3_2_code_5(admin):
    """admin-api 3.2: 5"""
    admin.make("/services", {"name": "unique", "host": "h"})
    assert admin.refused(409, "POST", "/services", {"name": "unique", "host": "h"}) == {
        "code": 5, "name": "unique constraint violation", "message": "UNIQUE violation detected on '{name=\"unique\"}'",
        "fields": {"name": "unique"}}


def test_3_2_code_6(admin):
    """admin-api 3.2: 6"""
    assert admin.refused(404, "PATCH", f"/services/{U0}", {"host": "h"}) == {
        "code": 6, "name": "not found", "fields": {"id": U0},
        "message": f"could not find the entity with primary key '{{id=\"{U0}\"}}'"}
    assert admin.refused(404, "PATCH", "/services/none", {"host": "h"})["message"] == "could not find the entity with '{name=\"none\"}'"


@pytest.mark.parametrize("offset, why", [("x", "bad base64 encoding"), ("eno", "bad json encoding")])
def test_3_2_code_7(admin, offset, why):
    """admin-api 3.2: 7"""
    assert admin.refused(400, "GET", f"/services?offset={offset}") == {
        "code": 7, "name": "invalid offset", "message": f"'{offset}' is not a valid offset: {why}"}


@pytest.mark.parametrize("size, why", [("x", "size must be a number"), ("0", "size must be an integer between 1 and 1000"),
                                       ("1001", "size must be an integer between 1 and 1000"), ("1.5", "size must be an integer between 1 and 1000")])
def test_3_2_code_9(admin, size, why):
    """admin-api 3.2: 9"""
    assert admin.refused(400, "GET", f"/services?size={size}") == {"code": 9, "name": "invalid size", "message": why}


def test_3_2_code_10(admin):
    """admin-api 3.2: 10"""
    assert admin.refused(400, "GET", "/services/a%20b") == {
        "code": 10, "name": "invalid unique name",
        "message": "invalid value 'a b': the only accepted ascii characters are alphanumerics or ., -, _, and ~"}
    assert admin.refused(400, "GET", "/plugins/a%20b")["name"] == "invalid unique instance_name"


def test_3_2_code_11(admin):
    """admin-api 3.2: 11"""
    assert admin.refused(400, "GET", "/services?tags=a/b,c") == {
        "code": 11, "name": "invalid options", "message": "invalid option (tags: invalid filter syntax)",
        "options": {"tags": "invalid filter syntax"}}
    admin.make("/consumers", {"username": "code-11"})
    body = admin.refused(400, "POST", "/consumers/code-11/key-auth", {"ttl": -1})
    assert body["options"] == {"ttl": "must be an integer between 0 and 100000000"}


def test_3_2_code_13(admin):
    """admin-api 3.2: 13"""
    body = admin.refused(400, "POST", "/routes", {"paths": ["/a"], "service": {"name": "none"}})
    text = "the foreign key cannot be resolved with '{name=\"none\"}' for an existing 'services' entity"
    assert body == {"code": 13, "name": "foreign keys unresolved", "message": f"foreign key unresolved (service.name: {text})",
                    "fields": {"service": {"name": text}}}


@pytest.mark.parametrize("given, fields", [
    ("x", {"id": "missing primary key"}), (5, {"id": "missing primary key"}), ({}, {"id": "missing primary key"}),
    ({"id": "x"}, {"id": "expected a valid UUID"}), ({"host": "h"}, {"id": "missing primary key"}),
    ({"url": "http://h"}, {"id": "missing primary key"}),
    ({"protocol": "zork"}, {"protocol": "expected one of: grpc, grpcs, http, https, tcp, tls, tls_passthrough, udp"}),
    ({"port": "80", "zork": 1}, {"port": "expected an integer", "zork": "unknown field"}),
    ({"id": "x", "retries": -1}, {"id": "expected a valid UUID", "retries": "value should be between 0 and 32767"})])
def test_1_6_a_reference_without_an_id(admin, given, fields):
    for method, path in (("POST", "/routes"), ("POST", "/schemas/routes/validate")):
        body = admin.refused(400, method, path, {"paths": ["/a"], "service": given})
        assert (body["code"], body["fields"]) == (2, {"service": fields})


def test_1_6_attributes_beside_an_id_are_ignored(admin):
    made = admin.make("/services", {"host": "h"})
    route = admin.make("/routes", {"paths": ["/a"], "service": {**made, "protocol": "zork", "more": 1}})
    assert route["service"] == {"id": made["id"]}
    assert admin.ask("PATCH", f"/routes/{route['id']}", {"service": None}).json["service"] is None


def test_3_2_a_reference_that_is_none(admin):
    for value in ("text", {}, {"zork": 1}):
        assert admin.refused(400, "POST", "/routes", {"paths": ["/a"], "service": value})["fields"]["service"]


@pytest.mark.parametrize("method, path, body", [
    ("GET", f"/services/{U0}", None), ("GET", "/services/none", None), ("PATCH", f"/plugins/{U0}", {"enabled": False}),
    ("GET", "/consumers/none/plugins", None), ("POST", "/consumers/none/plugins", {"name": "key-auth"}),
    ("PUT", f"/consumers/none/plugins/{U0}", {"name": "key-auth"}), ("DELETE", f"/consumers/none/plugins/{U0}", None)])
def test_3_3_plain_not_found(admin, method, path, body):
    """admin-api 3.3: GET missing | PATCH missing | DELETE missing, nested (/consumers/:c/plugins/:p), or parent missing | parent missing, any method"""
    assert admin.refused(404, method, path, body) == NOT_FOUND


def test_3_3_other_forms_of_not_found(admin):
    """admin-api 3.3: /certificates/<name> (not PUT) with unknown SNI | DELETE missing, top level"""
    assert admin.refused(404, "GET", f"/certificates/{U0}")["code"] == 6
    assert admin.refused(404, "GET", "/certificates/none.test") == {"message": "SNI not found"}
    assert admin.refused(404, "PATCH", f"/plugins/{U0}", {"name": "key-auth", "enabled": False})["code"] == 6
    assert admin.ask("DELETE", f"/services/{U0}").status == 204
    admin.make("/consumers", {"username": "nested-delete"})
    assert admin.refused(404, "DELETE", f"/consumers/nested-delete/plugins/{U0}") == NOT_FOUND


def test_3_3_an_item_of_another_parent(admin):
    """admin-api 3.3: nested item belonging to another parent"""
    one, two = admin.make("/services", {"host": "h"}), admin.make("/services", {"host": "h"})
    route = admin.make(f"/services/{one['id']}/routes", {"paths": ["/a"]})
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        assert admin.refused(404, method, f"/services/{two['id']}/routes/{route['id']}", {"paths": ["/b"]}) == NOT_FOUND
