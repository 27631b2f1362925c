"""What routing alone decides (proxy.md R-1.13; examples 39, 40, 43, 44, 61, 62, 86)."""
import kit


def message_of(answer):
    return answer.json["message"]


def test_R_1_13_no_route(gateway):
    answer = gateway.get("/nothing")
    assert (answer.status, message_of(answer)) == (404, "no Route matched with those values")


def test_examples_39_and_40_https_only(gateway, origin):
    gateway.service("s", origin, paths=["/s"], protocols=["https"])
    answer = gateway.get("/s?x=1", [("Host", "h.test:8000")])
    assert (answer.status, message_of(answer)) == (426, "Please use HTTPS protocol")
    assert answer.headers["upgrade"] == "TLS/1.2, HTTP/1.1" and "Upgrade" in answer.headers["connection"]
    for status in (301, 302, 307, 308):
        assert gateway.api("PATCH", "/routes/s", {"https_redirect_status_code": status}).status == 200
        answer = gateway.get("/s?x=1", [("Host", "h.test:8000")])
        assert (answer.status, answer.headers["location"], answer.body) == (status, "https://h.test/s?x=1", b"")
    assert not origin.seen


def test_examples_43_and_44_grpc_routes_take_grpc_over_http2(gateway, origin):
    gateway.service("g", origin, paths=["/"], protocols=["grpc"])
    answer = gateway.get("/x", [("Content-Type", "application/json")])
    assert (answer.status, message_of(answer)) == (415, "Non-gRPC request matched gRPC route")
    assert gateway.get("/x").status == 415
    answer = gateway.get("/x", [("Content-Type", "application/grpc+proto"), ("Accept", "application/json")])
    assert (answer.status, message_of(answer)) == (426, "Please use HTTP2 protocol")
    assert answer.headers["upgrade"] == "HTTP/2" and "Upgrade" in answer.headers["connection"]
    assert not origin.seen


def test_example_61_routes_of_a_disabled_service(gateway, origin):
    gateway.service("s", origin)
    assert gateway.get("/s").status == 200
    assert gateway.api("PATCH", "/services/s", {"enabled": False}).status == 200
    assert gateway.get("/s").status == 404
    assert gateway.api("PATCH", "/services/s", {"enabled": True}).status == 200
    assert gateway.get("/s").status == 200


def test_example_62_a_route_without_service(gateway):
    gateway.post("/routes", {"paths": ["/lonely"]})
    answer = gateway.get("/lonely")
    assert (answer.status, message_of(answer)) == (503, "no Service found with those values")


def test_a_service_that_changes_changes_all_its_routes(gateway, origin):
    gateway.service("s", origin)
    gateway.post("/services/s/routes", {"paths": ["/other"]})
    second = kit.Origin()
    assert gateway.api("PATCH", "/services/s", {"port": second.port, "path": "/new"}).status == 200
    assert gateway.get("/s/1").status == gateway.get("/other/2").status == 200
    assert [seen["path"] for seen in second.seen] == ["/new/1", "/new/2"] and not origin.seen
    second.close()


def test_an_upstream_that_takes_a_service_s_host(gateway, origin):
    gateway.post("/services", {"name": "s", "host": "pool.test", "port": 1})
    gateway.post("/services/s/routes", {"paths": ["/s"]})
    gateway.post("/upstreams", {"name": "pool.test"})
    gateway.post("/upstreams/pool.test/targets", {"target": f"{kit.LOOPBACK}:{origin.port}"})
    assert gateway.get("/s").status == 200
    assert gateway.api("DELETE", "/upstreams/pool.test").status == 204
    assert gateway.get("/s").status == 503
