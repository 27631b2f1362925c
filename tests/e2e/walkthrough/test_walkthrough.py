"""The lesson's walkthrough, levels 1 and 2, as a reader types it: forms, one step after another, no waiting."""
import time

import kit
import pytest

KEY = "super-secret-key-123"


@pytest.fixture
def shop(gateway):
    def product(handler, seen):
        if seen["path"] not in ("/products/123", "/123"):
            return False
        body = b'{"id":123,"name":"Awesome Gadget","price":99.99}'
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        return True

    origin = kit.Origin(product)
    service = gateway.post("/services/", form={"name": "product-service", "host": kit.LOOPBACK, "port": origin.port})
    route = gateway.post("/services/product-service/routes",
                         form={"paths[]": "/api/products", "strip_path": "true", "name": "products-route"})
    yield gateway, origin, service, route
    origin.close()


def test_steps_1_to_3_a_posted_route_answers_at_once_on_every_data_plane(shop):
    gateway, _, service, route = shop
    assert (service["protocol"], service["retries"], service["connect_timeout"]) == ("http", 5, 60000)
    assert route["paths"] == ["/api/products"] and route["protocols"] == ["http", "https"]
    for port in gateway.proxies:
        answer = kit.call(port, "GET", "/api/products/123")
        assert answer.status == 200 and answer.json == {"id": 123, "name": "Awesome Gadget", "price": 99.99}
        assert {"via", "x-kong-upstream-latency", "x-kong-proxy-latency"} <= answer.headers.keys()


def test_step_4_an_unknown_path_is_404_with_kongs_message(shop):
    answer = shop[0].get("/other")
    assert answer.status == 404 and answer.json["message"] == "no Route matched with those values"
    assert answer.json["request_id"] == answer.headers["x-kong-request-id"]


def lock(gateway):
    gateway.post("/services/product-service/plugins", form={"name": "key-auth"})
    gateway.post("/consumers/", form={"username": "mobile_app"})
    gateway.post("/consumers/mobile_app/key-auth", form={"key": KEY})


def test_steps_5_to_7_key_auth_lets_only_known_keys_in(shop):
    gateway, origin, _, _ = shop
    lock(gateway)
    answer = gateway.get("/api/products/123")
    assert answer.status == 401 and answer.json["message"] == "No API key found in request" and "www-authenticate" in answer.headers
    assert gateway.get("/api/products/123", {"apikey": "wrong"}).status == 401
    assert gateway.get("/api/products/123", {"apikey": KEY}).status == 200
    assert origin.seen[-1]["headers"]["x-consumer-username"] == "mobile_app"


def within_one_minute(calls):
    left = 60 - time.time() % 60
    if left < 5:
        time.sleep(left + 0.1)
    return calls()


def limit(gateway, **config):
    return gateway.post("/routes/products-route/plugins",
                        form={"name": "rate-limiting", "consumer.username": "mobile_app",
                              **{f"config.{k}": v for k, v in config.items()}})


def test_steps_8_and_9_the_fourth_call_of_a_minute_is_429(shop):
    gateway = shop[0]
    lock(gateway)
    limit(gateway, minute=3, policy="local")
    answers = within_one_minute(lambda: [gateway.get("/api/products/123", {"apikey": KEY}) for _ in range(4)])
    assert [a.status for a in answers] == [200, 200, 200, 429]
    assert [a.headers["ratelimit-remaining"] for a in answers] == ["2", "1", "0", "0"]
    assert answers[0].headers["x-ratelimit-limit-minute"] == "3"
    assert answers[3].json["message"] == "API rate limit exceeded"
    assert answers[3].headers["retry-after"] == answers[3].headers["ratelimit-reset"]


def test_step_10_two_data_planes_and_redis_admit_exactly_three(shop, services):
    gateway = shop[0]
    lock(gateway)
    limit(gateway, minute=3, policy="redis", **{"redis.host": kit.LOOPBACK, "redis.port": services.redis_port})
    calls = lambda: [kit.call(gateway.proxies[i % 2], "GET", "/api/products/123", {"apikey": KEY}) for i in range(8)]
    assert sorted(a.status for a in within_one_minute(calls)) == [200] * 3 + [429] * 5


def test_redis_that_is_gone_lets_calls_pass_when_fault_tolerant_and_refuses_them_when_not(shop):
    gateway = shop[0]
    lock(gateway)
    nobody = kit.free_port()
    row = limit(gateway, minute=3, policy="redis", **{"redis.host": kit.LOOPBACK, "redis.port": nobody})
    answer = gateway.get("/api/products/123", {"apikey": KEY})
    assert answer.status == 200 and "ratelimit-limit" not in answer.headers
    changed = gateway.api("PATCH", f"/plugins/{row['id']}", form={"config.fault_tolerant": "false"})
    assert changed.status == 200 and changed.json["config"]["minute"] == 3
    assert gateway.get("/api/products/123", {"apikey": KEY}).status == 500
