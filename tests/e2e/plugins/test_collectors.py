"""tcp-log, udp-log and syslog, to collectors of the test: plugins.md 6."""
import fcntl
import json
import os
import re
import socket
import ssl

import kit
import pytest


class Lines(kit.TcpServer):
    """A TCP server that keeps what it is sent, with TLS when it has a context."""

    def __init__(self, context=None):
        self.context, self.received, self.connections, self.names = context, b"", 0, []
        if context:
            context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        super().__init__()

    def serve(self, connection):
        self.connections += 1
        with self.context.wrap_socket(connection, server_side=True) if self.context else connection as c:
            while data := c.recv(65536):
                self.received += data

    def records(self):
        return [json.loads(line) for line in self.received.split(b"\n")[:-1]]


def figure(gateway, name):
    texts = [kit.call(dp.status, "GET", "/metrics").body.decode() for dp in gateway.dps]
    return sum(float(line.split()[-1]) for text in texts for line in text.splitlines() if line.startswith(name + "{"))


def log_to(gateway, origin, name, **config):
    gateway.service("svc", origin)
    return gateway.post("/services/svc/plugins", {"name": name, "config": config})


def test_tcp_log_sends_lines_over_a_connection_that_stays(gateway, origin):
    collector = Lines()
    log_to(gateway, origin, "tcp-log", host=kit.LOOPBACK, port=collector.port)
    for path in ("/svc/1", "/svc/2", "/svc/3"):
        assert gateway.get(path).status == 200
        kit.eventually(lambda path=path: any(r["request"]["uri"] == path for r in collector.records()))
    assert len(collector.records()) == 3 and collector.connections <= len(gateway.dps)
    collector.close()


def test_tcp_log_speaks_tls_and_names_whom_it_means(gateway, origin):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(gateway.certs / "cp.crt", gateway.certs / "cp.key")
    collector = Lines(context)
    log_to(gateway, origin, "tcp-log", host=kit.LOOPBACK, port=collector.port, tls=True, tls_sni="logs.test")
    assert gateway.get("/svc/1").status == 200
    kit.eventually(lambda: collector.records())
    assert collector.records()[0]["request"]["uri"] == "/svc/1" and collector.names == ["logs.test"]
    collector.close()


def test_a_dead_tcp_collector_slows_nobody_and_its_losses_are_counted(gateway, origin):
    before = figure(gateway, "gatehouse_sink_entries_lost_total")
    log_to(gateway, origin, "tcp-log", host=kit.LOOPBACK, port=1)
    for _ in range(20):
        assert gateway.get("/svc").status == 200
    kit.eventually(lambda: figure(gateway, "gatehouse_sink_entries_lost_total") >= before + 20, what="20 entries are counted as lost")


def test_a_tcp_collector_that_comes_back_is_found_again(gateway, origin):
    first = Lines()
    log_to(gateway, origin, "tcp-log", host=kit.LOOPBACK, port=first.port)
    gateway.get("/svc/1")
    kit.eventually(lambda: first.records())
    gateway.api("PATCH", f"/plugins/{gateway.api('GET', '/plugins').json['data'][0]['id']}", {"config": {"port": 1}})
    gateway.get("/svc/lost")
    second = Lines()
    gateway.api("PATCH", f"/plugins/{gateway.api('GET', '/plugins').json['data'][0]['id']}", {"config": {"port": second.port}})
    gateway.get("/svc/2")
    kit.eventually(lambda: second.records())
    assert [r["request"]["uri"] for r in second.records()] == ["/svc/2"]
    first.close()
    second.close()


def test_udp_log_sends_a_datagram_for_each_request(gateway, origin):
    collector = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    collector.bind((kit.LOOPBACK, 0))
    collector.settimeout(10)
    log_to(gateway, origin, "udp-log", host="localhost", port=collector.getsockname()[1])
    for path in ("/svc/1", "/svc/2"):
        assert gateway.get(path).status == 200
    got = [collector.recv(65536) for _ in range(2)]
    assert sorted(json.loads(one)["request"]["uri"] for one in got) == ["/svc/1", "/svc/2"]
    assert not any(one.endswith(b"\n") for one in got)
    collector.close()


@pytest.fixture
def dev_log():
    """Where /dev/log would be, on a machine that has none; other runs of these tests wait."""
    with open("/tmp/gatehouse-e2e-dev-log", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists("/dev/log"):
            pytest.skip("this machine has a syslog")
        yield "/dev/log"


@pytest.fixture
def machine_log(dev_log):
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        log.bind(dev_log)
    except PermissionError:
        pytest.skip("nobody but root can make /dev/log")
    log.settimeout(10)
    yield log
    log.close()
    os.unlink(dev_log)


def test_syslog_takes_facility_and_severity(gateway, origin, machine_log):
    log_to(gateway, origin, "syslog", facility="local3", successful_severity="notice", client_errors_severity="debug")
    gateway.post("/services/svc/plugins", {"name": "request-termination", "config": {"status_code": 404, "trigger": "x-no"}})
    assert gateway.get("/svc/no", {"x-no": "1"}).status == 404  # less severe than log_level
    assert gateway.get("/svc/yes").status == 200
    entry = machine_log.recv(65536).decode()
    found = re.fullmatch(r"<(\d+)>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d kong\[\d+\]: (\{.*\})", entry)
    assert found and int(found[1]) == 19 * 8 + 5, entry
    assert json.loads(found[2])["request"]["uri"] == "/svc/yes"


def test_a_machine_without_syslog_costs_entries_and_nothing_else(gateway, origin, dev_log):
    before = figure(gateway, "gatehouse_sink_entries_lost_total")
    log_to(gateway, origin, "syslog")
    assert gateway.get("/svc").status == 200
    kit.eventually(lambda: figure(gateway, "gatehouse_sink_entries_lost_total") >= before + 1, what="the entry is counted as lost")
