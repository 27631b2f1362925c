"""gRPC through the proxy, with the clients and servers of grpcio (proxy.md 7.5, 1.13, 3.5; examples 27, 42 to 44), and what upstreams of
HTTP/2 may do to a request (RFC 9113 6.8, 8.7)."""
import subprocess
import threading
from concurrent import futures

import frames
import grpc
import h2_node
import kit
import pytest

SERVICE = "pkg.Svc"


class Server:
    """A gRPC server of raw bytes. It keeps the metadata of every call."""

    def __init__(self, credentials=None):
        self.calls, self.gate = [], threading.Event()
        handlers = {
            "Echo": grpc.unary_unary_rpc_method_handler(self.echo),
            "Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "Count": grpc.unary_stream_rpc_method_handler(self.count),
            "Sum": grpc.stream_unary_rpc_method_handler(self.sum),
            "Talk": grpc.stream_stream_rpc_method_handler(self.talk),
            "Wait": grpc.unary_unary_rpc_method_handler(self.wait),
        }
        self.server = grpc.server(futures.ThreadPoolExecutor(60))
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        self.port = self.server.add_secure_port("127.0.0.1:0", credentials) if credentials else self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def echo(self, request, context):
        self.calls.append({**dict(context.invocation_metadata()), "peer": context.peer()})
        context.send_initial_metadata((("x-first", "1"),))
        context.set_trailing_metadata((("x-last", "2"),))
        return request

    def fail(self, request, context):
        context.set_trailing_metadata((("x-why", "because"),))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not now: 100%")

    def count(self, request, context):
        for i in range(int(request)):
            yield str(i).encode() * 1000

    def sum(self, requests, context):
        return str(sum(len(r) for r in requests)).encode()

    def talk(self, requests, context):
        for r in requests:
            yield r.upper()

    def wait(self, request, context):
        self.calls.append({"peer": context.peer()})
        self.gate.wait(20)
        return request

    def stop(self):
        self.gate.set()
        self.server.stop(None)


@pytest.fixture(scope="module")
def server():
    made = Server()
    yield made
    made.stop()


@pytest.fixture
def upstream(node, server):
    configure(node, server.port)
    return server


def configure(node, port, protocol="grpc", service=None, **route):
    node.configure([{"name": "g", "host": kit.LOOPBACK, "port": port, "protocol": protocol, **(service or {}),
                     "routes": [{"name": "r", "protocols": ["grpc", "grpcs"], "paths": [f"/{SERVICE}/"], "strip_path": False, **route}]}])


@pytest.fixture
def channel(node):
    with grpc.insecure_channel(f"{kit.LOOPBACK}:{node.proxy}") as made:
        yield made


def method(channel, name, kind="unary_unary"):
    return getattr(channel, kind)(f"/{SERVICE}/{name}")


def test_example_27_a_call_and_what_goes_with_it(node, upstream, channel):
    upstream.calls.clear()
    answer, call = method(channel, "Echo").with_call(b"hello", metadata=(("x-own", "a"), ("x-bin-bin", b"\0\xff")), timeout=10)
    assert answer == b"hello" and call.code() == grpc.StatusCode.OK
    assert ("x-first", "1") in call.initial_metadata() and ("x-last", "2") in call.trailing_metadata()
    first = dict(call.initial_metadata())
    assert first["via"].startswith("2 gatehouse/") and len(first["x-kong-request-id"]) == 32
    seen = upstream.calls[0]
    assert seen["x-own"] == "a" and seen["x-bin-bin"] == b"\0\xff"
    assert seen["x-forwarded-proto"] == "http" and seen["via"].startswith("2 gatehouse/") and seen["x-forwarded-path"] == f"/{SERVICE}/Echo"


def test_a_status_with_its_message_and_trailers(upstream, channel):
    with pytest.raises(grpc.RpcError) as e:
        method(channel, "Fail")(b"", timeout=10)
    assert (e.value.code(), e.value.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "not now: 100%")
    assert ("x-why", "because") in e.value.trailing_metadata()


def test_an_unknown_method_is_the_servers_to_refuse(upstream, channel):
    with pytest.raises(grpc.RpcError) as e:
        method(channel, "None")(b"", timeout=10)
    assert e.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_streams_of_both_directions(upstream, channel):
    assert [len(m) for m in method(channel, "Count", "unary_stream")(b"200", timeout=20)] == [len(str(i)) * 1000 for i in range(200)]
    assert method(channel, "Sum", "stream_unary")(iter([b"x" * 10000] * 100), timeout=20) == b"1000000"


def test_a_conversation_is_not_buffered(upstream, channel):
    said, more = [], threading.Semaphore(0)

    def talk():
        for i in range(20):
            yield b"word-%d" % i
            more.acquire(timeout=10)  # the next one only when this one has been answered
    for answer in method(channel, "Talk", "stream_stream")(talk(), timeout=20):
        said.append(answer)
        more.release()
    assert said == [b"WORD-%d" % i for i in range(20)]


def test_large_messages_both_ways(node, upstream):
    options = [("grpc.max_receive_message_length", 1 << 26), ("grpc.max_send_message_length", 1 << 26)]
    with grpc.insecure_channel(f"{kit.LOOPBACK}:{node.proxy}", options=options) as channel:
        message = bytes(i % 251 for i in range(1000)) * 3500
        assert method(channel, "Echo")(message, timeout=20) == message


def test_calls_share_a_connection(node, upstream, channel):
    upstream.calls.clear()
    upstream.gate.clear()
    waiting = [method(channel, "Wait").future(b"%d" % i, timeout=20) for i in range(40)]
    kit.eventually(lambda: len(upstream.calls) == 40, what="all calls are there")
    assert len({call["peer"] for call in upstream.calls}) == 1
    upstream.gate.set()
    assert [w.result() for w in waiting] == [b"%d" % i for i in range(40)]


def test_a_cancelled_call_is_cancelled_upstream(upstream, channel):
    upstream.gate.clear()
    upstream.calls.clear()
    call = method(channel, "Wait").future(b"x", timeout=20)
    kit.eventually(lambda: upstream.calls, what="the call is there")
    call.cancel()
    upstream.gate.set()
    assert method(channel, "Echo")(b"and on", timeout=10) == b"and on"


def test_a_method_that_is_no_routes(node, upstream, channel):
    with pytest.raises(grpc.RpcError) as e:
        channel.unary_unary("/other.Svc/Echo")(b"", timeout=10)
    assert (e.value.code(), e.value.details()) == (grpc.StatusCode.UNIMPLEMENTED, "Received http2 header with status: 404") or \
        e.value.code() == grpc.StatusCode.NOT_FOUND


def test_an_upstream_that_is_away(node, channel):
    configure(node, kit.free_port(), service={"retries": 1})
    client = frames.Client(node.proxy)
    client.send(frames.request(1, f"/{SERVICE}/Echo", "POST", [("content-type", "application/grpc"), ("te", "trailers")]))
    done = client.until(frames.HEADERS)
    assert done[1] & frames.END_STREAM
    client.close()
    with pytest.raises(grpc.RpcError) as e:
        method(channel, "Echo")(b"", timeout=10)
    assert (e.value.code(), e.value.details()) == (grpc.StatusCode.INTERNAL, "An invalid response was received from the upstream server")


def test_examples_43_and_44_who_is_no_grpc_client(node, upstream):
    answer = kit.call(node.proxy, "GET", f"/{SERVICE}/Echo", [("Content-Type", "application/json")])
    assert (answer.status, answer.json["message"]) == (415, "Non-gRPC request matched gRPC route")
    answer = kit.call(node.proxy, "POST", f"/{SERVICE}/Echo", [("Content-Type", "application/grpc")])
    assert (answer.status, answer.headers["upgrade"]) == (426, "HTTP/2")


def test_example_42_a_route_for_grpcs_only(node, server, channel):
    configure(node, server.port, protocols=["grpcs"])
    with pytest.raises(grpc.RpcError) as e:
        method(channel, "Echo")(b"", timeout=10)
    assert (e.value.code(), e.value.details()) == (grpc.StatusCode.CANCELLED, "gRPC request matched gRPCs route")


def certificate(folder):
    """A pair for localhost."""
    key, cert = folder / "grpc.key", folder / "grpc.crt"
    if not cert.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    return key.read_bytes(), cert.read_bytes()


def test_grpcs_on_both_sides(node, folder):
    key, cert = certificate(folder)
    server = Server(grpc.ssl_server_credentials([(key, cert)]))
    configure(node, server.port, "grpcs")
    node.configure([{"name": "g", "host": "localhost", "port": server.port, "protocol": "grpcs",
                     "routes": [{"name": "r", "protocols": ["grpcs"], "paths": ["/"], "strip_path": False}]}],
                   certificates=[{"cert": cert.decode(), "key": key.decode(), "snis": [{"name": "localhost"}]}])
    with grpc.secure_channel(f"localhost:{node.secure}", grpc.ssl_channel_credentials(cert)) as channel:
        answer, call = method(channel, "Echo").with_call(b"hello", timeout=10)
        assert answer == b"hello" and ("x-last", "2") in call.trailing_metadata()
        assert server.calls[0]["x-forwarded-proto"] == "https"
    server.stop()


def test_an_http_route_may_lead_to_a_grpc_service(node, server):
    """Ordinary clients get the body; trailers are not theirs."""
    node.configure([{"name": "g", "host": kit.LOOPBACK, "port": server.port, "protocol": "grpc",
                     "routes": [{"name": "r", "paths": ["/"], "strip_path": False}]}])
    answer = kit.call(node.proxy, "POST", f"/{SERVICE}/Echo", [("Content-Type", "application/grpc"), ("TE", "trailers")], b"\0\0\0\0\2hi")
    assert (answer.status, answer.body) == (200, b"\0\0\0\0\2hi")
    assert "grpc-status" not in answer.headers


# ---- what upstreams of HTTP/2 may do

GRPC = [("content-type", "application/grpc"), ("te", "trailers")]


def ask(node, body=b"\0\0\0\0\2hi"):
    """One call; returns the frames of its stream."""
    client = frames.Client(node.proxy)
    client.send(frames.request(1, f"/{SERVICE}/Echo", "POST", GRPC, end=False) + frames.frame(frames.DATA, frames.END_STREAM, 1, body))
    got = []
    while (frame := client.read()) is not None:
        if frame[2] == 1 and frame[0] != frames.WINDOW_UPDATE:
            got.append(frame)
            if frame[0] == frames.RST_STREAM or frame[1] & frames.END_STREAM:
                break
    client.close()
    return got


def with_upstream(node, script, **service):
    server = frames.Server(script)
    configure(node, server.port, service=service)
    return server


def test_a_refused_stream_is_asked_again(node):
    def script(wire, _):
        stream = wire.until(frames.HEADERS)[2]
        wire.send(frames.frame(frames.RST_STREAM, 0, stream, b"\0\0\0\7"))
        stream = wire.until(frames.HEADERS)[2]
        assert wire.until(frames.DATA)[3] == b"\0\0\0\0\2hi"
        wire.send(frames.answer(stream) + frames.frame(frames.DATA, frames.END_STREAM, stream, b"second"))
        wire.read()
    server = with_upstream(node, script)
    assert ask(node)[1][3] == b"second"
    assert server.connections == 1
    server.close()


def test_what_goaway_excludes_is_asked_elsewhere(node):
    def script(wire, number):
        stream = wire.until(frames.HEADERS)[2]
        if number == 1:
            wire.send(frames.frame(frames.GOAWAY, 0, 0, b"\0\0\0\0\0\0\0\0"))
            while wire.read():
                pass
            return
        wire.send(frames.answer(stream) + frames.frame(frames.DATA, frames.END_STREAM, stream, b"elsewhere"))
        wire.read()
    server = with_upstream(node, script)
    assert ask(node)[1][3] == b"elsewhere"
    assert server.connections == 2
    server.close()


def test_a_call_that_may_have_been_acted_on_is_not_repeated(node):
    def script(wire, _):
        wire.until(frames.DATA)
    server = with_upstream(node, script)
    assert ask(node)[0][1] & frames.END_STREAM, "an answer of our own"
    assert server.connections == 1
    server.close()


def test_a_reset_within_the_answer_is_a_reset_for_the_client(node):
    def script(wire, _):
        stream = wire.until(frames.HEADERS)[2]
        wire.send(frames.answer(stream) + frames.frame(frames.DATA, 0, stream, b"half"))
        wire.until(frames.DATA)
        wire.send(frames.frame(frames.RST_STREAM, 0, stream, b"\0\0\0\2"))
        wire.read()
    server = with_upstream(node, script)
    got = ask(node)
    assert got[-1][0] == frames.RST_STREAM and got[-1][3] == b"\0\0\0\2"
    server.close()


def broken(stream, data):
    def script(wire, _):
        wire.until(frames.DATA)
        wire.send(data)
        wire.read()
    return script


@pytest.mark.parametrize("data", [
    frames.answer(1, "99"),
    frames.answer(1, "101"),
    frames.answer(1, more=[("connection", "close")]),
    frames.answer(1, more=[("X-Upper", "1")]),
    frames.answer(1, more=[("content-length", "5")], end=True),
    frames.frame(frames.HEADERS, 5, 1, frames.fields([("server", "x")])),
    frames.frame(frames.DATA, 1, 1, b"no head"),
    frames.frame(frames.HEADERS, 5, 1, b"\x80"),
    frames.frame(frames.PUSH_PROMISE, 4, 1, b"\0\0\0\2"),
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
], ids=range(10))
def test_an_answer_that_is_none_is_refused(node, data):
    server = with_upstream(node, broken(1, data))
    got = ask(node)
    assert len(got) == 1 and got[0][0] == frames.HEADERS and got[0][1] & frames.END_STREAM
    assert kit.call(node.proxy, "GET", f"/configured-{node.configured}").status == 204
    server.close()


def test_a_limit_of_streams_makes_another_connection(node):
    """The upstream takes two calls at a time on a connection and answers none before it has four."""
    waiting, peers = [], set()

    def script(wire, number):
        wire.send(frames.frame(frames.SETTINGS, 0, 0, b"\0\x03\0\0\0\x02"))
        while (got := wire.read()) is not None:
            if got[0] == frames.HEADERS:
                peers.add(number)
                waiting.append((wire, got[2]))
            if len(waiting) == 4:
                for other, stream in waiting:
                    other.send(frames.answer(stream, more=[("grpc-status", "0")], end=True))
                waiting.clear()
    server = with_upstream(node, script)
    client = frames.Client(node.proxy)
    first = frames.request(1, f"/{SERVICE}/Echo", "POST", GRPC)
    client.send(first)
    kit.eventually(lambda: waiting, what="the first call is there, and with it what its upstream allows")
    client.send(b"".join(frames.request(stream, f"/{SERVICE}/Echo", "POST", GRPC) for stream in (3, 5, 7)))
    assert {client.until(frames.HEADERS)[2] for _ in range(4)} == {1, 3, 5, 7}
    assert peers == {1, 2}
    client.close()
    server.close()


def test_a_connection_is_kept_for_the_next_call_until_goaway(node):
    def script(wire, number):
        for stream in (1, 3):
            if not wire.until(frames.HEADERS):
                return
            wire.send(frames.answer(stream) + frames.frame(frames.DATA, frames.END_STREAM, stream, b"%d" % number))
        wire.send(frames.frame(frames.GOAWAY, 0, 0, b"\0\0\0\3\0\0\0\0"))
        while wire.read():
            pass
    server = with_upstream(node, script)
    assert [ask(node)[1][3] for _ in range(5)] == [b"1", b"1", b"2", b"2", b"3"]
    server.close()


def test_interim_answers_are_skipped(node):
    def script(wire, _):
        stream = wire.until(frames.HEADERS)[2]
        wire.send(frames.answer(stream, "100") + frames.answer(stream, "103", [("link", "x")]) + frames.answer(stream) +
                  frames.frame(frames.DATA, frames.END_STREAM, stream, b"final"))
        wire.read()
    server = with_upstream(node, script)
    assert ask(node)[1][3] == b"final"
    server.close()


def test_a_client_that_does_not_take_the_answer_holds_the_upstream_back(node):
    sent = []

    def script(wire, _):
        stream = wire.until(frames.HEADERS)[2]
        wire.send(frames.answer(stream))
        window = 65535
        while True:
            while window >= 16384:
                wire.send(frames.frame(frames.DATA, 0, stream, b"x" * 16384))
                window -= 16384
                sent.append(16384)
            got = wire.read()
            if got is None:
                return
            if got[0] == frames.WINDOW_UPDATE and got[2] == stream:
                window += int.from_bytes(got[3], "big")
    server = with_upstream(node, script)
    client = frames.Client(node.proxy, [(4, 0)])
    client.send(frames.request(1, f"/{SERVICE}/Echo", "POST", GRPC))
    assert client.until(frames.HEADERS)
    kit.eventually(lambda: len(sent) > 2, what="some has been sent")
    before = None
    while before != len(sent):  # until nothing moves any more
        before = len(sent)
        for _ in range(20):
            client.send(frames.frame(frames.PING, 0, 0, b"12345678"))
            client.until(frames.PING)
    assert sum(sent) < 512 * 1024
    client.close()
    server.close()


@pytest.mark.parametrize("answers", [True, False])
def test_silent_upstreams_are_asked_whether_they_are_there(folder, answers):
    """upstream_http2_ping_interval: the answer to a PING keeps a call alive, its absence ends it."""
    pings = []

    def script(wire, _):
        stream = wire.until(frames.HEADERS)[2]
        while wire.until(frames.PING):
            pings.append(1)
            if answers:
                wire.send(frames.frame(frames.PING, frames.ACK, 0, bytes(8)))
            if len(pings) == 2:
                wire.send(frames.answer(stream) + frames.frame(frames.DATA, frames.END_STREAM, stream, b"there"))
    (folder / f"pings-{answers}").mkdir()
    node = h2_node.Node(folder / f"pings-{answers}", {"upstream_http2_ping_interval": 1}).start()
    server = with_upstream(node, script, retries=0)
    got = ask(node)
    assert (got[-1][3] == b"there" and len(pings) == 2) if answers else (len(got) == 1 and len(pings) == 1)
    node.stop()
    server.close()


def test_an_upstream_that_is_silent_times_out(node):
    server = with_upstream(node, lambda wire, _: [None for _ in iter(wire.read, None)], read_timeout=200, retries=0)
    got = ask(node)
    assert len(got) == 1 and got[0][1] & frames.END_STREAM
    server.close()
