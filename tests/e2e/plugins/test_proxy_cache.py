"""proxy-cache through the Admin API and two data planes: plugins.md 3.6, examples 98 to 105."""
import kit
import pytest

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def svc(gateway):
    def answer(handler, seen):
        """/size/N: so many bytes; ?chunked: without a length. Any other path: what it is the how-manieth request."""
        path, _, query = seen["path"].partition("?")
        body = b"x" * int(path.split("/")[-1]) if "/size/" in path else b'{"n":%d}' % len(origin.seen)
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("X-Origin", "1")
        chunked = "chunked" in query
        handler.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(body)))))
        handler.end_headers()
        if seen["method"] == "HEAD":
            return True
        if chunked:
            for at in range(0, len(body), 10000):
                piece = body[at:at + 10000]
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            handler.wfile.write(b"0\r\n\r\n")
        else:
            handler.wfile.write(body)
        return True

    origin = kit.Origin(answer)
    gateway.service("svc", origin, ["/a"], strip_path=False)
    yield gateway, origin
    origin.close()
    gateway.api("DELETE", "/proxy-cache")


def cached(gateway, **config):
    return gateway.post("/services/svc/plugins", {"name": "proxy-cache", "config": {"strategy": "memory", **config}})


def told(gateway, path="/a", port=0, headers=(), method="GET"):
    return kit.call(gateway.proxies[port], method, path, headers).headers.get("x-cache-status")


def test_ex98_ex100_an_answer_is_given_again(svc):
    gateway, origin = svc
    cached(gateway)
    first = gateway.get("/a")
    assert first.headers["x-cache-status"] == "Miss" and len(first.headers["x-cache-key"]) == 64
    again = gateway.get("/a")
    assert again.headers["x-cache-status"] == "Hit" and again.body == first.body and again.headers["x-origin"] == "1"
    assert int(again.headers["age"]) >= 0 and again.headers["content-length"] == str(len(first.body))
    assert "x-kong-upstream-latency" in again.headers and "x-kong-response-latency" not in again.headers
    assert [k.lower() for k, _ in again.pairs].count("server") == 1 and [k.lower() for k, _ in again.pairs].count("via") == 1
    assert len(origin.seen) == 1
    assert told(gateway, method="POST") == "Bypass"
    assert told(gateway, method="HEAD") == "Miss" and told(gateway, method="HEAD") == "Miss"


@pytest.mark.parametrize("query", ["", "?chunked"])
def test_bodies_of_many_sizes(svc, query):
    gateway, _ = svc
    cached(gateway)
    for size in (0, 1, 65536, 500_000):
        path = f"/a/size/{size}{query}"
        assert [told(gateway, path), told(gateway, path)] == ["Miss", "Hit"]
        assert kit.call(gateway.proxy, "GET", path).body == b"x" * size
    path = f"/a/size/{2 << 20}{query}"
    status = "Miss" if query else "Bypass"  # of a body without a length nobody knows in time
    assert [told(gateway, path), told(gateway, path)] == [status, status]
    assert kit.call(gateway.proxy, "GET", path).body == b"x" * (2 << 20)


def test_ex105_purging_reaches_every_data_plane(svc):
    gateway, _ = svc
    made = cached(gateway)
    key = gateway.get("/a").headers["x-cache-key"]
    for port in (0, 1):
        kit.eventually(lambda p=port: told(gateway, port=p) == "Hit", what="both have it")
    shown = gateway.api("GET", f"/proxy-cache/{key}")
    assert shown.status == 200 and shown.json["status"] == 200 and shown.json["body"].startswith('{"n":') and shown.json["version"] == 1
    assert gateway.api("GET", f"/proxy-cache/{made['id']}/caches/{key}").json["body_len"] == shown.json["body_len"]
    assert gateway.api("DELETE", f"/proxy-cache/{key}").status == 204
    assert [told(gateway, port=p) for p in (0, 1)] == ["Miss", "Miss"]
    assert gateway.api("DELETE", "/proxy-cache").status == 204
    assert [told(gateway, port=p) for p in (0, 1)] == ["Miss", "Miss"]
    for path in ("/proxy-cache/nokey", f"/proxy-cache/{'x' * 200}", f"/proxy-cache/{kit.Gateway.__name__}/caches/{key}"):
        assert gateway.api("DELETE", path).status == 404 and gateway.api("GET", path).status == 404


def test_redis_is_shared_by_all_nodes_and_can_be_emptied(svc):
    gateway, origin = svc
    where = {"host": kit.LOOPBACK, "port": gateway.services.redis_port}
    cached(gateway, strategy="redis", redis=where)
    first = gateway.get("/a")
    assert first.headers["x-cache-status"] == "Miss"
    kit.eventually(lambda: told(gateway, port=1) == "Hit", what="the other node has it")
    assert kit.call(gateway.proxies[1], "GET", "/a").body == first.body
    seen = len(origin.seen)
    assert gateway.api("DELETE", f"/proxy-cache/{first.headers['x-cache-key']}").status == 204
    kit.eventually(lambda: gateway.get("/a") and len(origin.seen) > seen, what="it is asked again")
    for n in range(30):
        gateway.get(f"/a?n={n}")
    kit.eventually(lambda: told(gateway, "/a?n=29", port=1) == "Hit", what="all are stored")
    seen = len(origin.seen)
    assert gateway.api("DELETE", "/proxy-cache").status == 204
    kit.eventually(lambda: [gateway.get(f"/a?n={n}") for n in (0, 29)] and len(origin.seen) >= seen + 2, what="all are gone")


def test_without_redis_everything_passes(svc):
    gateway, origin = svc
    cached(gateway, strategy="redis", redis={"host": kit.LOOPBACK, "port": kit.free_port(), "timeout": 200})
    for _ in range(3):
        answer = gateway.get("/a")
        assert answer.status == 200 and answer.headers["x-cache-status"] == "Bypass"
    assert len(origin.seen) == 3


def test_ex102_ex104_and_a_key_of_ones_own(svc):
    gateway, origin = svc
    made = cached(gateway, cache_ttl=1, storage_ttl=30)
    assert [told(gateway), told(gateway)] == ["Miss", "Hit"]
    kit.eventually(lambda: told(gateway) == "Refresh", what="it is old")
    assert told(gateway) == "Hit"
    hidden = {"X-Cache-Status": False, "X-Cache-Key": False, "age": False}
    gateway.api("PATCH", f"/plugins/{made['id']}", {"config": {"cache_ttl": 100, "response_headers": hidden}})
    assert not {"x-cache-status", "x-cache-key", "age"} & gateway.get("/a").headers.keys()
    assert {"x-cache-status", "x-cache-key", "age"} <= gateway.get("/a", {"Kong-Debug": "1"}).headers.keys()


def test_a_type_that_gets_a_charset_is_known_without_it(gateway):
    upstream = kit.RawOrigin(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi")
    gateway.service("svc", upstream, ["/a"])
    cached(gateway)
    for status in ("Miss", "Hit"):
        answer = gateway.get("/a")
        assert (answer.headers["x-cache-status"], answer.headers["content-type"], answer.body) == (status, "text/plain; charset=UTF-8", b"hi")
    gateway.api("DELETE", "/proxy-cache")
    upstream.close()


def test_ex103_cache_control(svc):
    gateway, _ = svc
    cached(gateway, cache_control=True)
    assert told(gateway) == "Bypass"
    answer = gateway.get("/a", {"Cache-Control": "only-if-cached"})
    assert (answer.status, answer.body.split(b"\n")[0]) == (504, b"The upstream server is timing out")
