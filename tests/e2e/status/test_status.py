"""The status listener of a data plane (proxy.md 11.4, 11.5; admin-api.md 8.2 to 8.4, 8.12)."""
import re

import kit
import pytest


@pytest.fixture
def status(gateway):
    return lambda method, path, headers=(), body=None: kit.call(gateway.dps[0].status, method, path, headers, body)


def test_status_has_the_shape_that_monitors_read(status):
    """admin-api 8.2: data plane"""
    answer = status("GET", "/status").json
    assert set(answer) >= {"memory", "server", "configuration_hash"} and "database" not in answer
    assert re.fullmatch("[0-9a-f]{32}", answer["configuration_hash"])
    assert set(answer["server"]) == {"connections_accepted", "connections_active", "connections_handled", "connections_reading",
                                     "connections_waiting", "connections_writing", "total_requests"}
    worker, = answer["memory"]["workers_lua_vms"]
    assert isinstance(worker["pid"], int) and re.fullmatch(r"\d+\.\d\d MiB", worker["http_allocated_gc"])
    assert set(answer["memory"]["lua_shared_dicts"]["kong"]) == {"capacity", "allocated_slabs"}


def test_sizes_come_in_the_unit_that_is_asked_for(status):
    def memory(query):
        return status("GET", "/status?" + query).json["memory"]["workers_lua_vms"][0]["http_allocated_gc"]
    assert isinstance(memory("unit=b"), int)
    assert re.fullmatch(r"\d+\.\d KiB", memory("unit=k&scale=1")) and re.fullmatch(r"\d+ MiB", memory("scale=0"))
    refused = status("GET", "/status?unit=V")
    assert (refused.status, refused.json["message"]) == (400, "invalid unit 'V' (expected 'k/K', 'm/M', or 'g/G')")
    assert status("GET", "/status?scale=-1").json["message"] == "scale must be equal or greater than 0"


def test_requests_and_connections_are_counted(gateway, status, origin):
    gateway.service("f", origin)
    before = status("GET", "/status").json["server"]["total_requests"]
    for _ in range(3):
        assert kit.call(gateway.proxies[0], "GET", "/f").status == 200
    assert status("GET", "/status").json["server"]["total_requests"] == before + 3


def test_metrics_of_the_node(gateway, status, origin):
    gateway.service("f", origin)
    kit.call(gateway.proxies[0], "GET", "/f")
    answer = status("GET", "/metrics")
    text = answer.body.decode()
    assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
    assert re.search(r'^kong_nginx_connections_total\{node_id="[0-9a-f-]{36}",subsystem="http",state="accepted"\} [1-9]\d*$', text, re.M)
    assert re.search(r'^kong_nginx_requests_total\{node_id="[^"]*",subsystem="http"\} [1-9]\d*$', text, re.M)
    assert re.search(r'^kong_node_info\{node_id="[^"]*",version="[^"]+"\} 1$', text, re.M)
    assert re.search(r'^kong_memory_workers_lua_vms_bytes\{node_id="[^"]*",pid="\d+",kong_subsystem="http"\} \d{6,}$', text, re.M)
    assert re.search(r"^gatehouse_config_version\{[^}]*\} %d$" % status("GET", "/status").json["gatehouse"]["config_version"], text, re.M)


def test_the_log_level_changes_while_the_node_runs(status):
    assert status("GET", "/debug/node/log-level").json["message"] == "log level: info"
    assert status("PUT", "/debug/node/log-level/debug?timeout=0").json["message"] == "log level changed"
    assert status("PUT", "/debug/node/log-level/debug").json["message"] == "log level is already debug"
    assert status("GET", "/debug/node/log-level").json["message"] == "log level: debug"
    assert status("PUT", "/debug/node/log-level/info?timeout=0").status == 200
    assert (status("PUT", "/debug/node/log-level/loud").status, status("PUT", "/debug/node/log-level/debug?timeout=-1").status) == (400, 400)


def test_a_changed_log_level_goes_back_by_itself(status):
    assert status("PUT", "/debug/node/log-level/debug?timeout=0.1").status == 200
    kit.eventually(lambda: status("GET", "/debug/node/log-level").json["message"] == "log level: info", what="the old level")


def test_what_is_not_there(status):
    assert status("GET", "/nothing").status == 404
    assert status("POST", "/metrics", body=b"").status == 405
    assert status("POST", "/status/ready", body=b"x" * 5000).status == 413


def test_a_node_can_be_told_to_report_that_it_drains(services, folder):
    gateway = kit.Gateway(services, folder / "drain", data_planes=1).start()
    try:
        dp = gateway.dps[0].status
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert kit.call(dp, "POST", "/status/ready", form, b"status=awake").status == 400
        assert kit.call(dp, "GET", "/status/ready").status == 200
        assert kit.call(dp, "POST", "/status/ready", form, b"status=draining").status == 204
        answer = kit.call(dp, "GET", "/status/ready")
        assert (answer.status, answer.json["message"]) == (503, "draining")
        assert kit.call(gateway.proxy, "GET", "/x").status == 404, "it still serves"
    finally:
        gateway.stop()
