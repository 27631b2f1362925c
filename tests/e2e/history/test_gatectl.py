"""gatectl against a running gateway: log, show, rollback, status, wait, get, at; text, JSON and exit codes (users.md 2.1, 2.3, 2.5, 3)."""
import json
import os
import re
import signal
import subprocess

import kit
import pytest


@pytest.fixture
def gatectl(gateway):
    def run(*words, code=0, **environment):
        done = subprocess.run([kit.BUILD / "gatectl", *words, "--admin", f"http://{kit.LOOPBACK}:{gateway.admin}"], capture_output=True,
                              text=True, timeout=60, env={**os.environ, "GATEHOUSE_AUTHOR": "anna", **environment})
        assert done.returncode == code, done
        return done.stdout if code == 0 else done.stdout + done.stderr
    run.json = lambda *words, **more: json.loads(run(*words, "-o", "json", **more))
    return run


def last(gateway):
    return gateway.api("GET", "/versions?size=1").json["data"][0]["version"]


def test_what_changed_and_undo(gateway, gatectl, origin):
    """users.md 2.5, as typed."""
    gateway.service("orders", origin)
    before = last(gateway)
    gateway.api("PATCH", "/services/orders", {"read_timeout": 5}, headers=[("X-Gatehouse-Author", "bob"), ("X-Gatehouse-Message", "tune")])
    line = gatectl("log", "-n", "2").splitlines()[1]
    assert all(word in line for word in (f"v{before + 1} ", "bob", kit.LOOPBACK, "~1", "tune"))
    shown = gatectl("show", f"v{before}..v{before + 1}")
    assert shown.startswith("~ services orders (") and "    read_timeout: 60000 -> 5\n" in shown
    assert "by bob from" in gatectl("show", f"v{before + 1}")
    said = gatectl("rollback", f"v{before}", "-m", "undo orders timeout")
    assert said == f"v{before + 2} = content of v{before} (~1)\nlive on all data planes\n"
    newest = gatectl.json("log", "-n", "1")[0]
    assert (newest["author"], newest["message"], newest["updated"]) == ("anna", "undo orders timeout", 1)
    assert "no changes" in gatectl("rollback", str(before))
    assert gatectl.json("rollback", f"v{before + 1}")["version"] == before + 3
    difference = gatectl.json("show", f"{before}..{before + 1}")
    assert difference["changes"][0]["fields"] == [{"field": "read_timeout", "from": 60000, "to": 5}]
    assert "there is no version 999999" in gatectl("rollback", "v999999", code=1)
    assert "expected one such as v41" in gatectl("show", "x", code=64)


def test_any_past_state_can_be_looked_at(gateway, gatectl, origin):
    """users.md 5.1: gatectl at v41 get routes."""
    gateway.service("orders", origin)
    then = last(gateway)
    gateway.wipe()
    assert gatectl("get", "routes") == "none\n"
    assert '["/orders"]' in gatectl("at", f"v{then}", "get", "routes")
    assert gatectl.json("at", f"v{then}", "get", "services", "orders")["port"] == origin.port
    assert [r["name"] for r in gatectl.json("get", "services/orders/routes", "--version", f"v{then}")] == ["orders"]
    said = gatectl("get", "services", "orders", code=1)
    assert "there is no 'orders' among the services" in said and "gatectl get services lists them" in said
    assert "at takes a version" in gatectl("at", "v1", code=64)


def test_lists_longer_than_a_page_come_whole(gateway, gatectl):
    gateway.api("POST", "/upstreams", {"name": "u"})
    for i in range(3):
        gateway.post("/consumers", {"username": f"c{i}", "tags": ["a" if i else "b"]})
    assert [row["username"] for row in gatectl.json("get", "consumers", "--tags", "b")] == ["c0"]
    assert gatectl("get", "consumers").splitlines()[0].split() == ["USERNAME", "CUSTOM_ID", "TAGS", "ID"]


def test_status_is_zero_only_when_all_is_well(gateway, gatectl):
    """users.md 2.1."""
    kit.eventually(lambda: gatectl.json("status")["ok"], what="all is well")
    text = gatectl("status")
    assert text.count("data plane ") == 2 and text.count("control plane") == 1 and "\nstore " in text
    gateway.dps[1].process.send_signal(signal.SIGSTOP)
    try:
        gateway.api("POST", "/services?wait=all&timeout=1ms", {"host": "h"})
        said = kit.eventually(lambda: (out := run_any(gatectl, "status")) and "unreachable since" in out and out, what="it is noticed")
        assert "\n! data plane " in said
    finally:
        gateway.dps[1].process.send_signal(signal.SIGCONT)
    kit.eventually(lambda: gateway.api("GET", "/clustering/overview").json["ok"], what="all is well again")


def run_any(gatectl, *words):
    try:
        return gatectl(*words, code=1)
    except AssertionError:
        return ""


def test_status_shows_redis_and_the_days_that_certificates_have(gateway, gatectl, services):
    """users.md 2.1: "store, Redis, certificate days left"."""
    kit.eventually(lambda: gatectl.json("status")["ok"], what="all is well")
    dead = kit.free_port()

    def limit(port):
        return {"name": "rate-limiting", "config": {"minute": 5, "policy": "redis", "redis": {"host": kit.LOOPBACK, "port": port}}}
    made = gateway.post("/plugins", limit(services.redis_port))
    pair = {"cert": (gateway.certs / "dp1.crt").read_text(), "key": (gateway.certs / "dp1.key").read_text()}
    certificate = gateway.post("/certificates", pair)
    status = gatectl.json("status")
    assert status["redis"] == [{"address": f"127.0.0.1:{services.redis_port}", "reachable": True, "error": None}]
    days = {one["what"]: one for one in status["certificates"]}
    assert set(days) == {"cluster_ca_cert", "cluster_cert", "certificates"} and all(one["days"] > 7 for one in days.values())
    assert days["certificates"]["name"] == certificate["id"]
    text = gatectl("status")
    assert re.search(r"redis +127.0.0.1:\d+( +-){4} +ok", text) and re.search(r"cluster_cert .* days left", text)
    gateway.api("PATCH", f"/plugins/{made['id']}", limit(dead))
    said = gatectl("status", code=1)
    assert f"! redis 127.0.0.1:{dead}: Connection refused" in said
    for path in (f"/plugins/{made['id']}", f"/certificates/{certificate['id']}"):
        assert gateway.api("DELETE", path).status == 204


def test_wait_ends_with_all_or_names_who_lags(gateway, gatectl):
    """users.md 2.3, as typed."""
    gateway.post("/services", {"host": "h"})
    version = last(gateway)
    assert gatectl("wait", "--version", str(version), "--all-dp", "--timeout", "10s") == f"2/2 data planes at v{version}\n"
    assert gatectl.json("wait")["applied"] == 2
    assert f"timed out waiting for v{version + 5}: there is no version" in gatectl("wait", "--version", f"v{version + 5}", "--timeout", "300ms",
                                                                                 code=3)
    gateway.dps[1].process.send_signal(signal.SIGSTOP)
    try:
        gateway.api("POST", "/services?wait=all&timeout=1ms", {"host": "h"})
        said = gatectl("wait", "--timeout", "300ms", code=3)
        assert f"1/2 data planes at v{version + 1} (" in said
        rolled = gatectl("rollback", f"v{version}", "--timeout", "300ms", code=3)
        assert f"v{version + 2} = content of" in rolled and "not live everywhere yet: 1/2 data planes" in rolled
    finally:
        gateway.dps[1].process.send_signal(signal.SIGCONT)
    assert "2/2 data planes" in gatectl("wait", "--timeout", "20s")
    assert "expected a time such as 10s" in gatectl("wait", "--timeout", "soon", code=64)


def test_errors_say_what_to_do(gatectl):
    """users.md 3: what failed, which object, why, what to do."""
    done = subprocess.run([kit.BUILD / "gatectl", "log", "--admin", f"http://{kit.LOOPBACK}:1"], capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert "cannot reach the Admin API at http://127.0.0.1:1: Connection refused" in done.stderr and "--admin URL" in done.stderr
    assert "is not expected here" in gatectl("status", "--bogus", code=64)


def test_every_command_has_help_with_two_examples_and_completion():
    """users.md 3: --help with two real examples; shell completion."""
    usage = subprocess.run([kit.BUILD / "gatectl", "--help"], capture_output=True, text=True, check=True).stdout
    commands = [line.split("  ")[1].strip() for line in usage.splitlines() if line.startswith("  ")]
    assert {"start", "stop", "quit", "reload", "health", "status", "wait", "get", "at", "log", "show", "rollback"} <= set(commands)
    for command in commands:
        text = subprocess.run([kit.BUILD / "gatectl", *command.split(), "--help"], capture_output=True, text=True, check=True).stdout
        assert text.split("examples:\n")[1].count("\n  ") + 1 >= 2, command
    script = subprocess.run([kit.BUILD / "gatectl", "completion"], capture_output=True, text=True, check=True).stdout

    def completed(*words):
        ask = f"{script}\nCOMP_WORDS=({' '.join(repr(w) for w in ('gatectl', *words))}); COMP_CWORD={len(words)}; _gatectl; echo ${{COMPREPLY[*]}}"
        return subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True).stdout.split()
    assert completed("rol") == ["rollback"] and "--timeout" in completed("wait", "--") and completed("log", "-o", "j") == ["json"]
