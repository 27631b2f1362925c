"""stream_listen: TCP, TLS ended here or passed through, UDP (proxy.md 7.3): which route, which address, retries, ends, the access line."""
import re
import socket
import ssl
import threading

import kit
import pki
import pytest


class Echo(kit.TcpServer):
    """A server that says its name and then echoes; over TLS when it has a context. Keeps what it saw."""

    def __init__(self, name, context=None, greet=True):
        self.name, self.context, self.greet, self.seen = name, context, greet, []
        super().__init__()

    def serve(self, connection):
        try:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            if self.greet:
                connection.sendall(self.name.encode() + b"\n")
            while data := connection.recv(65536):
                self.seen.append(data)
                connection.sendall(data)
            connection.close()
        except OSError:
            connection.close()


class UdpEcho:
    def __init__(self, name):
        self.name = name
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((kit.LOOPBACK, 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                data, peer = self.socket.recvfrom(65536)
                self.socket.sendto(self.name.encode() + b":" + data, peer)
            except OSError:
                return

    def close(self):
        self.socket.close()


@pytest.fixture(scope="module")
def gateway(services, folder):
    made = kit.Gateway(services, folder, data_planes=1)
    made.tcp, made.other, made.tls, made.preamble, made.udp = (kit.free_port() for _ in range(5))
    made.dps[0].settings |= {"stream_listen": f"127.0.0.1:{made.tcp}, 127.0.0.1:{made.other}, 127.0.0.1:{made.tls} ssl, "
                                              f"127.0.0.1:{made.preamble} proxy_protocol, 127.0.0.1:{made.udp} udp",
                             "proxy_stream_access_log": "logs/streams.log"}
    made.start()
    made.access = folder / "dp1/logs/streams.log"
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def clean(gateway):
    yield
    gateway.wipe()


@pytest.fixture
def echo():
    made = []

    def make(name, *rest, **more):
        made.append((UdpEcho if more.pop("udp", False) else Echo)(name, *rest, **more))
        return made[-1]

    yield make
    for server in made:
        server.close()


def stream(gateway, name, server, protocols, service=None, **fields):
    """A service for a server (protocol tcp unless said otherwise) and a route to it."""
    gateway.post("/services", {"name": name, "protocol": "tcp", "host": kit.LOOPBACK, "port": server.port, **(service or {})})
    return gateway.post(f"/services/{name}/routes", {"name": name, "protocols": protocols, **fields})


def talk(port, data=b"hello", timeout=5):
    """Sends, ends, and returns all that comes back; None when the connection is closed without a byte."""
    with socket.create_connection((kit.LOOPBACK, port), timeout=timeout) as s:
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            got = b""
            while more := s.recv(65536):
                got += more
        except OSError: # closed or reset while we were talking
            return None
        return got or None


def lines(gateway):
    return gateway.access.read_text().splitlines() if gateway.access.exists() else []


def test_tcp_by_destination_port(gateway, echo):
    one, two = echo("one"), echo("two")
    stream(gateway, "one", one, ["tcp"], destinations=[{"port": gateway.tcp}])
    stream(gateway, "two", two, ["tcp"], destinations=[{"ip": "127.0.0.0/8", "port": gateway.other}])
    assert talk(gateway.tcp) == b"one\nhello"
    assert talk(gateway.other) == b"two\nhello"


def test_sources_and_the_order_of_routes(gateway, echo):
    general, special, never = echo("general"), echo("special"), echo("never")
    stream(gateway, "general", general, ["tcp"], sources=[{"ip": "127.0.0.0/8"}])
    stream(gateway, "special", special, ["tcp"], sources=[{"ip": "127.0.0.1"}], destinations=[{"port": gateway.tcp}])
    stream(gateway, "never", never, ["tcp"], sources=[{"ip": "192.0.2.1"}], destinations=[{"port": gateway.tcp}])
    assert talk(gateway.tcp) == b"special\nhello", "both lists come before one (R-1.7)"
    assert talk(gateway.other) == b"general\nhello"


def test_no_route_and_no_service_close_the_connection(gateway):
    before = len(lines(gateway))
    assert talk(gateway.tcp) is None
    gateway.post("/routes", {"protocols": ["tcp"], "destinations": [{"port": gateway.tcp}]})
    assert talk(gateway.tcp) is None
    rows = kit.eventually(lambda: len(lines(gateway)) >= before + 2 and lines(gateway)[before:], what="two lines")
    assert [row.split("] ")[1].split()[:2] for row in rows] == [["TCP", "500"], ["TCP", "503"]]


def test_megabytes_both_ways_with_half_closing(gateway, echo):
    stream(gateway, "big", echo("big", greet=False), ["tcp"], destinations=[{"port": gateway.tcp}])
    data = bytes(range(256)) * 40000
    with socket.create_connection((kit.LOOPBACK, gateway.tcp)) as s:
        threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)), daemon=True).start()
        got = b""
        while more := s.recv(1 << 20):
            got += more
    assert got == data


def test_the_access_line(gateway, echo):
    stream(gateway, "one", echo("one"), ["tcp"], destinations=[{"port": gateway.tcp}])
    before = len(lines(gateway))
    assert talk(gateway.tcp, b"12345") == b"one\n12345"
    row = kit.eventually(lambda: lines(gateway)[before:], what="a line")[0]
    assert re.fullmatch(r"127\.0\.0\.1 \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] TCP 200 9 5 \d+\.\d{3}", row), row


def test_a_dead_target_is_passed_over(gateway, echo):
    alive, dead = echo("alive"), kit.free_port()
    gateway.post("/upstreams", {"name": "pool"})
    for port in (dead, alive.port):
        gateway.post("/upstreams/pool/targets", {"target": f"127.0.0.1:{port}"})
    stream(gateway, "s", alive, ["tcp"], service={"host": "pool"}, destinations=[{"port": gateway.tcp}])
    assert [talk(gateway.tcp) for _ in range(4)] == [b"alive\nhello"] * 4
    gateway.api("PATCH", "/services/s", {"retries": 0})
    assert {talk(gateway.tcp) for _ in range(4)} == {b"alive\nhello", None}


def test_a_silent_stream_ends_after_the_services_read_timeout(gateway, echo):
    stream(gateway, "s", echo("s"), ["tcp"], service={"read_timeout": 150}, destinations=[{"port": gateway.tcp}])
    with socket.create_connection((kit.LOOPBACK, gateway.tcp), timeout=5) as s:
        assert s.recv(10) == b"s\n"
        assert s.recv(10) == b""


def test_what_a_server_says_first_arrives(gateway, echo):
    stream(gateway, "s", echo("banner"), ["tcp"], destinations=[{"port": gateway.tcp}])
    with socket.create_connection((kit.LOOPBACK, gateway.tcp), timeout=5) as s:
        assert s.recv(100) == b"banner\n"


def test_proxy_protocol_says_where_a_connection_was_going(gateway, echo):
    stream(gateway, "s", echo("s"), ["tcp"], destinations=[{"ip": "192.0.2.9", "port": 25}])
    assert talk(gateway.preamble, b"PROXY TCP4 203.0.113.7 192.0.2.9 1234 25\r\nhello") == b"s\nhello"
    assert talk(gateway.preamble, b"PROXY TCP4 203.0.113.7 192.0.2.8 1234 25\r\nhello") is None
    assert talk(gateway.preamble, b"hello") is None


def talk_tls(gateway, name, made=None, data=b"hello"):
    with pki.connect(gateway.tls, name, made) as s:
        s.sendall(data)
        got = b""
        while not got.endswith(data):
            more = s.recv(65536)
            if not more:
                break
            got += more
        return got


def test_tls_is_ended_here_with_the_certificate_of_the_name(gateway, echo, folder):
    server = echo("plain")
    stream(gateway, "s", server, ["tls"], snis=["a.test"])
    stream(gateway, "t", echo("other"), ["tls"], snis=["*.w.test"])
    pair = pki.Pair(folder, "a.test")
    gateway.post("/certificates", pair.entity(snis=["a.test"]))
    assert pki.shown(gateway.tls, "a.test") == "a.test"
    assert talk_tls(gateway, "a.test") == b"plain\nhello"
    assert server.seen[-1] == b"hello", "in the clear behind us"
    assert talk_tls(gateway, "x.w.test") == b"other\nhello"
    with pytest.raises((ssl.SSLError, OSError)):
        talk_tls(gateway, "b.test")


def test_tls_passes_through_by_name(gateway, echo, folder):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = pki.Pair(folder, "through.test")
    context.load_cert_chain(pair.cert_path, pair.key_path)
    stream(gateway, "s", echo("inside", context), ["tls_passthrough"], snis=["through.test"])
    stream(gateway, "t", echo("ended"), ["tls"], snis=["ended.test"])
    verified = ssl.create_default_context(cafile=pair.cert_path)
    assert talk_tls(gateway, "through.test", verified) == b"inside\nhello", "the upstream's own certificate is what the client sees"
    assert talk_tls(gateway, "ended.test") == b"ended\nhello", "beside it, on one listener"


def test_a_client_hello_in_pieces(gateway, echo, folder):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = pki.Pair(folder, "pieces.test")
    context.load_cert_chain(pair.cert_path, pair.key_path)
    stream(gateway, "s", echo("inside", context), ["tls_passthrough"], snis=["pieces.test"])
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = pki.context().wrap_bio(incoming, outgoing, server_hostname="pieces.test")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    hello = outgoing.read()
    with socket.create_connection((kit.LOOPBACK, gateway.tls), timeout=5) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(hello), 50):
            s.sendall(hello[at:at + 50])
        assert s.recv(3)[:1] == b"\x16", "the upstream answers the handshake"


def test_what_is_no_tls_is_closed(gateway, echo):
    stream(gateway, "s", echo("s"), ["tls"], snis=["a.test"])
    assert talk(gateway.tls, b"GET / HTTP/1.1\r\n\r\n") is None
    assert talk(gateway.tls, b"\x16\x03\x01\x00\x05\x02\x00\x00\x00\x00") is None


def test_tls_towards_the_upstream(gateway, echo, folder):
    ca = pki.authority(folder, "stream-ca")
    pair = pki.Pair(folder, "up.test", issuer=ca)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert_path, pair.key_path)
    names = []
    context.sni_callback = lambda _s, name, _c: names.append(name)
    server = echo("sealed", context)
    gateway.post("/upstreams", {"name": "pool", "host_header": "up.test"})
    gateway.post("/upstreams/pool/targets", {"target": f"127.0.0.1:{server.port}"})
    stream(gateway, "s", server, ["tcp"], service={"protocol": "tls", "host": "pool", "retries": 0, "tls_verify": True},
           destinations=[{"port": gateway.tcp}])
    assert talk(gateway.tcp) is None, "nobody is trusted"
    listed = gateway.post("/ca_certificates", {"cert": ca.cert})["id"]
    gateway.api("PATCH", "/services/s", {"ca_certificates": [listed]})
    assert talk(gateway.tcp) == b"sealed\nhello"
    assert names[-1] == "up.test"
    stream(gateway, "t", server, ["tls"], service={"protocol": "tls"}, snis=["mine.test"], preserve_host=True)
    assert talk_tls(gateway, "mine.test") == b"sealed\nhello"
    assert names[-1] == "mine.test", "preserve_host keeps the client's name"


def test_a_change_is_for_new_sessions(gateway, echo):
    stream(gateway, "s", echo("one"), ["tcp"], destinations=[{"port": gateway.tcp}])
    two = echo("two")
    with socket.create_connection((kit.LOOPBACK, gateway.tcp), timeout=5) as s:
        assert s.recv(100) == b"one\n"
        gateway.api("PATCH", "/services/s", {"port": two.port})
        assert talk(gateway.tcp) == b"two\nhello"
        s.sendall(b"still")
        assert s.recv(100) == b"still"
        gateway.api("DELETE", "/routes/s")
        assert talk(gateway.tcp) is None


@pytest.fixture
def another(folder, gateway):
    """A data plane of its own for what ends or limits one."""
    made = []

    def start(name, **settings):
        dp = kit.Process(folder, name, {**gateway.dps[0].settings, "prefix": folder / name, **settings}, "gatehouse-dp")
        dp.port, dp.status = kit.free_port(), kit.free_port()
        dp.settings |= {"proxy_listen": "off", "status_listen": f"{kit.LOOPBACK}:{dp.status}", "stream_listen": f"{kit.LOOPBACK}:{dp.port}"}
        made.append(dp.start())
        gateway.wait_ready(dp)
        return dp

    yield start
    for dp in made:
        dp.stop()


def test_a_node_that_stops_lets_streams_go_on_for_its_grace(gateway, echo, another):
    dp = another("stopping", shutdown_grace=20)
    stream(gateway, "s", echo("s"), ["tcp"], destinations=[{"port": dp.port}])
    with socket.create_connection((kit.LOOPBACK, dp.port), timeout=5) as s:
        assert s.recv(10) == b"s\n"
        dp.process.terminate()

        def is_refused():
            try:
                socket.create_connection((kit.LOOPBACK, dp.port), timeout=5).close()
            except ConnectionRefusedError:
                return True

        kit.eventually(is_refused, what="no new connections")
        s.sendall(b"still")
        assert s.recv(10) == b"still"
    assert dp.process.wait(10) == 0


def test_worker_connections_limit_streams_too(gateway, echo, another):
    dp = another("small", nginx_events_worker_connections=2)
    stream(gateway, "s", echo("s"), ["tcp"], destinations=[{"port": dp.port}])
    kit.eventually(lambda: talk(dp.port) == b"s\nhello", what="the route")
    held = [socket.create_connection((kit.LOOPBACK, dp.port), timeout=5) for _ in range(2)]
    assert [s.recv(10) for s in held] == [b"s\n"] * 2
    with socket.create_connection((kit.LOOPBACK, dp.port), timeout=5) as waiting:
        waiting.settimeout(0.2)
        with pytest.raises(socket.timeout):
            waiting.recv(10)
        held.pop().close()
        waiting.settimeout(5)
        assert waiting.recv(10) == b"s\n", "its turn comes when there is room"
    held.pop().close()


# ---- UDP

def ask(s, port, data):
    s.sendto(data, (kit.LOOPBACK, port))
    return s.recv(65536)


@pytest.fixture
def client():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        yield s


def test_udp_there_and_back(gateway, echo, client):
    stream(gateway, "s", echo("u", udp=True), ["udp"], service={"protocol": "udp"}, destinations=[{"port": gateway.udp}])
    assert ask(client, gateway.udp, b"one") == b"u:one"
    assert ask(client, gateway.udp, b"two") == b"u:two"
    assert ask(client, gateway.udp, b"") == b"u:", "an empty datagram is one too"
    big = b"x" * 9000
    assert ask(client, gateway.udp, big) == b"u:" + big
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.settimeout(5)
        assert ask(other, gateway.udp, b"three") == b"u:three", "another client, another session"


def test_a_udp_session_ends_when_nothing_moves(gateway, echo, client):
    stream(gateway, "s", echo("u", udp=True), ["udp"], service={"protocol": "udp", "read_timeout": 100}, destinations=[{"port": gateway.udp}])
    before = len(lines(gateway))
    assert ask(client, gateway.udp, b"12345") == b"u:12345"
    row = kit.eventually(lambda: lines(gateway)[before:], what="a line")[0]
    assert re.fullmatch(r"127\.0\.0\.1 \[[^]]+\] UDP 200 7 5 \d+\.\d{3}", row), row
    assert ask(client, gateway.udp, b"again") == b"u:again"


def test_udp_goes_nowhere_without_a_route_or_a_listener_behind(gateway, client):
    before = len(lines(gateway))
    client.sendto(b"x", (kit.LOOPBACK, gateway.udp))
    kit.eventually(lambda: lines(gateway)[before:] and " UDP 500 " in lines(gateway)[before], what="a line")
    nobody = kit.free_port()
    gateway.post("/services", {"name": "s", "protocol": "udp", "host": kit.LOOPBACK, "port": nobody})
    gateway.post("/services/s/routes", {"protocols": ["udp"], "destinations": [{"port": gateway.udp}]})
    client.sendto(b"x", (kit.LOOPBACK, gateway.udp))
    kit.eventually(lambda: any(" UDP 502 " in row for row in lines(gateway)[before:]), what="the refusal")


def test_flags_that_mean_nothing_there_are_refused_at_the_start(folder):
    for name, value in (("stream_listen", "127.0.0.1:1 http2"), ("stream_listen", "127.0.0.1:1 udp ssl"), ("proxy_listen", "127.0.0.1:1 udp")):
        dp = kit.Process(folder, "wrong", {"proxy_listen": "off", "status_listen": "off", name: value}, "gatehouse-dp").start(wait=False)
        assert dp.process.wait(10) == 1
        assert f"{name}: '127.0.0.1:1' has the flag" in dp.log.read_text()
        dp.log.unlink()
