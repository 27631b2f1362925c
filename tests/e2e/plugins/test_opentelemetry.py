"""opentelemetry: traces from callers, to upstreams and to collectors: plugins.md 0.11 and 7.4, example 131."""
import json
import struct

import kit
import pytest

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def fields(data):
    """[(number, value)] of a protobuf message: ints, or bytes of what has a length."""
    out, at = [], 0

    def varint():
        nonlocal at
        n = shift = 0
        while True:
            n |= (data[at] & 127) << shift
            shift, at = shift + 7, at + 1
            if not data[at - 1] & 128:
                return n

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            out.append((key >> 3, varint()))
        elif key & 7 in (1, 5):
            size = 8 if key & 7 == 1 else 4
            out.append((key >> 3, struct.unpack_from("<Q" if size == 8 else "<I", data, at)[0]))
            at += size
        else:
            assert key & 7 == 2, key
            size = varint()
            out.append((key >> 3, data[at:at + size]))
            at += size
            assert at <= len(data)
    return out


def first(message, number, default=b""):
    return next((value for n, value in message if n == number), default)


def attributes(message, number):
    pairs = [fields(value) for n, value in message if n == number]
    return {first(pair, 1).decode(): next(v.decode() if isinstance(v, bytes) else v for _, v in fields(first(pair, 2))) for pair in pairs}


def decode(body):
    """Resource attributes, and the spans or log records of a request to a collector."""
    resource_spans = fields(first(fields(body.encode("latin1")), 1))
    scope_spans = fields(first(resource_spans, 2))
    return attributes(fields(first(resource_spans, 1)), 1), [fields(value) for n, value in scope_spans if n == 2]


def span_of(message):
    return {"trace": first(message, 1).hex(), "id": first(message, 2).hex(), "parent": first(message, 4).hex(), "name": first(message, 5).decode(),
            "kind": first(message, 6), "start": first(message, 7), "end": first(message, 8), "attributes": attributes(message, 9)}


class Collector(kit.Collector):
    def spans(self):
        return [span_of(one) for seen in self.seen for one in decode(seen["body"])[1]]

    @property
    def url(self):
        return f"http://{kit.LOOPBACK}:{self.port}/v1/traces"


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.close()


@pytest.fixture(scope="module")
def tracing(services, folder):
    gateway = kit.Gateway(services, folder / "tracing", settings={"tracing_instrumentations": "all"}).start()
    yield gateway
    gateway.stop()


@pytest.fixture
def traced(tracing):
    yield tracing
    tracing.wipe()


def trace_to(gateway, origin, url, **config):
    gateway.service("svc", origin)
    config = {"traces_endpoint": url, "sampling_rate": 1, "queue": {"max_coalescing_delay": 0.05}, **config}
    return gateway.post("/services/svc/plugins", {"name": "opentelemetry", "config": config})


def test_ex131_the_client_is_told_the_trace_that_is_exported(traced, origin, collector):
    trace_to(traced, origin, collector.url, http_response_header_for_traceid="x-trace", resource_attributes={"deployment": "test"})
    told = traced.get("/svc").headers["x-trace"]
    kit.eventually(lambda: collector.seen)
    resource, _ = decode(collector.seen[0]["body"])
    assert collector.seen[0]["headers"]["content-type"] == "application/x-protobuf" and collector.seen[0]["path"] == "/v1/traces"
    assert resource["service.name"] == "kong" and resource["deployment"] == "test" and resource["service.version"]
    assert len(resource["service.instance.id"]) == 36
    assert len(told) == 32 and {span["trace"] for span in collector.spans()} == {told}


def test_ex131_a_collector_that_fails_is_asked_again(traced, origin):
    collector = Collector(500, 202)  # only 200 is success
    trace_to(traced, origin, collector.url)
    traced.get("/svc")
    kit.eventually(lambda: len(collector.seen) == 3)
    assert len({seen["body"] for seen in collector.seen}) == 1
    collector.close()


def test_ex131_neither_endpoint(traced):
    answer = traced.api("POST", "/plugins", {"name": "opentelemetry", "config": {}})
    assert answer.status == 400 and "at least one of these fields must be non-empty" in answer.json["message"]


def test_spans_have_the_right_parents(traced, origin, collector):
    trace_to(traced, origin, collector.url)
    traced.post("/services/svc/plugins", {"name": "key-auth"})
    traced.post("/consumers", {"username": "tern"})
    traced.post("/consumers/tern/key-auth", {"key": "k"})
    assert traced.get("/svc/a?b=1", {"traceparent": f"00-{TRACE}-{SPAN}-01", "apikey": "k"}).status == 200
    spans = kit.eventually(collector.spans)
    by_name = {span["name"]: span for span in spans}
    root = by_name["kong"]
    assert set(by_name) == {"kong", "kong.router", "kong.access.plugin.key-auth", "kong.access.plugin.opentelemetry", "kong.balancer",
                            "kong.header_filter.plugin.opentelemetry"} and len(spans) == 6
    assert {span["trace"] for span in spans} == {TRACE} and root["parent"] == SPAN and root["kind"] == 2
    assert {span["parent"] for span in spans if span is not root} == {root["id"]} and len({span["id"] for span in spans}) == 6
    assert all(root["start"] <= span["start"] <= span["end"] <= root["end"] for span in spans)
    assert root["attributes"]["http.url"].endswith(f":{traced.proxy}/svc/a?b=1") and root["attributes"]["http.status_code"] == 200
    assert root["attributes"]["http.route"] == "/svc" and root["attributes"]["net.peer.ip"] == kit.LOOPBACK
    assert by_name["kong.balancer"]["attributes"]["net.peer.port"] == origin.port
    assert origin.seen[-1]["headers"]["traceparent"] == f"00-{TRACE}-{by_name['kong.balancer']['id']}-01"


def test_each_try_is_a_span_and_the_last_is_the_upstreams_parent(traced, origin, collector):
    traced.post("/upstreams", {"name": "up"})
    traced.post("/upstreams/up/targets", {"target": f"{kit.LOOPBACK}:1", "weight": 100})
    traced.post("/upstreams/up/targets", {"target": f"{kit.LOOPBACK}:{origin.port}", "weight": 100})
    traced.post("/services", {"name": "svc", "host": "up", "path": "/"})
    traced.post("/services/svc/routes", {"paths": ["/svc"]})
    traced.post("/services/svc/plugins", {"name": "opentelemetry", "config": {"traces_endpoint": collector.url, "sampling_rate": 1}})

    def failed_then_answered():
        assert traced.get("/svc").status in (200, 502)
        tries = [s for s in collector.spans() if s["name"] == "kong.balancer"]
        of_traces = ([s for s in tries if s["trace"] == one["trace"]] for one in tries if one["attributes"].get("state"))
        return next((spans for spans in of_traces if spans[-1]["attributes"].get("http.status_code") == 200), None)

    spans = kit.eventually(failed_then_answered, what="a try that failed, and one that was answered")
    parent = next(seen["headers"]["traceparent"] for seen in origin.seen if spans[0]["trace"] in seen["headers"]["traceparent"])
    assert len(spans) >= 2 and spans[0]["end"] == spans[1]["start"] and parent == f"00-{spans[-1]['trace']}-{spans[-1]['id']}-01"


def test_requests_that_are_refused_are_traced_too(traced, origin, collector):
    trace_to(traced, origin, collector.url)
    traced.post("/services/svc/plugins", {"name": "key-auth"})
    assert traced.get("/svc", {"b3": f"{TRACE}-{SPAN}-1"}).status == 401
    root = next(span for span in kit.eventually(collector.spans) if span["name"] == "kong")
    assert (root["trace"], root["parent"], root["attributes"]["http.status_code"]) == (TRACE, SPAN, 401)


def test_what_the_caller_does_not_sample_is_not_sent(traced, origin, collector):
    trace_to(traced, origin, collector.url)
    assert traced.get("/svc", {"traceparent": f"00-{TRACE}-{SPAN}-00"}).status == 200
    assert origin.seen[-1]["headers"]["traceparent"].endswith("-00")
    traced.get("/svc/sampled")
    kit.eventually(collector.spans)
    assert TRACE not in {span["trace"] for span in collector.spans()}


def test_a_log_record_belongs_to_its_trace(traced, origin, collector):
    trace_to(traced, origin, None, logs_endpoint=f"http://{kit.LOOPBACK}:{collector.port}/v1/logs")
    traced.get("/svc/a", {"traceparent": f"00-{TRACE}-{SPAN}-01"})
    kit.eventually(lambda: collector.seen)
    _, (record,) = decode(collector.seen[0]["body"])
    assert first(record, 9).hex() == TRACE and first(record, 2) == 9 and first(record, 8) == 1
    body = json.loads(first(fields(first(record, 5)), 1))
    assert body["request"]["uri"] == "/svc/a" and body["trace_id"] == {"w3c": TRACE}
    assert attributes(record, 6)["request.id"] == body["request"]["id"]


def test_a_dead_collector_slows_nobody_and_its_losses_are_counted(traced, origin):
    trace_to(traced, origin, f"http://{kit.LOOPBACK}:1/", queue={"max_retry_time": -1, "max_coalescing_delay": 0})
    for _ in range(20):
        assert traced.get("/svc").status == 200

    def lost():
        text = kit.call(traced.dps[0].status, "GET", "/metrics").body.decode()
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith("gatehouse_sink_entries_lost_total{"))
    kit.eventually(lambda: lost() >= 20, what="20 entries are counted as lost")


def test_without_instrumentations_traces_are_only_handed_on(gateway, origin, collector):
    trace_to(gateway, origin, collector.url)
    gateway.get("/svc", {"traceparent": f"00-{TRACE}-{SPAN}-01"})
    seen = origin.seen[-1]["headers"]["traceparent"]
    assert seen.startswith(f"00-{TRACE}-") and seen.endswith("-01") and SPAN not in seen
    gateway.api("POST", "/plugins", {"name": "http-log", "config": {"http_endpoint": collector.url}})
    gateway.get("/svc")
    kit.eventually(lambda: collector.seen)
    assert {seen["headers"]["content-type"] for seen in collector.seen} == {"application/json"}
