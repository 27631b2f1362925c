"""The Admin API lets in whom it should: loopback by default, tokens, roles, failed logins (issue 3, item 8)."""
import json
import subprocess

import kit
import pytest

ALONE = ["unshare", "--map-root-user", "--net"]  # in a network of its own


def bearer(token):
    return [("Authorization", f"Bearer {token}")]


def test_a_control_plane_that_others_can_reach_does_not_start_unprotected(services, tmp_path):
    port, conf = kit.free_port(), tmp_path / "gatehouse.conf"
    database = services.database()
    conf.write_text(f"prefix = {tmp_path}\npg_port = {services.pg_port}\npg_user = gatehouse\npg_database = {database}\n"
                    f"admin_listen = 127.0.0.1:{kit.free_port()}, 0.0.0.0:{port}\n")
    subprocess.run([kit.BUILD / "gatectl", "migrations", "bootstrap", "--conf", conf], check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run([kit.BUILD / "gatehouse-cp", "--conf", conf], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1, done
    line, = (line for line in done.stderr.splitlines() if line.startswith("gatehouse-cp: "))
    assert f'"0.0.0.0:{port}"' in line and "gatectl admin create --name NAME --role admin" in line and "admin_auth = on" in line


@pytest.mark.skipif(subprocess.run([*ALONE, "true"], stderr=subprocess.DEVNULL).returncode != 0, reason="this machine gives out no networks")
def test_who_opens_it_on_purpose_is_warned(tmp_path):
    """The lesson's compose file: an Admin API without a login, on a network of its own (here one that nobody else is on)."""
    conf, log = tmp_path / "gatehouse.conf", tmp_path / "log"
    conf.write_text(f"prefix = {tmp_path}\nrole = control_plane\ndatabase = off\nadmin_listen = 0.0.0.0:8001\nadmin_open = on\n"
                    "admin_error_log = off\n")
    with log.open("w") as out:
        process = subprocess.Popen([*ALONE, kit.BUILD / "gatehouse-cp", "--conf", conf], stderr=out)
    kit.eventually(lambda: (tmp_path / "pids/gatehouse-cp.pid").exists() or process.poll() is not None, 20, "a start")
    process.terminate()
    assert process.wait(20) == 0, log.read_text()
    assert "(admin_open) address=0.0.0.0:8001" in log.read_text().replace('"', ""), log.read_text()


def test_the_first_admin_comes_from_gatectl_and_works_at_once(protected):
    assert protected.api("GET", "/services").status == 401
    assert protected.api("GET", "/services", headers=bearer(protected.root)).status == 200
    assert protected.api("GET", "/services", headers=[("Kong-Admin-Token", protected.root)]).status == 200


def test_gatectl_shows_a_token_once_and_stores_its_digest(services, protected):
    made = json.loads(protected.gatectl("admin", "create", "--name", "once", "--role", "read", "-o", "json").stdout)
    assert made["role"] == "read" and made["token"].startswith("gh_") and "token_digest" not in made
    stored = services.psql("SELECT doc FROM admins WHERE name = 'once'", protected.database)
    assert made["token"] not in stored and made["token"][-20:] not in stored and "$" in json.loads(stored)["token_digest"]
    listed = json.loads(protected.gatectl("admin", "list", "-o", "json").stdout)
    assert {"root", "once"} <= {row["name"] for row in listed} and "token" not in listed[0]
    fresh = protected.gatectl("admin", "token", "--name", "once").stdout.strip()
    assert protected.api("GET", "/", headers=bearer(made["token"])).status == 401
    assert protected.api("GET", "/", headers=bearer(fresh)).status == 200
    protected.gatectl("admin", "delete", "--name", "once")
    assert protected.api("GET", "/", headers=bearer(fresh)).status == 401


def test_a_reader_reads_a_writer_writes_and_only_admins_see_admins(protected):
    tokens = {}
    for role in ("read", "write"):
        made = protected.api("POST", "/admins", {"name": f"a-{role}", "role": role}, headers=bearer(protected.root))
        assert made.status == 201, made
        tokens[role] = made.json["token"]
    service = {"name": "orders", "host": kit.LOOPBACK}
    assert protected.api("POST", "/services", service, headers=bearer(tokens["read"])).status == 403
    assert protected.api("POST", "/services", service, headers=bearer(tokens["write"])).status == 201
    assert protected.api("GET", "/services/orders", headers=bearer(tokens["read"])).status == 200
    assert protected.api("GET", "/admins", headers=bearer(tokens["write"])).status == 403
    refused = protected.api("DELETE", "/services/orders", headers=bearer(tokens["read"]))
    assert refused.status == 403 and "role write" in refused.json["message"]


def test_preflight_needs_no_token_and_a_refusal_says_how_to_log_in(protected):
    assert protected.api("OPTIONS", "/services").status == 204
    refused = protected.api("GET", "/services")
    assert refused.headers["www-authenticate"].startswith("Bearer") and "Kong-Admin-Token" in refused.json["message"]


def test_admins_are_not_sent_to_data_planes(protected):
    protected.api("POST", "/admins", {"name": "nowhere-else", "role": "read"}, headers=bearer(protected.root))
    sent = protected.api("POST", "/services", {"name": "marker", "host": kit.LOOPBACK}, headers=bearer(protected.root))
    assert sent.status == 201 and sent.headers["x-gatehouse-applied"] == "1/1"
    assert "nowhere-else" not in protected.dps[0].log.read_text()
    changes = protected.services.psql("SELECT DISTINCT kind FROM changelog", protected.database).split()
    assert "services" in changes and "admins" not in changes


def test_tokens_are_in_no_log(protected):
    text = protected.cp.log.read_text() + "".join(
        path.read_text() for path in (protected.cp.folder / "cp" / "logs").glob("*") if path.is_file())
    assert protected.root not in text and protected.root[-20:] not in text


def test_wrong_tokens_make_the_address_wait(protected):
    """Last of this file: it shuts this address out for a second."""
    wrong = protected.root[:-1] + ("a" if protected.root[-1] != "a" else "b")
    answers = [protected.api("GET", "/", headers=bearer(wrong)) for _ in range(7)]
    assert [answer.status for answer in answers] == [401] * 6 + [429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert protected.api("GET", "/", headers=bearer(protected.root)).status == 429
    kit.eventually(lambda: protected.api("GET", "/", headers=bearer(protected.root)).status == 200, 10, "the address is heard again")
