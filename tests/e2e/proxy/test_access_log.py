"""Access logs: the line, JSON, rotation, off (proxy.md 10.3, 11.1)."""
import json
import pathlib
import re
import signal
import socket

import kit
import pytest


@pytest.fixture(scope="module")
def gateway(services, folder):
    """Two data planes, one for each form."""
    made = kit.Gateway(services, folder, data_planes=3, proxy_ports=3)
    made.dps[1].settings |= {"proxy_access_log": "logs/other.log json", "status_access_log": "logs/status.log"}
    made.dps[2].settings |= {"proxy_access_log": "off"}
    made.start()
    yield made
    made.stop()


def log_of(process, name="access.log"):
    return pathlib.Path(process.settings["prefix"]) / "logs" / name


def line_with(path, mark):
    def look():
        return next((line for line in path.read_text().splitlines() if mark in line), None) if path.exists() else None
    return kit.eventually(look, what=f"{mark} in {path}")


@pytest.fixture
def route(gateway, origin):
    gateway.service("s", origin, paths=["/"])
    yield
    gateway.wipe()


def test_the_default_line(gateway, route):
    answer = kit.call(gateway.proxies[0], "GET", "/x?a=1", [("User-Agent", "u\"a"), ("Authorization", "Basic Ym9iOnNlY3JldA==")])
    line = line_with(log_of(gateway.dps[0]), answer.headers["x-kong-request-id"])
    assert re.fullmatch(r'127\.0\.0\.1 - bob \[\d\d/[A-Z][a-z]{2}/20\d\d:\d\d:\d\d:\d\d \+0000\] "GET /x\?a=1 HTTP/1\.1" 200 %d "-" "u\\x22a" '
                        r'kong_request_id: "[0-9a-f]{32}"' % len(answer.body), line), line
    assert "secret" not in line


def test_answers_of_our_own_and_refusals_are_logged(gateway):
    answer = kit.call(gateway.proxies[0], "GET", "/nowhere")
    assert '"GET /nowhere HTTP/1.1" 404 ' in line_with(log_of(gateway.dps[0]), answer.headers["x-kong-request-id"])
    got = kit.raw(gateway.proxies[0], b"GET /refused HTTP/1.1\r\n\r\n")
    request_id = re.search(rb"X-Kong-Request-Id: (\w+)", got)[1].decode()
    assert '"GET /refused HTTP/1.1" 400 ' in line_with(log_of(gateway.dps[0]), request_id)


def test_a_client_that_leaves_is_logged_with_499(gateway):
    listener = socket.create_server(("127.0.0.1", 0))
    class Silent:
        port = listener.getsockname()[1]
    gateway.service("silent", Silent, paths=["/silent"])
    with socket.create_connection(("127.0.0.1", gateway.proxies[0])) as client:
        client.sendall(b"GET /silent/499 HTTP/1.1\r\nHost: h\r\n\r\n")
        upstream, _ = listener.accept()
    assert '" 499 0 ' in line_with(log_of(gateway.dps[0]), "/silent/499")
    upstream.close()
    listener.close()
    gateway.wipe()


def test_example_126_a_cut_answer_is_logged_with_the_status_that_was_sent(gateway):
    origin = kit.RawOrigin(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello")
    gateway.service("short", origin, paths=["/short"])
    kit.raw(gateway.proxies[0], b"GET /short/126 HTTP/1.1\r\nHost: h\r\n\r\n")
    assert '"GET /short/126 HTTP/1.1" 200 5 ' in line_with(log_of(gateway.dps[0]), "/short/126")
    origin.close()
    gateway.wipe()


def test_json_lines(gateway, route):
    answer = kit.call(gateway.proxies[1], "GET", "/x?a=1", [("User-Agent", "u\"a\\")])
    entry = json.loads(line_with(log_of(gateway.dps[1], "other.log"), answer.headers["x-kong-request-id"]))
    assert (entry["status"], entry["method"], entry["uri"], entry["user_agent"]) == (200, "GET", "/x?a=1", "u\"a\\")
    assert entry["route"] == entry["service"] == "s" and entry["upstream"].startswith("127.0.0.1:") and entry["duration_ms"] >= 0


def test_off_writes_nothing(gateway, route):
    assert kit.call(gateway.proxies[2], "GET", "/x").status == 200
    assert not log_of(gateway.dps[2]).exists()


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGHUP])
def test_a_file_that_was_moved_away_is_made_anew(gateway, route, number):
    log, moved = log_of(gateway.dps[0]), log_of(gateway.dps[0], f"access.log.{number.name}")
    kit.call(gateway.proxies[0], "GET", f"/before/{number.name}")
    line_with(log, f"/before/{number.name}")
    log.rename(moved)
    gateway.dps[0].process.send_signal(number)
    kit.eventually(log.exists, what="a new file")
    kit.call(gateway.proxies[0], "GET", f"/after/{number.name}")
    line_with(log, f"/after/{number.name}")
    assert f"/after/{number.name}" not in moved.read_text()


def test_the_admin_api_logs_without_what_stands_for_an_item(gateway):
    gateway.api("POST", "/consumers", {"username": "u"})
    gateway.api("POST", "/consumers/u/key-auth", {"key": "very-secret"})
    gateway.api("GET", "/consumers/u/key-auth/very-secret?x=1")
    line = line_with(log_of(gateway.cp, "admin_access.log"), "GET /consumers/_/key-auth/_ ")
    assert re.search(r'"GET /consumers/_/key-auth/_ HTTP/1\.1" 200 \d+ ', line)
    assert "very-secret" not in log_of(gateway.cp, "admin_access.log").read_text()


def test_the_status_listener_logs_when_told_to(gateway):
    kit.call(gateway.dps[1].status, "GET", "/status/ready?x=1")
    assert '"GET /status/ready?x=1 HTTP/1.1" 200 ' in line_with(log_of(gateway.dps[1], "status.log"), "/status/ready?x=1")
    assert not log_of(gateway.dps[0], "status.log").exists()


def test_a_format_that_is_none_is_refused_at_start(gateway):
    dp = gateway.data_plane("dp1", kit.free_port(), {"prefix": gateway.folder / "bad", "proxy_access_log": "logs/a.log fancy"})
    dp.log = gateway.folder / "bad.log"
    dp.start(wait=False)
    assert dp.process.wait(10) == 1
    assert "proxy_access_log: unknown format 'fancy' of an access log, expected json or kong_log_format" in dp.log.read_text()
