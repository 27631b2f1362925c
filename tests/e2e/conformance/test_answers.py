"""What upstreams send: pitfalls.md B5 and B4 79, 82, row by row, and upstreams that stall, reset, lie and babble.

For every case: the client gets the right status or sees that the answer is incomplete; the upstream is asked as often as it may be; the request after
it is answered with its own bytes. Also run against binaries built with sanitizers (GATEHOUSE_BUILD): a leak ends a data plane with a status of its own."""
import os
import socket
import time

import kit
import pytest
import wire

OK = b"HTTP/1.1 200 OK\r\n"
INVALID = b"An invalid response was received from the upstream server"


class Script(kit.TcpServer):
    """Answers requests for /marker properly and all others with a script: bytes, or one of the words below."""
    FIN, RST, STALL, PAUSE = "FIN", "RST", "STALL", "PAUSE"

    def __init__(self):
        self.steps, self.asked, self.open = [], 0, []
        super().__init__()

    def serve(self, connection):
        data = b""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.open.append(connection)
        try:
            while True:
                while (end := wire.request_end(data, 0, strict=True)) is None and b"/early" not in data:
                    more = connection.recv(65536)
                    if not more:
                        return
                    data += more
                path, data = data.split(b" ", 2)[1], data[end or len(data):]
                if path == b"/marker":
                    connection.sendall(OK + b"Content-Length: 11\r\n\r\nsaw /marker")
                    continue
                self.asked += 1
                if not self.play(connection):
                    return
        except OSError:
            pass
        finally:
            connection.close()

    def play(self, connection):
        for step in self.steps:
            if step == self.FIN:
                return False
            if step == self.RST:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                return False
            if step == self.PAUSE:
                time.sleep(0.05)
            elif step != self.STALL:
                connection.sendall(step)
        return True

    def hang_up(self):
        """Ends all connections, and waits until the other side has ended them too: no try begins on a kept one."""
        for connection in self.open:
            try:
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        wire.eventually(lambda: all(connection.fileno() == -1 for connection in self.open))
        self.open.clear()

    def close(self):
        super().close()
        for connection in self.open:
            connection.close()


FIN, RST, STALL, PAUSE = Script.FIN, Script.RST, Script.STALL, Script.PAUSE
CUT = "cut"  # the client sees that the answer is incomplete

# (row or what it is about, what the upstream does, status or CUT, body or None, how often it is asked by a GET with retries 2)
CASES = [
    ("84", [OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"], 502, INVALID, 1),
    ("85", [OK + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"], 502, INVALID, 1),
    ("86", [OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"], 502, INVALID, 1),
    *[("87", [OK + b"Content-Length: " + v + b"\r\n\r\nabc", FIN], 502, INVALID, 1) for v in (b"x", b"-3", b"3, 3", b"", b"9223372036854775808")],
    *[("88", [OK + b"Transfer-Encoding: " + v + b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n", FIN], 502, INVALID, 1) for v in (b"gzip, chunked", b"identity", b"chunked, chunked")],
    ("88, example 123", [OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"], 502, INVALID, 1),
    ("89", [b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"], 200, b"abc", 1),
    ("90", [OK + b"Content-Length: 50\r\n\r\nhello", FIN], CUT, None, 1),
    ("90, by reset", [OK + b"Content-Length: 50\r\n\r\nhello", PAUSE, RST], CUT, None, 1),
    ("91", [OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", FIN], CUT, None, 1),
    ("91, by reset", [OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", PAUSE, RST], CUT, None, 1),
    ("91, inside a chunk", [OK + b"Transfer-Encoding: chunked\r\n\r\n50\r\nhello", FIN], CUT, None, 1),
    *[("92, with the head", [OK + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\nabc\r\n0\r\n\r\n"], 502, INVALID, 1)
      for size in (b"zz", b"-3", b"0x3", b"10000000000000000", b" 3", b"3\n")],
    ("92, later", [OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", PAUSE, b"zz\r\nabc\r\n0\r\n\r\n"], CUT, None, 1),
    ("92, no end of a chunk", [OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", PAUSE, b"3\r\nabcdef\r\n0\r\n\r\n"], CUT, None, 1),
    ("92, bare LF", [OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", PAUSE, b"3\nabc\n0\n\n"], CUT, None, 1),
    ("92, endless extension", [OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", PAUSE, b"3;" + b"x" * 100000], CUT, None, 1),
    ("93", [OK + b"Content-Length: 3\r\n\r\nabcdef"], 200, b"abc", 1),
    ("94, example 125", [OK + b"Content-Length: 5\r\n\r\nhello" + OK + b"Content-Length: 4\r\n\r\nevil"], 200, b"hello", 1),
    ("94, behind chunks", [OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + OK + b"Content-Length: 4\r\n\r\nevil"], 200, b"hello", 1),
    ("95, example 127", [OK + b"\r\nhel", PAUSE, b"lo", FIN], 200, b"hello", 1),
    ("96", [OK + b"A: b\r\n c\r\nContent-Length: 0\r\n\r\n"], 502, INVALID, 1),
    ("97", [OK + b"A : b\r\nContent-Length: 0\r\n\r\n"], 502, INVALID, 1),
    ("97, the length itself", [OK + b"Content-Length : 3\r\n\r\nabc"], 502, INVALID, 1),
    ("98", [OK + b"foo\r\nContent-Length: 0\r\n\r\n"], 502, INVALID, 1),
    ("99", [OK + b"A: b\0c\r\nContent-Length: 0\r\n\r\n"], 502, INVALID, 1),
    ("101", [OK + b"A: b\rc\r\nContent-Length: 0\r\n\r\n"], 502, INVALID, 1),
    ("102", [b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc"], 200, b"abc", 1),
    ("103", [b"<html>hello</html>\r\n\r\n", FIN], 502, INVALID, 1),
    ("103, without an end", [b"\0\1\2\3" * 20000, FIN], 502, INVALID, 1),
    ("104", [b"http/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"], 502, INVALID, 1),
    ("105", [b"HTTP/1.1 999 X\r\nContent-Length: 3\r\n\r\nabc"], 999, b"abc", 1),
    ("105", [b"HTTP/1.1 099 X\r\nContent-Length: 3\r\n\r\nabc"], 502, INVALID, 1),
    ("105", [b"HTTP/1.1 20 X\r\nContent-Length: 3\r\n\r\nabc"], 502, INVALID, 1),
    ("105", [b"HTTP/2.0 200 OK\r\nContent-Length: 3\r\n\r\nabc"], 502, INVALID, 1),
    ("106", [b"HTTP/1.1 200 \r\nContent-Length: 3\r\n\r\nabc"], 200, b"abc", 1),
    ("107, example 124", [b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", PAUSE, OK + b"Content-Length: 5\r\n\r\nhello"], 200, b"hello", 1),
    ("107, too many", [b"HTTP/1.1 100 Continue\r\n\r\n" * 17 + OK + b"Content-Length: 0\r\n\r\n"], 502, INVALID, 1),
    ("107, too large", [(b"HTTP/1.1 103 Early\r\nA: " + b"a" * 8000 + b"\r\n\r\n") * 9 + OK + b"Content-Length: 0\r\n\r\n"], 502, INVALID, 1),
    ("76", [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nraw"], 502, INVALID, 1),
    ("109", [b"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc"], 204, b"", 1),
    ("109", [b"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\nabc"], 304, b"", 1),
    ("110", [OK + b"Trailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"], 200, b"abc", 1),
    ("110, trailers without an end", [OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", PAUSE, b"0\r\n" + b"X-T: 1\r\n" * 20000], CUT, None, 1),
    ("113", [FIN], 502, INVALID, 3),
    ("113, by reset", [RST], 502, INVALID, 3),
    ("113, inside the head", [OK + b"Content-Le", FIN], 502, INVALID, 3),
    ("stalls before the head", [STALL], 504, b"The upstream server is timing out", 3),
    ("stalls inside the head", [OK + b"Content-Le", STALL], 504, b"The upstream server is timing out", 3),
    ("stalls inside the body", [OK + b"Content-Length: 50\r\n\r\nhello", STALL], CUT, None, 1),
    ("stalls between chunks", [OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", STALL], CUT, None, 1),
    ("a head without an end", [OK + b"A: b\r\n" * 20000], 502, INVALID, 1),
    ("a line without an end", [OK + b"A: " + b"b" * 200000], 502, INVALID, 1),
    ("too many fields", [OK + b"A: b\r\n" * 1001 + b"\r\n"], 502, INVALID, 1),
]


@pytest.fixture(scope="module")
def gateway(services, folder):
    made = kit.Gateway(services, folder, data_planes=1).start()
    yield made
    codes = [process.stop() for process in (*made.dps, made.cp)]
    assert codes == [0, 0], "a sanitizer found something, see the log"


@pytest.fixture
def upstream(gateway):
    made = Script()
    service, _ = gateway.service("s", made, paths=["/"], strip_path=False)
    gateway.api("PATCH", f"/services/{service['id']}", {"retries": 2, "read_timeout": 400})
    yield made
    made.close()
    gateway.wipe()


GET = b"GET /case HTTP/1.1\r\nHost: h.test\r\n\r\n"
MARKER = b"GET /marker HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n"


def check(gateway, upstream, case):
    what, steps, status, body, asked = case
    upstream.hang_up()
    upstream.steps, upstream.asked = steps, 0
    got = wire.exchange(gateway.proxy, GET + MARKER)
    answers = wire.responses(got)
    shown = f"row {what}: {steps!r:.200} gave {got[:400]!r}"
    if status == CUT:
        assert answers[0][0] == 200 and answers[0][2] is None and len(answers) == 1, shown
        answers = wire.responses(wire.exchange(gateway.proxy, MARKER))
    else:
        assert answers[0][0] == status and (answers[0][2].startswith(body) if body == INVALID or status == 504 else answers[0][2] == body), shown
        answers = answers[1:]
    assert [(a[0], a[2]) for a in answers] == [(200, b"saw /marker")], shown
    assert upstream.asked == asked, f"{shown}; asked {upstream.asked} times"


def test_rows_84_to_114(gateway, upstream):
    failed = []
    for case in CASES:
        try:
            check(gateway, upstream, case)
        except AssertionError as e:
            failed.append(str(e))
    assert not failed, "\n".join(failed)


def headers(gateway, upstream, answer, path="/case"):
    upstream.steps = [answer]
    return kit.call(gateway.proxy, "GET", path)


def test_row_100_control_characters_become_blanks(gateway, upstream):
    assert headers(gateway, upstream, OK + b"A: b\x01\x7fc\td\r\nContent-Length: 0\r\n\r\n").headers["a"] == "b  c\td"


def test_row_110_the_announcement_of_trailers_goes_with_them(gateway, upstream):
    answer = headers(gateway, upstream, OK + b"Trailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n")
    assert answer.body == b"abc" and not {"trailer", "x-t"} & answer.headers.keys()


def test_row_111_what_connection_names_ends_here_but_what_is_protected(gateway, upstream):
    answer = headers(gateway, upstream, OK + b"Connection: X-Foo, Set-Cookie, Via, Content-Length\r\nX-Foo: 1\r\nSet-Cookie: a\r\nX-Bar: 2\r\n"
                     b"Via: 1.1 up\r\nContent-Length: 3\r\n\r\nabc")
    assert answer.body == b"abc" and answer.headers["content-length"] == "3" and answer.headers["x-bar"] == "2"
    assert answer.headers["via"].startswith("1.1 up, 1.1 ") and not {"x-foo", "set-cookie"} & answer.headers.keys()


def test_a_body_behind_a_head_request_is_nobody_s(gateway, upstream):
    upstream.steps = [OK + b"Content-Length: 3\r\n\r\nabc"]
    got = wire.exchange(gateway.proxy, b"HEAD /case HTTP/1.1\r\nHost: h.test\r\n\r\n" + MARKER)
    head, _, rest = got.partition(b"\r\n\r\n")
    assert b"Content-Length: 3" in head and [a[2] for a in wire.responses(rest)] == [b"saw /marker"]


def test_row_115_bytes_on_an_idle_connection_close_it(gateway, upstream):
    upstream.steps = [OK + b"Content-Length: 2\r\n\r\nok"]
    assert kit.call(gateway.proxy, "GET", "/case").body == b"ok"
    upstream.open[-1].sendall(OK + b"Content-Length: 4\r\n\r\nevil")
    for _ in range(3):
        assert kit.call(gateway.proxy, "GET", "/marker").body == b"saw /marker"


@pytest.mark.parametrize("method, status", [("GET", 200), ("POST", 502)])
def test_row_82_a_kept_connection_that_dies_with_the_request(gateway, upstream, method, status):
    """DEV-6: what can be repeated goes over a fresh connection, and does not count as a try."""
    upstream.steps = [OK + b"Content-Length: 2\r\n\r\nok"]
    assert kit.call(gateway.proxy, "GET", "/case").status == 200
    answers = iter([[RST], [OK + b"Content-Length: 5\r\n\r\nfresh"]])
    play = upstream.play
    def next_play(connection):
        upstream.steps = next(answers)
        return play(connection)
    upstream.play = next_play
    answer = kit.call(gateway.proxy, method, "/case", body=b"x" if method == "POST" else None)
    assert answer.status == status and (status != 200 or answer.body == b"fresh")


def test_row_79_an_early_answer_is_passed_on_and_its_connection_not_kept(gateway, upstream):
    upstream.steps = [b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"]
    with socket.create_connection(("127.0.0.1", gateway.proxy), timeout=8) as client:
        client.sendall(b"POST /early HTTP/1.1\r\nHost: h.test\r\nContent-Length: 1000000\r\n\r\n" + b"a" * 100000)
        got = b""
        while not got.endswith(b"big"):
            more = client.recv(65536)
            assert more, got
            got += more
    assert got.startswith(b"HTTP/1.1 413 ") and b"\r\nConnection: close\r\n" in got
    assert kit.call(gateway.proxy, "GET", "/marker").body == b"saw /marker"


def test_a_client_that_leaves_closes_the_upstream_and_is_not_answered_by_others(gateway, upstream):
    upstream.steps = [STALL]
    with socket.create_connection(("127.0.0.1", gateway.proxy), timeout=8) as client:
        client.sendall(GET)
        wire.eventually(lambda: upstream.asked == 1)
    wire.eventually(lambda: upstream.open[-1].fileno() == -1)
    assert kit.call(gateway.proxy, "GET", "/marker").body == b"saw /marker"


def test_nothing_is_left_open(gateway, upstream):
    def open_files():
        return len(os.listdir(f"/proc/{gateway.dps[0].pid}/fd"))
    kit.call(gateway.proxy, "GET", "/marker")
    before = open_files()
    for case in CASES:
        if STALL not in case[1]:
            check(gateway, upstream, case)
    kit.call(gateway.proxy, "GET", "/marker")
    wire.eventually(lambda: open_files() <= before + 1)
    status = lambda: kit.call(gateway.dps[0].status, "GET", "/status").json["server"]
    wire.eventually(lambda: status()["connections_active"] == 0)
