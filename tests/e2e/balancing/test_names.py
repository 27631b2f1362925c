"""Targets and services that are names: proxy.md 5.3, 5.10, examples 94, 112, 113; hosts file, order, times."""
import kit
import pytest
from pools import health, who


def test_services_of_the_lowest_priority(gateway, origins, pool, names):
    """Example 112, DEV-26; port and weight are the records'."""
    a, b, c = origins
    names.srv("srv.test", (1, 10, a.port, "a.test"), (1, 20, b.port, "a.test"), (2, 10, c.port, "a.test"))
    names.a("a.test", "127.0.0.1")
    pool("srv.test:80")
    seen = who(gateway, 6)
    assert (seen.count("A"), seen.count("B")) == (2, 4)


def test_a_new_upstream_is_waited_for(gateway, origins, pool, names):
    """The first request after a change finds the target, though its name had to be looked up (pitfalls A4-5)."""
    names.a("new.test", "127.0.0.1")
    pool(f"new.test:{origins[0].port}")
    assert who(gateway) == "A"


def test_records_that_change_are_followed(gateway, origins, pool, names):
    names.srv("moves.test", (1, 1, origins[0].port, "a.test"), ttl=1)
    names.a("a.test", "127.0.0.1")
    pool("moves.test:80")
    assert who(gateway, 3) == "AAA"
    names.srv("moves.test", (1, 1, origins[1].port, "a.test"), ttl=1)
    kit.eventually(lambda: who(gateway) == "B", 5)


def test_an_outage_of_the_name_server_is_not_noticed(gateway, origins, pool, names):
    """Example 113, for a target and for a plain host."""
    names.a("ttl.test", "127.0.0.1", ttl=1)
    pool(f"ttl.test:{origins[0].port}")
    gateway.post("/services", {"name": "plain", "host": "ttl.test", "port": origins[1].port})
    gateway.post("/services/plain/routes", {"paths": ["/plain"]})
    assert who(gateway) == "A" and who(gateway, path="/plain") == "B"
    names.mute = True
    before = names.asked("ttl.test")
    kit.eventually(lambda: names.asked("ttl.test") > before + 1 and who(gateway, path="/plain") == "B", 6)
    assert who(gateway, 3) == "AAA" and who(gateway, 3, path="/plain") == "BBB"


def test_a_name_that_is_not_there(gateway, origins, pool, names):
    """Example 94; and what is said of such a target."""
    pool("nx.test:80", healthchecks={"passive": {"unhealthy": {"tcp_failures": 1}}})
    answer = gateway.get("/")
    assert (answer.status, answer.json["message"]) == (503, "failure to get a peer from the ring-balancer")
    kit.eventually(lambda: health(gateway) == {"nx.test:80": "DNS_ERROR"}, 5)
    gateway.post("/services", {"name": "plain", "host": "nx.test"})
    gateway.post("/services/plain/routes", {"paths": ["/plain"]})
    answer = gateway.get("/plain")
    assert (answer.status, answer.json["message"]) == (503, "name resolution failed")


def test_plain_hosts_take_turns_over_addresses_and_services(gateway, origins, names):
    a, b, _ = origins
    names.srv("plain.test", (1, 1, a.port, "a.test"), (1, 2, b.port, "a.test"), (9, 1, 1, "a.test"))
    names.a("a.test", "127.0.0.1")
    gateway.post("/services", {"name": "plain", "host": "plain.test"})
    gateway.post("/services/plain/routes", {"paths": ["/"]})
    assert who(gateway, 6) == "ABBABB"


def test_every_address_of_a_name_is_a_target(gateway, names, pool):
    ports = [kit.free_port()]
    one = kit.RawOrigin(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n1", port=ports[0])
    names.a("two.test", "127.0.0.1", "127.0.0.2")
    pool(f"two.test:{ports[0]}", healthchecks={"passive": {"unhealthy": {"tcp_failures": 1}}})
    assert who(gateway, 6) == "1" * 6  # nobody listens on the second: one try was lost, and no request
    row = gateway.api("GET", "/upstreams/pool/health").json["data"][0]
    kit.eventually(lambda: {x["ip"]: x["health"] for x in gateway.api("GET", "/upstreams/pool/health").json["data"][0]["data"]["addresses"]}
                   == {"127.0.0.1": "HEALTHY", "127.0.0.2": "UNHEALTHY"}, 5)
    assert row["data"]["dns"] == "A" and row["data"]["weight"]["total"] == 200
    one.close()


@pytest.fixture
def hosts_gateway(services, folder, names):
    hosts = folder / "hosts"
    hosts.write_text("127.0.0.1 from-hosts.test alias.test\n::1 six.test\n")
    made = kit.Gateway(services, folder / "hosts-gateway", settings={
        "dns_resolver": names.address, "dns_hostsfile": hosts, "dns_order": "A"}).start()
    yield made
    made.stop()


def test_names_of_the_hosts_file_need_no_server(hosts_gateway, origins, names):
    g = hosts_gateway
    for name in ("from-hosts.test", "alias.test", "six.test"):
        g.post("/services", {"name": name, "host": name, "port": origins[0].port})
        g.post(f"/services/{name}/routes", {"paths": [f"/{name}"]})
    assert who(g, path="/from-hosts.test") == "A" and who(g, path="/alias.test") == "A"
    assert names.asked("from-hosts.test") == 0 and names.asked("alias.test") == 0
    assert g.get("/six.test").status == 503  # AAAA is not in dns_order: the server was asked for A
    assert names.queries[-1] == ("six.test", 1)
