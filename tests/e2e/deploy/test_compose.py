"""The compose files: services, volumes and variables that are named are there, settings exist, the balancer's configuration loads."""
import json
import os
import re
import subprocess

import kit
import pytest
import yaml

DOCKER = kit.ROOT / "deploy/docker"
FILES = {"docker-compose.yml": kit.ROOT, "lesson/database/docker-compose.yml": DOCKER, "lesson/file/docker-compose.yml": DOCKER}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


@pytest.fixture(params=FILES)
def compose(request):
    path = FILES[request.param] / request.param
    made = yaml.safe_load(path.read_text())
    made["folder"] = path.parent
    return made


def environment(service):
    given = service.get("environment", {})
    if isinstance(given, list):
        given = dict(line.partition("=")[::2] for line in given)
    return {name: str(value) for name, value in given.items()}


def ours(compose):
    return {name: s for name, s in compose["services"].items() if s["image"].startswith("gatehouse")}


def test_what_is_referred_to_is_there(compose):
    services = compose["services"]
    for name, service in services.items():
        depends = service.get("depends_on", {})
        assert set(depends) <= set(services), name
        if isinstance(depends, dict):
            assert {d["condition"] for d in depends.values()} <= CONDITIONS
            for other, d in depends.items():
                assert d["condition"] != "service_healthy" or "test" in services[other]["healthcheck"], (name, other)
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (compose["folder"] / source).exists() if source.startswith(".") else source in compose["volumes"], (name, source)
        assert set(service.get("networks", [])) <= {"default", *compose.get("networks", {})}


def test_every_setting_exists_and_has_a_value_it_may_have(compose, check_environment):
    assert ours(compose)
    for name, service in ours(compose).items():
        variables = {k: v for k, v in environment(service).items() if k.startswith(("GATEHOUSE_", "KONG_"))}
        variables.pop("KONG_DECLARATIVE_CONFIG", None)  # a file in the container
        check_environment(variables)


def test_commands_are_programs_of_the_image(compose):
    for name, service in ours(compose).items():
        words = service.get("command", "gatectl start --foreground")
        words = words.split() if isinstance(words, str) else words
        if words[0] in ("gatectl", "kong"):
            done = subprocess.run([kit.BUILD / "gatectl", *(w for w in words[1:3] if not w.startswith("-")), "--help"], capture_output=True, text=True)
            assert done.returncode == 0 and "usage" in done.stdout, (name, words)
        else:
            assert os.access(DOCKER / words[0], os.X_OK) or words[0] in ("gatehouse-cp", "gatehouse-dp"), (name, words)


def test_the_cluster_has_all_of_the_issue():
    """Issue 6, 5: PostgreSQL, Redis, migrations, two control planes, data planes that scale behind a balancer, an origin."""
    services = yaml.safe_load((kit.ROOT / "docker-compose.yml").read_text())["services"]
    assert {"postgres", "redis", "migrations", "cp1", "cp2", "dp", "balancer", "origin"} <= set(services)
    assert "ports" not in services["dp"] and "container_name" not in services["dp"], "what is scaled has no port of its own"
    assert all(s.get("read_only") and s["cap_drop"] == ["ALL"] for s in services.values() if s["image"] == "gatehouse")
    assert "127.0.0.1:8001:8001" in services["balancer"]["ports"], "the Admin API is for this machine"
    assert environment(services["cp1"])["GATEHOUSE_ADMIN_AUTH"] == "on"


def test_the_balancer_speaks_of_services_and_ports_that_are_there():
    services = yaml.safe_load((kit.ROOT / "docker-compose.yml").read_text())["services"]
    text = (DOCKER / "haproxy.cfg").read_text()
    for host, port, check in re.findall(r"^  server(?:-template)? \S+ (?:1-\d+ )?(\w+):(\d+) .*port (\d+)$", text, re.M):
        settings = environment(services[host])
        listens = [value for name, value in settings.items() if name.endswith("_LISTEN")]
        assert any(f"0.0.0.0:{port}" in value for value in listens), (host, port)
        assert settings["GATEHOUSE_STATUS_LISTEN"] == f"0.0.0.0:{check}"
        sends = f"{host}:{port} send-proxy-v2" in text
        assert sends == any(re.search(rf"0\.0\.0\.0:{port}[^,]*proxy_protocol", value) for value in listens), (host, port)
    assert {b.split(":")[1] for b in re.findall(r"bind (:\d+)", text)} == {p.rsplit(":", 1)[1] for p in services["balancer"]["ports"]}


def test_haproxy_takes_the_balancer_s_configuration():
    done = subprocess.run(["haproxy", "-c", "-f", DOCKER / "haproxy.cfg"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr


def test_the_dockerfile_copies_what_is_there_and_runs_as_a_number():
    text = (DOCKER / "Dockerfile").read_text()
    for sources in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.M):
        assert all((kit.ROOT / source).exists() for source in sources.split()), sources
    users = re.findall(r"^USER (.*)$", text, re.M)
    assert re.search(r"groupadd .*--gid 10001 gatehouse", text) and "--uid 10001 --gid 10001" in text
    assert users[-1] == "10001:10001" and users.count("root") == 1, "the last word of each stage is not root"
    for path in re.findall(r"^ENV (.*)$", text, re.M):
        assert path.startswith("GATEHOUSE_")


def test_the_lesson_s_file_is_one_that_we_take():
    done = subprocess.run([kit.BUILD / "gatectl", "config", "parse", DOCKER / "lesson/file/kong-config/kong.yml"], capture_output=True,
                          text=True, env={**os.environ, "MOBILE_APP_API_KEY": "a-very-secure-key-from-env"})
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load((DOCKER / "lesson/file/docker-compose.yml").read_text())["services"]
    assert "MOBILE_APP_API_KEY" in environment(services["kong"])


def test_the_lesson_s_mock_answers_with_and_without_the_prefix():
    """walkthrough.md: the demo origin answers the same for /products/123 and /123."""
    for folder in ("database", "file"):
        rule, = json.loads((DOCKER / "lesson" / folder / "mock-config/initializer.json").read_text())
        assert all(re.fullmatch(rule["httpRequest"]["path"], path) for path in ("/products/123", "/123"))
        assert rule["httpResponse"]["body"] == {"id": 123, "name": "Awesome Gadget", "price": 99.99}


def test_only_one_control_plane_has_the_authoritys_key():
    services = yaml.safe_load((kit.ROOT / "docker-compose.yml").read_text())["services"]
    mounts = {name: {v.split(":")[0] for v in s.get("volumes", [])} for name, s in services.items()}
    long_lived = {name for name in mounts if "authority" in mounts[name] and services[name].get("restart") != "no"}
    assert long_lived == {"cp1"}
    assert "join-control-plane" not in mounts["dp"], "who reads a control plane's token can become one"
    assert [name for name, s in services.items() if "GATEHOUSE_CLUSTER_CA_KEY" in environment(s)] == ["cp1"]
    assert {place.split(":")[0] for place in environment(services["dp"])["GATEHOUSE_CLUSTER_CONTROL_PLANE"].split(", ")} == {"cp1", "cp2"}


# -- what the containers run before they start, against a real control plane

@pytest.fixture(scope="module")
def cluster(services, folder):
    gateway = kit.Gateway(services, folder, data_planes=0)
    gateway.cp.settings["cluster_ca_key"] = gateway.certs / "ca.key"
    gateway.start()
    yield gateway
    gateway.stop()


def script(name, folder, *words, code=0, **variables):
    """Runs a script of the image; the `gatectl start` at its end shows its environment instead."""
    fake = folder / "bin"
    fake.mkdir(exist_ok=True)
    (fake / "gatectl").write_text(f'#!/bin/sh\n[ "$1" = start ] && exec env\nexec {kit.BUILD}/gatectl "$@"\n')
    (fake / "gatectl").chmod(0o755)
    done = subprocess.run([DOCKER / name, *words], capture_output=True, text=True, timeout=60,
                          env={"PATH": f"{fake}:{os.environ['PATH']}", **{k: str(v) for k, v in variables.items()}})
    assert done.returncode == code, done
    return dict(line.partition("=")[::2] for line in done.stdout.splitlines()) if code == 0 else done.stderr


def pem_of(variables):
    return open(variables["GATEHOUSE_CLUSTER_CERT"]).read()


def test_containers_join_by_the_tokens_of_the_composition(cluster, tmp_path):
    """Three data planes of one token, each a node of its own, and the same after a restart; a control plane of another."""
    join = tmp_path / "join"
    for role in ("data-plane", "control-plane"):
        (join / role).mkdir(parents=True)
    database = {f"GATEHOUSE_{name.upper()}": value for name, value in cluster.cp.settings.items() if name.startswith("pg_")}
    script("join-tokens", tmp_path, JOIN=join, JOIN_AT=f"{kit.LOOPBACK}:{cluster.cluster}", JOIN_CONTROL_PLANE="cp2",
           GATEHOUSE_CLUSTER_CA_CERT=cluster.certs / "ca.crt", **database)
    token = {"JOIN_TOKEN": join / "data-plane/token"}
    seen = [script("join-cluster", tmp_path, GATEHOUSE_PREFIX=tmp_path / str(i), **token) for i in (1, 2, 3, 1)]
    assert len({pem_of(one) for one in seen}) == 3 and pem_of(seen[0]) == pem_of(seen[3])
    assert all(os.path.exists(one[f"GATEHOUSE_CLUSTER_{name}"]) for one in seen for name in ("CA_CERT", "CERT", "CERT_KEY"))
    made = script("join-cluster", tmp_path, "--role", "control_plane", GATEHOUSE_PREFIX=tmp_path / "cp2", JOIN_TOKEN=join / "control-plane/token")
    names = subprocess.run(["openssl", "x509", "-noout", "-ext", "subjectAltName,extendedKeyUsage"], input=pem_of(made), capture_output=True, text=True).stdout
    assert "DNS:cp2" in names and "TLS Web Server Authentication" in names
    assert "for a data plane" in script("join-cluster", tmp_path, "--role", "control_plane", code=1, GATEHOUSE_PREFIX=tmp_path / "thief", **token)
