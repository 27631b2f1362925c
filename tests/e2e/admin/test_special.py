"""admin-api.md 7 (special entity endpoints) and 8 (information endpoints), row by row. Certificates: unit/admin/test_certificates."""
import re

import pytest

U0 = "11111111-2222-4333-8444-555555555555"


# ---- 7.1: targets

@pytest.fixture(scope="session")
def targets(admin):
    admin.make("/upstreams", {"name": "targets.test"})
    return [admin.make("/upstreams/targets.test/targets", {"target": target, "weight": weight})
            for target, weight in (("10.0.0.1", 100), ("10.0.0.2:80", 5), ("[::1]:80", 0))]


def test_7_1_addresses(admin, targets):
    assert [t["target"] for t in targets] == ["10.0.0.1:8000", "10.0.0.2:80", "[0000:0000:0000:0000:0000:0000:0000:0001]:80"]
    for target in targets:
        for key in (target["id"], target["target"].replace("[", "%5B").replace("]", "%5D")):
            assert admin.ask("GET", f"/upstreams/targets.test/targets/{key}").json["id"] == target["id"]
    assert admin.ask("GET", "/upstreams/targets.test/targets/10.0.0.1").status == 404


def test_7_1_a_duplicate_is_refused(admin, targets):
    body = admin.refused(409, "POST", "/upstreams/targets.test/targets", {"target": "10.0.0.1:8000"})
    assert body["fields"] == {"target": "10.0.0.1:8000", "upstream": targets[0]["upstream"]}


def test_7_1_put_and_patch_change_what_is_there(admin, targets):
    path = f"/upstreams/targets.test/targets/{targets[0]['id']}"
    assert admin.ask("PUT", path, {"weight": 6}).json["weight"] == 6
    assert admin.ask("PATCH", path, {"weight": 7}).json["target"] == "10.0.0.1:8000"
    assert admin.ask("PUT", f"/upstreams/targets.test/targets/{U0}", {"target": "c.test:1"}).status == 404
    assert admin.ask("DELETE", f"/upstreams/targets.test/targets/{U0}").status == 404
    admin.make("/upstreams", {"name": "other-targets.test"})
    assert admin.ask("GET", f"/upstreams/other-targets.test/targets/{targets[0]['id']}").status == 404


def test_7_1_newest_first_and_all_by_id(admin, targets):
    """admin-api 5: targets list"""
    page = admin.ask("GET", "/upstreams/targets.test/targets?size=2").json
    assert [t["id"] for t in page["data"]] == [targets[2]["id"], targets[1]["id"]]
    assert page["offset"] == "2" and page["next"] == "/upstreams/targets.test/targets?offset=2"
    assert admin.ask("GET", "/upstreams/targets.test/targets?size=5000").status == 200
    everything = admin.ask("GET", "/upstreams/targets.test/targets/all").json["data"]
    assert [t["id"] for t in everything] == sorted(t["id"] for t in targets)


# ---- 7.2: health

def test_7_2_health_without_checks(admin, targets):
    body = admin.ask("GET", "/upstreams/targets.test/health").json
    assert body["next"] is None and re.fullmatch(r"[0-9a-f-]{36}", body["node_id"])
    assert {row["health"] for row in body["data"]} == {"HEALTHCHECKS_OFF"}
    data = next(row["data"] for row in body["data"] if row["target"] == "10.0.0.2:80")
    assert (data["host"], data["port"], data["nodeWeight"]) == ("10.0.0.2", 80, 5)
    assert data["weight"] == {"total": 5, "available": 5, "unavailable": 0} and data["addresses"] == []
    assert admin.ask("GET", "/upstreams/none.test/health").status == 404


def test_7_2_balancer_health(admin, targets):
    body = admin.ask("GET", "/upstreams/targets.test/health?balancer_health=1").json
    assert (body["data"]["id"], body["data"]["health"]) == (targets[0]["upstream"]["id"], "HEALTHCHECKS_OFF")
    assert len(body["data"]["details"]["hosts"]) == 3


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize("word", ["healthy", "unhealthy"])
def test_7_1_marking_without_checks(admin, targets, method, word):
    path = f"/upstreams/targets.test/targets/10.0.0.2:80/{word}"
    assert admin.refused(400, method, path)["message"] == "no healthchecker found for targets.test"
    assert admin.refused(400, method, f"/upstreams/targets.test/targets/10.0.0.2:80/10.0.0.2:80/{word}")
    assert admin.ask(method, f"/upstreams/targets.test/targets/none.test:1/{word}").status == 404
    assert admin.ask(method, f"/upstreams/none.test/targets/10.0.0.2:80/{word}").status == 404


# ---- 7.5: credentials

def test_7_5_credentials_are_made_up(admin):
    admin.make("/consumers", {"username": "credentials"})
    assert re.fullmatch("[A-Za-z0-9]{32}", admin.make("/consumers/credentials/key-auth")["key"])
    made = admin.make("/consumers/credentials/key-auth", {"key": "by-key", "ttl": 100})
    assert 90 < made["ttl"] <= 100
    path = "/consumers/credentials/key-auth/by-key"
    assert admin.ask("GET", path).json["id"] == made["id"]
    assert admin.ask("PATCH", path, {"ttl": 0}).json["ttl"] is None
    assert admin.ask("PUT", path, {"ttl": 5}).json["ttl"] in (4, 5)
    admin.make("/consumers", {"username": "another"})
    assert admin.ask("GET", "/consumers/another/key-auth/by-key").status == 404


# ---- 7.6: plugins

def test_7_6_plugins(admin):
    admin.make("/services", {"name": "plugged", "host": "h"})
    made = admin.make("/services/plugged/plugins", {"name": "rate-limiting", "instance_name": "my-limit", "config": {"minute": 5}})
    assert admin.ask("GET", "/plugins/my-limit").json["id"] == made["id"]
    changed = admin.ask("PATCH", "/plugins/my-limit", {"config": {"hour": 9}}).json
    assert (changed["config"]["minute"], changed["config"]["hour"]) == (5, 9)
    route = admin.make("/routes", {"paths": ["/plugged"]})
    moved = admin.ask("PATCH", "/plugins/my-limit", {"service": None, "route": {"id": route["id"]}}).json
    assert moved["service"] is None and moved["route"] == {"id": route["id"]}
    assert admin.refused(409, "POST", f"/routes/{route['id']}/plugins", {"name": "rate-limiting", "config": {"minute": 1}})["fields"] == {
        "name": "rate-limiting", "route": {"id": route["id"]}, "service": None, "consumer": None}
    assert admin.ask("DELETE", f"/routes/{route['id']}").status == 204
    assert admin.ask("GET", "/plugins/my-limit").status == 404
    assert admin.refused(404, "GET", "/plugins/schema/zork") == {"message": "No plugin named 'zork'"}


@pytest.mark.parametrize("body, fields", [
    ({}, {"name": "required field missing"}), ({"name": 5}, {"name": "expected a string"}),
    ({"name": "zork", "config": {"a": 1}}, {"name": "plugin 'zork' not enabled; add it to the 'plugins' configuration property"}),
    ({"name": "key-auth", "config": {"zork": 1}}, {"config": {"zork": "unknown field"}}),
    ({"name": "key-auth", "config": "x"}, {"config": "expected a record"}),
    ({"name": "key-auth", "protocols": []}, None)])
def test_entities_4_5_plugins(admin, body, fields):
    if fields:
        assert admin.refused(400, "POST", "/plugins", body)["fields"] == fields
    else:
        assert admin.ask("POST", "/schemas/plugins/validate", body).status == 200


# ---- 8: information

def test_8_1_root(admin):
    body = admin.ask("GET", "/").json
    assert set(body) == {"tagline", "version", "edition", "hostname", "node_id", "timers", "plugins", "lua_version", "configuration", "pids"}
    assert (body["tagline"], body["edition"]) == ("Welcome to kong", "community")
    assert re.fullmatch(r"\d+\.\d+\.\d+", body["version"]) and body["version"] == "3.9.3"
    assert body["plugins"]["available_on_server"]["key-auth"] == {"version": "3.9.3", "priority": 1250}
    assert isinstance(body["plugins"]["enabled_in_cluster"], list) and set(body["timers"]) == {"running", "pending"}
    assert isinstance(body["pids"]["master"], int) and isinstance(body["pids"]["workers"], list)


def test_8_1_configuration(admin):
    configuration = admin.ask("GET", "/").json["configuration"]
    assert (configuration["database"], configuration["role"]) == ("postgres", "traditional")
    assert configuration["router_flavor"] == "traditional_compatible" and isinstance(configuration["admin_listen"], list)
    for key in ("admin_listeners", "proxy_listeners"):
        assert set(configuration[key][0]) == {"ip", "port", "ssl", "http2", "proxy_protocol", "deferred", "reuseport", "bind", "listener"}
    assert configuration["admin_gui_listeners"] == configuration["stream_listeners"] == []
    assert configuration["plugins"] == ["bundled"] and configuration["loaded_plugins"]["key-auth"] is True
    assert configuration["log_level"] and configuration["pg_password"] in (None, "******")


def test_8_2_status(admin):
    """admin-api 8.2: traditional, control plane"""
    body = admin.ask("GET", "/status").json
    assert body["database"] == {"reachable": True} and "configuration_hash" not in body
    assert set(body["server"]) == {"connections_accepted", "connections_active", "connections_handled", "connections_reading",
                                   "connections_waiting", "connections_writing", "total_requests"}
    assert body["memory"]["lua_shared_dicts"]["kong"]["capacity"].endswith(" MiB")
    assert isinstance(admin.ask("GET", "/status?unit=b").json["memory"]["workers_lua_vms"][0]["http_allocated_gc"], int)
    assert re.fullmatch(r"\d+\.\d{3} KiB", admin.ask("GET", "/status?unit=K&scale=3").json["memory"]["workers_lua_vms"][0]["http_allocated_gc"])
    assert admin.refused(400, "GET", "/status?unit=V")["message"] == "invalid unit 'V' (expected 'k/K', 'm/M', or 'g/G')"
    assert admin.refused(400, "GET", "/status?scale=-1")["message"] == "scale must be equal or greater than 0"


def test_8_3_ready_is_not_here(admin):
    assert admin.ask("GET", "/status/ready").status == 404


def test_8_6_schemas(admin):
    body = admin.ask("GET", "/schemas/services").json
    assert body["fields"][0]["id"]["type"] == "string" and isinstance(body["entity_checks"], list)
    assert admin.ask("GET", "/schemas/snis").json["entity_checks"] == []
    plugin = admin.ask("GET", "/schemas/plugins/key-auth").json
    assert [list(field)[0] for field in plugin["fields"]] == ["consumer", "protocols", "config"]
    assert plugin["fields"][0]["consumer"]["eq"] is None and plugin["fields"][1]["protocols"]["default"] == ["grpc", "grpcs", "http", "https"]
    assert admin.ask("GET", "/schemas/vaults/env").json["fields"][0]["config"]["type"] == "record"


@pytest.mark.parametrize("path, message", [("/schemas/zork", "No entity named 'zork'"), ("/schemas/plugins/zork", "No plugin named 'zork'"),
                                           ("/schemas/vaults/zork", "No vault named 'zork'"), ("/schemas/filters/zork", "Filter 'zork' not found")])
def test_8_6_unknown_schemas(admin, path, message):
    assert admin.refused(404, "GET", path) == {"message": message}


@pytest.mark.parametrize("path, body, status, message", [
    ("services", {"host": "h"}, 200, "schema validation successful"),
    ("services", {"id": U0, "created_at": 1, "host": "h"}, 200, "schema validation successful"),
    ("services", {}, 400, "schema violation (host: required field missing)"),
    ("routes", {"paths": ["/a"], "service": {"id": U0, "name": "whole", "host": "h"}}, 200, "schema validation successful"),
    ("zork", {}, 404, "No entity named 'zork'"),
    ("vaults", {"name": "env", "prefix": "x"}, 400, "schema violation (prefix: invalid value: x)"),
    ("plugins", {"name": "rate-limiting", "config": {"minute": "x"}}, 400, "schema violation (config.minute: expected a number)"),
    ("plugins", {"name": "key-auth"}, 200, "schema validation successful"),
    ("acls", {"group": "g"}, None, None), ("keyauth_credentials", {"consumer": {"id": U0}}, 200, "schema validation successful"),
    ("filter_chains", {}, 400, None)])
def test_8_6_validate(admin, path, body, status, message):
    answer = admin.ask("POST", f"/schemas/{path}/validate", body)
    assert status in (None, answer.status), answer
    assert message in (None, answer.json["message"])


def test_8_6_validate_nothing(admin):
    assert admin.refused(400, "POST", "/schemas/services/validate")["fields"] == {"host": "required field missing"}


def test_8_7_tags(admin):
    made = admin.make("/services", {"host": "h", "tags": ["t-8-7", "ümlaut"]})
    row = {"tag": "t-8-7", "entity_name": "services", "entity_id": made["id"]}
    assert admin.ask("GET", "/tags/t-8-7").json == {"data": [row], "next": None}
    assert row in admin.ask("GET", "/tags?size=1000&tags=ignored").json["data"]
    assert admin.ask("GET", "/tags/none-8-7").json == {"data": [], "next": None}
    assert admin.ask("GET", "/tags/%C3%BCmlaut").json["data"][0]["entity_id"] == made["id"]
    assert admin.refused(400, "GET", "/tags/%FF")["code"] == 10
    assert admin.refused(400, "POST", "/tags", {"tag": "x"})["fields"] == {
        "tags": "does not support insert/upsert/update/delete operations"}
    consumer = admin.make("/consumers", {"username": "tagged"})
    key = admin.make("/consumers/tagged/key-auth", {"tags": ["t-8-7"]})
    rows = admin.ask("GET", "/tags/t-8-7").json["data"]
    assert {(r["entity_name"], r["entity_id"]) for r in rows} == {("services", made["id"]), ("keyauth_credentials", key["id"])} and consumer
    page = admin.ask("GET", "/tags/t-8-7?size=1").json
    assert page["next"].startswith("/tags/t-8-7?offset=") and len(admin.ask("GET", page["next"]).json["data"]) == 1


@pytest.mark.parametrize("path", ["/clustering/data-planes", "/clustering/status"])
def test_8_9_clustering_is_for_control_planes(admin, path):
    assert admin.refused(400, "GET", path)["message"] == (
        "this endpoint is only available when Kong is configured to run as Control Plane for the cluster")


def test_8_10_cache(admin):
    assert admin.refused(404, "GET", "/cache/nothing") == {"message": "Not found"}
    assert admin.ask("DELETE", "/cache/nothing").status == admin.ask("DELETE", "/cache").status == 204


def test_8_11_timers(admin):
    body = admin.ask("GET", "/timers").json
    assert set(body) == {"worker", "stats"} and set(body["stats"]) == {"flamegraph", "sys", "timers"}


def test_8_12_log_level(admin):
    level = admin.ask("GET", "/debug/node/log-level").json["message"].removeprefix("log level: ")
    assert admin.ask("PUT", f"/debug/node/log-level/{level}").json == {"message": f"log level is already {level}"}
    assert admin.ask("PUT", "/debug/node/log-level/warn?timeout=60").json == {"message": "log level changed"}
    assert admin.ask("GET", "/debug/node/log-level").json == {"message": "log level: warn"}
    assert admin.ask("PUT", f"/debug/node/log-level/{level}?timeout=0").json == {"message": "log level changed"}
    assert admin.refused(400, "PUT", "/debug/node/log-level/zork")["message"] == "unknown log level: zork"
    assert admin.refused(400, "PUT", "/debug/node/log-level/debug?timeout=-1")["message"] == "timeout must be greater than or equal to 0"


def test_8_13_dns(admin):
    assert admin.refused(501, "GET", "/status/dns")["message"] == "not implemented with the legacy DNS client"
