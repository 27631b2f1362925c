"""What is told of requests, and by which way it gets there: plugins.md 0.9, 0.10 and 6, examples 95, 114 to 117, 125 to 127."""
import json

import kit
import pytest


class Collector(kit.Collector):
    @property
    def bodies(self):
        return [seen["body"] for seen in self.seen]

    @property
    def url(self):
        return f"http://{kit.LOOPBACK}:{self.port}/collect"


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.close()


def plugin(gateway, name, **config):
    return gateway.post("/services/svc/plugins", {"name": name, "config": config})


def test_ex125_file_log_also_of_what_was_refused(gateway, origin, folder):
    gateway.service("svc", origin)
    path = folder / "log.json"
    plugin(gateway, "file-log", path=str(path))
    plugin(gateway, "key-auth")
    assert gateway.get("/svc", {"Authorization": "Basic secret"}).status == 401
    record = kit.eventually(lambda: path.exists() and path.read_text().endswith("\n") and json.loads(path.read_text()))
    assert record["response"]["status"] == 401 and record["source"] == "kong" and record["latencies"]["proxy"] == -1
    assert record["request"]["headers"]["authorization"] == "REDACTED" and "tries" not in record
    assert record["service"]["name"] == "svc" and record["service"]["ws_id"] and "ca_certificates" not in record["service"]
    assert gateway.api("POST", "/plugins", {"name": "file-log", "config": {"path": "a*b"}}).json["fields"]["config"]["path"] == "not a valid filename"


def test_ex126_one_record_per_request(gateway, origin, collector):
    gateway.service("svc", origin)
    plugin(gateway, "http-log", http_endpoint=collector.url, headers={"X-Key": "k"})
    assert gateway.get("/svc/a?b=1").status == 200
    kit.eventually(lambda: collector.seen)
    record = json.loads(collector.bodies[0])
    assert collector.seen[0]["headers"]["content-type"] == "application/json" and collector.seen[0]["headers"]["x-key"] == "k"
    assert record["request"]["uri"] == "/svc/a?b=1" and record["upstream_uri"] == "/a?b=1" and record["upstream_status"] == "200"
    assert record["tries"][0]["port"] == origin.port and record["source"] == "upstream" and record["latencies"]["proxy"] >= 0
    assert record["request"]["querystring"] == {"b": "1"} and record["client_ip"] == kit.LOOPBACK
    assert record["response"]["headers"]["content-type"] == "application/json"


def test_ex127_members_made_by_code(gateway, origin, collector):
    gateway.service("svc", origin)
    code = {"team.name": "return 'shore'", "route": "return nil", "agent": "return kong.request.get_header('user-agent')",
            "slow": "if kong.response.get_status() >= 500 then return true end return false", "broken": "return nil .. 'x'"}
    plugin(gateway, "http-log", http_endpoint=collector.url, custom_fields_by_lua=code)
    assert gateway.get("/svc", {"User-Agent": "heron/1"}).status == 200
    kit.eventually(lambda: collector.seen)
    record = json.loads(collector.bodies[0])
    assert record["team"] == {"name": "shore"} and record["agent"] == "heron/1" and record["slow"] is False
    assert "route" not in record and "broken" not in record and record["service"]["name"] == "svc"
    refused = gateway.api("POST", "/plugins", {"name": "file-log", "config": {"path": "x", "custom_fields_by_lua": {"a": "while true do end"}}})
    assert refused.status == 400 and refused.json["fields"]["config"]["custom_fields_by_lua"].startswith("Error parsing function: 'a' line 1")


def test_ex126_batches_are_arrays(gateway, origin, collector):
    gateway.service("svc", origin)
    plugin(gateway, "http-log", http_endpoint=collector.url, queue={"max_batch_size": 10, "max_coalescing_delay": 0.2})
    with kit.socket.create_connection((kit.LOOPBACK, gateway.proxy)) as s:  # one connection: one worker, one queue
        for _ in range(3):
            s.sendall(b"GET /svc HTTP/1.1\r\nHost: h\r\n\r\n")
            data = b""
            while b"\r\n\r\n" not in data or not data.endswith(b"}"):
                data += s.recv(65536)
        kit.eventually(lambda: collector.seen)
    assert [len(json.loads(body)) for body in collector.bodies] == [3]


def test_ex126_repeated_until_it_is_taken(gateway, origin):
    collector = Collector(500, 500)
    gateway.service("svc", origin)
    plugin(gateway, "http-log", http_endpoint=collector.url)
    gateway.get("/svc")
    kit.eventually(lambda: len(collector.seen) == 3)
    assert len(set(collector.bodies)) == 1
    collector.close()


def test_a_dead_collector_slows_nobody_and_its_losses_are_counted(gateway, origin):
    gateway.service("svc", origin)
    plugin(gateway, "http-log", http_endpoint=f"http://{kit.LOOPBACK}:1/", queue={"max_retry_time": -1})
    for _ in range(20):
        assert gateway.get("/svc").status == 200

    def lost():
        texts = [kit.call(dp.status, "GET", "/metrics").body.decode() for dp in gateway.dps]
        lines = [line for text in texts for line in text.splitlines() if line.startswith("gatehouse_sink_entries_lost_total")]
        return sum(float(line.split()[-1]) for line in lines) >= 20

    kit.eventually(lost, what="20 entries are counted as lost")


def test_requests_without_a_route_are_logged_by_global_plugins(gateway, origin, collector):
    gateway.post("/plugins", {"name": "http-log", "config": {"http_endpoint": collector.url}})
    assert gateway.get("/nowhere").status == 404
    kit.eventually(lambda: collector.seen)
    record = json.loads(collector.bodies[0])
    assert record["response"]["status"] == 404 and "route" not in record and record["upstream_status"] == ""


def test_what_waits_is_delivered_when_the_node_stops(services, folder, origin):
    collector = Collector()
    gateway = kit.Gateway(services, folder / "stops").start()
    gateway.service("svc", origin)
    plugin(gateway, "http-log", http_endpoint=collector.url, queue={"max_batch_size": 100, "max_coalescing_delay": 3600})
    assert gateway.get("/svc").status == 200
    gateway.stop()
    assert len(collector.seen) == 1 and len(json.loads(collector.bodies[0])) == 1
    collector.close()


def test_ex95_ex117_termination_and_correlation(gateway, origin, collector):
    gateway.service("svc", origin)
    gateway.post("/plugins", {"name": "correlation-id", "config": {"generator": "uuid", "echo_downstream": True, "header_name": "x-cid"}})
    plugin(gateway, "http-log", http_endpoint=collector.url)
    made = plugin(gateway, "request-termination")
    answer = gateway.get("/svc")
    assert answer.status == 503 and answer.body == b'{"message":"Service unavailable"}' and "via" not in answer.headers
    kit.eventually(lambda: collector.seen)
    assert json.loads(collector.bodies[0])["correlation_id"] == answer.headers["x-cid"]
    assert len(gateway.get("/nowhere").headers["x-cid"]) == 36
    gateway.api("PATCH", f"/plugins/{made['id']}", {"config": {"status_code": 444}})
    with pytest.raises(kit.http.client.RemoteDisconnected):
        gateway.get("/svc")


def test_ex114_ex115_answers_are_transformed(gateway):
    def answer(handler, seen):
        body = b'{"a":1,"n":5,"l":[]}' if seen["path"] != "/large" else b'{"a":"' + b"x" * 11_000_000 + b'"}'
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("x-s", "9")
        handler.end_headers()
        try:
            handler.wfile.write(body)
        except OSError:
            pass
        return True

    origin = kit.Origin(answer)
    gateway.service("svc", origin)
    plugin(gateway, "response-transformer", add={"headers": ["x-n:1"], "json": ["b:2"], "json_types": ["number"]},
           remove={"headers": ["x-s"], "json": ["a"]}, append={"headers": ["x-n:2"]})
    seen = gateway.get("/svc/small")
    assert seen.json == {"n": 5, "l": [], "b": 2} and [v for k, v in seen.pairs if k == "x-n"] == ["1", "2"] and "x-s" not in seen.headers
    large = gateway.get("/svc/large")
    assert large.status == 502 and "too large" in large.body.decode()
    origin.close()
