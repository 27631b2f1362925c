"""TLS on proxy_listen: which certificate a client is shown (proxy.md R-7.1, example 114), versions, tickets, and what routes and upstreams
learn of it (examples 38 to 41)."""
import json
import socket
import ssl
import threading
import time

import kit
import pki
import pytest


@pytest.fixture(scope="module")
def gateway(services, folder):
    """One data plane: a plain port, one with ssl, one with ssl behind PROXY protocol."""
    made = kit.Gateway(services, folder, data_planes=1)
    made.tls, made.preamble = kit.free_port(), kit.free_port()
    made.dps[0].settings["proxy_listen"] = (f"127.0.0.1:{made.proxy} reuseport, 127.0.0.1:{made.tls} ssl reuseport, "
                                            f"127.0.0.1:{made.preamble} ssl proxy_protocol")
    made.start()
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def clean(gateway):
    yield
    gateway.wipe()


@pytest.fixture(scope="module")
def pairs(folder):
    return {name: pki.Pair(folder, name) for name in ("c1", "c2", "c3", "c4")}


def test_example_114_the_name_chooses_the_certificate(gateway, pairs):
    for pair, name in (("c1", "*.x.test"), ("c2", "a.x.test"), ("c3", "a.y.*"), ("c4", "*")):
        gateway.post("/certificates", pairs[pair].entity(snis=[name]))
    wanted = {"a.x.test": "c2", "b.x.test": "c1", "A.X.Test": "c2", "a.x.test.": "c2", "a.y.test": "c3", "z.test": "c4", "a.b.x.test": "c4"}
    assert {name: pki.shown(gateway.tls, name) for name in wanted} == wanted
    assert pki.shown(gateway.tls) == "localhost", "without a name the node's own is shown, not that of *"
    assert pki.shown(gateway.tls, "b.x.test", "-tls1_2") == "c1"


def test_the_nodes_own_is_made_once_with_both_types_of_keys(gateway, folder):
    assert pki.shown(gateway.tls, "unknown.test") == "localhost"
    for algorithm, kind in (("ECDHE-ECDSA-AES128-GCM-SHA256", "id-ecPublicKey"), ("ECDHE-RSA-AES128-GCM-SHA256", "rsaEncryption")):
        with pki.connect(gateway.tls, made=tls12(algorithm)) as s:
            assert kind_of(s) == kind
    for name in ("gatehouse-default.key", "gatehouse-default-ecdsa.key"):
        assert (folder / "dp1" / "ssl" / name).stat().st_mode & 0o777 == 0o600


def tls12(ciphers):
    made = pki.context(maximum_version=ssl.TLSVersion.TLSv1_2)
    made.set_ciphers(ciphers)
    return made


def kind_of(s):
    text = pki.openssl("x509", "-noout", "-text", input=ssl.DER_cert_to_PEM_cert(s.getpeercert(True)))
    return text.split("Public Key Algorithm: ")[1].split()[0]


def test_both_pairs_of_a_certificate_are_offered(gateway, folder):
    rsa, ec = pki.Pair(folder, "both.rsa", ["both.test"], key="rsa"), pki.Pair(folder, "both.ec", ["both.test"])
    gateway.post("/certificates", rsa.entity(cert_alt=ec.cert, key_alt=ec.key, snis=["both.test"]))
    assert pki.shown(gateway.tls, "both.test", "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256") == "both.rsa"
    assert pki.shown(gateway.tls, "both.test", "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256") == "both.ec"
    assert pki.shown(gateway.tls, "both.test") == "both.ec", "a client that knows both gets the cheaper one"


def test_an_rsa_certificate_is_not_mixed_with_the_nodes_ecdsa(gateway, folder):
    gateway.post("/certificates", pki.Pair(folder, "only.rsa", key="rsa").entity(snis=["only.rsa"]))
    assert pki.shown(gateway.tls, "only.rsa") == "only.rsa"
    assert pki.shown(gateway.tls, "only.rsa", "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256") is None


def test_a_chain_is_shown_whole(gateway, folder):
    root = pki.authority(folder, "root")
    middle = pki.authority(folder, "middle", root)
    leaf = pki.Pair(folder, "leaf.test", issuer=middle)
    gateway.post("/certificates", {"cert": leaf.cert + middle.cert, "key": leaf.key, "snis": ["leaf.test"]})
    verified = ssl.create_default_context(cafile=root.cert_path)
    with pki.connect(gateway.tls, "leaf.test", verified) as s:
        assert s.version() == "TLSv1.3"


def test_the_next_handshake_uses_a_changed_certificate(gateway, pairs):
    made = gateway.post("/certificates", pairs["c1"].entity(snis=["live.test"]))
    with pki.connect(gateway.tls, "live.test") as before:
        assert gateway.api("PATCH", f"/certificates/{made['id']}", pairs["c2"].entity()).status == 200
        assert pki.shown(gateway.tls, "live.test") == "c2"
        before.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert before.recv(100).startswith(b"HTTP/1.1 404"), "a connection goes on with what it began with"
    sni = gateway.api("GET", "/snis/live.test").json
    other = gateway.post("/certificates", pairs["c3"].entity())
    gateway.api("PATCH", f"/snis/{sni['id']}", {"certificate": {"id": other["id"]}})
    assert pki.shown(gateway.tls, "live.test") == "c3"
    gateway.api("DELETE", "/snis/live.test")
    assert pki.shown(gateway.tls, "live.test") == "localhost"


def test_changes_under_load_lose_no_handshake_and_mix_no_versions(gateway, pairs):
    """pitfalls.md A6-7: each handshake gets one of the two that were there, and none fails."""
    made = gateway.post("/certificates", pairs["c1"].entity(snis=["busy.test"]))
    allowed = {ssl.PEM_cert_to_DER_cert(pairs[name].cert) for name in ("c1", "c2")}
    seen, problems, stop = set(), [], threading.Event()

    def shake():
        while not stop.is_set():
            try:
                with pki.connect(gateway.tls, "busy.test") as s:
                    seen.add(s.getpeercert(True))
            except OSError as problem:
                problems.append(problem)

    threads = [threading.Thread(target=shake) for _ in range(3)]
    for thread in threads:
        thread.start()
    end, i = time.monotonic() + 20, 0
    while i < 20 or (seen != allowed and time.monotonic() < end):  # a busy machine may shake hands less often than it changes
        assert gateway.api("PATCH", f"/certificates/{made['id']}", pairs["c2" if i % 2 == 0 else "c1"].entity()).status == 200
        i += 1
    stop.set()
    for thread in threads:
        thread.join()
    assert seen == allowed and not problems


def test_old_versions_are_refused(gateway):
    assert pki.shown(gateway.tls, "a.test", "-tls1_1") is None
    assert pki.shown(gateway.tls, "a.test", "-tls1_2") == "localhost"
    assert pki.shown(gateway.tls, "a.test", "-tls1_3") == "localhost"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_resumed(gateway, origin, version):
    gateway.service("s", origin, paths=["/"], snis=["back.test"], protocols=["https"])
    made = pki.context(maximum_version=version, minimum_version=version)
    request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
    with pki.connect(gateway.tls, "back.test", made) as s:
        s.sendall(request)
        assert s.recv(100).startswith(b"HTTP/1.1 200") and not s.session_reused
        session = s.session
    with made.wrap_socket(socket.create_connection((kit.LOOPBACK, gateway.tls)), server_hostname="back.test", session=session) as s:
        s.sendall(request)
        assert s.recv(100).startswith(b"HTTP/1.1 200"), "a route finds the name of a resumed session"
        assert s.session_reused


def test_example_38_routes_by_sni(gateway, origin):
    gateway.post("/services", {"name": "s", "host": "127.0.0.1", "port": origin.port})
    gateway.post("/services/s/routes", {"name": "r1", "protocols": ["https"], "snis": ["a.test"], "paths": ["/"], "strip_path": False})
    gateway.post("/services", {"name": "t", "host": "127.0.0.1", "port": origin.port, "path": "/two"})
    gateway.post("/services/t/routes", {"name": "r2", "protocols": ["http", "https"], "paths": ["/"]})
    assert json.loads(pki.get(gateway.tls, "/", "a.test").body)["path"] == "/"
    assert json.loads(pki.get(gateway.tls, "/", "A.Test").body)["path"] == "/"
    assert json.loads(pki.get(gateway.tls, "/", "b.test").body)["path"] == "/two"


def test_examples_39_40_and_41_https_only_routes(gateway, origin):
    gateway.service("s", origin, paths=["/s"], protocols=["https"])
    plain = kit.call(gateway.proxy, "GET", "/s", [("Host", "h.test")])
    assert (plain.status, plain.headers["upgrade"], plain.json["message"]) == (426, "TLS/1.2, HTTP/1.1", "Please use HTTPS protocol")
    assert pki.get(gateway.tls, "/s", "h.test").status == 200
    gateway.api("PATCH", "/routes/s", {"https_redirect_status_code": 308})
    moved = kit.call(gateway.proxy, "GET", "/s?x=1", [("Host", "h.test:8000")])
    assert (moved.status, moved.headers["location"], moved.body) == (308, "https://h.test/s?x=1", b"")
    assert kit.call(gateway.proxy, "GET", "/s", [("Host", "h.test"), ("X-Forwarded-Proto", "https")]).status == 308, "nobody is trusted"


def test_upstreams_learn_scheme_and_port(gateway, origin):
    gateway.service("s", origin, paths=["/"])
    seen = json.loads(pki.get(gateway.tls, "/", "h.test").body)["headers"]
    assert (seen["x-forwarded-proto"], seen["x-forwarded-port"], seen["x-forwarded-host"]) == ("https", str(gateway.tls), "h.test")


def test_http_on_the_port_of_tls_is_told_so(gateway):
    answer = kit.raw(gateway.tls, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert kit.raw(gateway.tls, b"\x16\x03\x01\x00\x02\xff\xff", half_close=True)[:1] in (b"", b"\x15"), "garbage ends in an alert or nothing"


def test_tls_behind_a_balancer_that_speaks_proxy_protocol(gateway, origin):
    gateway.service("s", origin, paths=["/"])
    with socket.create_connection((kit.LOOPBACK, gateway.preamble), timeout=5) as s:
        s.sendall(b"PROXY TCP4 203.0.113.7 192.0.2.2 1234 443\r\n")
        with pki.context().wrap_socket(s, server_hostname="h.test") as tls:
            tls.sendall(b"GET / HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n")
            assert tls.recv(100).startswith(b"HTTP/1.1 200")


def test_alpn_settles_on_http_1_1(gateway):
    made = pki.context()
    made.set_alpn_protocols(["http/1.1"])
    with pki.connect(gateway.tls, "h.test", made) as s:
        assert s.selected_alpn_protocol() == "http/1.1"
    made.set_alpn_protocols(["acme-tls/1"])
    with pki.connect(gateway.tls, "h.test", made) as s:
        assert s.selected_alpn_protocol() is None


def test_bad_pairs_never_get_into_the_store(gateway, pairs):
    assert gateway.api("POST", "/certificates", {"cert": pairs["c1"].cert, "key": pairs["c2"].key}).status == 400
    assert gateway.api("POST", "/certificates", {"cert": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "key": "x"}).status == 400
    assert pki.shown(gateway.tls, "a.test") == "localhost"
