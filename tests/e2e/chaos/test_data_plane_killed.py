"""Data planes are killed with -9 again and again while they apply versions and keep them on disk. Each time the disk is looked at first, by a
start without a control plane: what is served then is whole, and not older than the last version whose keeping was complete, nor than what an earlier
start found. In the end all have the newest. GATEHOUSE_CHAOS_KILLS: how often (default 6; scripts/chaos does it 1,000 times, four at a time)."""
import os
import random
import re
import resource
import signal
import subprocess
import threading
import time

import kit
import pytest
import trouble

KILLS = int(os.environ.get("GATEHOUSE_CHAOS_KILLS", "6"))
VICTIMS = 4 if KILLS > 20 else 1
ALL = f"{VICTIMS + 1}/{VICTIMS + 1}"  # data planes that have applied a write
NOWHERE = f"{kit.LOOPBACK}:9"


@pytest.fixture(scope="module")
def cluster(services, folder):
    made = kit.Gateway(services, folder, data_planes=VICTIMS + 1, proxy_ports=VICTIMS + 1)
    for dp in made.dps[:VICTIMS]:
        dp.settings["log_level"] = "debug"
    yield made.start()
    made.stop()


@pytest.fixture
def gateway(cluster):
    yield cluster
    cluster.wipe()


def document(n, filling=0, mark=0):
    """Two routes that say the same number; a version that is half there would not. With the same filling and mark, the next is a small change."""
    say = [{"name": "request-termination", "config": {"status_code": 200, "message": str(n)}}]
    return {"_format_version": "3.0", "consumers": [{"username": f"f{mark}-{i}-{'x' * 100}"} for i in range(filling)],
            "services": [{"name": name, "host": kit.LOOPBACK, "port": 9, "plugins": say, "routes": [{"name": name, "paths": [f"/{name}"]}]}
                         for name in ("a", "b")]}


def said(port):
    """0: no such route, as in the version before the first document."""
    answers = [kit.call(port, "GET", f"/{name}") for name in ("a", "b")]
    return [0 if answer.status == 404 else int(answer.json["message"]) for answer in answers]


class Rewriting(trouble.Writers):
    """Writes one document after the other; `acknowledged` are their numbers."""

    def run(self, which, port):
        n = 0
        while not self.stopping.is_set():
            n += 1
            body = kit.json.dumps(document(n, n // 8 % 7 * 40 + 40, n // 8)).encode()
            answer = kit.call(port, "POST", "/config", {"content-type": "application/json"}, body, timeout=30)
            assert answer.status in (200, 201), answer
            self.acknowledged.append(n)


class Victim:
    """A data plane that is killed and looked at; `found`: version and number of each look."""

    def __init__(self, dp, port):
        self.dp, self.port, self.control_planes, self.found, self.least, self.wrong = dp, port, dp.settings["cluster_control_plane"], [(0, 0)], 0, []
        self.read = 0

    def kept(self):
        """The newest version whose keeping was complete, as the log says; what was logged before was seen before."""
        with open(self.dp.settings["prefix"] / "logs/error.log", "rb") as log:
            log.seek(self.read)
            text = log.read()
            self.read += len(text)
        return max([self.least, *map(int, re.findall(rb" configuration kept version=(\d+)\n", text))])

    def look(self):
        """What is on disk."""
        self.dp.settings["cluster_control_plane"] = NOWHERE
        self.dp.start()
        kit.eventually(lambda: kit.Gateway.is_ready(self.dp), 20, "it serves what it kept")
        (a, b), version = said(self.port), trouble.version_of(self.dp)
        self.dp.kill()
        if a != b or version < self.least or (version, a) < self.found[-1]:
            self.wrong.append(((a, b), version, self.least, self.found[-1]))
        self.found.append((version, a))
        self.dp.settings["cluster_control_plane"] = self.control_planes

    def suffer(self, kills):
        try:
            for _ in range(kills):
                time.sleep(random.random() ** 2 * 0.9)
                self.dp.kill()
                self.least = self.kept()
                self.look()
                self.dp.start()
        except BaseException as why:
            self.wrong.append(repr(why))


@pytest.fixture
def writers(gateway):
    made = Rewriting([gateway.admin])
    yield made
    made.stop()


def test_killed_at_random_while_it_applies(gateway, writers):
    victims = [Victim(dp, port) for dp, port in zip(gateway.dps[:VICTIMS], gateway.proxies)]
    writers.wait_for(3, "at first")
    for victim in victims:
        kit.eventually(victim.kept, 10, "something is kept")
    load = trouble.Load(gateway.proxies[VICTIMS:], "/a")
    threads = [threading.Thread(target=victim.suffer, args=(KILLS // VICTIMS,)) for victim in victims]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writers.stop()
    load.stop()
    assert [wrong for victim in victims for wrong in victim.wrong] == []
    last = writers.acknowledged[-1]
    for each in gateway.proxies:
        kit.eventually(lambda: said(each) == [last, last], 10, "all have the last document")
    for victim in victims:
        versions = len({version for version, _ in victim.found})
        print(f"{victim.dp.name}: {len(victim.found) - 1} kills, {versions} versions found")
        assert versions > KILLS // VICTIMS // 3, "it got somewhere between the kills"


def start_with_small_files(process, limit):
    """As on a disk that is full: a file cannot grow beyond the limit, and the program is told so by the write."""
    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    with open(process.log, "ab") as log:
        process.process = subprocess.Popen([kit.BUILD / process.program, "--conf", process.conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                           preexec_fn=limited)
        log.write(b"started with small files\n")


def test_a_full_disk_and_a_torn_file(gateway):
    victim, port = gateway.dps[0], gateway.proxies[0]
    put = lambda n, filling=0: gateway.api("POST", "/config?wait=all&timeout=10s", document(n, filling))  # noqa: E731
    assert put(1).headers["x-gatehouse-applied"] == ALL
    victim.stop()  # what is there now is on disk
    start_with_small_files(victim, 40000)
    kit.eventually(lambda: gateway.is_ready(victim), 10, "it serves what it kept")
    assert put(2, 1500).headers["x-gatehouse-applied"] == ALL  # some 300 kB: served from memory, and not kept
    assert said(port) == [2, 2]
    time.sleep(0.7)  # the writer has had its turn
    gateway.cp.stop()
    victim.kill()
    victim.start()
    kit.eventually(lambda: gateway.is_ready(victim), 10, "it serves the one before")
    assert said(port) == [1, 1]
    gateway.cp.start()
    kit.eventually(lambda: said(port) == [2, 2], 15, "it catches up")
    assert put(3).headers["x-gatehouse-applied"] == ALL
    victim.stop()
    kept = victim.settings["prefix"] / "config.cache"
    kept.write_bytes(kept.read_bytes()[:-100])
    gateway.cp.stop()
    victim.start()
    kit.eventually(lambda: gateway.is_ready(victim), 10, "it serves the previous file")
    assert said(port) in ([1, 1], [2, 2]) and list(kept.parent.glob("*.damaged"))
    gateway.cp.start()
    kit.eventually(lambda: said(port) == [3, 3], 15, "it catches up")
