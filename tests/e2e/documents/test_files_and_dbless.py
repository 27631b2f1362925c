"""Walkthrough level 3 (steps 11 to 13) and the case study: the file, no database; declarative-config.md 6 and 10."""
import hashlib
import os
import signal
import subprocess

import kit
import pytest

# The file that the walkthrough prints, with another address for the origin.
LESSON = """_format_version: "2.1"
_comment: "Declarative configuration for our e-commerce API"
services:
  - name: product-service
    url: http://127.0.0.1:{origin}
    routes:
      - name: products-route
        paths:
          - /api/products
        strip_path: true
    plugins:
      - name: key-auth
        config:
          key_names:
            - apikey
consumers:
  - username: mobile_app
    keyauth_credentials:
      - key: ${{MOBILE_APP_API_KEY}} # Use environment variable for secrets
    plugins:
      - name: rate-limiting
        route: products-route
        consumer: mobile_app
        config:
          minute: 3
          policy: local
"""

CASE_STUDY = """_format_version: "2.1"
services:
- name: user-service
  url: http://127.0.0.1:{origin}
  routes:
  - name: users-route
    paths: ["/users"]
    strip_path: true
- name: restaurant-service
  url: http://127.0.0.1:{origin}
  routes:
  - name: restaurants-route
    paths: ["/restaurants"]
    strip_path: true
  plugins:
  - name: key-auth # Require API key for this service
- name: order-service
  url: http://127.0.0.1:{origin}
  routes:
  - name: orders-route
    paths: ["/orders"]
    strip_path: true
  plugins:
  - name: jwt # Require JWT for this service
consumers:
- username: partner-review-app
  keyauth_credentials:
  - key: partner-secret-key-xyz
# Global plugin applied to all requests
plugins:
- name: rate-limiting
  config:
    minute: 100
    policy: local
"""

BROKEN = """_format_version: "3.0"
services:
- name: a
  port: 99999
routes:
- name: r
  paths: [/r]
  service: nowhere
"""
KEY = "a-very-secure-key-from-env"


class Node:
    """One machine without PostgreSQL and Redis: gatectl start, or a data plane alone."""

    def __init__(self, folder):
        self.folder, self.file, self.conf = folder, folder / "kong.yml", folder / "gatehouse.conf"
        self.proxy, self.admin, self.status = (kit.free_port() for _ in range(3))
        self.environment = {**os.environ, "MOBILE_APP_API_KEY": KEY}
        self.process = None
        self.write_conf(declarative_config=self.file)

    def write_conf(self, **more):
        settings = {"prefix": self.folder / "prefix", "database": "off", "cluster_listen": "off", "nginx_worker_processes": 1,
                    "proxy_listen": f"127.0.0.1:{self.proxy}", "admin_listen": f"127.0.0.1:{self.admin}",
                    "status_listen": f"127.0.0.1:{self.status}", "shutdown_grace": 1, **more}
        self.conf.write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))

    def gatectl(self, *words, code=0, stdin=None):
        done = subprocess.run([kit.BUILD / "gatectl", *map(str, words), "--conf", self.conf], capture_output=True, text=True,
                              timeout=60, env=self.environment, input=stdin)
        assert done.returncode == code, done
        return done.stdout + done.stderr

    def ready(self):
        try:
            return kit.call(self.status, "GET", "/status/ready").status == 200
        except OSError:
            return False

    def start(self):
        self.gatectl("start")
        kit.eventually(self.ready, 20, "the data plane has the document")
        return self

    def data_plane(self, *words):
        self.process = subprocess.Popen([kit.BUILD / "gatehouse-dp", "--conf", self.conf, "--document", self.file, *words],
                                        stderr=subprocess.PIPE, text=True, env=self.environment)
        return self.process

    def api(self, method, path, body=None, kind="application/json"):
        return kit.call(self.admin, method, path, {"Content-Type": kind} if body is not None else {}, body.encode() if body else None)

    def get(self, path, key=None):
        return kit.call(self.proxy, "GET", path, {"apikey": key} if key else {})

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
        subprocess.run([kit.BUILD / "gatectl", "stop", "--conf", self.conf], capture_output=True)


@pytest.fixture
def node(tmp_path):
    made = Node(tmp_path)
    yield made
    made.stop()


def check_lesson(node):
    assert node.get("/api/products/123", KEY).status == 200
    assert node.get("/api/products/123", "wrong-key").status == 401
    assert node.get("/api/products/123").status == 401
    assert [node.get("/api/products/123", KEY).status for _ in range(3)] == [200, 200, 429]
    assert node.get("/other").json["message"] == "no Route matched with those values"


def test_step_11_one_command_no_database(node, origin):
    node.file.write_text(LESSON.format(origin=origin.port))
    node.start()
    check_lesson(node)
    assert origin.seen[0]["headers"]["x-consumer-username"] == "mobile_app"


def test_step_11_the_proxy_alone(node, origin):
    node.file.write_text(LESSON.format(origin=origin.port))
    node.data_plane()
    kit.eventually(node.ready, 20, "the data plane has the document")
    check_lesson(node)
    # SIGHUP reads it again; a broken file changes nothing
    node.file.write_text(BROKEN)
    node.process.send_signal(signal.SIGHUP)
    kit.eventually(lambda: "required field missing" in kit.call(node.status, "GET", "/status").body.decode(), 10, "it says why")
    assert node.get("/api/products/123", "wrong-key").status == 401
    node.file.write_text(LESSON.format(origin=origin.port).replace("/api/products", "/v2/products"))
    node.process.send_signal(signal.SIGHUP)
    kit.eventually(lambda: node.get("/v2/products/1", "wrong-key").status == 401, 10, "the new file")
    assert node.get("/api/products/123", KEY).status == 404


def test_step_11_an_unset_variable_is_named_with_its_line(node):
    node.file.write_text(LESSON.format(origin=9))
    del node.environment["MOBILE_APP_API_KEY"]
    said = node.gatectl("start", code=1)
    assert "line 19: consumers[1].keyauth_credentials[1].key: the environment variable MOBILE_APP_API_KEY is not set" in said
    assert f"error parsing declarative config file {node.file}:" in said


def test_step_12_reads_writes_and_a_whole_new_file(node, origin):
    node.file.write_text(LESSON.format(origin=origin.port))
    node.start()
    assert [s["name"] for s in node.api("GET", "/services").json["data"]] == ["product-service"]
    assert node.api("GET", "/consumers/mobile_app/key-auth").json["data"][0]["key"] == KEY
    assert node.api("POST", "/services", '{"host":"h"}').json["message"] == \
        "cannot create 'services' entities when not using a database"
    assert node.api("POST", "/services", "{}").status == 400  # checked first
    assert node.api("GET", "/versions").status == 404
    new = f'_format_version: "3.0"\nservices:\n- name: s\n  url: http://127.0.0.1:{origin.port}\n  routes: [{{paths: [/new]}}]\n'
    answer = node.api("POST", "/config", new, "application/yaml")
    assert answer.status == 201 and list(answer.json) == ["services", "routes"]
    assert answer.headers["x-gatehouse-applied"] == "1/1"
    assert node.get("/new").status == 200 and node.get("/api/products/1", KEY).status == 404
    assert node.api("GET", "/status").json["configuration_hash"] == hashlib.md5(new.encode()).hexdigest()
    assert node.api("POST", "/config?check_hash=1", new, "application/yaml").status == 304
    # what is exported loads as the same
    exported = node.api("GET", "/config").json["config"]
    assert node.api("POST", "/config", exported, "text/yaml").status == 201
    assert node.api("GET", "/config").json["config"] == exported


def test_step_13_what_is_broken_changes_nothing_and_says_everything(node, origin):
    node.file.write_text(BROKEN)
    said = node.gatectl("start", code=1)
    assert "in 'host': required field missing (line 3)" in said
    assert "in 'port': value should be between 0 and 65535 (line 4)" in said
    assert "in 'service': invalid reference 'service: nowhere' (no such entry in 'services') (line 8)" in said
    alone = node.data_plane()
    assert alone.wait(20) == 1 and "in 'port': value should be between 0 and 65535 (line 4)" in alone.stderr.read()

    node.file.write_text(LESSON.format(origin=origin.port))
    node.start()
    assert node.api("POST", "/config", BROKEN, "application/yaml").json["code"] == 14
    flat = node.api("POST", "/config?flatten_errors=1", BROKEN, "application/yaml").json["flattened_errors"]
    assert {(e["entity_type"], e["entity_name"]) for e in flat} == {("service", "a"), ("route", "r")}
    node.file.write_text(BROKEN)
    assert "in 'port': value should be between 0 and 65535 (line 4)" in node.gatectl("reload", code=1)
    check_lesson(node)


def test_reload_reads_the_file_again(node, origin):
    node.file.write_text(LESSON.format(origin=origin.port))
    node.start()
    node.file.write_text(LESSON.format(origin=origin.port).replace("/api/products", "/v2/products"))
    assert "reloaded" in node.gatectl("reload")
    kit.eventually(lambda: node.get("/v2/products/1", "wrong-key").status == 401, 10, "the new file")


def test_section_6_without_a_file_it_starts_empty_and_keeps_what_was_posted(node, origin):
    node.write_conf()
    node.start()
    assert node.api("GET", "/status").json["configuration_hash"] == "0" * 32
    assert node.api("GET", "/services").json["data"] == []
    posted = f'{{"_format_version":"3.0","services":[{{"name":"s","url":"http://127.0.0.1:{origin.port}","routes":[{{"paths":["/kept"]}}]}}]}}'
    assert node.api("POST", "/config", posted).status == 201
    node.gatectl("stop")
    node.start()
    kit.eventually(lambda: node.get("/kept").status == 200, 10, "what was posted before")


def test_section_6_a_string_and_a_remote_document_without_the_environment(node):
    node.write_conf(declarative_config_string='{"_format_version":"3.0","services":[{"name":"n","host":"${MOBILE_APP_API_KEY}"}]}')
    node.start()
    assert node.api("GET", "/services/n").json["host"] == KEY
    assert f"host: {KEY}\n" in node.api("GET", "/config").json["config"]  # declarative-config 10: exports
    node.api("POST", "/config", '_format_version: "3.0"\nconsumers: [{username: "${MOBILE_APP_API_KEY}"}]\n', "text/yaml")
    assert node.api("GET", "/consumers").json["data"][0]["username"] == "${MOBILE_APP_API_KEY}"


def test_section_6_input_forms_and_statuses(node):
    node.write_conf()
    node.start()
    text = '_format_version: "3.0"\nconsumers: [{username: u}]\n'
    form = "config=" + kit.urllib.parse.quote(text)
    assert node.api("POST", "/config", form, "application/x-www-form-urlencoded").status == 201
    part = f'--x\r\nContent-Disposition: form-data; name="config"; filename="kong.yml"\r\n\r\n{text}\r\n--x--\r\n'
    assert node.api("POST", "/config", part, "multipart/form-data; boundary=x").status == 201
    assert node.api("POST", "/config", "{}").json["message"] == "expected a declarative configuration"
    assert node.api("POST", "/config", "a: [", "text/yaml").json["fields"]["error"].startswith("failed parsing declarative configuration: line ")
    assert node.api("POST", "/config", "- a\n", "text/yaml").json["fields"]["error"].endswith("expected an object")
    assert node.api("POST", "/config", text, "text/plain").status == 415


def test_case_study_loads_and_does_what_its_text_says(node, origin):
    node.file.write_text(CASE_STUDY.format(origin=origin.port))
    node.start()
    assert node.get("/users/1").status == 200
    assert node.get("/users/1").headers["x-ratelimit-limit-minute"] == "100"
    assert node.get("/restaurants").status == 401
    assert node.get("/restaurants", "partner-secret-key-xyz").status == 200
    assert node.get("/orders").status == 401


def test_section_7_commands_on_files(node):
    """declarative-config 7: init [file]"""
    path = node.folder / "made.yml"
    assert node.gatectl("config", "init", path) == ""
    assert "already exists.\nWill not overwrite it." in node.gatectl("config", "init", path, code=1)
    assert "parse successful" in node.gatectl("config", "parse", path)
    node.file.write_text(BROKEN)
    assert "Error: Failed parsing:" in node.gatectl("config", "parse", node.file, code=1)
    assert "parse successful" in node.gatectl("config", "parse", "-", stdin='_format_version: "3.0"\n')
    assert "expected a declarative configuration file" in node.gatectl("config", "parse", code=1)
    (node.folder / "kong.lua").write_text("x")
    assert "unknown file type: lua. (Accepted types: json, yaml)" in node.gatectl("config", "parse", node.folder / "kong.lua", code=1)
    assert "only works with a database" in node.gatectl("config", "db_export", node.folder / "out.yml", code=1)
