"""gatectl start and stop: one command for one machine, as `kong start` is."""
import subprocess

import kit
import pytest


@pytest.fixture
def node(services, tmp_path):
    ports = {name: kit.free_port() for name in ("proxy", "admin", "status")}
    conf = tmp_path / "gatehouse.conf"
    conf.write_text(f"""prefix = {tmp_path}/prefix
proxy_listen = 127.0.0.1:{ports['proxy']}
admin_listen = 127.0.0.1:{ports['admin']}
status_listen = 127.0.0.1:{ports['status']}
pg_port = {services.pg_port}
pg_user = gatehouse
pg_database = {services.database()}
nginx_worker_processes = 2
""")

    def gatectl(*words, code=0):
        done = subprocess.run([kit.BUILD / "gatectl", *words, "--conf", conf], capture_output=True, text=True, timeout=60)
        assert done.returncode == code, done
        return done.stdout + done.stderr
    yield gatectl, ports, tmp_path
    subprocess.run([kit.BUILD / "gatectl", "stop", "--conf", conf], capture_output=True)


def test_start_serves_stop_ends_and_both_say_so(node, origin):
    gatectl, ports, _ = node
    assert "bootstrap" not in gatectl("migrations", "bootstrap")
    assert "gatehouse started" in gatectl("start")
    assert "running already" in gatectl("start", code=1)
    kit.eventually(lambda: kit.Gateway.is_ready(type("dp", (), {"status": ports["status"]})), 10, "ready")
    body = b'{"name":"s","url":"http://127.0.0.1:%d"}' % origin.port
    assert kit.call(ports["admin"], "POST", "/services", {"Content-Type": "application/json"}, body).status == 201
    made = kit.call(ports["admin"], "POST", "/services/s/routes", {"Content-Type": "application/x-www-form-urlencoded"}, b"paths[]=/s")
    assert made.status == 201 and made.headers["x-gatehouse-applied"] == "1/1"
    assert kit.call(ports["proxy"], "GET", "/s").status == 200
    assert gatectl("health").count(" running") == 2
    assert "gatehouse stopped" in gatectl("stop")
    assert "not running" in gatectl("stop", code=1)
    with pytest.raises(OSError):
        kit.call(ports["proxy"], "GET", "/s")


def test_a_child_that_dies_is_started_again(node, origin):
    gatectl, ports, folder = node
    gatectl("migrations", "bootstrap")
    gatectl("start")
    pid_file = folder / "prefix" / "pids" / "gatehouse-dp.pid"
    first = int(pid_file.read_text())
    import os
    import signal
    os.kill(first, signal.SIGKILL)

    def another():
        try:
            return int(pid_file.read_text()) != first
        except (OSError, ValueError):
            return False
    kit.eventually(another, 10, "another process")
    kit.eventually(lambda: kit.Gateway.is_ready(type("dp", (), {"status": ports["status"]})), 10, "ready")
