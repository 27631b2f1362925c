"""cp killed with -9 in the middle of writes: every acknowledged write is there, nothing is half-applied, all end at one version.
GATEHOUSE_CHAOS_ROUNDS raises the number of rounds (default 3; the full run is 20 of 500 writes)."""
import os
import threading
import time

import kit
import pytest

ROUNDS = int(os.environ.get("GATEHOUSE_CHAOS_ROUNDS", "3"))
WRITES = 500 if ROUNDS > 3 else 100


@pytest.fixture
def gateway(services, tmp_path):
    made = kit.Gateway(services, tmp_path / "gw", data_planes=2, proxy_ports=2)
    yield made.start()
    made.stop()


def write_until_it_dies(gateway, round_, acknowledged):
    """A service and its route count as one write each; only what was answered with 201 is acknowledged."""
    for i in range(WRITES // 2):
        name = f"r{round_}-{i}"
        try:
            if gateway.api("POST", "/services", {"name": name, "host": kit.LOOPBACK, "port": 9}).status != 201:
                return
            acknowledged.append(("services", name))
            if gateway.api("POST", f"/services/{name}/routes", {"name": name, "paths": [f"/{name}"]}).status != 201:
                return
            acknowledged.append(("routes", name))
        except (OSError, kit.http.client.HTTPException):
            return


def version_of(dp):
    return kit.call(dp.status, "GET", "/status").json["gatehouse"]["config_version"]


def test_every_acknowledged_write_survives_and_all_end_at_one_version(gateway):
    acknowledged = []
    for round_ in range(ROUNDS):
        writer = threading.Thread(target=write_until_it_dies, args=(gateway, round_, acknowledged))
        writer.start()
        time.sleep(0.1 + 0.13 * (round_ % 7))
        gateway.cp.kill()
        writer.join()
        gateway.cp.start()
    names = {kind: set() for kind in ("services", "routes")}
    for kind, seen in names.items():
        path = f"/{kind}?size=1000"
        while path:
            page = gateway.api("GET", path).json
            seen |= {row["name"] for row in page["data"]}
            path = page["next"]
    missing = [write for write in acknowledged if write[1] not in names[write[0]]]
    assert acknowledged and missing == []
    current = gateway.api("GET", "/").json["configuration"]["gatehouse"]["config_version"]
    for dp in gateway.dps:
        kit.eventually(lambda: version_of(dp) == current, 10, f"{dp.name} at version {current}")
    # a route without its service would answer 404 or 503; one with it reaches for the (absent) upstream: 502
    for port in gateway.proxies:
        assert {kit.call(port, "GET", f"/{name}").status for name in list(names["routes"])[:40]} <= {502}
