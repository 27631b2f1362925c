"""HTTP/2 from clients, by prior knowledge, with clients that others have written (proxy.md 7.4; pitfalls.md B6; examples 78, 79, 89,
126)."""
import hashlib
import json
import re
import signal
import subprocess
import threading

import frames
import h2_node
import kit
import pytest


def curl(port, path, *words, data=None, check=True):
    """curl's answer: status, fields, body; `version` is what it spoke."""
    done = subprocess.run(["curl", "-sS", "-i", "--http2-prior-knowledge", "--max-time", "20", *words, f"http://{kit.LOOPBACK}:{port}{path}"],
                          input=data, capture_output=True)
    if not check:
        return done
    assert done.returncode == 0, done.stderr
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    while head.startswith(b"HTTP/2 100"):
        head, _, body = body.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0].startswith("HTTP/2 "), lines[0]
    return kit.Response(int(lines[0].split()[1]), [tuple(line.split(": ", 1)) for line in lines[1:]], body)


@pytest.fixture
def echo(node, origin):
    node.configure([{"name": "s", "url": f"http://{kit.LOOPBACK}:{origin.port}", "routes": [{"name": "r", "paths": ["/"]}]}])
    return node


def test_a_request_reaches_an_http_1_upstream(echo, origin):
    answer = curl(echo.proxy, "/a/b?c=d", "-H", "X-One: 1", "-H", "Host: H.test:8000")
    assert answer.status == 200
    assert (answer.json["method"], answer.json["path"]) == ("GET", "/a/b?c=d")
    seen = answer.json["headers"]
    assert seen["x-one"] == "1" and seen["x-forwarded-host"] == "h.test" and seen["connection"] == "keep-alive"
    assert ("x-one", "1") in [tuple(pair) for pair in answer.json["pairs"]], "names stay in lower case"
    assert "content-length" not in seen and "transfer-encoding" not in seen


def test_example_78_cookie_crumbs_are_joined(echo):
    client = frames.Client(echo.proxy)
    client.send(frames.request(1, "/", more=[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2")]))
    body = client.until(frames.DATA)[3]
    assert json.loads(body)["headers"]["cookie"] == "a=1; b=2"
    client.close()


def test_example_79_via_names_the_version(echo):
    assert re.search(r"^2 gatehouse/", curl(echo.proxy, "/").json["headers"]["via"])
    assert re.search(r"^1\.0 x, 2 gatehouse/", curl(echo.proxy, "/", "-H", "Via: 1.0 x").json["headers"]["via"])


def test_bodies_of_all_sizes(echo):
    for size in (0, 1, 16384, 65535, 65536, 300000, 3000000):
        body = bytes(i * 7 % 251 for i in range(1000)) * (size // 1000 + 1)
        answer = curl(echo.proxy, "/", "--data-binary", "@-", "-H", "Expect:", data=body[:size])
        assert answer.status == 200
        assert hashlib.sha256(answer.json["body"].encode("latin1")).digest() == hashlib.sha256(body[:size]).digest(), size


def test_row_125_a_body_without_length_is_chunked_upstream(node, origin):
    node.configure([{"name": "s", "url": f"http://{kit.LOOPBACK}:{origin.port}",
                     "routes": [{"name": "r", "paths": ["/"], "request_buffering": False}]}])
    client = frames.Client(node.proxy)
    client.send(frames.request(1, "/", "POST", end=False))
    client.send(frames.frame(frames.DATA, 0, 1, b"ab"))
    kit.eventually(lambda: client.send(frames.frame(frames.PING, 0, 0, b"12345678")) or client.until(frames.PING), what="it is read")
    client.send(frames.frame(frames.DATA, frames.END_STREAM, 1, b"c"))
    seen = json.loads(client.until(frames.DATA)[3])
    assert seen["headers"]["transfer-encoding"] == "chunked" and seen["body"] == "abc"
    client.close()


def test_head_and_no_content(echo):
    answer = curl(echo.proxy, "/", "-I")
    assert answer.status == 200 and int(answer.headers["content-length"]) > 0 and answer.body == b""


def test_examples_86_and_89_errors(node):
    node.configure([])
    assert curl(node.proxy, "/none").json["message"] == "no Route matched with those values"
    answer = curl(node.proxy, "/none", "-X", "POST", "-H", "Content-Type: application/grpc")
    assert (answer.status, answer.headers["content-type"], answer.headers["grpc-status"], answer.headers["grpc-message"],
            answer.body) == (404, "application/grpc", "5", "NotFound", b"")


def test_a_path_above_the_root_costs_its_request_only(echo):
    client = frames.Client(echo.proxy)
    client.send(frames.request(1, "/../x") + frames.request(3, "/fine"))
    assert client.until(frames.HEADERS)[2] == 1
    assert b"/fine" in [client.until(frames.DATA) for _ in range(2)][1][3]
    client.close()


def test_example_126_an_upstream_that_breaks_off_is_a_reset(node):
    origin = kit.RawOrigin(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello")
    node.configure([{"name": "s", "url": f"http://{kit.LOOPBACK}:{origin.port}", "routes": [{"name": "r", "paths": ["/"]}]}])
    client = frames.Client(node.proxy)
    client.send(frames.request(1, "/"))
    assert client.until(frames.DATA)[3] == b"hello"
    assert client.until(frames.RST_STREAM)[3] == b"\0\0\0\2", "INTERNAL_ERROR"
    client.close()
    done = curl(node.proxy, "/", check=False)
    assert done.returncode == 92 and b"INTERNAL_ERROR" in done.stderr, done
    kit.eventually(lambda: b'"GET / HTTP/2.0" 200 5 ' in node.access_log.read_bytes(), what="status and length in the log")
    origin.close()


def test_the_access_log_names_the_version(echo):
    curl(echo.proxy, "/logged")
    kit.eventually(lambda: b'"GET /logged HTTP/2.0" 200 ' in echo.access_log.read_bytes(), what="the line")


def test_many_requests_over_few_connections(echo, origin):
    done = subprocess.run(["h2load", "-n", "2000", "-c", "4", "-m", "20", f"http://{kit.LOOPBACK}:{echo.proxy}/load"], capture_output=True, text=True)
    assert "2000 succeeded, 0 failed, 0 errored" in done.stdout, done.stdout
    assert len(origin.seen) >= 2000


def test_a_client_that_announces_priorities_and_trailers(echo):
    done = subprocess.run(["nghttp", "-v", "-n", "--trailer", "x-sum: 1", "-d", "-", f"http://{kit.LOOPBACK}:{echo.proxy}/posted"], input="some body",
                          capture_output=True, text=True)
    assert ":status: 200" in done.stdout and done.returncode == 0, done.stdout


def test_tls_settles_on_http_2_and_so_does_every_address_of_the_listener(echo):
    """The flag is on the address without TLS only (proxy.md 7.4)."""
    for words, version in (("--http2",), "HTTP/2 200"), (("--http1.1",), "HTTP/1.1 200 OK"), (("--no-alpn",), "HTTP/1.1 200 OK"):
        done = subprocess.run(["curl", "-sSik", *words, f"https://{kit.LOOPBACK}:{echo.secure}/tls"], capture_output=True, text=True)
        assert done.stdout.splitlines()[0].strip() == version, done
        assert '"x-forwarded-proto": "https"' in done.stdout.lower()


def test_a_large_body_over_tls_both_ways(echo):
    body = bytes(i * 11 % 253 for i in range(1000)) * 2000
    done = subprocess.run(["curl", "-sSk", "--http2", "--data-binary", "@-", f"https://{kit.LOOPBACK}:{echo.secure}/tls"], input=body, capture_output=True)
    assert json.loads(done.stdout)["body"].encode("latin1") == body


def test_status_listens_as_well(node):
    assert curl(node.status, "/status/ready").status == 200


def test_draining_finishes_what_has_begun(folder):
    asked, go_on = threading.Event(), threading.Event()

    def slow(_, seen):
        asked.set()
        go_on.wait(10)
    origin = kit.Origin(slow)
    node = h2_node.Node(folder / "draining" if (folder / "draining").mkdir() is None else None).start()
    node.configure([{"name": "s", "url": f"http://{kit.LOOPBACK}:{origin.port}", "routes": [{"name": "r", "paths": ["/"]}]}])
    client = frames.Client(node.proxy)
    client.send(frames.request(1, "/slow"))
    assert asked.wait(10)
    node.dp.process.send_signal(signal.SIGTERM)
    assert client.until(frames.GOAWAY)[3][:4] == b"\x7f\xff\xff\xff"
    ping = client.until(frames.PING)[3]
    client.send(frames.frame(frames.PING, frames.ACK, 0, ping))
    assert client.until(frames.GOAWAY)[3][:4] == b"\0\0\0\1"
    go_on.set()
    assert b"/slow" in client.until(frames.DATA)[3]
    assert client.read() is None
    node.stop()
    origin.close()
