"""What the upstream and the client see (proxy.md sections 2, 3, 4; examples by number)."""
import re
import socket
import threading
import time

import kit


def seen(gateway, origin, path, headers=(), method="GET", body=None):
    answer = kit.call(gateway.proxy, method, path, headers, body)
    assert answer.status == 200, answer
    return origin.seen[-1], answer


def test_example_63_the_headers_of_a_plain_request(gateway, origin):
    gateway.service("s", origin, paths=["/"])
    up, answer = seen(gateway, origin, "/", {"Host": "h.test:8000"})
    h = up["headers"]
    assert h["host"] == f"127.0.0.1:{origin.port}" and h["connection"] == "keep-alive"
    assert (h["x-real-ip"], h["x-forwarded-for"]) == ("127.0.0.1", "127.0.0.1")
    assert (h["x-forwarded-proto"], h["x-forwarded-host"], h["x-forwarded-path"]) == ("http", "h.test", "/")
    assert h["x-forwarded-port"] == str(gateway.proxy) and "x-forwarded-prefix" not in h
    assert re.fullmatch(r"1\.1 gatehouse/\S+", h["via"]) and re.fullmatch("[0-9a-f]{32}", h["x-kong-request-id"])
    assert answer.headers["x-kong-request-id"] == h["x-kong-request-id"]


def test_example_64_an_untrusted_client_cannot_forge_where_it_comes_from(gateway, origin):
    gateway.service("s", origin, paths=["/"])
    up, _ = seen(gateway, origin, "/", {"X-Forwarded-For": "1.1.1.1", "X-Forwarded-Proto": "https", "X-Real-IP": "1.1.1.1"})
    assert up["headers"]["x-forwarded-for"] == "1.1.1.1, 127.0.0.1"
    assert up["headers"]["x-forwarded-proto"] == "http" and up["headers"]["x-real-ip"] == "127.0.0.1"


def test_examples_1_to_8_paths(gateway, origin):
    gateway.service("s", origin, paths=["/shop"])
    for asked, forwarded in {"/shop/cart?id=7": "/cart?id=7", "/shop": "/", "/shopping": "/ping", "/shop/a?": "/a?",
                             "/shop/x%2fy%3Az": "/x%2Fy%3Az", "/shop//x///y/": "/x/y/", "/shop/%7euser/%66": "/~user/f"}.items():
        assert seen(gateway, origin, asked)[0]["path"] == forwarded
    assert gateway.get("/Shop").status == 404
    up, _ = seen(gateway, origin, "/shop/cart")
    assert (up["headers"]["x-forwarded-prefix"], up["headers"]["x-forwarded-path"]) == ("/shop", "/shop/cart")


def test_examples_68_and_71_to_74_hop_by_hop_headers(gateway, origin):
    gateway.service("s", origin, paths=["/"], preserve_host=True)
    up, _ = seen(gateway, origin, "/", [("Host", "h.test:8000"), ("Connection", "close, X-Foo"), ("X-Foo", "1"), ("TE", "gzip, trailers"),
                                        ("Proxy", "x"), ("Keep-Alive", "5"), ("Proxy-Connection", "keep-alive"), ("X-Bar", "2")])
    h = up["headers"]
    assert h["host"] == "h.test:8000" and h["connection"] == "keep-alive" and h["te"] == "trailers" and h["x-bar"] == "2"
    assert not {"x-foo", "proxy", "keep-alive", "proxy-connection"} & h.keys()


def test_example_77_a_small_chunked_body_gets_a_length(gateway, origin):
    gateway.service("s", origin, paths=["/"])
    got = kit.raw(gateway.proxy, b"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 200 ")
    assert origin.seen[-1]["headers"]["content-length"] == "3" and origin.seen[-1]["body"] == "abc"


def test_bodies_of_all_sizes_arrive_whole(gateway, origin):
    gateway.service("s", origin, paths=["/"])
    for size in (0, 1, 1000, 65535, 65536, 65537, 300000, 5000000):
        body = (b"0123456789abcdef" * (size // 16 + 1))[:size]
        up, answer = seen(gateway, origin, "/", method="POST", body=body)
        assert up["body"].encode("latin1") == body and up["headers"]["content-length"] == str(size)
        assert answer.json["body"].encode("latin1") == body


def test_a_large_chunked_body_streams_as_chunks(gateway, origin):
    gateway.service("s", origin, paths=["/"])
    piece = b"%x\r\n" % 50000 + b"z" * 50000 + b"\r\n"
    got = kit.raw(gateway.proxy, b"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + piece * 20 + b"0\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 200 ")
    assert origin.seen[-1]["headers"]["transfer-encoding"] == "chunked" and origin.seen[-1]["body"] == "z" * 1000000


def test_example_74_continue_is_sent_before_the_body_is_read(gateway, origin):
    gateway.service("s", origin, paths=["/"])
    with socket.create_connection(("127.0.0.1", gateway.proxy), timeout=5) as s:
        s.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n\r\n")
        assert s.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        s.sendall(b"abc")
        assert s.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert "expect" not in origin.seen[-1]["headers"] and origin.seen[-1]["body"] == "abc"


def test_examples_86_to_88_error_bodies_by_accept(gateway):
    plain = gateway.get("/nowhere")
    assert plain.headers["content-type"] == "application/json; charset=utf-8" and "via" not in plain.headers
    assert plain.body == b'{\n  "message":"no Route matched with those values",\n  "request_id":"%s"\n}' % plain.headers["x-kong-request-id"].encode()
    assert "x-kong-response-latency" in plain.headers
    assert gateway.get("/nowhere", {"Accept": "text/html;q=0.4, application/xml"}).body.startswith(b"<?xml")
    assert gateway.get("/nowhere", {"Accept": "image/png"}).headers["content-type"].startswith("application/json")


def test_examples_90_and_91_a_refusing_upstream_is_502(gateway):
    class Nobody:
        port = kit.free_port()
    gateway.service("s", Nobody)
    answer = gateway.get("/s")
    assert answer.status == 502 and answer.body.startswith(b"An invalid response was received from the upstream server")
    assert answer.headers["content-type"].startswith("text/plain")
    assert gateway.get("/s", {"Accept": "application/json"}).json["message"] == "An invalid response was received from the upstream server"


def silent():
    listener = socket.create_server(("127.0.0.1", 0))
    kept = []

    def accept():
        while True:
            try:
                kept.append(listener.accept()[0])
            except OSError:
                return
    threading.Thread(target=accept, daemon=True).start()
    return listener, kept


def test_example_93_a_silent_upstream_is_asked_again_but_never_with_a_post(gateway):
    listener, kept = silent()
    port = listener.getsockname()[1]
    gateway.post("/services", {"name": "s", "host": "127.0.0.1", "port": port, "read_timeout": 200, "retries": 1})
    gateway.post("/services/s/routes", {"paths": ["/s"]})
    started = time.monotonic()
    assert gateway.get("/s").status == 504 and len(kept) == 2
    assert 0.3 < time.monotonic() - started < 2
    assert kit.call(gateway.proxy, "POST", "/s", body=b"x").status == 504 and len(kept) == 3
    listener.close()


def test_a_connection_that_the_upstream_closed_meanwhile_is_not_an_error(gateway):
    """DEV-6: a pooled connection that died is replaced by a fresh one."""
    origin = kit.RawOrigin(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", close=True)
    gateway.service("s", origin)
    assert [gateway.get("/s").body for _ in range(20)] == [b"ok"] * 20
    origin.close()


def test_example_95_an_upstream_without_targets_is_503(gateway):
    gateway.post("/upstreams", {"name": "pool"})
    gateway.post("/services", {"name": "s", "host": "pool"})
    gateway.post("/services/s/routes", {"paths": ["/s"]})
    answer = gateway.get("/s")
    assert answer.status == 503 and answer.json["message"] == "failure to get a peer from the ring-balancer"


def test_example_101_targets_share_by_weight(gateway):
    a, b = kit.Origin(), kit.Origin()
    gateway.post("/upstreams", {"name": "pool"})
    gateway.post("/upstreams/pool/targets", {"target": f"127.0.0.1:{a.port}", "weight": 100})
    gateway.post("/upstreams/pool/targets", {"target": f"127.0.0.1:{b.port}", "weight": 50})
    gateway.post("/services", {"name": "s", "host": "pool"})
    gateway.post("/services/s/routes", {"paths": ["/s"]})
    for _ in range(30):
        assert gateway.get("/s").status == 200
    assert (len(a.seen), len(b.seen)) == (20, 10)
    a.close(), b.close()


def test_a_client_that_leaves_takes_its_upstream_request_along(gateway):
    listener, kept = silent()
    gateway.post("/services", {"name": "s", "host": "127.0.0.1", "port": listener.getsockname()[1]})
    gateway.post("/services/s/routes", {"paths": ["/s"]})
    with socket.create_connection(("127.0.0.1", gateway.proxy)) as s:
        s.sendall(b"GET /s HTTP/1.1\r\nHost: h\r\n\r\n")
        kit.eventually(lambda: kept, 5, "the upstream was asked")
    kept[0].settimeout(5)
    while data := kept[0].recv(4096):
        assert data.startswith(b"GET / ")
    listener.close()


def test_a_slow_reader_holds_the_upstream_back_and_gets_everything(gateway):
    size = 20_000_000

    def large(handler, seen):
        handler.send_response(200)
        handler.send_header("Content-Length", str(size))
        handler.end_headers()
        for _ in range(size // 100000):
            handler.wfile.write(b"x" * 100000)
        return True
    origin = kit.Origin(large)
    gateway.service("s", origin)
    with socket.create_connection(("127.0.0.1", gateway.proxy), timeout=10) as s:
        s.sendall(b"GET /s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        time.sleep(0.5)
        before = int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{gateway.dps[0].pid}/status").read()).group(1))
        got = 0
        while data := s.recv(1 << 20):
            got += len(data)
    assert got > size and before < 200_000
    origin.close()


def test_what_is_meant_for_tls_never_goes_in_the_clear(gateway, origin):
    gateway.post("/services", {"name": "s", "url": f"https://127.0.0.1:{origin.port}"})
    gateway.post("/services/s/routes", {"paths": ["/s"]})
    assert gateway.get("/s").status == 502 and origin.seen == []
