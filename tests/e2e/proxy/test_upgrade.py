"""WebSocket and other upgrades: the request, the tunnel, its ends (proxy.md 7.6; examples 75, 76; pitfalls.md B4 74 to 76, A5-6 to A5-8)."""
import re
import socket
import threading

import kit
import pytest

ASK = b"GET /ws HTTP/1.1\r\nHost: h.test\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"


class Peer:
    """An upstream whose one connection is the test's: accept() gives the socket and the head that came."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(10)
        self.port = self.socket.getsockname()[1]

    def accept(self):
        connection, _ = self.socket.accept()
        connection.settimeout(10)
        return connection, until(connection, b"\r\n\r\n")

    def close(self):
        self.socket.close()


def until(s, mark):
    got = b""
    while mark not in got:
        more = s.recv(65536)
        assert more, f"ended after {got!r}"
        got += more
    return got


def is_closed(s):
    """By FIN or by RST, with nothing before."""
    try:
        return s.recv(10) == b""
    except ConnectionResetError:
        return True


@pytest.fixture
def peer():
    made = Peer()
    yield made
    made.close()


@pytest.fixture
def client(gateway, peer):
    gateway.service("s", peer, paths=["/"])
    with socket.create_connection(("127.0.0.1", gateway.proxy), timeout=10) as s:
        yield s


@pytest.fixture
def tunnel(client, peer):
    """Both ends of an open tunnel."""
    client.sendall(ASK)
    upstream, _ = peer.accept()
    upstream.sendall(SWITCH)
    until(client, b"\r\n\r\n")
    yield client, upstream
    upstream.close()


def test_example_75_the_request_and_the_answer(client, peer):
    client.sendall(ASK)
    upstream, head = peer.accept()
    assert re.search(rb"^Connection: keep-alive, Upgrade\r$", head, re.M) and re.search(rb"^Upgrade: websocket\r$", head, re.M)
    assert re.search(rb"^Sec-WebSocket-Key: dGhlIHNhbXBsZQ==\r$", head, re.M)
    upstream.sendall(SWITCH + b"early")
    got = until(client, b"early")
    assert got.startswith(b"HTTP/1.1 101 ") and re.search(rb"^Upgrade: websocket\r$", got, re.M) and b"Sec-WebSocket-Accept: x" in got
    assert re.search(rb"^Connection: upgrade\r$", got, re.M | re.I) and b"Transfer-Encoding" not in got and b"Content-Length" not in got
    client.sendall(b"ping")
    assert until(upstream, b"ping") == b"ping"
    upstream.sendall(b"pong")
    assert until(client, b"pong") == b"pong"
    upstream.close()


def test_row_74_what_the_client_sends_early_waits_for_the_101(client, peer):
    client.sendall(ASK + b"too early")
    upstream, head = peer.accept()
    assert head.endswith(b"\r\n\r\n")
    upstream.settimeout(0.2)
    with pytest.raises(socket.timeout):
        upstream.recv(1)
    upstream.settimeout(10)
    upstream.sendall(SWITCH)
    assert until(upstream, b"too early") == b"too early"
    upstream.close()


def test_row_74_an_answer_other_than_101_is_an_answer(client, peer):
    client.sendall(ASK)
    upstream, _ = peer.accept()
    upstream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno")
    assert until(client, b"no").startswith(b"HTTP/1.1 200 ")
    client.sendall(b"GET /next HTTP/1.1\r\nHost: h.test\r\n\r\n")
    assert b"GET /next " in until(upstream, b"\r\n\r\n"), "both connections go on"
    upstream.close()


def test_row_75_an_upgrade_with_a_body_is_refused(client):
    client.sendall(ASK.replace(b"GET", b"POST").replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\nabc"))
    assert until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_row_76_a_101_that_nobody_asked_for_is_502(client, peer):
    client.sendall(b"GET / HTTP/1.1\r\nHost: h.test\r\n\r\n")
    upstream, _ = peer.accept()
    upstream.sendall(SWITCH)
    assert until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 502 ")
    upstream.close()


def test_example_76_other_tokens_are_removed(client, peer):
    client.sendall(b"GET / HTTP/1.1\r\nHost: h.test\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAM\r\n\r\n")
    upstream, head = peer.accept()
    assert not re.search(rb"^(upgrade|http2-settings):", head, re.M | re.I) and b"Connection: keep-alive\r\n" in head
    upstream.close()


def test_a_client_that_ends_its_direction_still_hears_the_rest(tunnel):
    client, upstream = tunnel
    client.sendall(b"last words")
    client.shutdown(socket.SHUT_WR)
    assert until(upstream, b"last words") == b"last words" and upstream.recv(10) == b""
    upstream.sendall(b"and the answer")
    upstream.shutdown(socket.SHUT_WR)
    assert until(client, b"answer") == b"and the answer" and client.recv(10) == b""


def test_an_upstream_that_ends_its_direction_still_hears_the_rest(tunnel):
    client, upstream = tunnel
    upstream.sendall(b"bye")
    upstream.shutdown(socket.SHUT_WR)
    assert until(client, b"bye") == b"bye" and client.recv(10) == b""
    client.sendall(b"one thing more")
    client.shutdown(socket.SHUT_WR)
    assert until(upstream, b"more") == b"one thing more" and upstream.recv(10) == b""


def test_a_client_that_vanishes_takes_the_upstream_connection_along(tunnel):
    client, upstream = tunnel
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    assert is_closed(upstream)


def test_an_upstream_that_resets_closes_the_client(tunnel):
    client, upstream = tunnel
    upstream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    upstream.close()
    assert is_closed(client)


@pytest.mark.parametrize("way", ["to the upstream", "to the client"])
def test_much_data_passes_whole_and_is_held_back(tunnel, way):
    sender, receiver = tunnel if way == "to the upstream" else tunnel[::-1]
    data = bytes(range(256)) * (64 * 1024)  # 16 MiB, far more than buffers and windows
    def send():
        sender.sendall(data)
        sender.shutdown(socket.SHUT_WR)
    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    thread.join(0.3)
    assert thread.is_alive(), "the sender waits for a receiver that does not read"
    got = bytearray()
    while piece := receiver.recv(1 << 20):
        got += piece
    assert got == data


def test_a_tunnel_without_a_byte_is_closed_after_the_service_s_timeouts(gateway, peer):
    service, _ = gateway.service("s", peer, paths=["/"])
    gateway.api("PATCH", f"/services/{service['id']}", {"read_timeout": 300, "write_timeout": 300})
    with socket.create_connection(("127.0.0.1", gateway.proxy), timeout=10) as client:
        client.sendall(ASK)
        upstream, _ = peer.accept()
        with upstream:
            upstream.sendall(SWITCH)
            until(client, b"\r\n\r\n")
            assert is_closed(client) and is_closed(upstream)
