"""admin-api.md, rows that have no place in test_protocol_rows, test_errors, test_generic and test_special: the catalogue (6), the root (8.1), what
2.8 had (10), and what clients do (11.1). Names of rows: tests/contract_rows.txt."""
import json
import re
import uuid

import pytest

U0 = "11111111-2222-4333-8444-555555555555"
MANY, ONE, READ = "GET, HEAD, OPTIONS, POST", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT", "GET, HEAD, OPTIONS"
GONE = None  # in place of methods: 404, whatever the method
WASM = {"message": "this endpoint is only available when wasm is enabled"}


def row(name, *values):
    return pytest.param(*values, id=name)


def both(path):
    """A collection and an item of it."""
    return {path: MANY, f"{path}/{U0}": ONE}


def item(path):
    return {path: ONE}


CATALOGUE = [
    ("admin-api 6: /services, /services/:s", both("/services")),
    ("admin-api 6: /services/:s/client_certificate", item("/services/x/client_certificate")),
    ("admin-api 6: /services/:s/routes[/:r], /services/:s/plugins[/:p], /services/:s/filter-chains[/:f], /services/:s/oauth2_tokens[/:t]",
     {**both("/services/x/routes"), **both("/services/x/plugins"), **both("/services/x/filter-chains"), **both("/services/x/oauth2_tokens")}),
    ("admin-api 6: /routes, /routes/:r", both("/routes")), ("admin-api 6: /routes/:r/service", item("/routes/x/service")),
    ("admin-api 6: /routes/:r/plugins[/:p], /routes/:r/filter-chains[/:f]", {**both("/routes/x/plugins"), **both("/routes/x/filter-chains")}),
    ("admin-api 6: /routes/:r/filters/{enabled,disabled,all}", {f"/routes/x/filters/{word}": READ for word in ("enabled", "disabled", "all")}),
    ("admin-api 6: /consumers, /consumers/:c", both("/consumers")), ("admin-api 6: /consumers/:c/plugins[/:p]", both("/consumers/x/plugins")),
    ("admin-api 6: /consumers/:c/{key-auth,basic-auth,hmac-auth,jwt,acls,oauth2}[/:id]",
     {path: allow for kind in ("key-auth", "basic-auth", "hmac-auth", "jwt", "oauth2") for path, allow in both(f"/consumers/x/{kind}").items()}
     | {"/consumers/x/acls": MANY}),
    ("admin-api 6: /plugins, /plugins/:p", both("/plugins")), ("admin-api 6: /plugins/:p/{route,service,consumer}",
                                                               {f"/plugins/x/{word}": ONE for word in ("route", "service", "consumer")}),
    ("admin-api 6: /plugins/enabled, /plugins/schema/:name", {"/plugins/enabled": READ, "/plugins/schema/x": READ}),
    ("admin-api 6: /upstreams, /upstreams/:u", both("/upstreams")), ("admin-api 6: /upstreams/:u/client_certificate",
                                                                     item("/upstreams/x/client_certificate")),
    ("admin-api 6: /upstreams/:u/health, /upstreams/:u/targets/all", {"/upstreams/x/health": READ, "/upstreams/x/targets/all": READ}),
    ("admin-api 6: /upstreams/:u/targets", {"/upstreams/x/targets": MANY}), ("admin-api 6: /upstreams/:u/targets/:t", item("/upstreams/x/targets/y")),
    ("admin-api 6: /upstreams/:u/targets/:t/{healthy,unhealthy}, /upstreams/:u/targets/:t/:address/{healthy,unhealthy}",
     {f"/upstreams/x/targets/y{address}/{word}": "OPTIONS, POST, PUT" for address in ("", "/z") for word in ("healthy", "unhealthy")}),
    ("admin-api 6: /targets, /targets/:t, /targets/:t/upstream", {"/targets": GONE, f"/targets/{U0}": GONE, f"/targets/{U0}/upstream": GONE}),
    ("admin-api 6: /certificates, /certificates/:c", both("/certificates")),
    ("admin-api 6: /certificates/:c/snis[/:n], /certificates/:c/services[/:s], /certificates/:c/upstreams[/:u]",
     {**both("/certificates/x/snis"), **both("/certificates/x/services"), **both("/certificates/x/upstreams")}),
    ("admin-api 6: /snis, /snis/:n", {**both("/snis"), f"/snis/{U0}/certificate": GONE}),
    ("admin-api 6: /ca_certificates, /ca_certificates/:id", both("/ca_certificates")),
    ("admin-api 6: /vaults, /vaults/:v", {**both("/vaults"), "/vaults-beta": GONE}),
    ("admin-api 6: /keys, /keys/:k, /keys/:k/set, /key-sets, /key-sets/:ks, /key-sets/:ks/keys[/:k]",
     {**both("/keys"), "/keys/x/set": ONE, **both("/key-sets"), **both("/key-sets/x/keys")}),
    ("admin-api 6: /filter-chains, /filter-chains/:f, /filter-chains/:f/{route,service}",
     {**both("/filter-chains"), "/filter-chains/x/route": ONE, "/filter-chains/x/service": ONE}),
    ("admin-api 6: /key-auths, /basic-auths, /hmac-auths, /jwts, /acls, /oauth2, /oauth2_tokens, /sessions, /acme_storage and /:id",
     {path: allow for kind in ("key-auths", "basic-auths", "hmac-auths", "jwts", "acls", "oauth2", "oauth2_tokens") for path,
      allow in both(f"/{kind}").items()}),
    ("admin-api 6: /{key-auths,basic-auths,hmac-auths,jwts,acls,oauth2}/:id/consumer, /oauth2_tokens/:t/{credential,service}, /oauth2/:o/oauth2_tokens[/:t]",
     {**{f"/{kind}/x/consumer": ONE for kind in ("key-auths", "basic-auths", "hmac-auths", "jwts", "acls", "oauth2")},
      "/oauth2_tokens/x/credential": ONE, "/oauth2_tokens/x/service": ONE, **both("/oauth2/x/oauth2_tokens")}),
    ("admin-api 6: /acme POST PATCH; /acme/certificates GET; /acme/certificates/:host GET; /proxy-cache DELETE; /proxy-cache/:key GET DELETE; /proxy-cache/:plugin_id/caches/:key GET DELETE",
     {"/proxy-cache": "DELETE, OPTIONS", "/proxy-cache/x": "DELETE, GET, HEAD, OPTIONS",
      f"/proxy-cache/{U0}/caches/x": "DELETE, GET, HEAD, OPTIONS"}),
    ("admin-api 6: /tags, /tags/:tag", {"/tags": MANY, "/tags/x": ONE}),
    ("admin-api 6: /, /status, /endpoints, /timers, /status/dns, /metrics",
     {path: READ for path in ("/", "/status", "/endpoints", "/timers", "/status/dns", "/metrics")}),
    ("admin-api 6: /schemas/:entity, /schemas/plugins/:name, /schemas/vaults/:name, /schemas/filters/:name",
     {path: READ for path in ("/schemas/services", "/schemas/plugins/key-auth", "/schemas/vaults/env", "/schemas/filters/x")}),
    ("admin-api 6: /schemas/:entity/validate, /schemas/plugins/validate, /schemas/vaults/validate",
     {path: "OPTIONS, POST" for path in ("/schemas/services/validate", "/schemas/plugins/validate", "/schemas/vaults/validate")}),
    ("admin-api 6: /config", {"/config": MANY}), ("admin-api 6: /clustering/data-planes, /clustering/status",
                                                  {"/clustering/data-planes": READ, "/clustering/status": READ}),
    ("admin-api 6: /cache DELETE; /cache/:key GET DELETE", {"/cache": "DELETE, OPTIONS", "/cache/x": "DELETE, GET, HEAD, OPTIONS"}),
    ("admin-api 6: /debug/node/log-level GET; /debug/node/log-level/:level PUT; /debug/cluster/log-level/:level PUT (not on a CP); /debug/cluster/control-planes-nodes/log-level/:level PUT",
     {"/debug/node/log-level": READ, "/debug/node/log-level/info": "OPTIONS, PUT", "/debug/cluster/log-level/info": "OPTIONS, PUT",
      "/debug/cluster/control-planes-nodes/log-level/info": "OPTIONS, PUT"}),
    ("admin-api 6: /workspaces…", {"/workspaces": GONE, "/workspaces/default": GONE}),
    ("admin-api 6: /consumer_groups, /rbac/…, /licenses, /partials, /event-hooks, /<workspace>/…",
     {path: GONE for path in ("/rbac/users", "/licenses", "/partials", "/event-hooks", "/default/services", "/default")}),
]


@pytest.mark.parametrize("paths", [row(*one) for one in CATALOGUE])
def test_methods_of_paths(admin, paths):
    for path, allow in paths.items():
        answer = admin.ask("OPTIONS", path)
        if allow is GONE:
            assert {admin.ask(method, path).status for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")} == {404}, path
            continue
        assert (answer.status, answer.headers["allow"]) == (204, allow), path
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(allow.split(", ")):
            assert admin.refused(405, method, path, {}) == {"message": "Method not allowed"}, (method, path)


# ---- 2.3 and 2.4: forms

@pytest.mark.parametrize("path, form, part", [row(*rest) for rest in (
    ("admin-api 2.3: a.b.c=v", "/upstreams", "name=~&healthchecks.active.healthy.successes=2",
     {"healthchecks": {"active": {"healthy": {"successes": 2}}}}),
    ("admin-api 2.3: a[]=v, repeated", "/routes", "paths[]=/a&paths[]=/b", {"paths": ["/a", "/b"]}),
    ("admin-api 2.3: a[2]=v", "/routes", "paths[2]=/b&paths[1]=/a", {"paths": ["/a", "/b"]}),
    ("admin-api 2.3: a=v1&a=v2", "/routes", "paths=/a&paths=/b", {"paths": ["/a", "/b"]}),
    ("admin-api 2.3: a[1]=x&a[2]=y", "/routes", "paths[1]=/a&paths[2]=/b", {"paths": ["/a", "/b"]}),
    ("admin-api 2.3: a[1].k=v", "/routes", "protocols=tcp&sources[1].ip=10.0.0.1&sources[2].port=9",
     {"sources": [{"ip": "10.0.0.1", "port": None}, {"ip": None, "port": 9}]}),
    ("admin-api 2.3: a[foo]=v", "/routes", "paths=/a&headers[x-a]=1", {"headers": {"x-a": ["1"]}}),
    ("admin-api 2.3: a[foo.bar]=v", "/plugins", "name=http-log&service.name=forms&config.http_endpoint=http://h/&config.headers[x-a.b]=v", None),
    ("admin-api 2.3: %5B/%5D in names", "/routes", "paths%5B%5D=/a&headers%5bx-a%5d=1", {"paths": ["/a"], "headers": {"x-a": ["1"]}}),
    ("admin-api 2.3: name starting or ending with .", "/services", "host=h&.name=x", None),
    ("admin-api 2.3: name starting or ending with .", "/services", "host=h&name.=x", None),
    ("admin-api 2.3: name alone", "/routes", "paths=/a&preserve_host", {"preserve_host": True}),
    ("admin-api 2.3: consumer.username=bob, service.id=…, service.name=…", "/routes", "paths=/a&service.name=forms", {"service": {"id": "$forms"}}),
    ("admin-api 2.3: consumer.username=bob, service.id=…, service.name=…", "/routes", "paths=/a&service.id=$forms", {"service": {"id": "$forms"}}),
    ("admin-api 2.3: consumer.username=bob, service.id=…, service.name=…", "/acls", "consumer.username=forms&group=~", {}),
    ("admin-api 2.3: config.key_names=a&config.key_names=b, config.key_names[]=a, config.key_names[1]=a", "/plugins",
     "name=key-auth&service.name=forms&config.key_names[]=a&config.key_names[]=b", {"config": {"key_names": ["a", "b"]}}),
    ("admin-api 2.3: config.limits.sms.minute=20", "/plugins", "name=response-ratelimiting&service.name=forms&config.limits.sms.minute=20",
     {"config": {"limits": {"sms": {"minute": 20}}}}),
    ("admin-api 2.3: headers.X-Foo=a", "/routes", "paths=/a&headers.X-Foo=a", {"headers": {"X-Foo": ["a"]}}),
    ("admin-api 2.3: hosts=a.com,b.com", "/routes", "hosts=a.com,b.com", None),
    ("admin-api 2.4: any known field", "/services", "host=h&path=&tags=", {"path": None, "tags": None}),
    ("admin-api 2.4: number, integer", "/services", "host=h&retries=0x10&port=+8e1+", {"retries": 16, "port": 80}),
    ("admin-api 2.4: number, integer", "/services", "host=h&retries=2.5", None),
    ("admin-api 2.4: boolean", "/services", "host=h&enabled=false", {"enabled": False}),
    ("admin-api 2.4: boolean", "/services", "host=h&enabled=yes", None), ("admin-api 2.4: string", "/consumers", "username=123&custom_id=true",
        {"username": "123", "custom_id": "true"}),
    ("admin-api 2.4: array, set", "/services", "host=h&tags=one", {"tags": ["one"]}),
    ("admin-api 2.4: array, set", "/upstreams", "name=~&healthchecks.active.healthy.http_statuses[]=201",
                                                                                        {"healthchecks": {"active": {"healthy": {"http_statuses": [201]}}}}),
    ("admin-api 2.4: map", "/plugins", "name=response-ratelimiting&service.name=forms&config.limits.video.hour=7",
     {"config": {"limits": {"video": {"hour": 7}}}}),
    ("admin-api 2.4: record", "/plugins", "name=rate-limiting&service.name=forms&config.minute=5&config.redis_port=7000",
     {"config": {"minute": 5, "redis": {"port": 7000}}}),
    ("admin-api 2.4: foreign", "/plugins", "name=key-auth&service.id=$forms", {"service": {"id": "$forms"}}),
    ("admin-api 2.4: unknown field", "/services", "host=h&zork=1", None))])
def test_forms(admin, path, form, part):
    service = admin.ask("PUT", "/services/forms", {"host": "h"}).json["id"]
    admin.ask("PUT", "/consumers/forms", {})
    answer = admin.ask("POST", path, form=form.replace("$forms", service).replace("~", f"u{uuid.uuid4().hex}"))
    if part is None:
        assert answer.status == 400 and answer.json["code"] == 2, answer
        return
    assert answer.status == 201, answer
    assert holds(answer.json, json.loads(json.dumps(part).replace("$forms", service))), answer.json
    admin.ask("DELETE", f"{path}/{answer.json['id']}")


def holds(whole, part):
    """Is the part's every leaf in the whole?"""
    if isinstance(part, dict):
        return all(key in whole and holds(whole[key], value) for key, value in part.items())
    return whole == part


# ---- 8.1

@pytest.mark.parametrize("key, check", [row(name, name.split(": ")[1], check) for name, check in (
    ("admin-api 8.1: tagline", lambda v: v == "Welcome to kong"), ("admin-api 8.1: version", lambda v: re.fullmatch(r"\d+\.\d+\.\d+", v)),
    ("admin-api 8.1: edition", lambda v: v == "community"),
    ("admin-api 8.1: hostname", lambda v: isinstance(v, str) and v), ("admin-api 8.1: node_id", lambda v: re.fullmatch(r"[0-9a-f-]{36}", v)),
    ("admin-api 8.1: timers", lambda v: set(v) == {"running", "pending"} and all(isinstance(n, int) for n in v.values())),
    ("admin-api 8.1: plugins.available_on_server", lambda v: all(set(one) == {"version", "priority"} for one in v.values())
     and v["cors"]["priority"] == 2000),
    ("admin-api 8.1: plugins.enabled_in_cluster", lambda v: isinstance(v, list) and len(set(v)) == len(v)),
    ("admin-api 8.1: lua_version", lambda v: isinstance(v, str)),
    ("admin-api 8.1: configuration", lambda v: len(v) > 50 and isinstance(v["admin_listen"], list)),
    ("admin-api 8.1: pids", lambda v: isinstance(v["master"], int) and all(isinstance(pid, int) for pid in v["workers"])),
    ("admin-api 8.1: prng_seeds", None))])
def test_root(admin, key, check):
    value = admin.ask("GET", "/").json
    if check is None:
        assert key not in value
        return
    for part in key.split("."):
        value = value[part]
    assert check(value), value


def test_8_1_enabled_in_cluster_is_what_is_configured(admin):
    """admin-api 8.1: plugins.enabled_in_cluster"""
    before = admin.ask("GET", "/").json["plugins"]["enabled_in_cluster"]
    service = admin.make("/services", {"host": "h"})
    made = admin.make(f"/services/{service['id']}/plugins", {"name": "request-termination"})
    assert set(admin.ask("GET", "/").json["plugins"]["enabled_in_cluster"]) == {*before, "request-termination"}
    admin.ask("DELETE", f"/plugins/{made['id']}")


# ---- 10: what 2.8 had; the right column

def test_10_targets(admin):
    """admin-api 10: target health | admin-api 10: POST duplicate target"""
    admin.make("/upstreams", {"name": "ten.test", "healthchecks": {"passive": {"unhealthy": {"http_failures": 1}}}})
    path = f"/upstreams/ten.test/targets/{admin.make('/upstreams/ten.test/targets', {'target': '10.0.0.1:80'})['id']}"
    assert {admin.ask(method, f"{path}/{word}").status for method in ("PUT", "POST") for word in ("healthy", "unhealthy")} == {204}
    answer = admin.ask("POST", "/upstreams/ten.test/targets", {"target": "10.0.0.1:80"})
    assert answer.status == 409 and "deprecation" not in answer.headers


@pytest.mark.parametrize("path, body, status, part", [
    row("admin-api 10: regex route paths", "/routes", {"paths": ["/a[0-9]+"]}, 201, {"paths": ["/a[0-9]+"]}),
    row("admin-api 10: regex route paths", "/routes", {"paths": ["~/a[0-9]+"]}, 201, {"paths": ["~/a[0-9]+"]}),
    row("admin-api 10: consumer.username=, service.name= references", "/plugins", "name=request-termination&consumer.username=ten&service.name=ten",
        201, {"name": "request-termination"}),
    row("admin-api 10: config.policy=local&config.minute=5 etc.", "/plugins",
        "name=rate-limiting&service.name=ten&config.policy=local&config.minute=5", 201, {"name": "rate-limiting"}),
    row("admin-api 10: a[foo]= map syntax", "/routes", "paths[]=/a&headers[x-a]=1&headers[x-b]=2", 201, {"headers": {"x-a": ["1"], "x-b": ["2"]}}),
    row("admin-api 10: tags with spaces, ?tags= → 400", "/services", {"host": "h", "tags": ["with space"]}, 201, {"tags": ["with space"]}),
    row("admin-api 10: /apis, whitelist/blacklist, run_on, config._plugin", "/plugins",
        {"name": "ip-restriction", "config": {"whitelist": ["10.0.0.1"]}}, 400, {"code": 2}),
    row("admin-api 10: /apis, whitelist/blacklist, run_on, config._plugin", "/plugins", {"name": "key-auth", "run_on": "all"}, 400,
        {"fields": {"run_on": "unknown field"}}),
    row("admin-api 10: /apis, whitelist/blacklist, run_on, config._plugin", "/plugins", {"name": "key-auth", "config": {"_plugin": "x"}}, 400,
        {"fields": {"config": {"_plugin": "unknown field"}}}),
    row("admin-api 10: /apis, whitelist/blacklist, run_on, config._plugin", "/apis", {}, 404, {"message": "Not found"})])
def test_10_writes(admin, path, body, status, part):
    for kind, name in (("consumers", "ten"), ("services", "ten")):
        admin.ask("PUT", f"/{kind}/{name}", {"host": "h"} if kind == "services" else {})
    answer = admin.ask("POST", path, **({"form": body} if isinstance(body, str) else {"data": body}))
    assert answer.status == status, answer
    assert {key: answer.json[key] for key in part} == part
    if status == 201:
        admin.ask("DELETE", f"{path}/{answer.json['id']}")


@pytest.mark.parametrize("path, status", [row(*one) for one in (
    ("admin-api 10: /workspaces", "/workspaces", 404), ("admin-api 10: vaults", "/vaults", 200), ("admin-api 10: vaults", "/vaults-beta", 404),
    ("admin-api 10: /keys, /key-sets, /filter-chains, log-level, /timers", "/keys", 200),
    ("admin-api 10: /keys, /key-sets, /filter-chains, log-level, /timers", "/key-sets", 200),
    ("admin-api 10: /keys, /key-sets, /filter-chains, log-level, /timers", "/filter-chains", 400),
    ("admin-api 10: /keys, /key-sets, /filter-chains, log-level, /timers", "/debug/node/log-level", 200),
    ("admin-api 10: /keys, /key-sets, /filter-chains, log-level, /timers", "/timers", 200),
    ("admin-api 10: tags with spaces, ?tags= → 400", "/services?tags=", 400))])
def test_10_paths(admin, path, status):
    assert admin.ask("GET", path).status == status


def test_10_shapes(admin):
    """admin-api 10: available_on_server | admin-api 10: updated_at | admin-api 10: schemas entity_checks | admin-api 10: plugins by instance_name"""
    assert all(isinstance(one, dict) for one in admin.ask("GET", "/").json["plugins"]["available_on_server"].values())
    for kind in ("services", "routes", "consumers", "plugins", "upstreams", "targets", "certificates", "snis", "ca_certificates", "vaults", "keys",
                 "key_sets"):
        schema = admin.ask("GET", f"/schemas/{kind}").json
        assert isinstance(schema["entity_checks"], list) and any("updated_at" in field for field in schema["fields"]), kind
    service = admin.make("/services", {"host": "h"})
    made = admin.make(f"/services/{service['id']}/plugins", {"name": "key-auth", "instance_name": "ten-instance"})
    assert admin.ask("GET", "/plugins/ten-instance").json["id"] == made["id"] and admin.ask("DELETE", "/plugins/ten-instance").status == 204


def test_10_next_and_cors(admin):
    """admin-api 10: next keeps size | admin-api 10: CORS credentials/echo"""
    for _ in range(2):
        admin.make("/services", {"host": "h", "tags": ["ten next"]})
    assert re.fullmatch(r"/services\?offset=[^&]+&tags=ten%20next&size=1", admin.ask("GET", "/services?size=1&tags=ten%20next").json["next"])
    answer = admin.ask("GET", "/services", headers=[("Origin", "http://a.test")])
    assert (answer.headers["access-control-allow-origin"], answer.headers["access-control-allow-credentials"]) == ("http://a.test", "true")


# ---- 11.1: what clients do

def test_11_1_go_kong_lists(admin):
    """admin-api 11.1: go-kong"""
    tag = f"gk-{uuid.uuid4().hex[:8]}"
    made = {admin.make("/consumers", {"username": uuid.uuid4().hex, "tags": [tag, "gk"]})["id"] for _ in range(5)}
    seen, offset = set(), None
    while True:
        page = admin.ask("GET", f"/consumers?size=2&tags={tag},gk" + (f"&offset={offset}" if offset else "")).json
        assert isinstance(page["data"], list)
        seen |= {one["id"] for one in page["data"]}
        if page.get("offset") is None:
            break
        offset = page["offset"]
        assert isinstance(offset, str) and offset
    assert seen == made and page["next"] is None and "offset" not in page
    assert isinstance(admin.refused(400, "POST", "/services", {})["message"], str) and admin.ask("GET", f"/services/{U0}").status == 404


def test_11_1_go_kong_writes(admin):
    """admin-api 11.1: go-kong 2"""
    wanted = str(uuid.uuid4())
    made = admin.ask("PUT", f"/services/{wanted}", {"id": wanted, "host": "h", "name": f"n{wanted}", "connect_timeout": 60000})
    assert made.status == 200 and made.json["id"] == wanted
    assert admin.ask("PATCH", f"/services/{wanted}", {"id": wanted, "retries": 3}).json["retries"] == 3
    assert {type(made.json[key]) for key in ("created_at", "updated_at", "connect_timeout", "retries", "port")} == {int} and made.json["tags"] is None
    upstream = admin.ask("PUT", "/upstreams/go-kong.test", {"healthchecks": {"active": {"healthy": {"interval": 5, "successes": 2}}}})
    target = admin.make("/upstreams/go-kong.test/targets", {"target": "10.0.0.1:80", "weight": 5})
    assert isinstance(target["created_at"], float) and type(target["weight"]) is int
    assert b'"interval":5,' in upstream.body and b".0" not in upstream.body.replace(b"10.0.0.1", b"")


def test_11_1_go_kong_exists(admin):
    """admin-api 11.1: go-kong 3"""
    made = admin.make("/services", {"host": "h"})
    assert [admin.ask("GET", f"/services/{one}").status for one in (made["id"], U0)] == [200, 404]


def test_11_1_deck_ping(admin):
    """admin-api 11.1: decK ping/version"""
    major, minor = map(int, re.match(r"(\d+)\.(\d+)", admin.ask("GET", "/").json["version"]).groups())
    assert (major, minor) >= (3, 7)


def test_11_1_deck_dump(admin):
    """admin-api 11.1: decK dump/diff/sync"""
    admin.ask("PUT", "/upstreams/deck.test", {})
    for path in ("/services /routes /plugins /filter-chains /certificates /ca_certificates /snis /upstreams /upstreams/deck.test/targets /vaults /keys /key-sets "
                 "/partials /consumers /key-auths /hmac-auths /jwts /basic-auths /oauth2 /acls /mtls-auths /consumer_groups").split():
        answer = admin.ask("GET", f"{path}?size=1000&tags=a,b")
        assert answer.status == {"/filter-chains": 400, "/partials": 404}.get(path, 200), path
        assert answer.status != 200 or isinstance(answer.json["data"], list)


def test_11_1_deck_defaults(admin):
    """admin-api 11.1: decK defaults"""
    for kind, field, default in (("services", "retries", 5), ("routes", "protocols", ["http", "https"]), ("upstreams", "slots", 10000),
                                 ("targets", "weight", 100),
                                 ("plugins/key-auth", "protocols", ["grpc", "grpcs", "http", "https"])):
        fields = {name: one for entry in admin.ask("GET", f"/schemas/{kind}").json["fields"] for name, one in entry.items()}
        assert fields[field]["default"] == default
    config = next(one["config"] for one in admin.ask("GET", "/schemas/plugins/rate-limiting").json["fields"] if "config" in one)
    aliases = {name: one for entry in config["shorthand_fields"] for name, one in entry.items()}
    assert aliases["redis_host"]["deprecation"]["replaced_with"] == [{"path": ["redis", "host"]}]
    assert admin.ask("GET", "/schemas/consumer_group_plugins").status == 404


DECK = [("services", {"host": "h"}), ("routes", {"paths": ["/a"]}), ("plugins", {"name": "request-termination", "service": {"id": "$service"}}),
        ("consumers", {"username": "~"}),
        ("upstreams", {"name": "~"}), ("vaults", {"prefix": "~", "name": "env"}), ("key-sets", {"name": "~"}),
        ("consumers/$consumer/key-auth", {"key": "~"}), ("consumers/$consumer/basic-auth", {"username": "~", "password": "p"}),
        ("consumers/$consumer/hmac-auth", {"username": "~"}),
        ("consumers/$consumer/jwt", {"key": "~"}), ("consumers/$consumer/acls", {"group": "~"}), ("consumers/$consumer/oauth2", {"name": "~"})]


@pytest.mark.parametrize("path, body", [row("admin-api 11.1: decK apply", *rest) for rest in DECK])
def test_11_1_deck_apply(admin, path, body):
    known = {"$service": admin.ask("PUT", "/services/deck", {"host": "h"}).json["id"],
             "$consumer": admin.ask("PUT", "/consumers/deck", {}).json["id"]}
    text = json.dumps({"path": path, "body": body}).replace('"~"', f'"u{uuid.uuid4().hex}"')
    for name, value in known.items():
        text = text.replace(name, value)
    path, body, wanted = json.loads(text)["path"], json.loads(text)["body"], str(uuid.uuid4())
    made = admin.ask("PUT", f"/{path}/{wanted}", {**body, "id": wanted, "created_at": 5})
    assert (made.status, made.json["id"]) == (200, wanted), made
    assert admin.ask("PUT", f"/{path}/{wanted}", made.json).json["created_at"] == 5  # all of it, as it was read
    assert admin.ask("DELETE", f"/{path}/{wanted}").status == 204


def test_11_1_deck_targets(admin):
    """admin-api 11.1: decK apply"""
    admin.ask("PUT", "/upstreams/deck-targets.test", {})
    path, wanted = "/upstreams/deck-targets.test/targets", str(uuid.uuid4())
    assert admin.ask("PUT", f"{path}/{wanted}", {"id": wanted, "target": "10.0.0.1:80"}).status == 404
    assert admin.make(path, {"id": wanted, "target": "10.0.0.1:80"})["id"] == wanted
    assert admin.ask("PUT", f"{path}/{wanted}", {"id": wanted, "target": "10.0.0.1:80", "weight": 7}).json["weight"] == 7
    assert admin.ask("DELETE", f"{path}/{wanted}").status == 204


@pytest.mark.parametrize("kind, body", [row("admin-api 11.1: decK validate --online", kind, body) for kind, body in (
    ("services", {"host": "h"}), ("routes", {"paths": ["/a"], "service": {"id": U0, "host": "h", "name": "s"}}), ("plugins", {"name": "key-auth"}),
    ("consumers", {"username": "u"}),
    ("upstreams", {"name": "u.test"}), ("targets", {"target": "a:1", "upstream": {"id": U0}}),
    ("snis", {"name": "a.test", "certificate": {"id": U0}}),
    ("vaults", {"name": "env", "prefix": "abc"}), ("acls", {"group": "g", "consumer": {"id": U0}}),
    ("basicauth_credentials", {"username": "u", "password": "p", "consumer": {"id": U0}}),
    ("hmacauth_credentials", {"username": "u", "consumer": {"id": U0}}),
    ("jwt_secrets", {"consumer": {"id": U0}}), ("keyauth_credentials", {"consumer": {"id": U0}}),
    ("oauth2_credentials", {"name": "n", "consumer": {"id": U0}}))])
def test_11_1_deck_validate(admin, kind, body):
    given = {**body, "id": U0, "created_at": 1600000000}
    assert admin.ask("POST", f"/schemas/{kind}/validate", given).json == {"message": "schema validation successful"}
    refused = admin.refused(400, "POST", f"/schemas/{kind}/validate", {**given, "zork": 1})
    assert refused["fields"] == {"zork": "unknown field"} and refused["message"] == "schema violation (zork: unknown field)"


@pytest.mark.parametrize("path", [row("admin-api 11.1: decK with a workspace", "/default/workspaces/default"),
                                  row("admin-api 11.1: decK with a workspace", "/workspaces")])
def test_11_1_deck_workspace(admin, path):
    assert admin.refused(404, "GET", path) == {"message": "Not found"}


def test_11_1_ingress_controller_with_a_database(admin):
    """admin-api 11.1: Ingress controller 2"""
    root = admin.ask("GET", "/").json
    assert root["version"] and root["node_id"] and root["configuration"]["database"] == "postgres" and root["configuration"]["router_flavor"]
    for kind, body in (("plugins", {"name": "key-auth"}), ("routes", {"paths": ["/a"]}), ("vaults", {"name": "env", "prefix": "abc"})):
        assert admin.ask("POST", f"/schemas/{kind}/validate", body).status == 200


def test_11_1_terraform(admin):
    """admin-api 11.1: Terraform provider"""
    service = admin.make("/services", {"name": "tf", "host": "h", "port": 80, "protocol": "http", "retries": 5, "connect_timeout": 60000, "tags": []})
    assert service["tags"] == [] and admin.ask("GET", f"/services/{service['id']}").json == service
    plugin = admin.make("/plugins", {"name": "rate-limiting", "service": {"id": service["id"]}, "config": {"minute": 5}})
    again = admin.ask("PATCH", f"/plugins/{plugin['id']}", {"name": "rate-limiting", "config": plugin["config"], "enabled": True}).json
    assert again["config"] == plugin["config"] and plugin["config"]["redis"]["host"] is None
    assert admin.ask("DELETE", f"/plugins/{plugin['id']}").status == admin.ask("DELETE", f"/services/{service['id']}").status == 204
    assert admin.ask("GET", f"/plugins/{plugin['id']}").status == 404


def test_11_1_kong_manager(admin):
    """admin-api 11.1: Kong Manager OSS"""
    root = admin.ask("GET", "/").json
    assert root["edition"] == "community" and {"enabled_in_cluster", "available_on_server"} == set(root["plugins"])
    assert {"role", "admin_listen", "admin_gui_listeners", "proxy_listeners"} <= set(root["configuration"])
    headers = [("Origin", "http://ui.test:8002"), ("Access-Control-Request-Method", "PATCH"), ("Access-Control-Request-Headers", "content-type")]
    preflight = admin.ask("OPTIONS", f"/services/{U0}", headers=headers)
    assert preflight.status == 204 and {"GET", "PUT", "PATCH", "DELETE"} <= set(preflight.headers["access-control-allow-methods"].split(", "))
    assert preflight.headers["access-control-allow-headers"] == "content-type" and preflight.headers["access-control-allow-origin"] == "http://ui.test:8002"
    assert admin.refused(404, "GET", "/schemas/plugins/x") == {"message": "No plugin named 'x'"}


def test_11_1_curl(admin, tmp_path):
    """admin-api 11.1: curl walkthroughs"""
    import subprocess
    file = tmp_path / "host.txt"
    file.write_text("from-a-file.test")

    def curl(*words):
        return json.loads(subprocess.run(["curl", "-s", f"http://127.0.0.1:{admin.port}/services", *words], check=True, capture_output=True,
                                         text=True).stdout)
    assert curl("-d", "name=curl-d", "--data", "url=http://h.test:81/x")["port"] == 81
    assert curl("-F", "name=curl-f", "-F", f"host=@{file}")["host"] == "from-a-file.test"
    assert curl("--data-urlencode", "host=h.test", "--data-urlencode", "path=/a+b&c")["path"] == "/a+b&c"
