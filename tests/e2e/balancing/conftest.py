"""A control plane with one data plane: whose turn it is, is the node's own affair. Origins that say who they are."""
import kit
import pytest


class Named(kit.Origin):
    """An origin that answers with its letter, and with the status it is told to."""

    def __init__(self, letter):
        self.letter, self.status, self.hold = letter, 200, None
        super().__init__(self.reply)

    def reply(self, handler, seen):
        if self.hold and seen["path"].startswith("/slow"):
            self.hold.wait(10)
        body = self.letter.encode()
        handler.send_response(self.status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        return True


@pytest.fixture(scope="module")
def shared_gateway(services, folder):
    gateway = kit.Gateway(services, folder, data_planes=1).start()
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
