"""gatectl doctor: the first thing that is wrong on this machine, and what to do about it (users.md 2.10)."""
import json
import subprocess

import kit
import pytest

STEPS = ["DNS", "TCP", "TLS", "clock", "schema", "store", "Redis", "disk"]


@pytest.fixture(scope="module")
def gateway(services, folder):
    made = kit.Gateway(services, folder, data_planes=1)
    made.start()
    yield made
    made.stop()


def doctor(process, **changed):
    """Its answer for the settings of a process of ours, some of them changed; None: left out."""
    settings = {key: value for key, value in {**process.settings, **changed}.items() if value is not None}
    conf = process.folder / "doctor.conf"
    conf.write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
    done = subprocess.run([kit.BUILD / "gatectl", "doctor", "--conf", conf, "-o", "json"], capture_output=True, text=True, timeout=60)
    answer = json.loads(done.stdout)
    assert done.returncode == (0 if answer["ok"] else 1)
    return answer


def test_all_is_well(gateway):
    for process in (gateway.cp, gateway.dps[0]):
        answer = doctor(process)
        assert answer["ok"] and [step["step"] for step in answer["steps"]] == STEPS and "failed" not in answer, answer
    found = {step["step"]: step["found"] for step in doctor(gateway.dps[0])["steps"]}
    assert "takes it" in found["TLS"] and "MB free" in found["disk"] and "from the control plane" in found["clock"]
    found = {step["step"]: step["found"] for step in doctor(gateway.cp)["steps"]}
    assert "takes writes" in found["store"] and "from the database" in found["clock"]


def broken(gateway, which, step, found, fix, **changed):
    answer = doctor(getattr(gateway, which) if which == "cp" else gateway.dps[0], **changed)
    assert not answer["ok"] and answer["failed"] == step and answer["steps"][-1]["step"] == step, answer
    assert [one["step"] for one in answer["steps"]] == STEPS[:STEPS.index(step) + 1]
    assert found in answer["steps"][-1]["found"] and fix in answer["fix"], answer


@pytest.mark.parametrize("which, step, found, fix, changed", [
    ("cp", "DNS", "(pg_host) has no address", "the setting pg_host", {"pg_host": "no-such-host.invalid"}),
    ("cp", "TCP", "(pg_host) does not answer", "start PostgreSQL", {"pg_port": 1}),
    ("cp", "TLS", "is not set", "gatectl cluster cert", {"cluster_cert_key": None}),
    ("cp", "TLS", "cannot load the node certificate", "correct the file", {"cluster_cert": "/nowhere.crt"}),
    ("cp", "clock", "does not exist", "pg_database", {"pg_database": "nowhere"}),
    ("cp", "disk", "No such file or directory", "gatectl prepare", {"prefix": "/var/tmp/no-such-prefix"}),
    ("dp", "DNS", "(cluster_control_plane) has no address", "cluster_control_plane", {"cluster_control_plane": "no-such-host.invalid:8005"}),
    ("dp", "TCP", "(cluster_control_plane) does not answer", "cluster_listen", {"cluster_control_plane": "127.0.0.1:1"}),
    ("dp", "TLS", "is not set", "gatectl cluster token", {"cluster_cert": None}),
])
def test_what_is_wrong(gateway, which, step, found, fix, changed):
    broken(gateway, which, step, found, fix, **changed)


def test_a_key_that_others_can_read(gateway):
    key = gateway.certs / "dp1.key"
    key.chmod(0o644)
    broken(gateway, "dp", "TLS", "has mode 0644, so that others can read it; run: chmod 0600", "correct the file")
    key.chmod(0o600)


def test_the_certificate_of_another_cluster(gateway):
    other = gateway.folder / "other"
    subprocess.run([kit.BUILD / "gatectl", "cluster", "cert", "--dir", other, "dp1"], check=True, stdout=subprocess.DEVNULL)
    broken(gateway, "dp", "TLS", "self", "cluster_ca_cert", cluster_ca_cert=other / "ca.crt",
           cluster_cert=other / "dp1.crt", cluster_cert_key=other / "dp1.key")


def test_a_revoked_node(gateway):
    subprocess.run([kit.BUILD / "gatectl", "cluster", "cert", "--dir", gateway.certs, "gone"], check=True, stdout=subprocess.DEVNULL)
    id = subprocess.run(["openssl", "x509", "-in", gateway.certs / "gone.crt", "-noout", "-subject", "-nameopt", "multiline"], check=True,
                        capture_output=True, text=True).stdout.split("commonName")[1].split("=")[1].strip()
    assert doctor(gateway.dps[0], **gateway.link("gone"))["ok"]
    assert gateway.api("POST", f"/clustering/data-planes/{id}/revoke").status == 200
    broken(gateway, "dp", "TLS", "revoked", "/clustering/revoked", **gateway.link("gone"))


def test_an_empty_database_and_a_redis_that_is_away(gateway):
    empty = gateway.services.database()
    broken(gateway, "cp", "schema", "the database is empty", "gatectl migrations bootstrap", pg_database=empty)
    gateway.services.psql(f"drop database {empty}")
    made = gateway.post("/plugins", {"name": "rate-limiting", "config": {"minute": 5, "policy": "redis", "redis": {"host": kit.LOOPBACK, "port": 1}}})
    broken(gateway, "cp", "Redis", "127.0.0.1:1", "start Redis there")
    gateway.api("DELETE", f"/plugins/{made['id']}")


def test_for_people(gateway):
    done = subprocess.run([kit.BUILD / "gatectl", "doctor", "--conf", gateway.cp.conf], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and [line.split()[:2] for line in done.stdout.splitlines()] == [[step, "ok"] for step in STEPS]
