"""A data plane in a network of its own (network.py), whose cable is pulled while changes come and requests go on in there, and plugged in again. Nothing
is closed then: packets are lost, and nobody is told. Requests do not notice, every acknowledged write is there, and both data planes are in step again
within seconds. GATEHOUSE_CHAOS_CUT: seconds of a cut (default 2; the long form 5 and 20)."""
import os
import time

import kit
import pytest
import trouble
from network import Network

CUTS = [float(seconds) for seconds in os.environ.get("GATEHOUSE_CHAOS_CUT", "2").split(",")]


@pytest.fixture
def network():
    made = Network()
    yield made
    made.remove()


@pytest.fixture
def gateway(services, folder, network):
    made = kit.Gateway(services, folder / "gw", data_planes=2, proxy_ports=2)
    made.cp.settings["cluster_listen"] = f"{network.here}:{made.cluster}"
    for dp in made.dps:
        dp.settings["cluster_control_plane"] = f"{network.here}:{made.cluster}"
    made.dps[1].within = ("ip", "netns", "exec", network.name)
    made.migrate()
    for process in (made.cp, *made.dps):
        process.start()
    made.wait_ready(made.dps[0])
    kit.eventually(lambda: network.inside(lambda: made.is_ready(made.dps[1])), 20, "the one inside is ready")
    yield made
    made.stop()


@pytest.fixture
def far_origin(network):
    made = network.inside(kit.Origin)
    yield made
    made.close()


def test_a_cable_is_pulled(gateway, network, far_origin):
    far = gateway.dps[1]
    version_there = lambda: network.inside(lambda: trouble.version_of(far))  # noqa: E731
    gateway.service("s", far_origin)
    answer = gateway.api("POST", "/consumers?wait=all&timeout=10s", {"username": "first"})
    assert answer.headers["x-gatehouse-applied"] == "2/2"
    load = network.inside(lambda: trouble.Load(gateway.proxies[1:], "/s"))
    writers = trouble.Writers([gateway.admin], pause=0.005)
    for seconds in CUTS:
        writers.wait_for(10, "before the cut")
        network.cut()
        until = time.monotonic() + seconds
        writers.wait_for(10, "while the cable is out")
        kit.eventually(lambda: time.monotonic() > until, seconds + 10, "it was out for long enough")
        current = gateway.api("GET", "/").json["configuration"]["gatehouse"]["config_version"]
        assert version_there() < current, "it was cut off"
        network.mend()
        since = time.monotonic()
        kit.eventually(lambda: version_there() >= current, 20, "what was missed has come")
        print(f"cut for {seconds} s: in step again {time.monotonic() - since:.1f} s after it was mended")
    writers.stop()
    load.stop()
    gateway.dps.remove(far)
    trouble.in_the_end(gateway, writers)
    gateway.dps.append(far)
    current = trouble.version_of(gateway.dps[0])
    kit.eventually(lambda: version_there() == current, 20, "both are at one version")
