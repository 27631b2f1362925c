"""Limits, timeouts, retries and error bodies, by the settings that change them (proxy.md 3, 4.1, 10.3; examples 84, 90 to 93, 96, 97)."""
import os
import re
import socket
import threading
import time

import kit
import pytest

INVALID = "An invalid response was received from the upstream server"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(scope="module")
def gateway(services, folder):
    """Four data planes: small limits, generous ones, one that tries again whatever happens, and one as it comes."""
    made = kit.Gateway(services, folder, data_planes=4, proxy_ports=4)
    small, generous, eager, _ = made.dps
    template = folder / "error.json"
    template.write_text('{"oops":"%s","id":"%s"}')
    small.settings |= {
        "nginx_http_client_max_body_size": "1k", "nginx_http_client_header_timeout": "1s", "nginx_http_client_body_timeout": "1s",
        "nginx_http_keepalive_timeout": "1s", "nginx_http_keepalive_requests": "3", "nginx_proxy_proxy_buffer_size": "4k",
        "worker_connections": "20", "upstream_keepalive_pool_size": "0", "error_template_json": template, "nginx_http_underscores_in_headers": "off"}
    generous.settings |= {
        "nginx_http_large_client_header_buffers": "4 16k", "nginx_http_charset": "off", "allow_debug_header": "on",
        "upstream_duplicate_framing": "tolerate_equal"}
    eager.settings |= {
        "nginx_proxy_proxy_next_upstream": "error timeout invalid_header http_503 non_idempotent",
        "nginx_proxy_proxy_next_upstream_tries": "3", "client_half_close": "answer"}
    generous.settings |= {"retry_stale_post": "on"}
    made.start()
    yield made
    made.stop()


SMALL, GENEROUS, EAGER, USUAL = 0, 1, 2, 3


@pytest.fixture
def raw_origin(gateway):
    """Makes upstreams that answer with canned bytes, each behind a route of its own."""
    made = []

    def make(answer, **service):
        origin = kit.RawOrigin(answer)
        made.append(origin)
        one, _ = gateway.service(f"s{len(made)}", origin, paths=[f"/s{len(made)}"])
        if service:
            assert gateway.api("PATCH", f"/services/{one['id']}", service).status == 200
        origin.path = f"/s{len(made)}"
        return origin
    yield make
    for origin in made:
        origin.close()
    gateway.wipe()


def closed_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_example_97_a_body_above_the_limit_is_refused_before_it_is_read(gateway, raw_origin):
    origin = raw_origin(ANSWER)
    answer = kit.call(gateway.proxies[SMALL], "POST", origin.path, [("Accept", "text/plain")], b"a" * 2000)
    assert answer.status == 413 and answer.body.startswith(b"Payload too large\n") and origin.heads == []
    assert kit.call(gateway.proxies[SMALL], "POST", origin.path, body=b"a" * 1000).status == 200


def test_row_66_a_chunked_body_above_the_limit_is_refused_while_counting(gateway, raw_origin):
    origin = raw_origin(ANSWER)
    got = kit.raw(gateway.proxies[SMALL], b"POST %s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" % origin.path.encode()
                  + b"400\r\n" + b"a" * 1024 + b"\r\n" + b"1\r\na\r\n")
    assert got.startswith(b"HTTP/1.1 413 ") and b"\r\nConnection: close\r\n" in got and origin.heads == []


def test_row_44_a_head_that_takes_too_long_is_408(gateway):
    with socket.create_connection(("127.0.0.1", gateway.proxies[SMALL]), timeout=5) as s:
        begun = time.monotonic()
        got = b""
        s.settimeout(0.2)
        for byte in b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"y" * 100:
            s.sendall(bytes([byte]))
            try:
                got += s.recv(65536)
                break
            except socket.timeout:
                continue
    assert got.startswith(b"HTTP/1.1 408 ") and time.monotonic() - begun < 5, "the whole head has one deadline"


def test_row_67_a_body_that_pauses_is_408(gateway, raw_origin):
    origin = raw_origin(ANSWER)
    got = kit.raw(gateway.proxies[SMALL], b"POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab" % origin.path.encode())
    assert got.startswith(b"HTTP/1.1 408 ") and b"Request timeout" in got and origin.heads == []


def test_an_idle_connection_is_closed_and_a_worn_one_too(gateway, raw_origin):
    origin = raw_origin(ANSWER)
    request = b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % origin.path.encode()
    assert kit.raw(gateway.proxies[SMALL], b"") == b""
    got = kit.raw(gateway.proxies[SMALL], request)
    assert got.count(b"HTTP/1.1 200") == 1 and b"\r\nConnection: keep-alive\r\n" in got
    got = kit.raw(gateway.proxies[SMALL], request * 5)
    assert got.count(b"HTTP/1.1 200") == 3 and got.count(b"\r\nConnection: close\r\n") == 1


def test_connections_beyond_the_limit_wait_for_room(gateway):
    held = [socket.create_connection(("127.0.0.1", gateway.proxies[SMALL])) for _ in range(20)]
    for s in held:
        s.sendall(b"GET / HTTP/1.1\r\n")
    status = lambda: kit.call(gateway.dps[SMALL].status, "GET", "/status").json["server"]["connections_active"]
    kit.eventually(lambda: status() == 20, what="all are open")
    with socket.create_connection(("127.0.0.1", gateway.proxies[SMALL])) as late:
        late.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        late.settimeout(0.2)
        with pytest.raises(socket.timeout):
            late.recv(1)
        held.pop().close()
        late.settimeout(5)
        assert late.recv(100).startswith(b"HTTP/1.1 404 ")
    for s in held:
        s.close()


def test_example_96_larger_heads_when_the_setting_allows(gateway, raw_origin):
    origin = raw_origin(ANSWER)
    big = [("X-Big", "a" * 12000)]
    assert kit.call(gateway.proxies[SMALL], "GET", origin.path, big).status == 400
    assert kit.call(gateway.proxies[GENEROUS], "GET", origin.path, big).status == 200


def test_row_112_a_large_head_of_an_upstream(gateway, raw_origin):
    head = b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 6000 + b"\r\nX-B: " + b"b" * 14000 + b"\r\nContent-Length: 0\r\n\r\n"
    origin = raw_origin(head)
    assert kit.call(gateway.proxies[GENEROUS], "GET", origin.path).headers["x-b"] == "b" * 14000
    assert kit.call(gateway.proxies[SMALL], "GET", origin.path).status == 502
    kit.eventually(lambda: "head larger than proxy_buffer_size" in gateway.dps[SMALL].settings["prefix"].joinpath("logs/error.log").read_text())


def test_row_85_equal_lengths_can_be_tolerated_and_the_log_names_both_values(gateway, raw_origin):
    origin = raw_origin(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok")
    other = raw_origin(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!")
    assert kit.call(gateway.proxies[GENEROUS], "GET", origin.path).body == b"ok"
    assert kit.call(gateway.proxies[GENEROUS], "GET", other.path).status == 502
    assert kit.call(gateway.proxies[EAGER], "GET", other.path).status == 502
    log = gateway.dps[EAGER].settings["prefix"].joinpath("logs/error.log")
    kit.eventually(lambda: "repeated Content-Length (RFC 9112 6.3): '2' and '3'" in log.read_text())


def test_example_84_charset_is_added_unless_off(gateway, raw_origin):
    origin = raw_origin(ANSWER)
    assert kit.call(gateway.proxies[SMALL], "GET", origin.path).headers["content-type"] == "text/html; charset=UTF-8"
    assert kit.call(gateway.proxies[GENEROUS], "GET", origin.path).headers["content-type"] == "text/html"


def test_row_32_fields_with_underscores(gateway, raw_origin):
    origin = raw_origin(ANSWER)
    for dp, count in ((SMALL, 1), (GENEROUS, 2)):
        kit.call(gateway.proxies[dp], "GET", origin.path, [("X_A", "1"), ("X-A", "2")])
        assert len(re.findall(rb"(?m)^X.A: ", origin.heads[-1])) == count


def test_an_upstream_limits_the_rate_of_its_answer(gateway, raw_origin):
    body = b"a" * 300000
    origin = raw_origin(b"HTTP/1.1 200 OK\r\nX-Accel-Limit-Rate: 120000\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    begun = time.monotonic()
    answer = kit.call(gateway.proxies[USUAL], "GET", origin.path)
    assert answer.body == body and "x-accel-limit-rate" not in answer.headers
    assert time.monotonic() - begun > 0.5, "but for the first second and the last buffer"


def test_error_bodies_by_template(gateway):
    answer = kit.call(gateway.proxies[SMALL], "GET", "/nowhere")
    assert answer.json == {"oops": "no Route matched with those values", "id": answer.headers["x-kong-request-id"]}
    assert kit.call(gateway.proxies[SMALL], "GET", "/nowhere", [("Accept", "text/plain")]).body.startswith(b"no Route matched")


def test_several_accept_lines_count_as_one(gateway):
    answer = kit.call(gateway.proxies[GENEROUS], "GET", "/nowhere", [("Accept", "text/html;q=0.4"), ("Accept", "application/xml")])
    assert answer.headers["content-type"] == "application/xml; charset=utf-8"


def test_the_debug_header_names_route_and_service_where_it_is_allowed(gateway, raw_origin):
    origin = raw_origin(ANSWER)
    answer = kit.call(gateway.proxies[GENEROUS], "GET", origin.path, [("Kong-Debug", "1")])
    assert answer.headers["kong-route-name"] == answer.headers["kong-service-name"] == origin.path[1:]
    assert {"kong-route-id", "kong-service-id"} <= answer.headers.keys()
    assert "kong-route-id" not in kit.call(gateway.proxies[GENEROUS], "GET", origin.path).headers
    assert "kong-route-id" not in kit.call(gateway.proxies[SMALL], "GET", origin.path, [("Kong-Debug", "1")]).headers


def test_a_pool_of_size_zero_keeps_no_connection(gateway, origin):
    gateway.service("s", origin, paths=["/"])
    for _ in range(2):
        assert kit.call(gateway.proxies[SMALL], "GET", "/").status == 200
    assert pool_size(gateway.dps[SMALL].pid, origin.port) == 0
    assert kit.call(gateway.proxies[EAGER], "GET", "/").status == 200
    assert pool_size(gateway.dps[EAGER].pid, origin.port) == 1
    gateway.wipe()


def pool_size(pid, port):
    """Connections of a process to a port of this machine that are established."""
    inodes = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            inodes.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            continue
    rows = [line.split() for line in open("/proc/net/tcp").read().splitlines()[1:]]
    return sum(row[2].endswith(f":{port:04X}") and row[3] == "01" and f"socket:[{row[9]}]" in inodes for row in rows)


# ---- retries

def test_example_90_a_refused_connection_is_tried_again(gateway):
    gateway.post("/services", {"name": "refused", "host": "127.0.0.1", "port": closed_port(), "retries": 5})
    gateway.post("/services/refused/routes", {"paths": ["/refused"]})
    for dp in (GENEROUS, EAGER):
        answer = kit.call(gateway.proxies[dp], "GET", "/refused")
        assert answer.status == 502 and answer.body.startswith(b"An invalid response was received from the upstream server\n")
        assert {"x-kong-proxy-latency", "x-kong-upstream-latency", "via"} <= answer.headers.keys() and "x-kong-response-latency" not in answer.headers
    tries = lambda dp: gateway.dps[dp].settings["prefix"].joinpath("logs/error.log").read_text().count("host=127.0.0.1:%d" % port)
    port = gateway.api("GET", "/services/refused").json["port"]
    assert (tries(GENEROUS), tries(EAGER)) == (6, 3), "proxy_next_upstream_tries bounds what retries says"
    gateway.wipe()


def test_example_92_a_connect_that_times_out_is_504(gateway):
    hole = socket.socket()
    hole.bind(("127.0.0.1", 0))
    hole.listen(0)
    fill = []
    for _ in range(8):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(hole.getsockname())
        fill.append(s)
    gateway.post("/services", {"name": "hole", "host": "127.0.0.1", "port": hole.getsockname()[1], "retries": 2, "connect_timeout": 100})
    gateway.post("/services/hole/routes", {"paths": ["/hole"]})
    begun = time.monotonic()
    answer = kit.call(gateway.proxies[GENEROUS], "GET", "/hole")
    assert answer.status == 504 and answer.body.startswith(b"The upstream server is timing out\n")
    assert time.monotonic() - begun > 0.29, "three tries"
    for s in [*fill, hole]:
        s.close()
    gateway.wipe()


@pytest.mark.parametrize("method, tries", [("GET", 2), ("PUT", 2), ("DELETE", 2), ("POST", 1), ("PATCH", 1), ("LOCK", 1)])
def test_example_93_what_may_have_been_acted_on_is_not_repeated(gateway, raw_origin, method, tries):
    origin = raw_origin(b"", retries=1, read_timeout=150)
    origin.close_after = False
    answer = kit.call(gateway.proxies[GENEROUS], method, origin.path)
    assert answer.status == 504 and len(origin.heads) == tries


def test_conditions_of_next_upstream(gateway, raw_origin):
    unavailable = raw_origin(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy", retries=5)
    invalid = raw_origin(b"nonsense\r\n\r\n", retries=5)
    for origin, status in ((unavailable, 503), (invalid, 502)):
        assert kit.call(gateway.proxies[GENEROUS], "GET", origin.path).status == status and len(origin.heads) == 1
        origin.heads.clear()
        assert kit.call(gateway.proxies[EAGER], "POST", origin.path, body=b"x").status == status and len(origin.heads) == 3


class Dying:
    """An upstream that keeps its first connection until the second request on it, and then drops it; later ones are answered."""

    def __init__(self):
        self.heads = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            for turn in range(1000):
                connection, _ = self.socket.accept()
                with connection:
                    for answers in (True, turn > 0):
                        self.heads.append(connection.recv(65536))
                        if answers:
                            connection.sendall(ANSWER)
        except OSError:
            pass

    def close(self):
        self.socket.close()


@pytest.mark.parametrize("dp, status", [(USUAL, 502), (GENEROUS, 200)])
def test_a_post_over_a_dead_kept_connection_is_repeated_only_when_told_so(gateway, dp, status):
    """DEV-6, retry_stale_post."""
    dying = Dying()
    one, _ = gateway.service("dying", dying, paths=["/dying"])
    gateway.api("PATCH", f"/services/{one['id']}", {"retries": 0})
    assert kit.call(gateway.proxies[dp], "GET", "/dying").status == 200
    assert kit.call(gateway.proxies[dp], "POST", "/dying", body=b"x").status == status
    dying.close()
    gateway.wipe()


def test_row_77_a_client_that_ends_its_direction(gateway, raw_origin):
    origin = raw_origin(ANSWER)
    request = b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % origin.path.encode()
    assert kit.raw(gateway.proxies[EAGER], request, half_close=True).startswith(b"HTTP/1.1 200 ")


def test_errors_of_the_engine_for_grpc_clients(gateway):
    gateway.post("/services", {"name": "refused", "host": "127.0.0.1", "port": closed_port(), "retries": 0})
    gateway.post("/services/refused/routes", {"paths": ["/refused"]})
    answer = kit.call(gateway.proxies[GENEROUS], "POST", "/refused", [("Content-Type", "application/grpc+proto")], b"x")
    assert (answer.status, answer.headers["content-type"], answer.body) == (502, "application/grpc", b"")
    assert answer.headers["grpc-status"] == "13" and answer.headers["grpc-message"] == INVALID
    answer = kit.call(gateway.proxies[GENEROUS], "POST", "/nowhere", [("Content-Type", "application/grpc")], b"x")
    assert answer.json["message"] == "no Route matched with those values", "over HTTP/1 it is no gRPC request"
    gateway.wipe()
