"""Who the client is and what it asked, as the upstream is told: trusted_ips, real_ip_header, PROXY protocol, port_maps (proxy.md R-2.3; examples 41, 65, 66)."""
import kit
import pytest

V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([203, 0, 113, 7, 192, 0, 2, 2]) + b"\x04\xd2\x01\xbb"


@pytest.fixture(scope="module")
def gateway(services, folder):
    """Four data planes that trust differently; the control plane is one."""
    made = kit.Gateway(services, folder, data_planes=4, proxy_ports=4)
    by_ip, by_list, by_preamble, mapped = made.dps
    by_ip.settings |= {"trusted_ips": "127.0.0.1"}
    by_list.settings |= {"trusted_ips": "127.0.0.1,192.0.2.0/24", "real_ip_header": "X-Forwarded-For", "real_ip_recursive": "on"}
    by_preamble.settings |= {"trusted_ips": "127.0.0.0/8", "real_ip_header": "proxy_protocol",
                             "proxy_listen": f"127.0.0.1:{made.proxies[2]} reuseport proxy_protocol"}
    mapped.settings |= {"port_maps": f"80:{made.proxies[3]}"}
    made.start()
    yield made
    made.stop()


@pytest.fixture
def route(gateway, origin):
    gateway.service("s", origin, paths=["/shop"])
    yield
    gateway.wipe()


def upstream_sees(gateway, origin, dp, path="/shop/x", headers=()):
    answer = kit.call(gateway.proxies[dp], "GET", path, [("Host", "h.test"), *headers])
    assert answer.status == 200, answer
    return origin.seen[-1]["headers"]


FORGED = [("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-Proto", "https"), ("X-Real-IP", "1.1.1.1"), ("X-Forwarded-Host", "F.test"),
          ("X-Forwarded-Port", "444"), ("X-Forwarded-Path", "/fp"), ("X-Forwarded-Prefix", "/fx")]


def test_example_65_a_trusted_peer_speaks_for_its_client(gateway, origin, route):
    up = upstream_sees(gateway, origin, 0, headers=FORGED)
    assert up["x-forwarded-for"] == "1.1.1.1, 127.0.0.1" and up["x-real-ip"] == "1.1.1.1"
    assert (up["x-forwarded-proto"], up["x-forwarded-host"], up["x-forwarded-port"]) == ("https", "F.test", "444")
    assert (up["x-forwarded-path"], up["x-forwarded-prefix"]) == ("/fp", "/fx")


def test_what_a_trusted_peer_does_not_say_is_filled_in(gateway, origin, route):
    up = upstream_sees(gateway, origin, 0, "/shop/x?q", [("X-Forwarded-Host", "one.test"), ("X-Forwarded-Host", "two.test")])
    assert (up["x-forwarded-proto"], up["x-forwarded-host"], up["x-forwarded-path"]) == ("http", "one.test", "/shop/x")
    assert (up["x-forwarded-for"], up["x-real-ip"], up["x-forwarded-prefix"]) == ("127.0.0.1", "127.0.0.1", "/shop")


def test_example_66_addresses_that_are_trusted_are_skipped(gateway, origin, route):
    up = upstream_sees(gateway, origin, 1, headers=[("X-Forwarded-For", "8.8.8.8, 7.7.7.7"), ("X-Forwarded-For", "192.0.2.9")])
    assert up["x-real-ip"] == "7.7.7.7"
    assert up["x-forwarded-for"] == "8.8.8.8, 7.7.7.7, 192.0.2.9, 127.0.0.1", "DEV-28: all are kept"


def test_example_41_https_in_front_of_a_trusted_peer_counts(gateway, origin):
    gateway.service("s", origin, paths=["/s"], protocols=["https"])
    assert kit.call(gateway.proxies[0], "GET", "/s", [("X-Forwarded-Proto", "https")]).status == 200
    assert kit.call(gateway.proxies[0], "GET", "/s").status == 426
    untrusted = kit.call(gateway.proxies[3], "GET", "/s", [("X-Forwarded-Proto", "https")])
    assert untrusted.status == 426 and untrusted.headers["upgrade"] == "TLS/1.2, HTTP/1.1"
    gateway.wipe()


def test_example_40_the_redirect_goes_to_the_forwarded_host(gateway, origin):
    gateway.service("s", origin, paths=["/s"], protocols=["https"], https_redirect_status_code=308)
    answer = kit.call(gateway.proxies[3], "GET", "/s?x=1", [("Host", "h.test:8000")])
    assert (answer.status, answer.headers["location"], answer.body) == (308, "https://h.test/s?x=1", b"")
    answer = kit.call(gateway.proxies[0], "GET", "/s", [("X-Forwarded-Host", "front.test")])
    assert answer.headers["location"] == "https://front.test/s"
    gateway.wipe()


@pytest.mark.parametrize("preamble", [b"PROXY TCP4 203.0.113.7 192.0.2.2 1234 443\r\n", V2], ids=["v1", "v2"])
def test_a_preamble_names_the_client(gateway, origin, route, preamble):
    request = b"GET /shop/x HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n"
    assert kit.raw(gateway.proxies[2], preamble + request).startswith(b"HTTP/1.1 200 ")
    up = origin.seen[-1]["headers"]
    assert up["x-real-ip"] == up["x-forwarded-for"] == "203.0.113.7"


@pytest.mark.parametrize("first", [b"", b"PROXY TCP4 1.2.3.4\r\n", b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0"], ids=["none", "broken v1", "broken v2"])
def test_row_83_without_a_good_preamble_the_connection_closes(gateway, origin, route, first):
    assert kit.raw(gateway.proxies[2], first + b"GET /shop/x HTTP/1.1\r\nHost: h.test\r\n\r\n") == b""
    assert origin.seen == []


def test_port_maps_tell_the_upstream_the_outer_port(gateway, origin, route):
    assert upstream_sees(gateway, origin, 3)["x-forwarded-port"] == "80"
    assert upstream_sees(gateway, origin, 1)["x-forwarded-port"] == str(gateway.proxies[1])
