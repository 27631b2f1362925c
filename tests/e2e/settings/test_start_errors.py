"""A program that cannot start says so in one line: what, where, what to do; and its exit code is not 0."""
import socket
import subprocess

import kit
import pytest


def start(program, tmp_path, text, env=None):
    conf = tmp_path / "gatehouse.conf"
    conf.write_text(f"prefix = {tmp_path}/prefix\n{text}")
    import os
    done = subprocess.run([kit.BUILD / program, "--conf", conf], capture_output=True, text=True, timeout=20, env={**os.environ, **(env or {})})
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 1, done
    assert len(lines) == 1 and lines[0].startswith(f"{program}: "), lines
    return lines[0]


@pytest.mark.parametrize("program", ["gatehouse-cp", "gatehouse-dp"])
def test_a_bad_value_names_file_line_key_and_what_is_expected(program, tmp_path):
    line = start(program, tmp_path, "role = nonsense\n")
    assert "gatehouse.conf:2" in line and "role is 'nonsense'" in line and "expected one of: traditional" in line


def test_a_bad_variable_is_named(tmp_path):
    assert "KONG_PG_PORT" in start("gatehouse-cp", tmp_path, "", {"KONG_PG_PORT": "x"})


def test_a_line_without_equals_sign_is_named(tmp_path):
    assert "gatehouse.conf:3" in start("gatehouse-dp", tmp_path, "# fine\nwhatever\n")


def test_a_missing_file_is_named():
    done = subprocess.run([kit.BUILD / "gatehouse-cp", "--conf", "/nowhere/x.conf"], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr == "gatehouse-cp: cannot open '/nowhere/x.conf': No such file or directory\n"


def test_a_missing_postgresql_is_named_with_what_to_do(tmp_path):
    line = start("gatehouse-cp", tmp_path, f"pg_port = {kit.free_port()}\nadmin_listen = 127.0.0.1:{kit.free_port()}\n")
    assert "127.0.0.1" in line and "refused" in line.lower()


def test_an_empty_database_says_which_command_is_missing(services, tmp_path):
    line = start("gatehouse-cp", tmp_path, f"pg_port = {services.pg_port}\npg_user = gatehouse\npg_database = {services.database()}\n"
                 f"admin_listen = 127.0.0.1:{kit.free_port()}\n")
    assert "gatectl migrations bootstrap" in line


def test_a_taken_port_is_named(tmp_path):
    with socket.create_server((kit.LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        line = start("gatehouse-dp", tmp_path, f"proxy_listen = 127.0.0.1:{port}\n")
    assert str(port) in line and "in use" in line.lower()


def test_secrets_never_appear_in_messages(tmp_path):
    line = start("gatehouse-cp", tmp_path, f"pg_password = hunter2\npg_port = {kit.free_port()}\n")
    assert "hunter2" not in line


def test_gatectl_start_reports_the_childs_reason_and_fails(tmp_path):
    conf = tmp_path / "gatehouse.conf"
    conf.write_text(f"prefix = {tmp_path}/prefix\npg_port = {kit.free_port()}\n")
    done = subprocess.run([kit.BUILD / "gatectl", "start", "--conf", conf], capture_output=True, text=True, timeout=40)
    assert done.returncode == 1 and "gatehouse-cp" in done.stderr
