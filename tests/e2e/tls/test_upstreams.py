"""TLS towards upstreams: names, verification, client certificates, kept connections (proxy.md 7.2, 2.4, DEV-5; examples 115 and 116)."""
import socket
import threading

import kit
import pki
import pytest


@pytest.fixture(scope="module")
def gateway(services, folder):
    made = kit.Gateway(services, folder, data_planes=1)
    made.start()
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def clean(gateway):
    yield
    gateway.wipe()


@pytest.fixture(scope="module")
def ca(folder):
    return pki.authority(folder, "up-ca")


@pytest.fixture(scope="module")
def up(folder, ca):
    """Shown by the upstream: good for up.test, and for its address."""
    return pki.Pair(folder, "up.test", issuer=ca, extensions="subjectAltName=DNS:up.test,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")


@pytest.fixture
def origin(up, ca):
    made = pki.TlsOrigin(up, clients=ca)
    yield made
    made.close()


def service(gateway, origin, **more):
    return gateway.post("/services", {"name": "s", "protocol": "https", "host": "127.0.0.1", "port": origin.port, **more})


def route(gateway, **more):
    gateway.post("/services/s/routes", {"name": "r", "paths": ["/"], **more})


def pool(gateway, origin, **more):
    """An upstream of one target, known as up.test."""
    gateway.post("/upstreams", {"name": "pool", "host_header": "up.test", **more})
    gateway.post("/upstreams/pool/targets", {"target": f"127.0.0.1:{origin.port}"})


def authority(gateway, pair):
    return gateway.post("/ca_certificates", {"cert": pair.cert})["id"]


def test_an_https_service_is_spoken_to_with_tls(gateway, origin):
    pool(gateway, origin)
    service(gateway, origin, host="pool", path="/base")
    route(gateway)
    seen = gateway.get("/x").json
    assert (seen["path"], seen["headers"]["host"], seen["sni"]) == ("/base/x", f"up.test:{origin.port}", "up.test")


def test_the_name_is_the_host_of_the_request(gateway, origin):
    pool(gateway, origin)
    service(gateway, origin, host="pool")
    route(gateway, preserve_host=True)
    assert gateway.get("/", [("Host", "Mine.test:8443")]).json["sni"] == "Mine.test"
    assert gateway.get("/", [("Host", "127.0.0.1")]).json["sni"] is None, "an address is no server name"
    assert gateway.get("/", [("Host", "up.test")]).json["sni"] == "up.test", "and never over a connection that was opened for another (A5-2)"


def test_connections_are_kept_for_their_own_party_only(gateway, origin):
    service(gateway, origin)
    route(gateway, preserve_host=True)
    first = [gateway.get("/", [("Host", "a.test")]).json["connection"] for _ in range(3)]
    assert len(set(first)) == 1
    assert gateway.get("/", [("Host", "b.test")]).json["connection"] not in first
    assert gateway.get("/", [("Host", "a.test")]).json["connection"] in first


def test_sessions_are_resumed_by_the_next_connection(gateway, origin):
    service(gateway, origin)
    route(gateway)
    assert not gateway.get("/").json["resumed"]
    origin.connections[0].shutdown(socket.SHUT_RDWR)
    second = kit.eventually(lambda: (a := gateway.get("/").json)["connection"] == 1 and a, what="another connection")
    assert second["resumed"]


def test_example_115_an_unlisted_authority_is_502_until_it_is_listed(gateway, origin, ca, folder):
    pool(gateway, origin)
    made = service(gateway, origin, host="pool", tls_verify=True, retries=0)
    route(gateway)
    refused = gateway.get("/", [("Accept", "application/json")])
    assert (refused.status, refused.json["message"]) == (502, "An invalid response was received from the upstream server")
    stranger = authority(gateway, pki.authority(folder, "stranger"))
    gateway.api("PATCH", f"/services/{made['id']}", {"ca_certificates": [stranger]})
    assert gateway.get("/").status == 502
    gateway.api("PATCH", f"/services/{made['id']}", {"ca_certificates": [stranger, authority(gateway, ca)]})
    assert gateway.get("/").status == 200
    assert "self-signed certificate in certificate chain" in (folder / "dp1/logs/error.log").read_text(), "the log says what was wrong"
    gateway.api("PATCH", f"/services/{made['id']}", {"ca_certificates": [stranger]})
    assert gateway.get("/").status == 502, "the kept connection was verified by another list"
    gateway.api("PATCH", f"/services/{made['id']}", {"tls_verify": False})
    assert gateway.get("/").status == 200


def test_the_name_in_the_certificate_must_be_the_one(gateway, origin, ca):
    listed = [authority(gateway, ca)]
    gateway.post("/upstreams", {"name": "pool", "host_header": "other.test"})
    gateway.post("/upstreams/pool/targets", {"target": f"127.0.0.1:{origin.port}"})
    made = service(gateway, origin, host="pool", tls_verify=True, ca_certificates=listed)
    route(gateway)
    assert gateway.get("/").status == 502
    gateway.api("PATCH", "/upstreams/pool", {"host_header": "up.test"})
    assert gateway.get("/").status == 200
    gateway.api("PATCH", f"/services/{made['id']}", {"host": "127.0.0.1"})
    assert gateway.get("/").status == 200, "an address is looked for among addresses"


def test_tls_verify_depth(gateway, ca, folder):
    middle = pki.authority(folder, "middle-up", ca)
    deep = pki.Pair(folder, "deep.test", issuer=middle)
    deep.cert_path.write_text(deep.cert + middle.cert)
    origin = pki.TlsOrigin(deep)
    gateway.post("/upstreams", {"name": "pool", "host_header": "deep.test"})
    gateway.post("/upstreams/pool/targets", {"target": f"127.0.0.1:{origin.port}"})
    made = service(gateway, origin, host="pool", tls_verify=True, ca_certificates=[authority(gateway, ca)])
    route(gateway)
    assert gateway.get("/").status == 200, "one in between is what the default allows"
    gateway.api("PATCH", f"/services/{made['id']}", {"tls_verify_depth": 0})
    assert gateway.get("/").status == 502
    gateway.api("PATCH", f"/services/{made['id']}", {"tls_verify_depth": 1})
    assert gateway.get("/").status == 200
    origin.close()


def test_example_116_the_services_certificate_before_the_upstreams(gateway, origin, ca, folder):
    k1, k2, k3 = (gateway.post("/certificates", pki.Pair(folder, name, issuer=ca).entity())["id"] for name in ("k1", "k2", "k3"))
    pool(gateway, origin, client_certificate={"id": k2})
    made = service(gateway, origin, host="pool", client_certificate={"id": k1})
    route(gateway)
    assert gateway.get("/").json["client"] == "k1"
    gateway.api("PATCH", f"/services/{made['id']}", {"client_certificate": None})
    assert gateway.get("/").json["client"] == "k2"
    gateway.api("PATCH", "/upstreams/pool", {"client_certificate": {"id": k3}})
    assert gateway.get("/").json["client"] == "k3", "the next connection, at once"
    gateway.api("PATCH", "/upstreams/pool", {"client_certificate": None})
    assert gateway.get("/").json["client"] is None


def test_a_changed_client_certificate_is_not_mixed_with_old_connections(gateway, origin, ca, folder):
    made = gateway.post("/certificates", pki.Pair(folder, "before", issuer=ca).entity())
    service(gateway, origin, client_certificate={"id": made["id"]})
    route(gateway)
    assert gateway.get("/").json["client"] == "before"
    gateway.api("PATCH", f"/certificates/{made['id']}", pki.Pair(folder, "after", issuer=ca).entity())
    assert gateway.get("/").json["client"] == "after"


def test_an_upstream_that_speaks_no_tls_is_502_and_hears_nothing_in_the_clear(gateway):
    heard = []
    listening = socket.create_server((kit.LOOPBACK, 0))

    def serve():
        connection, _ = listening.accept()
        heard.append(connection.recv(1000))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        connection.close()

    threading.Thread(target=serve, daemon=True).start()
    gateway.post("/services", {"name": "s", "protocol": "https", "host": "127.0.0.1", "port": listening.getsockname()[1], "retries": 0})
    route(gateway)
    assert gateway.get("/secret").status == 502
    assert heard and heard[0][:1] == b"\x16" and b"secret" not in heard[0]
    listening.close()


def test_a_handshake_that_stalls_is_504(gateway):
    listening = socket.create_server((kit.LOOPBACK, 0))
    gateway.post("/services", {"name": "s", "protocol": "https", "host": "127.0.0.1", "port": listening.getsockname()[1], "retries": 0,
                               "connect_timeout": 200})
    route(gateway)
    assert gateway.get("/").status == 504
    listening.close()


def test_bodies_pass_both_ways(gateway, origin):
    service(gateway, origin)
    route(gateway)
    body = b"0123456789" * 300000
    answer = kit.call(gateway.proxy, "POST", "/", [("Host", "h.test")], body)
    assert answer.status == 200 and answer.json["body"] == body.decode()


@pytest.fixture
def with_settings(services, folder, gateway):
    """Other data planes of the same gateway, with settings of their own."""
    made = []

    def start(name, **settings):
        dp = kit.Process(folder, name, {**gateway.dps[0].settings, "prefix": folder / name, **settings}, "gatehouse-dp")
        dp.port, dp.status = kit.free_port(), kit.free_port()
        dp.settings |= {"proxy_listen": f"{kit.LOOPBACK}:{dp.port}", "status_listen": f"{kit.LOOPBACK}:{dp.status}"}
        made.append(dp.start())
        gateway.wait_ready(dp)
        return dp

    yield start
    for dp in made:
        dp.stop()


def test_what_the_node_says_holds_for_services_that_do_not(gateway, origin, ca, folder, with_settings):
    own = pki.Pair(folder, "node.test", issuer=ca)
    pool(gateway, origin)
    made = service(gateway, origin, host="pool", retries=0)
    route(gateway)
    strict = with_settings("strict", nginx_proxy_proxy_ssl_verify="on")
    assert kit.call(strict.port, "GET", "/").status == 502, "on, and nobody is trusted"
    node = with_settings("node", nginx_proxy_proxy_ssl_verify="on", nginx_proxy_proxy_ssl_trusted_certificate=ca.cert_path,
                         client_ssl="on", client_ssl_cert=own.cert_path, client_ssl_cert_key=own.key_path)
    assert kit.call(node.port, "GET", "/").json["client"] == "node.test"
    gateway.api("PATCH", f"/services/{made['id']}", {"tls_verify": False})
    assert kit.eventually(lambda: kit.call(strict.port, "GET", "/").status == 200, what="the service's own word")


def test_settings_that_cannot_be_used_are_told_at_the_start(folder):
    (folder / "junk.pem").write_text("junk")
    for settings in ({"client_ssl": "on", "client_ssl_cert": folder / "none.crt", "client_ssl_cert_key": folder / "none.key"},
                     {"nginx_proxy_proxy_ssl_trusted_certificate": folder / "junk.pem"}, {"lua_ssl_trusted_certificate": folder / "none.crt"}):
        dp = kit.Process(folder, "wrong", {"proxy_listen": "off", "status_listen": "off", **settings}, "gatehouse-dp").start(wait=False)
        assert dp.process.wait(10) == 1
        assert "client_ssl_cert" in dp.log.read_text() or "trusted_certificate" in dp.log.read_text()
