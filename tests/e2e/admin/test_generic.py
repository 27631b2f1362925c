"""admin-api.md 4 (generic CRUD), 5 (pages and tags) and 6 (the catalogue), for every kind of entity."""
import base64
import json
import re
import uuid

import pytest

U0 = "11111111-2222-4333-8444-555555555555"


@pytest.fixture(scope="session")
def parents(admin):
    """What other entities refer to."""
    return {"consumer": admin.make("/consumers", {"username": "parent"}), "upstream": admin.make("/upstreams", {"name": "parent.test"}),
            "credential": admin.make("/consumers/parent/oauth2", {"name": "parent"})}


def bodies(parents, pem, kind):
    """A body that makes an entity of a kind, another for the same key, and what a PATCH changes."""
    consumer = {"consumer": {"id": parents["consumer"]["id"]}}
    unique = uuid.uuid4().hex[:12]
    if kind == "certificates":
        cert, key = pem("crud.test")
        return {"cert": cert, "key": key}, {"tags": ["t"]}
    if kind == "ca_certificates":
        cert, _ = pem(f"ca-{unique}")
        return {"cert": cert}, {"tags": ["t"]}
    if kind == "snis":
        cert, key = pem("sni.test")
        return None, (cert, key)
    if kind == "keys":
        return {"name": unique, "kid": unique, "jwk": json.dumps({
            "kid": unique, "kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"})}, {"tags": ["t"]}
    return {
        "services": ({"name": unique, "host": "h"}, {"retries": 1}),
        "routes": ({"name": unique, "paths": [f"/{unique}"]}, {"paths": ["/other"]}),
        "consumers": ({"username": unique}, {"custom_id": unique}),
        "consumer_groups": ({"name": unique}, {"tags": ["t"]}),
        "upstreams": ({"name": f"{unique}.test"}, {"slots": 100}),
        "vaults": ({"prefix": f"v{unique}", "name": "env"}, {"description": "d"}),
        "key-sets": ({"name": unique}, {"tags": ["t"]}),
        "key-auths": ({"key": unique, **consumer}, {"tags": ["t"]}),
        "basic-auths": ({"username": unique, "password": "p", **consumer}, {"tags": ["t"]}),
        "hmac-auths": ({"username": unique, **consumer}, {"secret": "s"}),
        "jwts": ({"key": unique, **consumer}, {"secret": "s"}),
        "oauth2": ({"name": "n", "client_id": unique, **consumer}, {"name": "m"}),
        "oauth2_tokens": ({"access_token": unique, "expires_in": 9, "credential": {"id": parents["credential"]["id"]}}, {"scope": "s"}),
        "mtls-auths": ({"subject_name": unique, **consumer}, {"tags": ["t"]}),
    }[kind]


KINDS = ["services", "routes", "consumers", "consumer_groups", "upstreams", "certificates", "ca_certificates", "vaults", "keys", "key-sets",
         "key-auths", "basic-auths", "hmac-auths", "jwts", "oauth2", "oauth2_tokens", "mtls-auths"]
KEYS = {"services": "name", "routes": "name", "consumers": "username", "consumer_groups": "name", "upstreams": "name", "vaults": "prefix",
        "keys": "name", "key-sets": "name", "key-auths": "key", "basic-auths": "username", "hmac-auths": "username", "jwts": "key",
        "oauth2": "client_id", "oauth2_tokens": "access_token"}


@pytest.mark.parametrize("kind", KINDS)
def test_4_crud(admin, parents, pem, kind):
    """admin-api 4: GET /P | POST /P | GET /P/:key | PUT /P/:key | PATCH /P/:key | DELETE /P/:key"""
    body, change = bodies(parents, pem, kind)
    made = admin.make(f"/{kind}", body)
    path = f"/{kind}/{made['id']}"
    got = admin.ask("GET", path).json
    assert {key: got[key] for key in made} == made
    assert made["id"] in [row["id"] for row in admin.ask("GET", f"/{kind}?size=1000").json["data"]]
    patched = admin.ask("PATCH", path, change)
    assert patched.status == 200, patched
    assert {key: patched.json[key] for key in change} == change
    replaced = admin.ask("PUT", path, body)
    assert replaced.status == 200 and replaced.json["id"] == made["id"], replaced
    assert all(replaced.json[key] != value for key, value in change.items())  # what a PUT leaves out is reset
    assert admin.ask("DELETE", path).status == 204
    assert admin.ask("GET", path).status == 404
    assert admin.ask("DELETE", path).status == 204
    # PUT by an id that is not there makes it, with this id whatever the body says
    created = admin.ask("PUT", path, {**body, "id": U0})
    assert (created.status, created.json["id"]) == (200, made["id"]), created
    # POST takes an id, and refuses one that is taken
    taken = admin.ask("POST", f"/{kind}", {**body, "id": made["id"]})
    assert (taken.status, taken.json["code"]) in ((400, 3), (409, 5)), taken
    assert admin.ask("DELETE", path).status == 204


@pytest.mark.parametrize("kind", sorted(KEYS))
def test_4_by_endpoint_key(admin, parents, pem, kind):
    body, change = bodies(parents, pem, kind)
    key = body[KEYS[kind]]
    without = {name: value for name, value in body.items() if name != KEYS[kind]}
    made = admin.ask("PUT", f"/{kind}/{key}", without)
    assert made.status == 200 and made.json[KEYS[kind]] == key, made
    again = admin.ask("PUT", f"/{kind}/{key}", {**without, KEYS[kind]: "another"})  # the path's key wins, the id stays
    assert (again.json["id"], again.json[KEYS[kind]]) == (made.json["id"], key)
    assert admin.ask("GET", f"/{kind}/{key}").json["id"] == made.json["id"]
    assert admin.ask("PATCH", f"/{kind}/{key}", change).status == 200
    assert admin.refused(409, "POST", f"/{kind}", body)["fields"] == {KEYS[kind]: key}  # 6.2: unique
    assert admin.ask("DELETE", f"/{kind}/{key}").status == 204


def test_4_snis(admin, pem):
    cert, key = pem("snis.test")
    certificate = admin.make("/certificates", {"cert": cert, "key": key})
    sni = admin.make("/snis", {"name": "crud.sni.test", "certificate": {"id": certificate["id"]}})
    assert admin.ask("GET", "/snis/crud.sni.test").json == sni
    assert admin.ask("PATCH", "/snis/crud.sni.test", {"tags": ["t"]}).json["tags"] == ["t"]
    assert admin.ask("GET", "/snis/crud.sni.test/certificate").status == 404
    assert admin.ask("DELETE", "/snis/crud.sni.test").status == 204


def test_4_created_at(admin):
    made = admin.make("/services", {"host": "h", "created_at": 1600000000})
    assert made["created_at"] == 1600000000
    assert admin.ask("PATCH", f"/services/{made['id']}", {"retries": 1}).json["created_at"] == 1600000000
    assert admin.ask("PUT", f"/services/{made['id']}", {"host": "h"}).json["created_at"] > 1600000000


def test_4_a_patch_may_send_the_same_unique_values(admin):
    admin.make("/services", {"name": "same", "host": "h"})
    assert admin.ask("PATCH", "/services/same", {"name": "same", "host": "i"}).status == 200
    assert admin.ask("PATCH", "/services/same", {"name": "renamed", "id": U0}).json["name"] == "renamed"


def test_4_nested_collections(admin):
    """admin-api 4: /R/:r/C | /R/:r/C/:c"""
    service, other = admin.make("/services", {"name": "nest", "host": "h"}), admin.make("/services", {"host": "h"})
    route = admin.make("/services/nest/routes", {"paths": ["/a"], "service": {"id": other["id"]}})
    assert route["service"]["id"] == service["id"]  # forced
    assert [row["id"] for row in admin.ask("GET", "/services/nest/routes").json["data"]] == [route["id"]]
    upserted = admin.ask("PUT", f"/services/nest/routes/{U0}", {"paths": ["/b"]})
    assert (upserted.status, upserted.json["service"]["id"]) == (200, service["id"])
    path = f"/services/nest/routes/{U0}"
    assert admin.ask("PATCH", path, {"service": {"id": other["id"]}}).json["service"]["id"] == other["id"]
    assert admin.ask("GET", path).status == 404
    assert admin.ask("PATCH", f"/routes/{U0}", {"service": None}).json["service"] is None
    assert admin.ask("DELETE", f"/routes/{U0}").status == 204


def test_4_the_parent_of_an_item(admin):
    """admin-api 4: /C/:c/f"""
    admin.make("/routes", {"name": "orphan", "paths": ["/a"]})
    assert admin.ask("GET", "/routes/orphan/service").status == 404
    assert admin.ask("PATCH", "/routes/orphan/service", {"host": "h"}).status == 404
    assert admin.ask("DELETE", "/routes/orphan/service").status == 404
    made = admin.ask("PUT", "/routes/orphan/service", {"host": "made.test"})
    assert made.status == 200
    assert admin.ask("GET", "/routes/orphan").json["service"]["id"] == made.json["id"]
    assert admin.ask("PATCH", "/routes/orphan/service", {"retries": 1}).json["retries"] == 1
    assert admin.ask("PUT", "/routes/orphan/service", {"host": "other.test"}).json["id"] == made.json["id"]
    assert admin.ask("DELETE", "/routes/orphan/service").status == 405


# ---- 5: pages and tags

@pytest.fixture(scope="session")
def paged(admin):
    for i in range(5):
        admin.make("/services", {"host": "h", "name": f"pg{i}", "tags": ["pg", "even" if i % 2 == 0 else "odd", f"n{i}"]})


def names(admin, path):
    return sorted(row["name"] for row in admin.ask("GET", path).json["data"])


def test_5_pages(admin, paged):
    """admin-api 5: size | offset | answer | next | order"""
    page = admin.ask("GET", "/services?size=2&tags=pg").json
    assert json.loads(base64.b64decode(page["offset"] + "==")) == [page["data"][-1]["id"]]
    assert re.fullmatch(r"/services\?offset=[^&]+&tags=pg&size=2", page["next"])
    seen, count, path = [], 0, "/services?size=2&tags=pg"
    while path:
        page = admin.ask("GET", path).json
        seen, count, path = seen + page["data"], count + 1, page["next"]
    assert (sorted(row["name"] for row in seen), count) == ([f"pg{i}" for i in range(5)], 3)
    assert [row["id"] for row in seen] == sorted(row["id"] for row in seen)
    assert "offset" not in page and page["next"] is None


def test_5_no_page_after_an_exact_one(admin, paged):
    page = admin.ask("GET", "/services?size=5&tags=pg").json
    assert page["next"] is None and "offset" not in page


def test_5_next_of_a_nested_list_is_as_typed(admin):
    admin.make("/services", {"name": "nested-pages", "host": "h"})
    for i in range(3):
        admin.make("/services/nested-pages/routes", {"paths": ["/a"], "tags": ["x"]})
    page = admin.ask("GET", "/services/nested-pages/routes?size=2&tags=none").json
    assert len(page["data"]) == 2 and re.fullmatch(r"/services/nested-pages/routes\?offset=[^&]+", page["next"])


@pytest.mark.parametrize("tags, wanted", [("pg,even", ["pg0", "pg2", "pg4"]), ("n1/n2", ["pg1", "pg2"]), ("n3", ["pg3"]),
                                          ("n1&tags=n2", ["pg1"])])
def test_5_tags(admin, paged, tags, wanted):
    """admin-api 5: ?tags=a | ?tags=a,b | ?tags=a/b | repeated tags args"""
    assert names(admin, f"/services?tags={tags}") == wanted


@pytest.mark.parametrize("tags, why", [("a/b,c", "invalid filter syntax"), ("", "cannot be null"), ("a,b,c,d,e,f", "cannot query more than 5 tags"),
                                       ("a,,b", "invalid filter syntax")])
def test_5_wrong_tags(admin, tags, why):
    """admin-api 5: both separators, or illegal bytes | ?tags= or ?tags | more than 5 tags"""
    assert admin.refused(400, "GET", f"/services?tags={tags}")["options"] == {"tags": why}
    assert admin.ask("GET", "/services?tags").status == 400


def test_5_tags_where_there_are_none(admin, parents):
    assert admin.ask("GET", "/oauth2_tokens?tags=a/b,c").status == 200


def test_5_custom_id(admin):
    admin.make("/consumers", {"username": "with-custom-id", "custom_id": "C-5"})
    assert [row["username"] for row in admin.ask("GET", "/consumers?custom_id=C-5").json["data"]] == ["with-custom-id"]
    assert admin.ask("GET", "/consumers?custom_id=none").json == {"data": [], "next": None}
    assert admin.refused(400, "GET", "/consumers?custom_id=")["message"] == "custom_id must be an unempty string"


# ---- 6: the catalogue

@pytest.mark.parametrize("path", [
    "/services/{services}/client_certificate", "/services/{services}/routes/{routes}", "/services/{services}/plugins/{plugins}",
    "/services/{services}/oauth2_tokens/{oauth2_tokens}", "/services/{services}/filter-chains/{filter_chains}", "/routes/{routes}/service",
    "/routes/{routes}/plugins/{plugins}", "/routes/{routes}/filter-chains/{filter_chains}", "/routes/{routes}/filters/enabled",
    "/routes/{routes}/filters/disabled", "/routes/{routes}/filters/all", "/consumers/{consumers}/plugins/{plugins}",
    "/consumers/{consumers}/key-auth/{keyauth_credentials}", "/consumers/{consumers}/basic-auth/{basicauth_credentials}",
    "/consumers/{consumers}/hmac-auth/{hmacauth_credentials}", "/consumers/{consumers}/jwt/{jwt_secrets}",
    "/consumers/{consumers}/oauth2/{oauth2_credentials}", "/consumers/{consumers}/mtls-auth/{mtls_auth_credentials}",
    "/consumers/{consumers}/consumer_groups/{consumer_groups}", "/consumer_groups/{consumer_groups}/consumers/{consumers}",
    "/consumer_groups/{consumer_groups}/plugins/{plugins}", "/plugins/{plugins}/route", "/plugins/{plugins}/service",
    "/plugins/{plugins}/consumer", "/plugins/enabled", "/plugins/schema/{name}", "/upstreams/{upstreams}/client_certificate",
    "/upstreams/{upstreams}/health", "/upstreams/{upstreams}/targets/all", "/upstreams/{upstreams}/targets/{targets}",
    "/certificates/{certificates}/snis/{snis}", "/certificates/{certificates}/services/{services}",
    "/certificates/{certificates}/upstreams/{upstreams}", "/ca_certificates/{ca_certificates}", "/vaults/{vaults}", "/keys/{keys}/set",
    "/key-sets/{key_sets}/keys/{keys}", "/filter-chains/{filter_chains}/route", "/filter-chains/{filter_chains}/service",
    "/key-auths/{keyauth_credentials}/consumer", "/basic-auths/{basicauth_credentials}/consumer", "/hmac-auths/{hmacauth_credentials}/consumer",
    "/jwts/{jwt_secrets}/consumer", "/oauth2/{oauth2_credentials}/consumer", "/oauth2/{oauth2_credentials}/oauth2_tokens/{oauth2_tokens}",
    "/oauth2_tokens/{oauth2_tokens}/credential", "/oauth2_tokens/{oauth2_tokens}/service", "/tags/{tags}", "/", "/status", "/endpoints", "/timers",
    "/status/dns", "/schemas/{name}", "/schemas/plugins/{name}", "/schemas/vaults/{name}", "/schemas/filters/{name}",
    "/schemas/{db_entity_name}/validate", "/schemas/plugins/validate", "/schemas/vaults/validate", "/config", "/clustering/data-planes",
    "/clustering/status", "/cache", "/cache/{key}", "/debug/node/log-level", "/debug/node/log-level/{log_level}",
    "/debug/cluster/log-level", "/debug/cluster/log-level/{log_level}", "/debug/cluster/control-planes-nodes/log-level/{log_level}",
    "/explain",
    "/upstreams/{upstreams}/targets/{targets}/healthy",
    "/upstreams/{upstreams}/targets/{targets}/{address}/unhealthy"])
def test_6_every_path_of_the_catalogue_answers(admin, path):
    assert path in admin.ask("GET", "/endpoints").json["data"]
    concrete = path.replace("{name}", "env" if "vaults" in path else "key-auth" if "plugins" in path else "services")
    concrete = concrete.replace("{db_entity_name}", "services")
    answer = admin.ask("OPTIONS", re.sub(r"\{[^}]*\}", U0, concrete))
    assert answer.status == 204, answer


@pytest.mark.parametrize("path", ["/targets", f"/targets/{U0}", f"/targets/{U0}/upstream", "/oauth2_authorization_codes", "/ratelimiting_metrics",
                                  "/consumer_group_consumers", "/default/services", f"/snis/{U0}/certificate"])
def test_6_what_is_not_there(admin, path):
    for method in ("GET", "POST", "OPTIONS"):
        assert admin.ask(method, path).status == 404


@pytest.mark.parametrize("method, path", [("GET", "/filter-chains"), ("POST", "/filter-chains"), ("GET", f"/filter-chains/{U0}"),
                                          ("GET", f"/filter-chains/{U0}/route"), ("GET", f"/routes/{U0}/filter-chains"),
                                          ("GET", f"/routes/{U0}/filters/enabled"), ("PUT", f"/services/{U0}/filter-chains/{U0}")])
def test_6_filters_are_off(admin, method, path):
    assert admin.refused(400, method, path, {})["message"] == "this endpoint is only available when wasm is enabled"


def test_6_endpoints_are_sorted_with_the_slash_first(admin):
    paths = admin.ask("GET", "/endpoints").json["data"]
    assert paths == sorted(paths, key=lambda path: path.replace("/", "\0")) and len(paths) == len(set(paths))
