"""With database = off admins come from the setting admin_tokens, which gatectl makes lines for (issue 3, item 8)."""
import json
import re
import subprocess

import kit
import pytest


def create(conf, name, role):
    """The token that gatectl prints, and the line that it asks for."""
    done = subprocess.run([kit.BUILD / "gatectl", "admin", "create", "--name", name, "--role", role, "--conf", conf], check=True,
                          capture_output=True, text=True)
    line = re.search(r"admin_tokens = (\S+)", done.stderr).group(1)
    assert done.stdout.strip() not in line
    return done.stdout.strip(), line


@pytest.fixture(scope="module")
def alone(folder):
    port, document = kit.free_port(), folder / "kong.json"
    document.write_text(json.dumps({"_format_version": "3.0", "services": [{"name": "from-file", "host": "h"}]}))
    cp = kit.Process(folder, "cp", {"role": "control_plane", "database": "off", "declarative_config": document, "cluster_listen": "off",
                                    "admin_listen": f"{kit.LOOPBACK}:{port}", "admin_auth": "on"}, "gatehouse-cp")
    cp.conf.write_text(f"prefix = {folder}/cp\ndatabase = off\n")
    tokens = {role: create(cp.conf, f"a-{role}", role) for role in ("read", "write", "admin")}
    cp.settings["admin_tokens"] = ", ".join(line for _, line in tokens.values())
    cp.start()
    cp.ask = lambda method, path, role=None, data=None: kit.call(
        port, method, path, ([("Kong-Admin-Token", tokens[role][0])] if role else []) + ([("Content-Type", "application/json")] if data is not None else []),
        json.dumps(data).encode() if data is not None else None)
    yield cp
    cp.stop()


def test_tokens_of_the_setting_log_in(alone):
    assert alone.ask("GET", "/services").status == 401
    assert alone.ask("GET", "/services/from-file", "read").status == 200


def test_roles_count_before_the_database_does(alone):
    service = {"name": "x", "host": "h"}
    assert alone.ask("POST", "/services", "read", service).status == 403
    assert alone.ask("POST", "/services", "write", service).status == 405
    document = {"_format_version": "3.0", "services": [service]}
    assert alone.ask("POST", "/config", "read", document).status == 403
    assert alone.ask("POST", "/config", "write", document).status == 201
    assert alone.ask("GET", "/services/x", "read").status == 200


def test_admins_of_a_database_are_not_there(alone):
    assert alone.ask("GET", "/admins", "admin").json == {"data": [], "next": None}
    assert alone.ask("GET", "/admins/somebody", "admin").status == 404
    assert alone.ask("POST", "/admins", "admin", {"name": "new", "role": "read"}).status == 405
    refused = alone.ask("GET", "/audit/requests", "admin")
    assert refused.status == 404 and "in the log alone" in refused.json["message"]
    assert alone.ask("GET", "/audit/requests", "write").status == 403
