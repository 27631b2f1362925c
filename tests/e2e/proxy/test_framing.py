"""Message framing: what must be refused, with which status, and that the upstream sees nothing of it (pitfalls.md B1-B3)."""
import re

import kit
import pytest

HOST = b"Host: h.test\r\n"

REFUSED = {
    # name: (bytes, status); the rows are those of pitfalls.md part B
    "row 46, Content-Length and Transfer-Encoding": (b"POST /f HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "row 48, Content-Length twice": (b"POST /f HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
    "row 50, Content-Length list": (b"POST /f HTTP/1.1\r\n" + HOST + b"Content-Length: 3, 3\r\n\r\nabc", 400),
    "row 51, signed Content-Length": (b"POST /f HTTP/1.1\r\n" + HOST + b"Content-Length: +3\r\n\r\nabc", 400),
    "row 51, negative Content-Length": (b"POST /f HTTP/1.1\r\n" + HOST + b"Content-Length: -3\r\n\r\nabc", 400),
    "row 51, Content-Length beyond 2^63": (b"POST /f HTTP/1.1\r\n" + HOST + b"Content-Length: 9223372036854775808\r\n\r\n", 400),
    "row 47, Transfer-Encoding on HTTP/1.0": (b"POST /f HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "row 52, gzip before chunked": (b"POST /f HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "row 23, bare LF": (b"GET /f HTTP/1.1\nHost: h.test\n\n", 400),
    "row 24, bare CR in a value": (b"GET /f HTTP/1.1\r\n" + HOST + b"A: b\rc\r\n\r\n", 400),
    "row 25, space before the colon": (b"GET /f HTTP/1.1\r\n" + HOST + b"A : b\r\n\r\n", 400),
    "row 27, folded line": (b"GET /f HTTP/1.1\r\n" + HOST + b"A: b\r\n c\r\n\r\n", 400),
    "row 29, line without colon": (b"GET /f HTTP/1.1\r\n" + HOST + b"abc\r\n\r\n", 400),
    "row 31, invalid name": (b"GET /f HTTP/1.1\r\n" + HOST + b"X(A): 1\r\n\r\n", 400),
    "row 33, NUL in a value": (b"GET /f HTTP/1.1\r\n" + HOST + b"A: b\0c\r\n\r\n", 400),
    "row 11, NUL in the target": (b"GET /f\0 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "row 36, no Host": (b"GET /f HTTP/1.1\r\n\r\n", 400),
    "row 38, Host twice": (b"GET /f HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400),
    "row 9, HTTP/0.9": (b"GET /f\r\n\r\n", 400),
    "row 8, HTTP/2.0 in a request line": (b"GET /f HTTP/2.0\r\n" + HOST + b"\r\n", 505),
    "row 15, above the root": (b"GET /../f HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "row 14, malformed triplet": (b"GET /f%zz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "row 17, authority differs from Host": (b"GET http://a.test/f HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "row 21, TRACE": (b"TRACE /f HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "row 22, request line above 8k": (b"GET /" + b"f" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "row 41, header line above 8k": (b"GET /f HTTP/1.1\r\n" + HOST + b"A: " + b"b" * 9000 + b"\r\n\r\n", 400),
    "row 42, head above 32k": (b"GET /f HTTP/1.1\r\n" + HOST + (b"A: " + b"b" * 5000 + b"\r\n") * 8 + b"\r\n", 400),
    "row 70, Connection names Content-Length": (b"POST /f HTTP/1.1\r\n" + HOST + b"Connection: Content-Length\r\nContent-Length: 3\r\n\r\nabc", 400),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_and_closed_and_the_upstream_sees_nothing(gateway, origin, name):
    gateway.service("f", origin)
    data, status = REFUSED[name]
    marker = b"GET /f/marker HTTP/1.1\r\nHost: h.test\r\n\r\n"
    got = kit.raw(gateway.proxy, data + marker)
    assert got.startswith(b"HTTP/1.1 %d " % status), got[:300]
    assert len(re.findall(rb"^HTTP/1\.1 \d", got, re.M)) == 1, "nothing after the refusal is answered"
    assert re.search(rb"^Connection: close\r$", got, re.M | re.I), got[:500]
    assert origin.seen == []


BROKEN_BODIES = {
    "row 56, chunk size not hexadecimal": b"zz\r\nabc\r\n0\r\n\r\n",
    "row 56, chunk size with 0x": b"0x3\r\nabc\r\n0\r\n\r\n",
    "row 57, no line end after chunk data": b"3\r\nabcd\r\n0\r\n\r\n",
    "row 58, chunk line ended by bare LF": b"3\nabc\n0\n\n",
}


@pytest.mark.parametrize("name", BROKEN_BODIES)
def test_a_broken_chunked_body_never_becomes_a_whole_request(gateway, origin, name):
    gateway.service("f", origin)
    got = kit.raw(gateway.proxy, b"POST /f HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + BROKEN_BODIES[name])
    assert got.startswith(b"HTTP/1.1 400 ")
    assert origin.seen == []


def test_a_refusal_does_not_harm_other_connections(gateway, origin):
    gateway.service("f", origin)
    for data, _ in REFUSED.values():
        kit.raw(gateway.proxy, data, timeout=2)
    assert gateway.get("/f/ok").status == 200


def test_pipelined_requests_are_answered_in_order(gateway, origin):
    gateway.service("f", origin)
    got = kit.raw(gateway.proxy, b"".join(b"GET /f/%d HTTP/1.1\r\n" % i + HOST + b"\r\n" for i in range(5))
                  + b"GET /f/last HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    assert re.findall(rb'"path": "(/[a-z0-9]+)"', got) == [b"/0", b"/1", b"/2", b"/3", b"/4", b"/last"]


BAD_ANSWERS = {
    "row 84, length and chunked": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "row 86, two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "row 96, folded line": b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "row 103, no status line": b"hello there, this is not HTTP\r\n\r\n",
    "row 76, 101 that nobody asked for": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_an_invalid_answer_of_the_upstream_is_502_and_asked_for_once(gateway, name):
    origin = kit.RawOrigin(BAD_ANSWERS[name])
    gateway.service("f", origin)
    answer = gateway.get("/f")
    origin.close()
    assert answer.status == 502 and b"An invalid response was received from the upstream server" in answer.body
    assert len(origin.heads) == 1


def test_interim_answers_are_skipped(gateway):
    """Example 124 (DEV-20)."""
    origin = kit.RawOrigin(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    gateway.service("f", origin)
    answer = gateway.get("/f")
    origin.close()
    assert (answer.status, answer.body) == (200, b"hello")


def test_a_short_body_is_never_shown_as_complete(gateway):
    """Examples 99 and 126."""
    origin = kit.RawOrigin(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello")
    gateway.service("f", origin)
    got = kit.raw(gateway.proxy, b"GET /f HTTP/1.1\r\nHost: h.test\r\n\r\n")
    origin.close()
    assert got.startswith(b"HTTP/1.1 200 ") and got.endswith(b"hello") and b"Content-Length: 50" in got


def test_a_body_until_close_reaches_the_client_chunked(gateway):
    """Example 127."""
    origin = kit.RawOrigin(b"HTTP/1.1 200 OK\r\n\r\nhello")
    gateway.service("f", origin)
    answer = gateway.get("/f")
    origin.close()
    assert answer.body == b"hello" and answer.headers["transfer-encoding"] == "chunked"


def test_bytes_after_an_answer_are_never_the_next_answer(gateway):
    """Example 125."""
    origin = kit.RawOrigin(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", close=False)
    gateway.service("f", origin)
    assert [gateway.get("/f").body for _ in range(3)] == [b"hello"] * 3
    origin.close()
