"""cors, request-size-limiting and redirect through the Admin API and a data plane: plugins.md 2.3, 3.3, 3.5."""
import kit
import pytest

PREFLIGHT = {"Origin": "https://a.test", "Access-Control-Request-Method": "PUT"}


@pytest.fixture
def svc(gateway, origin):
    gateway.service("svc", origin, ["/a"], strip_path=False)
    return gateway, origin


def plugin(gateway, name, **config):
    return gateway.post("/services/svc/plugins", {"name": name, "config": config})


def test_ex69_ex73_ex76_cors(svc):
    gateway, origin = svc
    plugin(gateway, "key-auth")
    made = plugin(gateway, "cors")
    answer = kit.call(gateway.proxy, "OPTIONS", "/a", PREFLIGHT)
    assert answer.status == 200 and answer.headers["content-length"] == "0" and answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-methods"] == "GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT"
    assert "vary" not in answer.headers and not origin.seen
    answer = gateway.get("/a", {"Origin": "https://a.test"})
    assert answer.status == 401 and answer.headers["access-control-allow-origin"] == "*"
    gateway.api("PATCH", f"/plugins/{made['id']}", {"config": {"origins": [r".*\.sea\.test"], "credentials": True}})
    answer = gateway.get("/a", {"Origin": "https://x.sea.test"})
    assert answer.headers["access-control-allow-origin"] == "https://x.sea.test" and answer.headers["vary"] == "Origin"
    assert "access-control-allow-origin" not in gateway.get("/a", {"Origin": "https://x.sea.test.evil"}).headers


def test_ex75_what_the_upstream_says_about_origins_is_overwritten(gateway):
    upstream = kit.RawOrigin(b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: https://up.test\r\nVary: Accept\r\nContent-Length: 2\r\n\r\nhi")
    gateway.service("svc", upstream, ["/a"])
    made = plugin(gateway, "cors", origins=["https://a.test", "https://b.test"], exposed_headers=["x-t"])
    answer = gateway.get("/a", {"Origin": "https://b.test:443"})
    assert [v for k, v in answer.pairs if k.lower() == "access-control-allow-origin"] == ["https://b.test"]
    assert [v for k, v in answer.pairs if k.lower() == "vary"] == ["Accept", "Origin"] and answer.headers["access-control-expose-headers"] == "x-t"
    assert "access-control-allow-origin" not in gateway.get("/a", {"Origin": "https://c.test"}).headers
    gateway.api("PATCH", f"/plugins/{made['id']}", {"config": {"preflight_continue": True}})
    answer = kit.call(gateway.proxy, "OPTIONS", "/a", PREFLIGHT)
    assert answer.body == b"hi" and answer.headers["access-control-allow-origin"] == "https://up.test"
    upstream.close()


def test_ex94_request_size_limiting(svc):
    gateway, origin = svc
    plugin(gateway, "request-size-limiting", allowed_payload_size=100, size_unit="kilobytes")
    limit = 100 * 1024

    def post(size, chunked=False, **headers):
        if chunked:
            body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (b"x" * min(8000, size - i) for i in range(0, size, 8000))) + b"0\r\n\r\n"
            headers["Transfer-Encoding"] = "chunked"
        return kit.call(gateway.proxy, "POST", "/a", headers, body if chunked else b"x" * size)

    for chunked in (False, True):
        answer = post(limit, chunked)
        assert answer.status == 200 and len(origin.seen[-1]["body"]) == limit
        before = len(origin.seen)
        answer = post(limit + 1, chunked)
        assert answer.status == 413 and answer.json["message"] == "Request size limit exceeded"
        assert len(origin.seen) == before or len(origin.seen[-1]["body"]) <= limit
    assert post(limit + 1, Expect="100-continue").status == 417


def test_a_body_without_end_is_cut_off_at_the_limit(svc):
    gateway, _ = svc
    plugin(gateway, "request-size-limiting", allowed_payload_size=10, size_unit="bytes")
    answer = kit.raw(gateway.proxy, b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n" + b"x" * 20 + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ") and b"Request size limit exceeded" in answer


def test_ex97_redirect(svc):
    gateway, origin = svc
    made = plugin(gateway, "redirect", location="https://n.test/x?y=1")
    answer = gateway.get("/a?q=2")
    assert (answer.status, answer.headers["location"], answer.body) == (301, "https://n.test/x?y=1", b"redirecting")
    gateway.api("PATCH", f"/plugins/{made['id']}", {"config": {"keep_incoming_path": True, "status_code": 308}})
    answer = gateway.get("/a?q=2")
    assert (answer.status, answer.headers["location"]) == (308, "https://n.test/a?q=2") and not origin.seen
