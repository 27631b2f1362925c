"""response-ratelimiting through the Admin API and data planes: plugins.md 3.2, examples 92 and 93."""
import time

import kit
import pytest


@pytest.fixture
def svc(gateway):
    def answer(handler, seen):
        body = b"body"
        handler.send_response(200)
        for value in [v for k, v in seen["pairs"] if k.lower() == "x-use"]:
            handler.send_header("x-kong-limit", value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        return True

    origin = kit.Origin(answer)
    gateway.service("svc", origin, ["/a"])
    yield gateway, origin
    origin.close()


def window():
    """Away from the end of a minute, so that all that follows is in one window."""
    kit.eventually(lambda: time.time() % 60 < 50, 12, "a minute begins")


@pytest.mark.parametrize("policy", ["local", "redis"])
def test_ex92_ex93(svc, policy):
    gateway, origin = svc
    config = {"limits": {"video": {"minute": 10}}, "policy": policy}
    if policy == "redis":
        config["redis"] = {"host": kit.LOOPBACK, "port": gateway.services.redis_port}
    made = gateway.post("/services/svc/plugins", {"name": "response-ratelimiting", "config": config})
    window()
    answer = gateway.get("/a", [("x-use", "video=2, other=7"), ("x-use", "video=1")])
    assert (answer.status, answer.body) == (200, b"body") and "x-kong-limit" not in answer.headers
    assert answer.headers["x-ratelimit-limit-video-minute"] == "10" and answer.headers["x-ratelimit-remaining-video-minute"] == "7"
    gateway.get("/a")
    assert origin.seen[-1]["headers"]["x-ratelimit-remaining-video"] == "7"
    assert gateway.get("/a", {"x-use": "video=7"}).headers["x-ratelimit-remaining-video-minute"] == "0"
    if policy == "redis":  # the other node counts along
        assert kit.call(gateway.proxies[1], "GET", "/a", {"x-use": "video=1"}).status == 429
    answer = gateway.get("/a", {"x-use": "video=1"})
    assert (answer.status, answer.body) == (429, b"") and answer.headers["x-ratelimit-remaining-video-minute"] == "0"
    assert gateway.get("/a").status == 200
    gateway.api("PATCH", f"/plugins/{made['id']}", {"config": {"block_on_first_violation": True}})
    before = len(origin.seen)
    answer = gateway.get("/a")
    assert (answer.status, answer.json["message"]) == (429, "API rate limit exceeded for 'video'") and len(origin.seen) == before
