"""What settings say of TLS towards clients: the node's own certificates, suites of ciphers, sessions (proxy.md 7.1, 10.3). A data plane with a document,
no control plane."""
import base64
import json
import socket
import ssl
import subprocess

import kit
import pki
import pytest


@pytest.fixture(scope="module")
def own_pairs(folder):
    """The nodes' own certificates, which the first of them makes for all."""
    path = folder / "ssl"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def node(tmp_path, origin, own_pairs):
    """Starts a data plane with these settings; one service behind it."""
    made = []

    def start(**settings):
        document = tmp_path / "document.json"
        document.write_text(json.dumps({"_format_version": "3.0", "services": [
            {"name": "s", "host": kit.LOOPBACK, "port": origin.port, "routes": [{"name": "r", "paths": ["/"]}]}]}))
        port = kit.free_port()
        conf = tmp_path / f"{port}.conf"
        lines = {"prefix": tmp_path / str(port), "proxy_listen": f"127.0.0.1:{port} ssl", "status_listen": "off", "nginx_worker_processes": 2,
                 "log_level": "info", **settings}
        conf.write_text("".join(f"{name} = {value}\n" for name, value in lines.items()))
        (tmp_path / str(port)).mkdir()
        (tmp_path / str(port) / "ssl").symlink_to(own_pairs)
        log = open(tmp_path / f"{port}.log", "wb")
        process = subprocess.Popen([kit.BUILD / "gatehouse-dp", "--conf", conf, "--document", document], stdout=log, stderr=log)
        made.append(process)
        pid = tmp_path / str(port) / "pids/gatehouse-dp.pid"
        kit.eventually(lambda: pid.exists() or process.poll() is not None, 20, "the node is ready")
        assert process.poll() is None, (tmp_path / f"{port}.log").read_text()
        return port

    start.folder = tmp_path
    yield start
    for process in made:
        process.terminate()
        assert process.wait(20) == 0


def test_ssl_cert_is_a_list_of_paths_pem_or_base64(node, tmp_path):
    ec, rsa = pki.Pair(tmp_path, "ec.test"), pki.Pair(tmp_path, "rsa.test", key="rsa")
    port = node(ssl_cert=f"{ec.cert_path}, {base64.b64encode(rsa.cert.encode()).decode()}",
                ssl_cert_key=f"{ec.key_path}, {base64.b64encode(rsa.key.encode()).decode()}")
    assert pki.shown(port, "any.test", "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256") == "ec.test"
    assert pki.shown(port, "any.test", "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256") == "rsa.test"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o600])
def test_a_key_that_others_can_read_is_taken_with_a_warning(node, tmp_path, mode):
    """Kong takes it without a word, so it must not be refused."""
    pair = pki.Pair(tmp_path, "wide.test")
    pair.key_path.chmod(mode)
    port = node(ssl_cert=pair.cert_path, ssl_cert_key=pair.key_path, client_ssl="on", client_ssl_cert=pair.cert_path, client_ssl_cert_key=pair.key_path)
    assert pki.shown(port) == "wide.test"
    log = "".join(path.read_text() for path in (tmp_path / f"{port}.log", tmp_path / str(port) / "logs/error.log") if path.exists())
    for setting in ("ssl_cert_key", "client_ssl_cert_key"):
        assert (f"others can read a private key setting={setting} " in log) == (mode != 0o600), log
    assert (f"chmod 0600 '{pair.key_path}'" in log) == (mode != 0o600)
    assert "PRIVATE KEY" not in log


@pytest.mark.parametrize("cert, key, told", [
    ("none.crt", "none.key", "none.crt"),
    ("a.crt, b.crt", "a.key", "not the same number"),
    ("a.crt", "b.key", "certificate does not match key"),
])
def test_a_pair_that_cannot_be_used_is_told_at_the_start(tmp_path, cert, key, told):
    pki.Pair(tmp_path, "a"), pki.Pair(tmp_path, "b")
    paths = [", ".join(str(tmp_path / name.strip()) for name in text.split(",")) for text in (cert, key)]
    dp = kit.Process(tmp_path, "wrong", {"proxy_listen": f"127.0.0.1:{kit.free_port()} ssl", "status_listen": "off", "ssl_cert": paths[0],
                                         "ssl_cert_key": paths[1]}, "gatehouse-dp").start(wait=False)
    assert dp.process.wait(10) == 1
    assert told in dp.log.read_text() and "PRIVATE KEY" not in dp.log.read_text()


def can(port, *options):
    return pki.shown(port, "a.test", *options) is not None


def test_suites(node):
    modern = node(ssl_cipher_suite="modern")
    assert can(modern, "-tls1_3") and not can(modern, "-tls1_2")
    intermediate = node()
    for cipher in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305", "DHE-RSA-AES128-GCM-SHA256",
                   "DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-CHACHA20-POLY1305"):
        assert can(intermediate, "-tls1_2", "-cipher", cipher), cipher
    assert not can(intermediate, "-tls1_2", "-cipher", "AES128-SHA") and not can(intermediate, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    old = node(ssl_cipher_suite="old")
    assert can(old, "-tls1_2", "-cipher", "AES128-SHA") and can(old, "-tls1", "-cipher", "ALL:@SECLEVEL=0") and can(old, "-tls1_3")
    fips = node(ssl_cipher_suite="fips")
    assert can(fips, "-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384") and not can(fips, "-tls1_2", "-cipher", "ECDHE-RSA-CHACHA20-POLY1305")


def cipher_of(port, *options):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2", *options], input="", capture_output=True, text=True)
    return next(line.split(" is ")[1] for line in done.stdout.splitlines() if "Cipher is" in line)


def test_the_custom_suite_and_whose_order_counts(node):
    both = "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256"
    ours = {"ssl_cipher_suite": "custom", "ssl_protocols": "TLSv1.2", "ssl_ciphers": both}
    client = ("-cipher", ":".join(reversed(both.split(":"))))
    port = node(**ours)
    assert cipher_of(port, *client) == "ECDHE-RSA-AES256-GCM-SHA384" and not can(port, "-tls1_3")
    assert cipher_of(node(**ours, ssl_prefer_server_ciphers="off"), *client) == "ECDHE-RSA-AES128-GCM-SHA256"
    named = node(ssl_cipher_suite="custom", nginx_http_ssl_protocols="TLSv1.2", ssl_ciphers="DHE-RSA-AES128-GCM-SHA256", ssl_dhparam="ffdhe3072")
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{named}", "-cipher", "DHE-RSA-AES128-GCM-SHA256"], input="",
                          capture_output=True, text=True)
    assert "DH, 3072 bits" in done.stdout


@pytest.mark.parametrize("name, value", [("ssl_ciphers", "NO-SUCH-CIPHER"), ("ssl_protocols", "TLSv9"), ("ssl_dhparam", "/none")])
def test_what_openssl_does_not_know_is_told_at_the_start(tmp_path, name, value):
    dp = kit.Process(tmp_path, "wrong", {"proxy_listen": f"127.0.0.1:{kit.free_port()} ssl", "status_listen": "off",
                                         "ssl_cipher_suite": "custom", name: value}, "gatehouse-dp").start(wait=False)
    assert dp.process.wait(10) == 1 and name in dp.log.read_text()


def is_resumed(port, version):
    """Over several connections, so that both workers are met."""
    made = pki.context(minimum_version=version, maximum_version=version)
    session, results = None, []
    for _ in range(6):
        with made.wrap_socket(socket.create_connection((kit.LOOPBACK, port), timeout=5), server_hostname="a.test", session=session) as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
            assert s.recv(100).startswith(b"HTTP/1.1 200")
            results.append(s.session_reused)
            session = s.session
    return results[1:]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_with_tickets_by_memory_and_without(node, version):
    assert is_resumed(node(), version) == [True] * 5
    assert is_resumed(node(ssl_session_tickets="off"), version) == [True] * 5, "what is remembered is shared by the workers"
    assert is_resumed(node(ssl_session_tickets="off", ssl_session_cache_size=0), version) == [False] * 5


def test_a_failed_handshake_is_told(node):
    port = node()
    assert not can(port, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    log = node.folder / str(port) / "logs/error.log"
    kit.eventually(lambda: 'TLS handshake failed client=127.0.0.1 why="unsupported protocol"' in log.read_text(), what="the line")
