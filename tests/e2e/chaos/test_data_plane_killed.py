"""A data plane is killed with -9 again and again while it applies versions and keeps them on disk: each time it comes back it serves, at once
and without asking anybody, a whole version that there was, and in the end it has the newest. GATEHOUSE_CHAOS_KILLS: how often (default 6;
scripts/chaos does it 1,000 times)."""
import os
import random
import resource
import signal
import subprocess
import time

import kit
import pytest
import trouble

KILLS = int(os.environ.get("GATEHOUSE_CHAOS_KILLS", "6"))


@pytest.fixture(scope="module")
def cluster(services, folder):
    made = kit.Gateway(services, folder, data_planes=2, proxy_ports=2).start()
    yield made
    made.stop()


@pytest.fixture
def gateway(cluster):
    yield cluster
    cluster.wipe()


def document(n, filling=0):
    """Two routes that say the same number; a version that is half there would not."""
    say = [{"name": "request-termination", "config": {"status_code": 200, "message": str(n)}}]
    return {"_format_version": "3.0", "consumers": [{"username": f"f{n}-{i}-{'x' * 100}"} for i in range(filling)],
            "services": [{"name": name, "host": kit.LOOPBACK, "port": 9, "plugins": say, "routes": [{"name": name, "paths": [f"/{name}"]}]}
                         for name in ("a", "b")]}


def said(port):
    """0: no such route, as in the version before the first document, which is all that is kept when a node is killed early."""
    answers = [kit.call(port, "GET", f"/{name}") for name in ("a", "b")]
    return [0 if answer.status == 404 else int(answer.json["message"]) for answer in answers]


class Rewriting(trouble.Writers):
    """Writes one document after the other; `acknowledged` are their numbers."""

    def run(self, which, port):
        n = 0
        while not self.stopping.is_set():
            n += 1
            body = kit.json.dumps(document(n, n % 7 * 40)).encode()
            answer = kit.call(port, "POST", "/config", {"content-type": "application/json"}, body, timeout=30)
            assert answer.status in (200, 201), answer
            self.acknowledged.append(n)


def test_killed_at_random_while_it_applies(gateway):
    writers = Rewriting([gateway.admin])
    writers.wait_for(3, "at first")
    load = trouble.Load(gateway.proxies[1:], "/a")
    victim, port, newest = gateway.dps[0], gateway.proxies[0], 0
    for _ in range(KILLS):
        time.sleep(random.random() * 0.25)
        victim.kill()
        victim.start()
        kit.eventually(lambda: gateway.is_ready(victim), 10, "it serves what it kept")
        for _ in range(20):  # versions follow each other quickly: both answers are of one now and then
            a, b = said(port)
            newest = max(newest, a, b)
            if a == b:
                break
        else:
            raise AssertionError("never one version in 20 pairs of answers")
    writers.stop()
    load.stop()
    last = writers.acknowledged[-1]
    for each in gateway.proxies:
        kit.eventually(lambda: said(each) == [last, last], 10, "both have the last document")
    assert newest > 0


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
    assert put(1).headers["x-gatehouse-applied"] == "2/2"
    victim.stop()  # what is there now is on disk
    start_with_small_files(victim, 40000)
    kit.eventually(lambda: gateway.is_ready(victim), 10, "it serves what it kept")
    assert put(2, 1500).headers["x-gatehouse-applied"] == "2/2"  # some 300 kB: served from memory, and not kept
    assert said(port) == [2, 2]
    time.sleep(0.7)  # the writer has had its turn
    gateway.cp.stop()
    victim.kill()
    victim.start()
    kit.eventually(lambda: gateway.is_ready(victim), 10, "it serves the one before")
    assert said(port) == [1, 1]
    gateway.cp.start()
    kit.eventually(lambda: said(port) == [2, 2], 15, "it catches up")
    assert put(3).headers["x-gatehouse-applied"] == "2/2"
    victim.stop()
    kept = victim.settings["prefix"] / "config.cache"
    kept.write_bytes(kept.read_bytes()[:-100])
    gateway.cp.stop()
    victim.start()
    kit.eventually(lambda: gateway.is_ready(victim), 10, "it serves the previous file")
    assert said(port) in ([1, 1], [2, 2]) and list(kept.parent.glob("*.damaged"))
    gateway.cp.start()
    kit.eventually(lambda: said(port) == [3, 3], 15, "it catches up")
