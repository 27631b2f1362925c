"""Plugins of stream routes (proxy.md 8.1 preread and log, plugins.md 0.1, 0.10, 2.4, 7.3), and stream routes with an expression (R-1.9)."""
import json
import socket
import ssl

import kit
import pki
import pytest
from test_streams import Echo, UdpEcho, ask, talk

STREAMS = ["tcp", "tls", "udp"]


@pytest.fixture(scope="module")
def gateway(services, folder):
    made = kit.Gateway(services, folder, data_planes=1, settings={"router_flavor": "expressions"})
    made.tcp, made.tls, made.udp = (kit.free_port() for _ in range(3))
    made.dps[0].settings["stream_listen"] = f"127.0.0.1:{made.tcp}, 127.0.0.1:{made.tls} ssl, 127.0.0.1:{made.udp} udp"
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def echo():
    made = Echo("echo")
    yield made
    made.close()


@pytest.fixture
def collector():
    made = kit.Collector()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def clean(gateway):
    yield
    gateway.wipe()


def stream(gateway, port, protocol="tcp", name="s", expression=None, **fields):
    service = gateway.post("/services", {"name": name, "protocol": "udp" if protocol == "udp" else "tcp", "host": kit.LOOPBACK, "port": port})
    if expression is None and protocol != "tls":
        expression = f"net.dst.port == {gateway.udp if protocol == 'udp' else gateway.tcp}"
    more = {"expression": expression or "net.protocol == \"tls\"", **fields}
    return gateway.post(f"/services/{name}/routes", {"name": name, "protocols": [protocol], **more}), service


def plugin(gateway, name, config, where="", protocols=STREAMS):
    return gateway.post(where + "/plugins", {"name": name, "config": config, "protocols": protocols})


def records(collector, n=1):
    kit.eventually(lambda: len(collector.seen) >= n, what=f"{n} records")
    return [json.loads(seen["body"]) for seen in collector.seen]


def test_expressions_choose_stream_routes(gateway, echo):
    other = Echo("other")
    stream(gateway, echo.port)
    stream(gateway, other.port, name="never", expression='net.src.ip in 192.0.2.0/24 && net.protocol == "tcp"', priority=7)
    assert talk(gateway.tcp) == b"echo\nhello"
    gateway.api("PATCH", "/routes/never", {"expression": "net.src.ip in 127.0.0.0/8 && net.src.port > 1"})
    assert talk(gateway.tcp) == b"other\nhello", "the higher priority comes first"
    other.close()


@pytest.mark.parametrize("config, passes", [
    ({"deny": ["127.0.0.0/8"]}, False), ({"allow": ["10.0.0.0/8"]}, False), ({"allow": ["127.0.0.1"]}, True)])
def test_ip_restriction_closes_connections(gateway, echo, collector, config, passes):
    stream(gateway, echo.port)
    plugin(gateway, "ip-restriction", config, "/routes/s")
    plugin(gateway, "http-log", {"http_endpoint": f"http://{kit.LOOPBACK}:{collector.port}/"})
    seen = len(echo.seen)
    assert talk(gateway.tcp) == (b"echo\nhello" if passes else None)
    record = records(collector)[0]
    assert record["session"]["status"] == (200 if passes else 403) and ("tries" in record) == passes
    assert len(echo.seen) - seen == passes, "nothing of what is refused reaches the upstream"


def test_ip_restriction_drops_datagrams(gateway):
    server = UdpEcho("u")
    stream(gateway, server.port, "udp")
    made = plugin(gateway, "ip-restriction", {"deny": ["127.0.0.1"]})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.2)
        with pytest.raises(TimeoutError):
            ask(s, gateway.udp, b"x")
    gateway.api("PATCH", f"/plugins/{made['id']}", {"enabled": False})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        assert ask(s, gateway.udp, b"x") == b"u:x"
    server.close()


def test_what_is_logged_of_a_session(gateway, echo, collector):
    route, service = stream(gateway, echo.port)
    plugin(gateway, "http-log", {"http_endpoint": f"http://{kit.LOOPBACK}:{collector.port}/",
                                 "custom_fields_by_lua": {"who": "return kong.client.get_ip()", "none": "return kong.request.get_header('x')"}}, "/services/s")
    assert talk(gateway.tcp, b"12345") == b"echo\n12345"
    record = records(collector)[0]
    assert record["session"] == {"received": 5, "sent": 10, "status": 200, "server_port": gateway.tcp}
    assert record["upstream"] == {"received": 10, "sent": 5} and record["latencies"]["session"] >= record["latencies"]["kong"] >= 0
    assert [(t["ip"], t["port"]) for t in record["tries"]] == [(kit.LOOPBACK, echo.port)]
    assert record["route"]["id"] == route["id"] and record["service"]["id"] == service["id"] and record["service"]["ws_id"]
    assert record["client_ip"] == kit.LOOPBACK == record["who"] and "none" not in record and record["started_at"] > 0 and record["workspace_name"] == "default"
    assert not {"request", "response", "upstream_uri", "upstream_status", "source", "consumer"} & set(record)


def test_what_is_logged_of_tls_and_of_tries_that_fail(gateway, collector, folder):
    stream(gateway, kit.free_port(), "tls")
    gateway.api("PATCH", "/services/s", {"retries": 1})
    plugin(gateway, "http-log", {"http_endpoint": f"http://{kit.LOOPBACK}:{collector.port}/"})
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((kit.LOOPBACK, gateway.tls), timeout=5) as raw, context.wrap_socket(raw, server_hostname="a.test") as s:
        assert s.recv(1) == b""
    record = records(collector)[0]
    assert record["session"]["tls"]["version"] == "TLSv1.3" and record["session"]["tls"]["client_verify"] == "NONE" and record["session"]["tls"]["cipher"]
    assert record["session"]["status"] == 502 and record["upstream"] == {"received": 0, "sent": 0}
    assert [(t["state"], t["code"]) for t in record["tries"]] == [("failed", 502)] * 2


def test_global_plugins_log_sessions_without_a_route(gateway, collector):
    plugin(gateway, "http-log", {"http_endpoint": f"http://{kit.LOOPBACK}:{collector.port}/"}, protocols=["tcp"])
    assert talk(gateway.tcp) is None
    record = records(collector)[0]
    assert record["session"]["status"] == 500 and "route" not in record and "service" not in record


def test_rows_are_loaded_for_the_subsystems_of_their_protocols(gateway, echo, collector):
    stream(gateway, echo.port)
    origin = kit.Origin()
    gateway.post("/services", {"name": "web", "host": kit.LOOPBACK, "port": origin.port})
    gateway.post("/services/web/routes", {"name": "web", "expression": 'http.path ^= "/web"'})
    url = f"http://{kit.LOOPBACK}:{collector.port}/"
    plugin(gateway, "http-log", {"http_endpoint": url + "http"}, protocols=["http"])
    plugin(gateway, "http-log", {"http_endpoint": url + "tcp"}, "/routes/s", protocols=["tcp", "http"])
    plugin(gateway, "ip-restriction", {"deny": ["127.0.0.1"]}, protocols=["udp"])
    assert gateway.get("/web").status == 200 and talk(gateway.tcp, b"") is None
    kit.eventually(lambda: len(collector.seen) == 2)
    assert sorted(seen["path"] for seen in collector.seen) == ["/http", "/tcp"]
    assert [r["session"]["status"] for r in records(collector) if "session" in r] == [403], "udp is a protocol of streams (0.1, quirk)"
    origin.close()


def test_sessions_are_counted(gateway, echo):
    stream(gateway, echo.port)
    plugin(gateway, "prometheus", {"status_code_metrics": True, "latency_metrics": True, "bandwidth_metrics": True})
    assert talk(gateway.tcp, b"12345") == b"echo\n12345"
    labels = 'service="s",route="s"'
    expected = [f'kong_stream_sessions_total{{{labels},code="200",source="service",workspace="default"}} 1',
                f'kong_session_duration_ms_count{{{labels},workspace="default"}} 1',
                f'kong_kong_latency_ms_count{{{labels},workspace="default"}} 1',
                f'kong_bandwidth_bytes{{{labels},direction="ingress",workspace="default",consumer=""}} 5',
                f'kong_bandwidth_bytes{{{labels},direction="egress",workspace="default",consumer=""}} 10']

    def counted():
        lines = kit.call(gateway.dps[0].status, "GET", "/metrics").body.decode().splitlines()
        return set(expected) <= set(lines) and not [line for line in lines if line.startswith("kong_http_requests_total{")]

    kit.eventually(counted)


@pytest.mark.parametrize("name, config", [
    ("file-log", {}), ("tcp-log", {"host": kit.LOOPBACK, "port": 1}), ("udp-log", {"host": kit.LOOPBACK}), ("syslog", {})])
def test_the_other_logging_plugins_run_too(gateway, echo, folder, name, config):
    stream(gateway, echo.port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind((kit.LOOPBACK, 0))
        sink.settimeout(5)
        path = folder / "streams.json"
        config |= {"path": str(path)} if name == "file-log" else {"port": sink.getsockname()[1]} if name == "udp-log" else {}
        plugin(gateway, name, config)
        assert talk(gateway.tcp) == b"echo\nhello"
        if name == "file-log":
            assert kit.eventually(lambda: path.exists() and path.read_text().endswith("\n") and json.loads(path.read_text()))["session"]["status"] == 200
        if name == "udp-log":
            assert json.loads(sink.recv(65536))["session"]["received"] == 5
    assert talk(gateway.tcp) == b"echo\nhello"
