"""The wall clock of the planes is moved while requests and changes go on: hours forward and back, a day, and that of one plane only. No request
fails, changes go live, the links stay; windows of limits are of the wall clock, and none admits more than its limit however often the clock comes
back to it; an answer that is stored does not live longer for it, and nobody is busy for it. The clock is moved for these programs only
(moved_clock.c)."""
import contextlib
import os
import pathlib
import struct
import subprocess
import time

import kit
import pytest
import trouble

HOUR = 3600
LIMIT = 5


class Clock:
    """What the wall clock of a plane is ahead of the machine's, in seconds."""

    def __init__(self, library, path, base):
        self.path, self.base = path, base
        path.write_bytes(struct.pack("=q", base))
        self.environment = {"LD_PRELOAD": str(library), "GATEHOUSE_MOVED_CLOCK": str(path),
                            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

    def move(self, seconds):
        with open(self.path, "r+b", buffering=0) as file:
            file.write(struct.pack("=q", self.base + seconds))


@pytest.fixture(scope="module")
def library(folder):
    to = folder / "moved_clock.so"
    source = pathlib.Path(__file__).with_name("moved_clock.c")
    subprocess.run(["cc", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", to, source], check=True)
    return to


@pytest.fixture(scope="module")
def clocks(library, folder):
    """Both begin ten minutes into an hour, so that no window ends by itself meanwhile."""
    base = (600 - int(time.time())) % HOUR
    return [Clock(library, folder / name, base) for name in ("cp.clock", "dp.clock")]


@pytest.fixture(scope="module")
def shared_gateway(services, folder, clocks):
    made = kit.Gateway(services, folder / "gw", data_planes=2, proxy_ports=2)
    made.cp.environment = clocks[0].environment
    for dp in made.dps:
        dp.environment = clocks[1].environment
    yield made.start()
    for clock in clocks:
        clock.move(0)
    made.stop()


@pytest.fixture
def gateway(shared_gateway, origin, services):
    shared_gateway.service("s", origin)
    shared_gateway.service("cached", origin)
    shared_gateway.post("/services/cached/plugins", {"name": "proxy-cache", "config": {
        "strategy": "memory", "cache_ttl": 300, "storage_ttl": 12 * HOUR, "content_type": ["application/json"]}})
    for policy in ("local", "redis"):
        shared_gateway.service(policy, origin)
        shared_gateway.post(f"/services/{policy}/plugins?wait=all", {"name": "rate-limiting", "config": {
            "policy": policy, "hour": LIMIT, "limit_by": "header", "header_name": "x-who", "redis": {"host": kit.LOOPBACK, "port": services.redis_port}}})
    yield shared_gateway
    shared_gateway.wipe()


def admitted(gateway, policy):
    """How many of 2 * LIMIT requests to one data plane pass; those that do not are told of the end of the hour."""
    answers = [kit.call(gateway.proxies[0], "GET", f"/{policy}", {"x-who": "tern"}) for _ in range(2 * LIMIT)]
    assert {answer.status for answer in answers} <= {200, 429}, answers
    assert all(0 < int(answer.headers["retry-after"]) <= HOUR for answer in answers if answer.status == 429)
    return sum(answer.status == 200 for answer in answers)


def come_and_go(gateway, policy, mark):
    """So many others that each part of the counters makes room for new ones."""
    with contextlib.closing(kit.http.client.HTTPConnection(kit.LOOPBACK, gateway.proxies[0], timeout=10)) as connection:
        for i in range(400):
            connection.request("GET", f"/{policy}", headers={"x-who": f"{mark}-{i}"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200


def told(gateway):
    return kit.call(gateway.proxies[0], "GET", "/cached").headers["x-cache-status"]


def cpu_ms(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 // os.sysconf("SC_CLK_TCK")


def test_moved_while_requests_and_changes_go_on(gateway, clocks):
    both, (cp, dp) = clocks, clocks
    load = trouble.Load(gateway.proxies, "/s")
    writers = trouble.Writers([gateway.admin], pause=0.01)
    for who, seconds in ((both, 2 * HOUR), (both, -2 * HOUR), (both, 24 * HOUR), (both, 40 * 24 * HOUR), (both, 0), ([dp], 2 * HOUR), ([dp], -2 * HOUR),
                         ([cp], 24 * HOUR), ([cp], 40 * 24 * HOUR), ([cp], -2 * HOUR), (both, 0)):
        for clock in who:
            clock.move(seconds)
        writers.wait_for(10, f"with clocks moved by {seconds} s")
        answer = gateway.api("POST", "/consumers?wait=all&timeout=10s", {"username": f"at-{seconds}-{time.monotonic_ns()}"})
        assert (answer.status, answer.headers["x-gatehouse-applied"]) == (201, "2/2"), answer
    writers.stop()
    load.stop()
    trouble.in_the_end(gateway, writers)
    log = gateway.dps[0].settings["prefix"] / "logs/error.log"
    assert "lost the control plane" not in log.read_text()


@pytest.mark.parametrize("policy", ["local", "redis"])
def test_a_window_admits_its_limit_once(gateway, clocks, policy):
    _, dp = clocks
    assert admitted(gateway, policy) == LIMIT
    for seconds in (2 * HOUR, -2 * HOUR, 24 * HOUR):
        dp.move(seconds)
        assert admitted(gateway, policy) == LIMIT, "a new window, and not more than it allows"
        come_and_go(gateway, policy, seconds)
        dp.move(0)
        assert admitted(gateway, policy) == 0, "the same window again"


def test_a_stored_answer_is_not_kept_longer(gateway, clocks):
    _, dp = clocks
    assert [told(gateway), told(gateway)] == ["Miss", "Hit"]
    for seconds in (2 * HOUR, 0, -2 * HOUR, 24 * HOUR):
        dp.move(seconds)  # it is too old now, or of a time that is not yet
        assert [told(gateway), told(gateway)] == ["Refresh", "Hit"], seconds
    dp.move(0)


def test_nobody_is_busy_for_it(gateway, clocks):
    planes = [gateway.cp, *gateway.dps]
    for clock, seconds in zip(clocks * 3, (2 * HOUR, -2 * HOUR, 24 * HOUR, 24 * HOUR, 0, 0)):
        clock.move(seconds)
        before = [cpu_ms(plane) for plane in planes]
        time.sleep(0.25)
        assert max(cpu_ms(plane) - was for plane, was in zip(planes, before)) < 150
