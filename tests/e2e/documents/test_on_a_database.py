"""A whole document on PostgreSQL: one transaction, one version, entity by entity (issue 3, item 5), and gatectl's way there
(users.md 2.4, declarative-config.md 7)."""
import json
import subprocess
import threading

import kit
import pytest

TEXT = """_format_version: "3.0"
services:
- name: orders
  url: http://127.0.0.1:{port}
  routes:
  - name: orders-route
    paths: [/orders]
  - paths: [/unnamed]
consumers:
- username: anna
  keyauth_credentials:
  - key: anna-key
plugins:
- name: key-auth
  service: orders
"""


def post(gateway, text, query=""):
    return kit.call(gateway.admin, "POST", f"/config{query}", {"Content-Type": "application/yaml"}, text.encode(), timeout=60)


def version(gateway):
    return gateway.api("GET", "/versions?size=1").json["data"][0]["version"]


def rows(gateway, *kinds):
    return {kind: gateway.api("GET", f"/{kind}?size=1000").json["data"] for kind in kinds or ("services", "routes", "consumers", "plugins")}


def gatectl(gateway, *words, code=0, stdin=None):
    done = subprocess.run([kit.BUILD / "gatectl", *map(str, words), "--admin", f"http://127.0.0.1:{gateway.admin}"],
                          capture_output=True, text=True, timeout=120, input=stdin)
    assert done.returncode == code, done
    return done.stdout + done.stderr


def test_a_document_is_one_version_and_again_none(gateway, origin):
    text = TEXT.format(port=origin.port)
    before = version(gateway)
    answer = post(gateway, text, "?message=from+git")
    assert answer.status == 201, answer
    assert answer.json["version"] == before + 1 and answer.json["created"] == 6 and answer.json["deleted"] == 0
    assert answer.headers["x-gatehouse-applied"] == "2/2"
    assert gateway.get("/orders", {"apikey": "anna-key"}).status == 200 and gateway.get("/orders").status == 401
    assert gateway.api("GET", f"/versions/{before + 1}").json["message"] == "from git"
    kept = rows(gateway)
    again = post(gateway, text)
    assert again.status == 200 and again.json["version"] is None and again.json["unchanged"] == 6 and again.json["changes"] == []
    assert version(gateway) == before + 1 and rows(gateway) == kept


def test_only_what_differs_is_touched_and_what_is_missing_goes(gateway, origin):
    post(gateway, TEXT.format(port=origin.port))
    kept = rows(gateway)
    new = TEXT.format(port=origin.port).replace("paths: [/orders]", "paths: [/v2/orders]").split("plugins:")[0]
    answer = post(gateway, new).json
    assert (answer["created"], answer["updated"], answer["deleted"], answer["unchanged"]) == (0, 1, 1, 4)
    assert [(c["change"], c["kind"], c["name"]) for c in answer["changes"]] == [("updated", "routes", "orders-route"), ("deleted", "plugins", "key-auth")]
    assert answer["changes"][0]["fields"] == [{"field": "paths", "from": ["/orders"], "to": ["/v2/orders"]}]
    now = rows(gateway)
    assert now["services"] == kept["services"] and now["consumers"] == kept["consumers"] and now["plugins"] == []
    assert gateway.get("/v2/orders").status == 200 and gateway.get("/orders").status == 404


def test_a_dry_run_says_what_would_change_and_writes_nothing(gateway, origin):
    before, text = version(gateway), TEXT.format(port=origin.port)
    answer = post(gateway, text, "?dry_run=1")
    assert answer.status == 200 and answer.json["dry_run"] is True and answer.json["created"] == 6
    assert "anna-key" not in answer.body.decode()
    assert version(gateway) == before and rows(gateway, "services") == {"services": []}
    assert post(gateway, text.replace("url:", "urll:"), "?dry_run=1").json["code"] == 14


def test_all_or_nothing(gateway, origin):
    post(gateway, TEXT.format(port=origin.port))
    before, kept = version(gateway), rows(gateway)
    bad = TEXT.format(port=origin.port).replace("/orders]", "/other]").replace("service: orders", "service: nowhere")
    assert post(gateway, bad).status == 400
    assert post(gateway, bad, "?flatten_errors=1").json["flattened_errors"][0]["errors"][0]["field"] == "service"
    assert version(gateway) == before and rows(gateway) == kept and gateway.get("/orders", {"apikey": "anna-key"}).status == 200


def test_names_may_be_swapped_and_ids_replaced(gateway, origin):
    one, two = ("11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222")

    def text(a, b):
        return (f'_format_version: "3.0"\nservices:\n- {{id: {one}, name: {a}, host: h, routes: [{{name: r{a}, paths: [/{a}]}}]}}\n'
                f'- {{id: {two}, name: {b}, host: h, routes: [{{name: r{b}, paths: [/{b}]}}]}}\n')
    assert post(gateway, text("a", "b")).status == 201
    assert post(gateway, text("b", "a")).status == 201
    assert {s["id"]: s["name"] for s in rows(gateway)["services"]} == {one: "b", two: "a"}
    # the same name under another id: the old one goes, its routes move
    assert post(gateway, text("b", "a").replace(one, "33333333-3333-4333-8333-333333333333")).status == 201
    assert one not in {s["id"] for s in rows(gateway)["services"]}


def test_what_was_made_by_curl_keeps_its_id(gateway, origin):
    service, route = gateway.service("orders", origin, paths=["/orders"])
    answer = post(gateway, TEXT.format(port=origin.port)).json
    assert rows(gateway)["services"][0]["id"] == service["id"] and answer["deleted"] == 1 and answer["created"] == 5


def test_without_a_document_it_answers_as_it_always_did(gateway):
    only = "this endpoint is only available when Kong is configured to not use a database"
    assert gateway.api("GET", "/config").json == {"message": only}
    assert gateway.api("POST", "/config", {}).json == {"message": only}


def test_dump_and_apply_again_is_no_change_and_diff_says_2(gateway, origin, tmp_path):
    path, dumped = tmp_path / "kong.yaml", tmp_path / "dumped.yaml"
    path.write_text(TEXT.format(port=origin.port))
    assert "6 to create" in gatectl(gateway, "apply", "-f", path, "--dry-run")
    said = gatectl(gateway, "apply", "-f", path, "-m", "first")
    assert "+ services orders" in said and "6 created, 0 updated, 0 deleted" in said and f"version {version(gateway)}" in said
    assert gateway.get("/orders").status == 401
    assert gatectl(gateway, "apply", "-f", path).strip() == "no changes"
    assert gatectl(gateway, "apply", "-f", "-", stdin=path.read_text()).strip() == "no changes"
    assert gatectl(gateway, "config", "diff", path).strip() == "no changes"
    gatectl(gateway, "config", "dump", dumped)
    assert "_transform: false" in dumped.read_text()
    assert gatectl(gateway, "config", "apply", dumped).strip() == "no changes"
    path.write_text(path.read_text().replace("/orders]", "/v3]"))
    said = gatectl(gateway, "config", "diff", path, code=2)
    assert "~ routes orders-route" in said and 'paths: ["/orders"] -> ["/v3"]' in said
    assert json.loads(gatectl(gateway, "config", "diff", path, "-o", "json", code=2))["updated"] == 1
    path.write_text(path.read_text().replace("service: orders", "service: nowhere"))
    assert "(line 15)" in gatectl(gateway, "apply", "-f", path, code=1)
    assert "cannot reach the Admin API" in gatectl(type("G", (), {"admin": 1}), "config", "diff", dumped, code=1)


def test_what_is_kept_as_a_hash_is_no_change_either(gateway, tmp_path):
    """An oauth2 secret has a salt, a password of basic-auth has none; both are written as they are in the file (entities.md 5)."""
    path = tmp_path / "kong.yaml"
    text = """_format_version: "3.0"
consumers:
- username: hashed
  oauth2_credentials: [{name: app, client_id: c, client_secret: s3cret, hash_secret: true}]
  basicauth_credentials: [{username: u, password: p4ssword}]
"""
    path.write_text(text)
    gatectl(gateway, "apply", "-f", path)
    kept = rows(gateway, "oauth2", "basic-auths")
    assert kept["oauth2"][0]["client_secret"].startswith("$pbkdf2-sha512$") and kept["basic-auths"][0]["password"] != "p4ssword"
    assert gatectl(gateway, "apply", "-f", path).strip() == "no changes"
    assert rows(gateway, "oauth2", "basic-auths") == kept
    path.write_text(text.replace("s3cret", "other"))
    assert "1 updated" in gatectl(gateway, "apply", "-f", path)
    assert rows(gateway, "oauth2")["oauth2"] != kept["oauth2"]


def test_users_2_4_warnings(gateway, tmp_path):
    """Shadowed route, unused upstream; what else there is to warn of is in tests/unit/model/test_warnings.c."""
    path = tmp_path / "kong.yaml"
    path.write_text("""_format_version: "3.0"
services:
- name: s
  host: h
  routes:
  - {name: first, paths: [/a], created_at: 1}
  - {name: second, paths: [/a], created_at: 2}
upstreams: [{name: nobody}]
""")
    shadowed = "routes second: it never gets a request: route 'first' takes all that it matches, and comes first"
    unused = "upstreams nobody: no service has its name as host, so nothing is sent there"
    for words in (["--dry-run"], [], []):
        said = gatectl(gateway, "apply", "-f", path, *words)
        assert f"warning: {shadowed}\n" in said and f"warning: {unused}\n" in said, said
    assert said.startswith("no changes\n")
    again = post(gateway, path.read_text(), "?dry_run=1").json
    assert [f"{w['kind']} {w['name']}: {w['message']}" for w in again["warnings"]] == [unused, shadowed]
    assert again["warnings_left_off"] == 0


def test_d_2_a_single_write_warns_in_a_header(gateway):
    checks = {"passive": {"unhealthy": {"http_failures": 1}}}
    made = gateway.api("POST", "/upstreams", {"name": "warned.test", "healthchecks": checks})
    assert made.status == 201 and "marked by hand" in made.headers["x-gatehouse-warning"]
    checks["passive"]["healthy"] = {"successes": 1}
    assert "x-gatehouse-warning" not in gateway.api("PATCH", "/upstreams/warned.test", {"healthchecks": checks}).headers


def test_section_7_1_import_never_deletes_and_export_is_whole(gateway, origin, tmp_path):
    """declarative-config 7: db_import <file> | db_export [file]"""
    gateway.service("kept", origin)
    path, out, again = (tmp_path / name for name in ("in.yml", "out.yml", "again.yml"))
    path.write_text(TEXT.format(port=origin.port))

    def local(*words, code=0):
        done = subprocess.run([kit.BUILD / "gatectl", "config", *map(str, words), "--conf", gateway.cp.conf], capture_output=True, text=True)
        assert done.returncode == code, done
        return done.stdout + done.stderr
    assert local("db_import", path) == "parse successful, beginning import\nimport successful\n"
    before = version(gateway)
    local("db_import", path)
    assert version(gateway) == before and {s["name"] for s in rows(gateway)["services"]} == {"kept", "orders"}
    kit.eventually(lambda: gateway.get("/orders").status == 401, 10, "nodes notice")
    local("db_export", out)
    assert "out.yml already exists. Will not overwrite it.\n\n  Run with --v" in local("db_export", out, code=1)
    local("db_import", out)
    local("db_export", again)
    assert version(gateway) == before and out.read_text() == again.read_text()
    path.write_text("_format_version: 1.1\n")
    assert "in '_format_version': expected a string (line 1)" in local("db_import", path, code=1)


def test_others_write_at_the_same_time(gateway, origin):
    """An apply and single writes come in some order: in the end there is the document, and what was written after it."""
    text = TEXT.format(port=origin.port) + "".join(f"- {{name: key-auth, route: r{i}}}\n" for i in range(50)) \
        + "routes:\n" + "".join(f"- {{name: r{i}, paths: [/r{i}]}}\n" for i in range(50))
    statuses = []

    def write(n):
        for i in range(20):
            statuses.append(gateway.api("POST", "/consumers", {"username": f"w{n}-{i}"}).status)
    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    applied = [post(gateway, text).status for _ in range(3)]
    for thread in threads:
        thread.join()
    assert set(statuses) == {201} and set(applied) <= {200, 201}
    assert post(gateway, text).status in (200, 201)
    assert [c["username"] for c in rows(gateway)["consumers"]] == ["anna"] and len(rows(gateway)["routes"]) == 52
    numbers = [v["version"] for v in gateway.api("GET", "/versions?size=1000").json["data"]]
    assert numbers == list(range(numbers[0], numbers[-1] - 1, -1))


@pytest.fixture
def own_gateway(services, tmp_path):
    made = kit.Gateway(services, tmp_path / "gw", data_planes=1)
    yield made.start()
    made.stop()


def test_killed_in_the_middle_of_an_apply_nothing_of_it_is_there_or_all(own_gateway):
    def text(n):
        return '_format_version: "3.0"\nconsumers:\n' + "".join(f"- {{username: u{i}, custom_id: c{n}-{i}}}\n" for i in range(2000))
    assert post(own_gateway, text(0)).status == 201
    for n in range(1, 5):
        done = threading.Event()

        def apply():
            try:
                post(own_gateway, text(n))
            except (OSError, kit.http.client.HTTPException):
                pass
            done.set()
        threading.Thread(target=apply).start()
        done.wait(0.08 * n)  # somewhere in the middle, at another place each time
        own_gateway.cp.kill()
        done.wait(30)
        own_gateway.cp.start()
        kit.eventually(lambda: own_gateway.api("GET", "/status").status == 200, 20, "the control plane is back")
        states = {row["custom_id"].split("-")[0] for row in all_consumers(own_gateway)}
        assert len(states) == 1 and len(all_consumers(own_gateway)) == 2000, states
        dp = own_gateway.dps[0]
        kit.eventually(lambda: kit.call(dp.status, "GET", "/status").json["gatehouse"]["config_version"] == version(own_gateway), 20,
                       "the data plane has the control plane's version")


def all_consumers(gateway):
    found, path = [], "/consumers?size=1000"
    while path:
        page = gateway.api("GET", path).json
        found, path = found + page["data"], page["next"]
    return found
