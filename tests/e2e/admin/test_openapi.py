"""GET /openapi.json says what is there, and what it says is so: every path, every method, every field (issue 3, item 3)."""
import re
import subprocess

import json_schema
import kit
import pytest

METHODS = ["get", "post", "put", "patch", "delete"]
NOBODY = "5fd1c2d2-60a2-4a4c-9d4e-0e1c7b1f7a55"


@pytest.fixture(scope="module")
def document(shared_gateway):
    answer = shared_gateway.api("GET", "/openapi.json")
    assert answer.status == 200 and answer.headers["content-type"].startswith("application/json")
    return answer.json


@pytest.fixture(scope="module")
def schemas(document):
    return json_schema.Schemas(document)


def references(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def operations(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def test_the_document_is_whole(document, schemas):
    assert document["openapi"] == "3.1.0" and document["info"]["title"] and document["info"]["version"]
    for reference in set(references(document)):
        assert schemas.resolve({"$ref": reference})
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for path, method, operation in operations(document):
        assert operation["summary"] and operation["responses"], (method, path)
        named = [p["name"] for p in operation["parameters"] if p.get("in") == "path"]
        assert named == re.findall(r"{(\w+)}", path), path
    for name in document["components"]["schemas"]:
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name)


def test_its_paths_are_those_of_endpoints(shared_gateway, document):
    assert list(document["paths"]) == shared_gateway.api("GET", "/endpoints").json["data"]


def test_every_path_answers_its_methods_and_405_to_others(shared_gateway, document):
    wrong = []
    for path, item in document["paths"].items():
        target = re.sub(r"{\w+}", NOBODY, path)
        for method in [*METHODS, "brew"]:
            status = shared_gateway.api(method.upper(), target, {} if method in ("post", "put", "patch") else None).status
            if (status != 405) != (method in item) or status in (500, 502, 503):
                wrong.append((method, target, status))
    assert not wrong


def test_head_follows_get_and_options_tells_what_there_is(shared_gateway, document):
    for path, item in document["paths"].items():
        target = re.sub(r"{\w+}", NOBODY, path)
        options = shared_gateway.api("OPTIONS", target)
        allowed = options.headers["allow"].split(", ")
        assert options.status == 204 and {m.upper() for m in item} <= set(allowed) and allowed == sorted(allowed), path
        if "get" in item:
            head, get = shared_gateway.api("HEAD", target), shared_gateway.api("GET", target)
            assert (head.status, head.body) == (get.status, b""), path


# ---- entities: made from the examples of their schemas

class Maker:
    """Creates entities as the document says, with what they refer to."""

    def __init__(self, gateway, document, folder):
        self.gateway, self.document, self.made, self.parents = gateway, document, [], {}
        self.components = document["components"]["schemas"]
        self.pem = folder / "pem"

    def collection(self, kind):
        """The shortest path whose POST creates this kind."""
        want = f"#/components/schemas/{kind}.new"
        paths = [path for path, method, op in operations(self.document)
                 if method == "post" and want in set(references(op.get("requestBody", {})))]
        return min(paths, key=lambda path: (path.count("/"), len(path)))

    def certificate(self):
        if not self.pem.exists():
            self.pem.mkdir()
            subprocess.run([kit.BUILD / "gatectl", "cluster", "cert", "--dir", self.pem, "dp1"], check=True, stdout=subprocess.DEVNULL)
        return {"cert": (self.pem / "dp1.crt").read_text(), "key": (self.pem / "dp1.key").read_text()}

    def special(self, kind):
        """What no table can make up."""
        if kind == "certificates":
            return self.certificate()
        if kind == "ca_certificates":
            self.certificate()
            return {"cert": (self.pem / "ca.crt").read_text()}
        return {"plugins": {"name": "key-auth"}, "consumers": {"username": "example"}, "routes": {"paths": ["/example"]},
                "vaults": {"name": "env", "prefix": "example"},
                "keys": {"kid": "a", "jwk": '{"kty":"RSA","kid":"a","n":"' + "u" * 341 + 'w","e":"AQAB"}'},
                "jwt_secrets": {"algorithm": "HS256"}}.get(kind, {})

    def body(self, kind):
        body = dict(self.components[f"{kind}.new"]["examples"][0], **self.special(kind))
        for name, schema in self.components[kind]["properties"].items():
            if name in body and "x-reference" in schema:
                body[name] = {"id": self.parent(schema["x-reference"])}
        return body

    def parent(self, kind):
        if kind not in self.parents:
            self.parents[kind] = self.make(kind)
        return self.parents[kind]["id"]

    def make(self, kind):
        path = self.collection(kind)
        body = self.body(kind)
        for outer in re.findall(r"{(\w+)}", path):
            reference = next(n for n, s in self.components[kind]["properties"].items() if s.get("x-reference") == outer)
            body.pop(reference, None)
            path = path.replace("{%s}" % outer, self.parent(outer))
        answer = self.gateway.api("POST", path, body)
        assert answer.status == 201, (kind, path, body, answer)
        self.made.append(f"{path}/{answer.json['id']}")
        return answer.json

    def remove(self):
        for path in reversed(self.made):
            assert self.gateway.api("DELETE", path).status == 204, path
        self.made.clear()
        self.parents.clear()


def kinds_of(document):
    return [name.removesuffix(".new") for name in document["components"]["schemas"] if name.endswith(".new")]


def test_every_field_of_every_kind_is_read_back_as_described(shared_gateway, document, schemas, admin_folder):
    maker = Maker(shared_gateway, document, admin_folder)
    for kind in kinds_of(document):
        schema, made = document["components"]["schemas"][kind], maker.make(kind)
        described = schema["properties"]
        shown = {name for name, schema in described.items() if not schema.get("writeOnly") and not schema.get("x-when-set")}
        if kind == "admins":
            del made["token"]  # shown once, in this answer
        assert set(made) == shown, kind
        assert not list(schemas.problems(made, schema, kind))
        got, sent = shared_gateway.api("GET", maker.made[-1]).json, maker.body(kind)
        assert {name: got[name] for name in made} == made  # a group also tells who belongs to it
        for name, schema in described.items():
            if "default" in schema and name not in sent:
                assert got.get(name) == schema["default"], (kind, name)
        maker.remove()


def test_every_plugin_shows_the_config_that_is_described(shared_gateway, document, schemas):
    for variant in document["components"]["schemas"]["plugins"]["oneOf"]:
        name, config = variant["properties"]["name"]["const"], variant["properties"]["config"]
        made = shared_gateway.api("POST", "/plugins", plugin(document, name))
        assert made.status == 201, (name, made)
        assert not list(schemas.problems(made.json["config"], config, name))
        described = schemas.resolve(config)["properties"]
        assert set(made.json["config"]) == {n for n, s in described.items() if not s.get("writeOnly") and not s.get("x-when-set")}, name
        assert shared_gateway.api("DELETE", f"/plugins/{made.json['id']}").status == 204


# what a plugin cannot do without, and neither its fields nor its rules across fields say in full
NEEDED = {"request-validator": {"body_schema": "[]"}, "response-ratelimiting": {"limits": {"video": {"minute": 1}}}}


def plugin(document, name):
    """The smallest configuration that the description of a plugin allows."""
    schema = document["components"]["schemas"][f"plugins.{name}"]
    config = {field: example(schema["properties"][field]) for field in schema.get("required", [])}
    for check in schema.get("x-entity-checks", []):
        fields = [field.removeprefix("config.") for field in check.get("only_one_of", check.get("at_least_one_of", []))]
        if fields and not set(fields) & set(config):
            config[fields[0]] = example(schema["properties"][fields[0]])
    return {"name": name, "config": {**config, **NEEDED.get(name, {})}}


def example(schema):
    if "examples" in schema:
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    kind = json_schema.types_of(schema)[0]
    if kind == "array":
        return [example(schema.get("items", {}))]
    if kind == "object":
        return {name: example(inner) for name, inner in schema.get("properties", {}).items() if name in schema.get("required", [])}
    return {"string": "example", "boolean": True}.get(kind, schema.get("minimum", 1))


def test_every_rule_of_every_kind_is_kept(shared_gateway, document, schemas, admin_folder):
    maker = Maker(shared_gateway, document, admin_folder)
    broken, tried = [], 0
    for kind in kinds_of(document):
        if shared_gateway.api("GET", f"/schemas/{kind}").status == 404:
            continue  # the control plane's own: not for Kong's clients
        body = maker.body(kind)
        for name, schema in document["components"]["schemas"][kind]["properties"].items():
            if schema.get("readOnly") or schema.get("x-made-up") and name == "id":
                continue
            for why, value in schemas.refused(schema):
                tried += 1
                answer = shared_gateway.api("POST", f"/schemas/{kind}/validate", {**body, name: value})
                if answer.status != 400 or not tells_of(answer.json, name):
                    broken.append((kind, name, why, value, answer))
        maker.remove()
    assert not broken and tried > 200


def tells_of(answer, name):
    """Is it said which field is wrong? A wrong plugin name leaves nothing else to say."""
    return name in answer.get("fields", answer.get("options", {}))


def test_every_rule_of_every_plugin_is_kept(shared_gateway, document, schemas):
    broken, tried = [], 0
    for variant in document["components"]["schemas"]["plugins"]["oneOf"]:
        body = plugin(document, variant["properties"]["name"]["const"])
        for why, value in schemas.refused_objects(schemas.resolve(variant["properties"]["config"])):
            tried += 1
            sent = {**body, "config": {**body["config"], **value}}
            answer = shared_gateway.api("POST", "/schemas/plugins/validate", sent)
            if answer.status != 400 or "config" not in answer.json["fields"]:
                broken.append((body["name"], why, value, answer))
    assert not broken and tried > 50


def test_every_query_argument_does_what_it_says(shared_gateway, document):
    """Each argument where it is listed: a good value is taken, and one that its schema refuses is 400."""
    parameters, checker, seen = document["components"]["parameters"], json_schema.Schemas(document), set()
    good = {"size": 1, "version": 0, "message": "why", "wait": "all", "wait_timeout": "5s", "seconds": 1, "unit": "k", "scale": 1,
            "after": 1.5, "before": 1e9, "status": 201, "tags": "a", "admin": "x", "method": "POST", "path": "/s", "url": "http://h/", "asked_method": "GET", "header": "a:b", "sni": "h", "dp": "x"}
    lenient = {"message", "admin", "method", "path", "wait", "wait_timeout", "tags", "seconds", "scale",
               "asked_method", "sni", "dp", "url", "header"}  # any text will do, or is told in another way
    for path, method, operation in operations(document):
        target = re.sub(r"{\w+}", "debug" if "log-level" in path else NOBODY, path)
        for key in [p["$ref"].rsplit("/", 1)[1] for p in operation["parameters"] if "$ref" in p]:
            if key not in good or (method, key) in seen:
                continue
            seen.add((method, key))
            name, schema = parameters[key]["name"], parameters[key]["schema"]
            data = {} if method in ("post", "put", "patch") else None
            needed = "".join(f"&{p}={good[p]}" for p in parameters if parameters[p]["required"] and p != key and f"#/components/parameters/{p}"
                             in [q.get("$ref") for q in operation["parameters"]])
            answer = shared_gateway.api(method.upper(), f"{target}?{name}={good[key]}{needed}", data)
            assert answer.status != 400 or "code" in answer.json or "filter" in answer.json["message"], (path, key, answer)
            for _, value in ([] if key in lenient else checker.refused(schema)):
                if value is not None and not isinstance(value, dict):
                    assert shared_gateway.api(method.upper(), f"{target}?{name}={kit.urllib.parse.quote(str(value))}", data).status == 400, (path, key, value)
    assert {key for _, key in seen} == set(good)
    made = shared_gateway.api("POST", "/services?message=because&wait=all&timeout=5s", {"name": "signed", "host": "h"})
    version = shared_gateway.api("GET", f"/versions/{made.headers['x-gatehouse-config-version']}").json
    assert version["message"] == "because"
    assert shared_gateway.api("GET", f"/services/signed?version={version['version'] - 1}").status == 404
    assert shared_gateway.api("DELETE", "/services/signed").status == 204


CASES = [
    # method, path of the document, what stands for its parameters and behind it, body, status
    ("get", "/", "", None, 200), ("get", "/status", "", None, 200), ("get", "/metrics", "", None, 200), ("get", "/status/dns", "", None, 501),
    ("get", "/timers", "", None, 200), ("get", "/robots.txt", "", None, 200), ("get", "/endpoints", "", None, 200),
    ("get", "/openapi.json", "", None, 200), ("get", "/config", "?export=1", None, 200), ("get", "/config", "", None, 400),
    ("post", "/config", "?dry_run=1", {"_format_version": "3.0"}, 200), ("post", "/config", "", {"_format_version": "3.0", "zork": 1}, 400),
    ("get", "/versions", "", None, 200), ("get", "/versions/{versions}", "1", None, 200), ("get", "/versions/{versions}", "99999", None, 404),
    ("get", "/versions/{versions}/progress", "1", None, 200), ("post", "/versions/{versions}/rollback", "$first", {}, 201),
    ("post", "/versions/{versions}/rollback", "$now", {}, 200), ("post", "/versions/{versions}/rollback", "$now?wait=zork", {}, 400),
    ("get", "/consumer_groups/{consumer_groups}/consumers", "oa", None, 200),
    ("post", "/consumer_groups/{consumer_groups}/consumers", "oa", {"consumer": "oa"}, 201),
    ("post", "/consumer_groups/{consumer_groups}/consumers", "oa", {"consumer": "oa"}, 409),
    ("get", "/consumer_groups/{consumer_groups}/consumers/{consumers}", "oa oa", None, 200),
    ("put", "/consumer_groups/{consumer_groups}/consumers/{consumers}", "oa oa", {}, 200),
    ("delete", "/consumer_groups/{consumer_groups}/consumers/{consumers}", "oa oa", None, 204),
    ("delete", "/consumer_groups/{consumer_groups}/consumers/{consumers}", "oa oa", None, 404),
    ("delete", "/consumer_groups/{consumer_groups}/consumers", "oa", None, 204),
    ("get", "/consumers/{consumers}/consumer_groups", "oa", None, 200),
    ("post", "/consumers/{consumers}/consumer_groups", "oa", {"group": "oa"}, 201),
    ("get", "/consumers/{consumers}/consumer_groups/{consumer_groups}", "oa oa", None, 200),
    ("put", "/consumers/{consumers}/consumer_groups/{consumer_groups}", "oa oa", {}, 200),
    ("delete", "/consumers/{consumers}/consumer_groups/{consumer_groups}", "oa oa", None, 204),
    ("delete", "/consumers/{consumers}/consumer_groups", "oa", None, 204), ("delete", "/consumers/{consumers}/consumer_groups", "zork", None, 404),
    ("get", "/clustering/data-planes", "", None, 200), ("get", "/clustering/status", "", None, 200), ("get", "/clustering/overview", "", None, 200),
    ("get", "/clustering/tokens", "", None, 200), ("post", "/clustering/tokens", "", {}, 400), ("get", "/clustering/revoked", "", None, 200),
    ("post", "/clustering/data-planes/{data_planes}/revoke", "0b6c5a2e-51a4-4c6b-9b36-6a1f4e1f7a10", {}, 200),
    ("post", "/clustering/data-planes/{data_planes}/revoke", "zork", {}, 404),
    ("get", "/explain", "?url=http://h/", None, 200), ("get", "/explain", "", None, 400), ("get", "/explain", "?url=http://h/&dp=zork", None, 404),
    ("delete", "/cache", "", None, 204), ("delete", "/cache/{key}", "k", None, 204), ("get", "/cache/{key}", "k", None, 404),
    ("delete", "/proxy-cache", "", None, 204), ("delete", "/proxy-cache/{cache_key}", "k", None, 404),
    ("get", "/debug/node/log-level", "", None, 200), ("put", "/debug/node/log-level/{log_level}", "info?timeout=0", {}, 200),
    ("put", "/debug/node/log-level/{log_level}", "zork", {}, 400),
    ("put", "/debug/cluster/control-planes-nodes/log-level/{log_level}", "info", {}, 200), ("get", "/debug/cluster/log-level", "", None, 200),
    ("put", "/debug/cluster/log-level/{log_level}", "info?timeout=0", {}, 200),
    ("get", "/tags", "", None, 200), ("post", "/tags", "", {}, 400), ("get", "/tags/{tags}", "a", None, 200),
    ("post", "/schemas/plugins/validate", "", {"name": "key-auth"}, 200), ("post", "/schemas/plugins/validate", "", {"name": "zork"}, 400),
    ("get", "/schemas/plugins/{name}", "key-auth", None, 200), ("get", "/schemas/plugins/{name}", "zork", None, 404),
    ("post", "/schemas/vaults/validate", "", {"name": "env", "prefix": "ab"}, 200), ("get", "/schemas/vaults/{name}", "env", None, 200),
    ("get", "/schemas/filters/{name}", "zork", None, 404),
    ("post", "/schemas/{db_entity_name}/validate", "services", {"host": "h"}, 200), ("post", "/schemas/{db_entity_name}/validate", "zork", {}, 404),
    ("get", "/schemas/{name}", "services", None, 200), ("get", "/plugins/enabled", "", None, 200),
    ("get", "/plugins/schema/{name}", "key-auth", None, 200), ("get", "/upstreams/{upstreams}/health", "oa", None, 200),
    ("get", "/upstreams/{upstreams}/targets/all", "oa", None, 200), ("get", "/audit/requests", "", None, 200),
    ("get", "/admins", "", None, 200), ("post", "/admins", "", {"name": "oa", "role": "read"}, 201),
    ("post", "/admins", "", {"name": "oa", "role": "read"}, 409), ("get", "/admins/{admins}", "oa", None, 200),
    ("put", "/admins/{admins}", "oa", {"role": "write"}, 200), ("patch", "/admins/{admins}", "oa", {"role": "read"}, 200),
    ("post", "/admins/{admins}/token", "oa", {}, 200), ("delete", "/admins/{admins}/token", "oa", None, 200),
    ("delete", "/admins/{admins}", "oa", None, 204),
    *[(method, f"/upstreams/{{upstreams}}/targets/{{targets}}/{address}{word}", f"oa 127.0.0.1:9{filled}", {}, 204)
      for method in ("put", "post") for word in ("healthy", "unhealthy") for address, filled in (("", ""), ("{address}/", " 127.0.0.1:9"))]]
# what takes more than one request to show: tests/e2e/plugins/test_proxy_cache.py, tests/e2e/documents and tests/e2e/cluster
ELSEWHERE = {("post", "/clustering/tokens", "201"), ("delete", "/clustering/tokens/{id}", "204"),
             ("get", "/proxy-cache/{cache_key}", "200"), ("delete", "/proxy-cache/{cache_key}", "204"), ("post", "/config", "201"), ("post", "/config", "304"),
             ("post", "/versions/{versions}/publish", "200"),
             *[(method, "/proxy-cache/{plugin_id}/caches/{cache_key}", status) for method, status in (("get", "200"), ("delete", "204"))]}


def test_every_special_endpoint_answers_with_the_statuses_it_lists(shared_gateway, document):
    ask = shared_gateway.api
    first = ask("GET", "/versions?size=1").json["data"][0]["version"]
    checks = {"passive": {"healthy": {"successes": 1}, "unhealthy": {"http_failures": 1}}}
    for path, body in (("/consumers", {"username": "oa"}), ("/consumer_groups", {"name": "oa"}), ("/upstreams", {"name": "oa", "healthchecks": checks}),
                       ("/upstreams/oa/targets", {"target": "127.0.0.1:9"})):
        assert ask("POST", path, body).status == 201
    seen = set()
    for method, path, filled, body, status in sorted(CASES, key=lambda case: "rollback" in case[1]):
        now = ask("GET", "/versions?size=1").json["data"][0]["version"]
        words, _, query = filled.replace("$first", str(first)).replace("$now", str(now)).partition("?")
        target = path
        for word in words.split():
            target = re.sub(r"{\w+}", kit.urllib.parse.quote(word), target, count=1)
        answer = ask(method.upper(), f"{target}?{query}" if query else target, body)
        assert answer.status == status and str(status) in document["paths"][path][method]["responses"], (method, target, answer)
        seen.add((method, path, str(status)))
    listed = {(method, path, status) for path, method, op in operations(document) if op["tags"][0] in ("node", "admins") and "filter" not in path
              for status in op["responses"] if status[0] in "235" and status != "202"}
    assert listed - ELSEWHERE == {row for row in seen if row[2][0] in "235"}


def test_every_refusal_is_listed(shared_gateway, document):
    wrong = []
    for path, method, operation in operations(document):
        target = re.sub(r"{\w+}", "debug" if "log-level" in path else NOBODY, path)
        status = str(shared_gateway.api(method.upper(), target, {"zork": 1} if method in ("post", "put", "patch") else None).status)
        if status not in operation["responses"]:
            wrong.append((method, path, status))
    assert not wrong


def test_with_a_login_the_document_says_how(shared_gateway, document):
    assert "security" not in document
    assert set(document["components"]["securitySchemes"]) == {"bearer", "header", "certificate"}
