"""Clients that mean no good: memory stays flat, others are served (pitfalls.md B6 126; RFC 9113 10.5)."""
import struct

import frames
import kit
import pytest

MIB = 1024 * 1024


@pytest.fixture
def big(node):
    """Answers with 4 MiB."""
    def answer(handler, seen):
        handler.send_response(200)
        handler.send_header("Content-Length", str(4 * MIB))
        handler.end_headers()
        try:
            for _ in range(64):
                handler.wfile.write(b"x" * 65536)
        except OSError:
            pass
        return True
    origin = kit.Origin(answer)
    node.configure([{"name": "s", "url": f"http://{kit.LOOPBACK}:{origin.port}", "routes": [{"name": "r", "paths": ["/"]}]}])
    yield node
    origin.close()


def others_are_served(node):
    assert kit.call(node.proxy, "GET", "/configured-%d" % node.configured).status == 204


def test_windows_of_zero_hold_no_answers(big):
    """50 answers of 4 MiB that nobody takes: each stream holds what the proxy may hold of one, and no more."""
    before = big.memory()
    clients = [frames.Client(big.proxy, [(4, 0)]) for _ in range(2)]
    for client in clients:
        client.send(b"".join(frames.request(2 * i + 1, "/") for i in range(25)))
    for client in clients:
        for _ in range(25):
            assert client.until(frames.HEADERS) is not None
    others_are_served(big)
    assert big.memory() - before < 50 * 320 * 1024
    for client in clients:
        client.close()


def is_refused(client, data):
    try:
        client.send(data)
    except OSError:
        return True
    return False


FLOODS = {
    "PING": frames.frame(frames.PING, 0, 0, b"12345678"),
    "SETTINGS": frames.frame(frames.SETTINGS, 0, 0, struct.pack(">HI", 4, 100)),
    "empty DATA": frames.frame(frames.DATA, 0, 1),
    "WINDOW_UPDATE": frames.frame(frames.WINDOW_UPDATE, 0, 0, b"\0\0\0\1"),
    "PRIORITY": frames.frame(frames.PRIORITY, 0, 1, b"\0\0\0\0\x10"),
}


@pytest.mark.parametrize("name", FLOODS)
def test_floods_end_in_enhance_your_calm(big, name):
    before = big.memory()
    client = frames.Client(big.proxy)
    client.send(frames.request(1, "/", "POST", end=False))
    try:
        for _ in range(200):
            client.send(FLOODS[name] * 100)
    except OSError:
        pass
    last = client.until(frames.GOAWAY)
    assert last is None or last[3][7] == frames.ENHANCE_YOUR_CALM
    kit.eventually(lambda: is_refused(client, FLOODS[name] * 100), what="the connection is closed")
    others_are_served(big)
    assert big.memory() - before < 4 * MIB


def test_rapid_reset_is_cut_off(big):
    before = big.memory()
    for _ in range(20):
        client = frames.Client(big.proxy)
        try:
            for i in range(100):
                client.send(b"".join(frames.request(2 * k + 1, "/") + frames.frame(frames.RST_STREAM, 0, 2 * k + 1, b"\0\0\0\x08")
                                     for k in range(i * 10, i * 10 + 10)))
        except OSError:
            pass
        client.close()
    others_are_served(big)
    assert big.memory() - before < 8 * MIB


def test_continuation_without_end_is_cut_off(big):
    before = big.memory()
    client = frames.Client(big.proxy)
    client.send(frames.frame(frames.HEADERS, frames.END_STREAM, 1, frames.fields([(":method", "GET")])))
    more = frames.frame(frames.CONTINUATION, 0, 1, frames.fields([("x", "y" * 100)]) * 100)
    kit.eventually(lambda: is_refused(client, more), what="the connection is closed")
    others_are_served(big)
    assert big.memory() - before < 4 * MIB


def test_a_table_bomb_is_cut_off(big):
    """One large entry in HPACK's table, named again and again by a byte each (RFC 7541 7.3)."""
    before = big.memory()
    client = frames.Client(big.proxy)
    large = b"\x40\x01x\x7f" + bytes([0x80 | (3800 - 127) % 128, (3800 - 127) // 128]) + b"y" * 3800
    client.send(frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, 1,
                             frames.fields([(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "h")]) + large + b"\xbe" * 8000))
    last = client.until(frames.GOAWAY)
    assert last and last[3][7] == frames.ENHANCE_YOUR_CALM
    assert big.memory() - before < 4 * MIB
