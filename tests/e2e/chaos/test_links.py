"""The links between the planes are slow, break, say nothing for a while and are cut, both at once: requests do not notice, every acknowledged
write is there, and all end at one version (users.md 4, "Link CP-DP flaps"). GATEHOUSE_CHAOS_SECONDS makes the rounds longer (default 1)."""
import os
import random
import time

import kit
import pytest
import trouble
from two_cps import TwoControlPlanes

SECONDS = float(os.environ.get("GATEHOUSE_CHAOS_SECONDS", "1"))


@pytest.fixture
def links():
    made = []
    yield made
    for link in made:
        link.close()
        link.reset()


@pytest.fixture
def gateway(services, folder, links):
    made = TwoControlPlanes(services, folder)
    links.extend([trouble.Link(made.cluster), trouble.Link(made.cluster2)])
    made.dps[2].settings["cluster_control_plane"] = f"{kit.LOOPBACK}:{links[0].port},{kit.LOOPBACK}:{links[1].port}"
    made.dps[0].settings["cluster_control_plane"] = f"{kit.LOOPBACK}:{links[0].port}"
    yield made.start()
    made.stop()


def test_links_in_trouble(gateway, links, origin):
    gateway.service("s", origin)
    gateway.post("/consumers?wait=all", {"username": "first"})
    load = trouble.Load(gateway.proxies, "/s")
    writers = trouble.Writers([gateway.admin, gateway.admin2], pause=0.005)

    for link in links:
        link.delay = 0.03
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        random.choice(links).reset()
        time.sleep(0.08)
    for link in links:
        link.delay = 0.0

    links[0].is_stalled = True  # one is silent: whoever follows the other one too goes on
    before = trouble.version_of(gateway.dps[2])
    writers.wait_for(20, "while a link is silent")
    kit.eventually(lambda: trouble.version_of(gateway.dps[2]) > before + 10, 5, "the other link serves")
    time.sleep(SECONDS)
    links[0].is_stalled = False

    for link in links:  # all are cut
        link.is_cut = True
        link.reset()
    writers.wait_for(20, "while all links are cut")
    for link in links:
        link.is_cut = False
    writers.stop()
    load.stop()
    trouble.in_the_end(gateway, writers)
