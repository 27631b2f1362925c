"""What groups of consumers and vault references do on a data plane (plugins-beyond.md: consumer groups, 14 and example 15)."""
import os
import re

import kit
import pytest


def test_a_plugin_of_a_group_runs_for_its_members(gateway, origin):
    gateway.service("svc", origin, ["/a"])
    gateway.post("/services/svc/plugins", {"name": "key-auth"})
    gateway.post("/consumer_groups", {"name": "gold"})
    for name in ("carl", "dora"):
        gateway.post("/consumers", {"username": name})
        gateway.post(f"/consumers/{name}/key-auth", {"key": f"key-of-{name}"})
    gateway.post("/consumer_groups/gold/consumers", {"consumer": "carl"})
    gateway.post("/consumer_groups/gold/plugins", {"name": "rate-limiting", "config": {"hour": 1000}})
    gateway.post("/plugins", {"name": "rate-limiting", "config": {"hour": 7}})

    def limit(name):
        return gateway.get("/a", {"apikey": f"key-of-{name}"}).headers.get("x-ratelimit-limit-hour")
    assert (limit("carl"), limit("dora")) == ("1000", "7")
    gateway.api("DELETE", "/consumer_groups/gold/consumers/carl")
    gateway.api("PUT", "/consumer_groups/gold/consumers/dora", {})
    assert (limit("carl"), limit("dora")) == ("7", "1000")
    gateway.post("/consumers/dora/plugins", {"name": "rate-limiting", "config": {"hour": 5}})
    assert limit("dora") == "5"  # her own comes before her group's


class FakeRedis(kit.TcpServer):
    """Takes every command and says OK; what it was told is all that matters."""

    def __init__(self):
        self.seen = b""
        super().__init__()

    def serve(self, connection):
        with connection:
            while more := connection.recv(65536):
                self.seen += more
                connection.sendall(b"+OK\r\n" * len(re.findall(rb"\*\d+\r\n", more)))


@pytest.fixture
def secrets_gateway(services, folder):
    """A data plane whose environment and directory hold secrets."""
    os.environ["REDIS_PASS"] = "from-the-environment"
    directory = folder / "secrets"
    directory.mkdir()
    (directory / "orders").write_text('{"key":"from-a-file"}')
    made = kit.Gateway(services, folder / "vaults", settings={"vault_file_path": directory})
    made.secrets = directory
    yield made.start()
    made.stop()
    del os.environ["REDIS_PASS"]


def test_ex15_references_stand_for_secrets_on_the_data_plane(secrets_gateway, origin):
    """declarative-config 8: vault | resource | key"""
    gateway = secrets_gateway
    redis = FakeRedis()
    gateway.service("svc", origin, ["/a"])
    made = gateway.post("/services/svc/plugins", {"name": "rate-limiting", "config": {
        "minute": 5, "policy": "redis", "redis": {"host": kit.LOOPBACK, "port": redis.port, "timeout": 300, "password": "{vault://env/redis-pass}"}}})
    assert made["config"]["redis"]["password"] == "{vault://env/redis-pass}"  # the Admin API shows the reference

    def said(text):
        gateway.get("/a")
        return text in redis.seen
    kit.eventually(lambda: said(b"from-the-environment"), what="the secret of the environment reached Redis")
    assert b"{vault" not in redis.seen

    gateway.post("/vaults", {"name": "file", "prefix": "files", "config": {"path": str(gateway.secrets)}})
    gateway.api("PATCH", f"/plugins/{made['id']}", {"config": {"redis": {"password": "{vault://files/orders/key}"}}})
    kit.eventually(lambda: said(b"from-a-file"), what="the secret of the file reached Redis")
    (gateway.secrets / "orders").write_text('{"key":"changed-on-disk"}')
    kit.eventually(lambda: said(b"changed-on-disk"), 30, "the changed secret reached Redis")
    assert b"from-a-file" not in (gateway.folder / "dp1.log").read_bytes()
    redis.close()
