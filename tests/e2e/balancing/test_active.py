"""Active health checks by the real programs: proxy.md 6.4, example 105."""
import ssl

import kit
import pki
from pools import Named, active, health, shows, who


def test_statuses_decide(gateway, origins, pool):
    """Example 105, three times as fast; the request is as configured."""
    a = origins[0]
    a.status = 503
    pool(a, healthchecks=active(headers={"x-p": ["1"]}))
    shows(gateway, states=["UNHEALTHY"])
    probe = next(seen for seen in a.seen if seen["path"] == "/hc")
    assert (probe["method"], probe["headers"]["x-p"], probe["headers"]["host"], probe["headers"]["connection"]) == (
        "GET", "1", "127.0.0.1", "close")
    assert gateway.get("/").status == 503
    a.status = 426  # in neither list
    before = len(a.seen)
    kit.eventually(lambda: len(a.seen) > before + 3)
    assert list(health(gateway).values()) == ["UNHEALTHY"]
    a.status = 200
    shows(gateway, states=["HEALTHY"])
    assert who(gateway) == "A"


def test_a_target_that_falls_and_returns(gateway, origins, pool):
    """Nobody is sent to a target that has fallen; it gets its share again when it is back."""
    a, b, _ = origins
    pool(a, b, healthchecks=active())
    assert set(who(gateway, 4)) == {"A", "B"}
    port = a.port
    a.close()
    shows(gateway, states=["HEALTHY", "UNHEALTHY"])
    assert who(gateway, 6) == "BBBBBB"
    again = kit.RawOrigin(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nA", port=port)
    shows(gateway, states=["HEALTHY", "HEALTHY"])
    assert set(who(gateway, 6)) == {"A", "B"}
    again.close()


def test_tcp(gateway, origins, pool):
    dead = f"127.0.0.1:{kit.free_port()}"
    pool(dead, origins[1], healthchecks=active(type="tcp"))
    shows(gateway, states=["HEALTHY", "UNHEALTHY"])


def test_https(gateway, folder, pool):
    """Without verification a certificate of our own will do; with it, it will not."""
    pair = pki.Pair(folder, "probe.test")
    origin, names = Named("T"), []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert_path, pair.key_path)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    origin.server.socket = context.wrap_socket(origin.server.socket, server_side=True)
    pool(origin, service={"protocol": "https"}, healthchecks=active(type="https", https_sni="probe.test"))
    shows(gateway, states=["UNHEALTHY"])  # nobody vouches for it
    assert "probe.test" in names
    gateway.api("PATCH", "/upstreams/pool", {"healthchecks": active(type="https", https_verify_certificate=False)})
    shows(gateway, states=["HEALTHY"])
    origin.close()
