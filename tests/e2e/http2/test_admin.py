"""The Admin API over HTTP/2, by ALPN and by prior knowledge (proxy.md 10.2)."""
import json
import subprocess

import kit
import pytest


@pytest.fixture(scope="module")
def plane(services, folder):
    made = kit.Gateway(services, folder / "admin", data_planes=0)
    made.secure = kit.free_port()
    made.cp.settings["admin_listen"] = f"{kit.LOOPBACK}:{made.admin} http2, {kit.LOOPBACK}:{made.secure} http2 ssl"
    made.migrate()
    made.cp.start()
    yield made
    made.stop()


def curl(url, *words):
    done = subprocess.run(["curl", "-sSk", "-w", "\n%{http_version} %{http_code}", *words, url], capture_output=True, text=True)
    body, _, last = done.stdout.rpartition("\n")
    version, status = last.split()
    return version, int(status), json.loads(body) if body else None


def test_writes_and_reads(plane):
    plain, secure = f"http://{kit.LOOPBACK}:{plane.admin}", f"https://{kit.LOOPBACK}:{plane.secure}"
    for name, url, word in (("one", plain, "--http2-prior-knowledge"), ("two", secure, "--http2")):
        version, status, made = curl(f"{url}/services", word, "-H", "Content-Type: application/json", "-d", json.dumps({"name": name, "host": "up.test"}))
        assert (version, status, made["name"]) == ("2", 201, name)
        assert curl(f"{url}/services/{name}", word)[:2] == ("2", 200)
    assert curl(f"{plain}/services", "--http1.1")[:2] == ("1.1", 200)
    assert {row["name"] for row in curl(f"{secure}/services", "--http2")[2]["data"]} == {"one", "two"}


def test_many_at_a_time(plane):
    done = subprocess.run(["h2load", "-n", "500", "-c", "2", "-m", "20", f"http://{kit.LOOPBACK}:{plane.admin}/services"], capture_output=True, text=True)
    assert "500 succeeded, 0 failed, 0 errored" in done.stdout, done.stdout


def test_a_refusal_is_an_answer_and_the_connection_stays(plane):
    url = f"http://{kit.LOOPBACK}:{plane.admin}/services"
    version, status, body = curl(url, "--http2-prior-knowledge", "-H", "Content-Type: application/json", "-d", "{")
    assert (version, status) == ("2", 400) and "message" in body
