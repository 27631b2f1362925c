"""gatectl start and stop: one command for one machine, as `kong start` is."""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import threading

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
shutdown_grace = 1
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


def test_10_4_restart_check_and_prepare(node):
    """proxy.md 10.4: Kong's commands of these names end with 0 or 1."""
    gatectl, ports, folder = node
    conf, pid_file = folder / "gatehouse.conf", folder / "prefix" / "pids" / "gatectl.pid"
    gatectl("migrations", "bootstrap")
    assert f"configuration at {conf} is valid" in gatectl("check") and json.loads(gatectl("check", "-o", "json"))["valid"] is True
    alone = subprocess.run([kit.BUILD / "gatectl", "check", conf], capture_output=True, text=True)
    assert (alone.returncode, alone.stdout) == (0, f"configuration at {conf} is valid\n")
    assert f"prefix {folder}/prefix is prepared" in gatectl("prepare") and (folder / "prefix" / "logs").is_dir()
    assert not pid_file.exists(), "nothing is started"
    assert "gatehouse started" in gatectl("restart"), "nothing to stop"
    first = pid_file.read_text()
    good = conf.read_text()
    for line, says in (("log_level = loud", "log_level"), ("proxy_listen = nowhere", "proxy_listen"),
                       (f"database = off\ndeclarative_config = {folder}/none.yml", "none.yml")):
        conf.write_text(f"{good}{line}\n")
        assert says in gatectl("check", code=1), line
    assert "nothing is stopped" in gatectl("restart", code=1) and pid_file.read_text() == first
    conf.write_text(good)
    assert json.loads(gatectl("restart", "-o", "json")) == {"status": "started"} and pid_file.read_text() != first
    kit.eventually(lambda: kit.Gateway.is_ready(type("dp", (), {"status": ports["status"]})), 10, "ready")


def test_a_child_that_dies_is_started_again(node, origin):
    gatectl, ports, folder = node
    gatectl("migrations", "bootstrap")
    gatectl("start")
    pid_file = folder / "prefix" / "pids" / "gatehouse-dp.pid"
    first = int(pid_file.read_text())
    os.kill(first, signal.SIGKILL)

    def another():
        try:
            return int(pid_file.read_text()) != first
        except (OSError, ValueError):
            return False
    kit.eventually(another, 10, "another process")
    kit.eventually(lambda: kit.Gateway.is_ready(type("dp", (), {"status": ports["status"]})), 10, "ready")


# -- proxy.md 10.4


def post(ports, path, **form):
    body = "&".join(f"{key}={value}" for key, value in form.items()).encode()
    made = kit.call(ports["admin"], "POST", path, {"Content-Type": "application/x-www-form-urlencoded"}, body)
    assert made.status == 201, made
    return made


class Load(threading.Thread):
    """Requests on fresh connections until it is told to stop; keeps what went wrong."""

    def __init__(self, port, path):
        super().__init__(daemon=True)
        self.port, self.path, self.stop, self.done, self.bad = port, path, False, 0, []

    def run(self):
        while not self.stop and len(self.bad) < 10:
            try:
                answer = kit.call(self.port, "GET", self.path)
                if answer.status != 200:
                    self.bad.append(answer)
            except (OSError, http.client.HTTPException) as problem:
                self.bad.append(problem)
            self.done += 1


def test_a_reload_refuses_no_connection_and_running_requests_end(node):
    gatectl, ports, folder = node
    hold = threading.Event()

    def slow(handler, seen):
        if seen["path"].startswith("/slow"):
            hold.wait(20)
        return False

    origin = kit.Origin(slow)
    gatectl("migrations", "bootstrap")
    gatectl("start")
    kit.eventually(lambda: kit.Gateway.is_ready(type("dp", (), {"status": ports["status"]})), 10, "ready")
    post(ports, "/services", name="s", url=f"http://127.0.0.1:{origin.port}")
    post(ports, "/services/s/routes", **{"paths[]": "/s"})
    pids = {name: int((folder / f"prefix/pids/{name}.pid").read_text()) for name in ("gatehouse-cp", "gatehouse-dp")}
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(kit.call(ports["proxy"], "GET", "/s/slow", timeout=30)))
    waiting.start()
    kit.eventually(lambda: origin.seen, what="the slow request is under way")
    loads = [Load(ports["proxy"], "/s"), Load(ports["admin"], "/services/s"), Load(ports["status"], "/status")]
    for load in loads:
        load.start()
    conf = folder / "gatehouse.conf"
    conf.write_text(conf.read_text() + "server_token = after/1\n")
    for _ in range(2):
        assert "gatehouse reloaded" in gatectl("reload")
    new_dp = int((folder / "prefix/pids/gatehouse-dp.pid").read_text())
    assert new_dp != pids["gatehouse-dp"] and int((folder / "prefix/pids/gatehouse-cp.pid").read_text()) == pids["gatehouse-cp"]
    assert kit.call(ports["admin"], "GET", "/").headers["server"] == "after/1"  # the settings of now
    assert os.path.exists(f"/proc/{pids['gatehouse-dp']}")  # it still has a request
    done = [load.done for load in loads]
    kit.eventually(lambda: all(load.done > n + 5 for load, n in zip(loads, done)), what="requests after the reload")
    for load in loads:
        load.stop = True
        load.join()
    assert [load.bad for load in loads] == [[], [], []]
    hold.set()
    waiting.join()
    assert answers[0].status == 200
    kit.eventually(lambda: not os.path.exists(f"/proc/{pids['gatehouse-dp']}"), what="the old process ends with its last request")
    post(ports, "/services/s/routes", **{"paths[]": "/t"})  # the new processes work together
    kit.eventually(lambda: kit.call(ports["proxy"], "GET", "/t").status == 200, what="a change reaches the new data plane")
    os.kill(new_dp, signal.SIGKILL)  # and are watched over as the first were
    kit.eventually(lambda: kit.Gateway.is_ready(type("dp", (), {"status": ports["status"]})), 10, "a third process")
    origin.close()


def test_a_reload_with_bad_settings_changes_nothing(node, origin):
    gatectl, ports, folder = node
    gatectl("migrations", "bootstrap")
    gatectl("start")
    before = (folder / "prefix/pids/gatehouse-dp.pid").read_text()
    conf = folder / "gatehouse.conf"
    good = conf.read_text()
    conf.write_text(good + "admin_wait = soon\n")
    assert "admin_wait" in gatectl("reload", code=1)
    os.kill(int((folder / "prefix/pids/gatectl.pid").read_text()), signal.SIGHUP)  # who does not ask gatectl
    kit.eventually(lambda: "nothing is reloaded" in (folder / "prefix/logs/error.log").read_text(), what="the log says so")
    assert (folder / "prefix/pids/gatehouse-dp.pid").read_text() == before
    assert kit.call(ports["admin"], "GET", "/services").status == 200
    conf.write_text(good)


def ask(port, answers):
    try:
        answers.append(kit.call(port, "GET", "/s", timeout=30))
    except (OSError, http.client.HTTPException):
        pass  # cut off


def test_quit_lets_requests_end_and_then_loses_patience(node):
    gatectl, ports, folder = node
    release = threading.Event()
    origin = kit.Origin(lambda handler, seen: release.wait(20) and False)
    gatectl("migrations", "bootstrap")
    for patience, released in (("30", True), ("0.3", False)):
        release.clear()
        gatectl("start")
        kit.eventually(lambda: kit.Gateway.is_ready(type("dp", (), {"status": ports["status"]})), 10, "ready")
        if released:
            post(ports, "/services", name="s", url=f"http://127.0.0.1:{origin.port}")
            post(ports, "/services/s/routes", **{"paths[]": "/s"})
        seen, answers = len(origin.seen), []
        waiting = threading.Thread(target=ask, args=(ports["proxy"], answers))
        waiting.start()
        kit.eventually(lambda: len(origin.seen) > seen, what="the request is under way")
        timer = threading.Timer(0.5, release.set)
        if released:
            timer.start()
        said = gatectl("quit", "-t", patience, "-w", "0")
        assert "gatehouse stopped" in said and ("timed out" in said) == (not released)
        release.set()
        waiting.join()
        assert not released or answers[0].status == 200
    assert "not running" in gatectl("health", code=1)
    origin.close()


def test_health_in_json_names_every_process(node):
    gatectl, ports, folder = node
    gatectl("migrations", "bootstrap")
    gatectl("start")
    health = json.loads(gatectl("health", "-o", "json"))
    assert health["healthy"] and [p["name"] for p in health["processes"]] == ["gatehouse-cp", "gatehouse-dp"]
    assert json.loads(gatectl("quit", "-o", "json")) == {"status": "stopped"}


# -- packages: systemd waits for the word, and an upgrade replaces the programs under a running gateway


def test_a_service_manager_is_told_when_everything_runs(node):
    gatectl, ports, folder = node
    gatectl("migrations", "bootstrap")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(folder / "notify"))
        manager.settimeout(30)
        running = subprocess.Popen([kit.BUILD / "gatectl", "start", "--foreground", "--conf", folder / "gatehouse.conf"],
                                   env={**os.environ, "NOTIFY_SOCKET": str(folder / "notify")}, stderr=subprocess.DEVNULL)
        assert manager.recv(100) == b"READY=1"
    assert kit.call(ports["admin"], "GET", "/").status == 200
    running.terminate()
    assert running.wait(30) == 0


def test_a_reload_after_an_upgrade_runs_the_new_programs(node):
    gatectl, ports, folder = node
    programs = folder / "programs"
    programs.mkdir()
    names = ("gatectl", "gatehouse-cp", "gatehouse-dp")
    for name in names:
        shutil.copy(kit.BUILD / name, programs / name)
    conf = folder / "gatehouse.conf"
    run = lambda *words: subprocess.run([programs / "gatectl", *words, "--conf", conf], check=True, timeout=60, capture_output=True)  # noqa: E731
    run("migrations", "bootstrap")
    run("start")
    for name in names:  # as dpkg does: another file takes the name
        shutil.copy(kit.BUILD / name, programs / "new")
        os.replace(programs / "new", programs / name)
    pids = {name: folder / f"prefix/pids/{name}.pid" for name in names[1:]}
    assert all(os.readlink(f"/proc/{path.read_text().strip()}/exe").endswith("(deleted)") for path in pids.values())
    run("reload")
    for name, path in pids.items():
        assert os.readlink(f"/proc/{path.read_text().strip()}/exe") == str(programs / name)
    assert kit.call(ports["admin"], "GET", "/").status == 200
