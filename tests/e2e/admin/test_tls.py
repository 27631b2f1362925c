"""The Admin API over TLS: a certificate of its own when none is given, and admins who log in with theirs (issue 3, item 8)."""
import http.client
import json
import ssl
import subprocess

import kit
import pki
import pytest


def subject(path):
    done = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-subject", "-nameopt", "RFC2253"], check=True, capture_output=True, text=True)
    return done.stdout.strip().removeprefix("subject=")


@pytest.fixture(scope="module")
def secured(services, folder):
    """Plain HTTP is not there at all: one address, with ssl."""
    gateway = kit.Gateway(services, folder, data_planes=1)
    clients = folder / "clients"
    subprocess.run([kit.BUILD / "gatectl", "cluster", "cert", "--dir", clients, "dp-ops", "dp-guest"], check=True, stdout=subprocess.DEVNULL)
    gateway.cp.settings.update({"admin_auth": "on", "admin_listen": f"{kit.LOOPBACK}:{gateway.admin} ssl http2",
                                "admin_ssl_client_ca": clients / "ca.crt"})
    gateway.start()
    gateway.clients = clients
    subprocess.run([kit.BUILD / "gatectl", "admin", "create", "--name", "ops", "--role", "write", "--certificate",
                    subject(clients / "dp-ops.crt"), "--conf", gateway.cp.conf], check=True, capture_output=True)
    yield gateway
    gateway.stop()


def ask(gateway, method, path, body=None, certificate=None, trust=None, headers=None):
    context = ssl.create_default_context(cafile=trust)
    if not trust:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(gateway.clients / f"{certificate}.crt", gateway.clients / f"{certificate}.key")
    connection = http.client.HTTPSConnection("localhost" if trust else kit.LOOPBACK, gateway.admin, context=context, timeout=15)
    pairs = {"Content-Type": "application/json", **(headers or {})} if body is not None else (headers or {})
    connection.request(method, path, json.dumps(body) if body is not None else None, pairs)
    answer = connection.getresponse()
    return kit.Response(answer.status, answer.getheaders(), answer.read())


def test_a_self_signed_certificate_is_made_and_shown(secured):
    made = secured.cp.folder / "cp" / "ssl" / "admin-default.crt"
    assert ask(secured, "GET", "/", trust=made).status == 401
    assert (made.parent / "admin-default.key").stat().st_mode & 0o077 == 0


def test_a_certificate_logs_its_admin_in(secured):
    assert ask(secured, "GET", "/services", certificate="dp-ops").status == 200
    assert ask(secured, "POST", "/services", {"name": "by-cert", "host": "h"}, certificate="dp-ops").status == 201
    assert ask(secured, "GET", "/admins", certificate="dp-ops").status == 403
    assert ask(secured, "GET", "/services", certificate="dp-guest").status == 401


def test_a_page_cannot_borrow_the_browsers_certificate(secured):
    evil = {"Origin": "https://evil.test"}
    assert ask(secured, "POST", "/services", {"host": "h"}, certificate="dp-ops", headers=evil).status == 403


def test_plain_http_is_told_that_this_is_https(secured):
    assert b"400" in kit.raw(secured.admin, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").split(b"\r\n")[0]


def test_a_key_that_others_can_read_is_taken_with_a_warning(services, tmp_path):
    pair, database = pki.Pair(tmp_path, "admin.test"), services.database()
    pair.key_path.chmod(0o644)
    cp = kit.Process(tmp_path, "cp", {
        "admin_listen": f"{kit.LOOPBACK}:{kit.free_port()} ssl", "admin_ssl_cert": pair.cert_path, "admin_ssl_cert_key": pair.key_path, "role": "control_plane",
        "pg_host": kit.LOOPBACK, "pg_port": services.pg_port, "pg_user": "gatehouse", "pg_database": database}, "gatehouse-cp")
    cp.conf.write_text("".join(f"{key} = {value}\n" for key, value in cp.settings.items()))
    subprocess.run([kit.BUILD / "gatectl", "migrations", "bootstrap", "--conf", cp.conf], check=True, stdout=subprocess.DEVNULL)
    cp.start()
    log = cp.log.read_text() + "".join(path.read_text() for path in tmp_path.glob("cp/logs/*"))
    assert "others can read a private key setting=admin_ssl_cert_key " in log and f"chmod 0600 '{pair.key_path}'" in log
    cp.stop()


def test_half_a_pair_is_refused(services, tmp_path):
    conf = tmp_path / "gatehouse.conf"
    database = services.database()
    conf.write_text(f"prefix = {tmp_path}\npg_port = {services.pg_port}\npg_user = gatehouse\npg_database = {database}\n"
                    f"admin_listen = 127.0.0.1:{kit.free_port()} ssl\nadmin_ssl_cert = {tmp_path}/x.crt\n")
    subprocess.run([kit.BUILD / "gatectl", "migrations", "bootstrap", "--conf", conf], check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run([kit.BUILD / "gatehouse-cp", "--conf", conf], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "admin_ssl_cert_key is not" in done.stderr
