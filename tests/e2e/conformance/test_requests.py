"""What clients send: pitfalls.md B1 to B3, row by row, whole and a byte a packet, each followed by a marker request.

For every case: the status; the upstream sees exactly the requests that were accepted, whoever reads its bytes (strictly, with bare LF, by the first
length); the marker is answered as a request of its own, or the connection is closed."""
import socket

import kit
import pytest
import wire

H = b"Host: h.test\r\n"
MARKER = b"GET /marker HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n"


def get(target=b"/x", version=b"HTTP/1.1", fields=b"", host=H):
    return b"GET " + target + b" " + version + b"\r\n" + host + fields + b"\r\n"


def post(fields, body=b"", version=b"HTTP/1.1"):
    return b"POST /x " + version + b"\r\n" + H + fields + b"\r\n" + body


CHUNKED = b"Transfer-Encoding: chunked\r\n"

# (row of pitfalls.md B, RFC 9112 section unless another is named, bytes, status; 200: forwarded)
CASES = [
    (1, "2.2", b"\r\n\r\n" + get(), 200),
    (1, "2.2", b"\r\n" * 5 + get(), 400),
    (2, "3", b"GET  /x HTTP/1.1\r\n" + H + b"\r\n", 400),
    (3, "3", b"GET\t/x\tHTTP/1.1\r\n" + H + b"\r\n", 400),
    (4, "3.2", get(b"/a b"), 400),
    (5, "3.1", b"get /x HTTP/1.1\r\n" + H + b"\r\n", 400),
    (6, "9110 9.1", b"M-SEARCH /x HTTP/1.1\r\n" + H + b"\r\n", 200),
    (7, "2.3", get(version=b"HTTP/1.2"), 400),
    (8, "2.3", get(version=b"HTTP/2.0"), 505),
    (9, "2.3", b"GET /x\r\n", 400),
    (10, "2.3", get(version=b"http/1.1"), 400),
    (10, "2.3", get(version=b"HTTP/01.1"), 400),
    (10, "2.3", get(version=b"HTTP/1.1x"), 400),
    (11, "3.2", get(b"/x\0"), 400),
    (12, "3.2", get(b"/caf\xc3\xa9"), 200),
    (13, "3.2", get(b"/x#f"), 400),
    (14, "3986 2.1", get(b"/x%zz"), 400),
    (14, "3986 2.1", get(b"/x%00"), 400),
    (15, "3986 5.2.4", get(b"/a/../../b"), 400),
    (16, "3.2.2", get(b"http://h.test/x"), 200),
    (17, "3.2.2", get(b"http://other.test/x"), 400),
    (18, "3.2.4", b"OPTIONS * HTTP/1.1\r\n" + H + b"\r\n", 400),
    (19, "3.2.4", get(b"*"), 400),
    (20, "9110 9.3.6", b"CONNECT h.test:443 HTTP/1.1\r\n" + H + b"\r\n", 400),
    (20, "9110 9.3.6", b"CONNECT /x HTTP/1.1\r\n" + H + b"\r\n", 405),
    (21, "9110 9.3.8", b"TRACE /x HTTP/1.1\r\n" + H + b"\r\n", 405),
    (22, "3", get(b"/" + b"a" * 9000), 414),
    (23, "2.2", b"GET /x HTTP/1.1\n" + H + b"\r\n", 400),
    (23, "2.2", b"GET /x HTTP/1.1\r\nHost: h.test\n\r\n", 400),
    (24, "2.2", get(fields=b"A: b\rc\r\n"), 400),
    (25, "5.1", get(fields=b"A : b\r\n"), 400),
    (26, "2.2", b"GET /x HTTP/1.1\r\n " + H + b"\r\n", 400),
    (27, "5.2", get(fields=b"A: b\r\n c\r\n"), 400),
    (28, "5.2", post(b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n", b"0\r\n\r\n"), 400),
    (29, "5", get(fields=b"foo\r\n"), 400),
    (30, "5", get(fields=b": x\r\n"), 400),
    (31, "9110 5.1", get(fields=b"X(A): b\r\n"), 400),
    (32, "9110 5.1", get(fields=b"X_A: 1\r\nX-A: 2\r\n"), 200),
    (33, "9110 5.5", get(fields=b"A: b\0c\r\n"), 400),
    (34, "9110 5.5", get(fields=b"A: b\x01c\r\n"), 400),
    (34, "9110 5.5", get(fields=b"A: b\tc\r\n"), 200),
    (35, "9110 5.5", get(fields=b"A: caf\xe9\r\n"), 200),
    (36, "3.2", get(host=b""), 400),
    (37, "3.2", get(fields=b"Host: other.test\r\n"), 400),
    (38, "3.2", get(fields=H), 400),
    (39, "3.2", get(host=b"Host:\r\n"), 400),
    (40, "3.2", get(host=b"Host: a/b\r\n"), 400),
    (40, "3.2", get(host=b"Host: u@h.test\r\n"), 400),
    (40, "3.2", get(host=b"Host: a\0b\r\n"), 400),
    (40, "3.2", get(host=b"Host: a b\r\n"), 400),
    (41, "9110 5.4", get(fields=b"A: " + b"a" * 9000 + b"\r\n"), 400),
    (42, "9110 5.4", get(fields=(b"A: " + b"a" * 6000 + b"\r\n") * 6), 400),
    (43, "9110 5.4", get(fields=b"A: b\r\n" * 1001), 400),
    (45, "9110 5.3", get(fields=b"Cookie: a=1\r\nCookie: b=2\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n"), 200),
    (46, "6.3", post(b"Content-Length: 5\r\n" + CHUNKED, b"0\r\n\r\n"), 400),
    (47, "6.1", post(CHUNKED, b"0\r\n\r\n", b"HTTP/1.0"), 400),
    (48, "6.3", post(b"Content-Length: 3\r\nContent-Length: 3\r\n", b"abc"), 400),
    (49, "6.3", post(b"Content-Length: 3\r\nContent-Length: 4\r\n", b"abcd"), 400),
    (50, "6.3", post(b"Content-Length: 3, 3\r\n", b"abc"), 400),
    *[(51, "9110 8.6", post(b"Content-Length: " + v + b"\r\n", b"abc"), 400)
      for v in (b"+3", b"-3", b"0x3", b"1 2", b"", b"9223372036854775808", b"3;", b"\xb2")],
    (52, "6.1", post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"), 501),
    (53, "6.1", post(b"Transfer-Encoding: identity\r\n", b"0\r\n\r\n"), 501),
    (53, "6.1", post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"), 501),
    (53, "6.1", post(b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n"), 501),
    (53, "6.1", post(b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"), 400),
    (53, "6.1", post(b"Transfer-Encoding: \"chunked\"\r\n", b"0\r\n\r\n"), 400),
    (54, "6.1", post(CHUNKED * 2, b"0\r\n\r\n"), 400),
    (55, "6.1", post(b"Transfer-Encoding: ChUnKeD\r\n", b"3\r\nabc\r\n0\r\n\r\n"), 200),
    *[(56, "7.1", post(CHUNKED, size + b"\r\nabc\r\n0\r\n\r\n"), 400) for size in (b"zz", b"0x3", b"-3", b"+3", b" 3", b"3 ", b"0" * 16 + b"3", b"")],
    (57, "7.1", post(CHUNKED, b"3\r\nabcd\r\n0\r\n\r\n"), 400),
    (57, "7.1", post(CHUNKED, b"3\r\nabc0\r\n\r\n"), 400),
    (58, "7.1", post(CHUNKED, b"3\nabc\r\n0\r\n\r\n"), 400),
    (58, "7.1", post(CHUNKED, b"3\r\nabc\n0\r\n\r\n"), 400),
    (58, "7.1", post(CHUNKED, b"3\r\nabc\r\n0\n\r\n"), 400),
    (58, "7.1.1", post(CHUNKED, b"3;a\nabc\r\n0\r\n\r\n"), 400),
    (59, "7.1.1", post(CHUNKED, b"3;a=b;c=\"d\"\r\nabc\r\n0;e\r\n\r\n"), 200),
    (59, "7.1.1", post(CHUNKED, b"3;" + b"a" * 300 + b"\r\nabc\r\n0\r\n\r\n"), 400),
    (60, "7.1", post(CHUNKED, b"0003\r\nabc\r\n00000\r\n\r\n"), 200),
    (61, "7.1.2", post(b"Trailer: X-T, Content-Length\r\n" + CHUNKED, b"3\r\nabc\r\n0\r\nX-T: 1\r\nContent-Length: 9\r\n\r\n"), 200),
    (61, "7.1.2", post(CHUNKED, b"3\r\nabc\r\n0\r\nX T: 1\r\n\r\n"), 400),
    (63, "9110 10.1.1", get(fields=b"Expect: something\r\n"), 200),
    *[(64, "9110 9.3", method + b" /x HTTP/1.1\r\n" + H + b"Content-Length: 3\r\n\r\nabc", 200) for method in (b"GET", b"DELETE", b"OPTIONS")],
    (68, "9.3.2", get() + b"garbage\r\n\r\n", 200),
    (70, "9110 7.6.1", post(b"Connection: Content-Length\r\nContent-Length: 3\r\n", b"abc"), 400),
    (70, "9110 7.6.1", post(b"Connection: close, transfer-encoding\r\n" + CHUNKED, b"0\r\n\r\n"), 400),
    (70, "9110 7.6.1", get(fields=b"Connection: Host\r\n"), 400),
    (71, "9110 7.6.1", get(fields=b"Connection: X-Forwarded-For, X-Real-IP, Cookie\r\nCookie: a=b\r\n"), 200),
    (72, "9.6", get(fields=b"Connection: close, keep-alive\r\n"), 200),
    (73, "9110 7.8", get(fields=b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n"), 200),
    (75, "9110 7.8", post(b"Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 3\r\n", b"abc"), 400),
]


@pytest.fixture
def recorder(gateway):
    made = wire.Recorder()
    gateway.service("conformance", made, paths=["/"], strip_path=False)
    yield made
    made.close()


def name(case):
    row, section, data, _ = case
    return f"row {row}, {section}: {data[:60]!r}"


def check(gateway, recorder, case, in_pieces):
    row, section, data, status = case
    before = [recorder.requests(**reader) for reader in wire.READERS]
    answers = wire.responses(wire.exchange(gateway.proxy, data + MARKER, in_pieces))
    assert answers and answers[0][0] == status, f"{name(case)}: {answers}"
    if status == 200:
        closes = row in (68, 72)
        expected = 1 if closes else 2
        assert answers[0][2].startswith(b"saw "), f"{name(case)}: {answers}"
        if not closes:
            assert (answers[1][0], answers[1][2]) == (200, b"saw /marker"), f"{name(case)}: {answers}"
    else:
        expected = 0
        assert len(answers) == 1 and answers[0][1]["connection"] == ["close"], f"{name(case)}: {answers}"
        assert b"request_id" in answers[0][2], f"{name(case)}: {answers}"
    for reader, seen in zip(wire.READERS, before):
        assert recorder.requests(**reader) - seen == expected, f"{name(case)}: read by {reader}: {recorder.connections}"


@pytest.mark.parametrize("in_pieces", [False, True], ids=["in one packet", "a byte a packet"])
def test_rows_1_to_75(gateway, recorder, in_pieces):
    failed = []
    for case in CASES:
        if in_pieces and len(case[2]) > 600:
            continue  # limits are about length, and have their case above
        try:
            check(gateway, recorder, case, in_pieces)
        except AssertionError as e:
            failed.append(str(e))
    assert not failed, "\n".join(failed)


def test_row_61_trailers_and_their_announcement_end_here(gateway, recorder):
    wire.exchange(gateway.proxy, post(b"Trailer: X-T\r\n" + CHUNKED, b"3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n") + MARKER)
    assert b"X-T" not in recorder.connections[0] and b"railer" not in recorder.connections[0]


def test_row_62_expect_is_answered_here_and_never_before_the_route_is_known(gateway, recorder):
    body = b"Expect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n"
    got = wire.exchange(gateway.proxy, post(body), finish=False, seconds=0.5)
    assert got == b"HTTP/1.1 100 Continue\r\n\r\n"
    gateway.wipe()
    got = wire.exchange(gateway.proxy, post(body))
    assert got.startswith(b"HTTP/1.1 404 ") and recorder.requests(strict=True) == 0


def test_row_65_a_body_that_ends_early_never_becomes_a_request(gateway, recorder):
    got = kit.raw(gateway.proxy, post(b"Content-Length: 100000\r\n", b"a" * 70000), half_close=True)
    assert got == b"" or got.startswith(b"HTTP/1.1 400 ")
    for data in recorder.connections:
        assert wire.request_end(bytes(data), 0, strict=True) is None


def test_row_69_pipelined_requests_are_answered_in_order(gateway, recorder):
    data = b"".join(get(b"/%d" % i) for i in range(50)) + MARKER
    assert [a[2] for a in wire.responses(wire.exchange(gateway.proxy, data))] == [b"saw /%d" % i for i in range(50)] + [b"saw /marker"]


def test_short_heads_split_at_every_offset(gateway, recorder):
    """B8: parser state at boundaries."""
    data = post(b"Content-Length: 3\r\n", b"abc") + post(CHUNKED, b"3\r\nabc\r\n0\r\n\r\n")
    for cut in range(1, len(data)):
        with socket.create_connection(("127.0.0.1", gateway.proxy), timeout=8) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.sendall(data[:cut])
            s.sendall(data[cut:] + MARKER)
            got = b""
            while more := s.recv(65536):
                got += more
        assert [a[2] for a in wire.responses(got)] == [b"saw /x", b"saw /x", b"saw /marker"], cut
