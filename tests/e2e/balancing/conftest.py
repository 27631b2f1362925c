"""A control plane with one data plane: whose turn it is, is the node's own affair. Origins that say who they are."""
import dns
import kit
import pytest
from pools import Named


@pytest.fixture(scope="module")
def name_server():
    made = dns.Server()
    yield made
    made.close()


@pytest.fixture
def names(name_server):
    yield name_server
    name_server.clear()


@pytest.fixture(scope="module")
def shared_gateway(services, folder, name_server):
    gateway = kit.Gateway(services, folder, data_planes=1, settings={"dns_resolver": name_server.address}).start()
    yield gateway
    gateway.stop()


@pytest.fixture
def origins():
    made = [Named(letter) for letter in "ABC"]
    yield made
    for origin in made:
        origin.close()


@pytest.fixture
def pool(gateway):
    """pool(A, (B, 50), ..., retries=5, hash_on=...) makes service, route /, upstream and targets; the upstream's name."""
    def make(*targets, service=None, route=None, name="pool", **upstream):
        gateway.post("/upstreams", {"name": name, **upstream})
        for target in targets:
            origin, weight = target if isinstance(target, tuple) else (target, 100)
            address = origin if isinstance(origin, str) else f"127.0.0.1:{origin.port}"
            gateway.post(f"/upstreams/{name}/targets", {"target": address, "weight": weight})
        gateway.post("/services", {"name": name, "host": name, **(service or {})})
        gateway.post(f"/services/{name}/routes", {"paths": ["/"], **(route or {})})
        return name
    return make
