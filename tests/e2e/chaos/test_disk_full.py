"""The disk of a control plane and of a data plane is full (users.md 4): both go on from memory, changes go live, what is wrong is logged once, a
start has what was kept before; and when there is room again, the newest version is kept without a further change. The disks are small ones of
their own in memory."""
import pathlib
import subprocess

import kit
import pytest
import trouble

SIZE = "1536k"


@pytest.fixture
def disks(folder):
    """Mounts a small disk at a folder; all are gone at the end."""
    made = []

    def mount(path):
        path.mkdir(parents=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "gatehouse-chaos", path], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
        made.append(path)
    yield mount
    for path in made:
        subprocess.run(["umount", "--lazy", path], check=True)


@pytest.fixture
def gateway(services, folder, disks):
    made = kit.Gateway(services, folder / "gw", data_planes=2, proxy_ports=2)
    for process, setting in ((made.cp, "admin_error_log"), (made.dps[0], "proxy_error_log")):
        disks(process.settings["prefix"])
        process.errors = made.folder / f"{process.name}-error.log"  # on another disk
        process.settings[setting] = process.errors
    yield made.start()
    made.stop()


def document(n):
    """Each is new in most parts, some 30 kB."""
    say = [{"name": "request-termination", "config": {"status_code": 200, "message": str(n)}}]
    return {"_format_version": "3.0", "consumers": [{"username": f"f{n}-{i}-{'x' * 200}"} for i in range(100)],
            "services": [{"name": "s", "host": kit.LOOPBACK, "port": 9, "plugins": say, "routes": [{"name": "s", "paths": ["/s"]}]}]}


def fill(process):
    """Until nothing more fits."""
    with open(process.settings["prefix"] / "filling", "ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass


def lines(process, words):
    return sum(words in line for line in process.errors.read_text().splitlines())


def said(port):
    return int(kit.call(port, "GET", "/s").json["message"])


def test_a_full_disk(gateway):
    put = lambda n: gateway.api("POST", "/config?wait=all&timeout=10s", document(n)).headers["x-gatehouse-applied"]  # noqa: E731
    full = [gateway.cp, gateway.dps[0]]
    assert put(1) == "2/2"
    load = trouble.Load(gateway.proxies, "/s")
    for process in full:
        kept = pathlib.Path(process.settings["prefix"]) / ("published" if process is gateway.cp else "") / "config.cache"
        kit.eventually(lambda: kept.exists() and kept.stat().st_size > 8000, what="the first is kept")
        fill(process)
    n = 1
    for process in full:
        while lines(process, "cannot keep the configuration on disk") == 0:
            n += 1
            assert put(n) == "2/2" and n < 200
    for _ in range(5):
        n += 1
        assert put(n) == "2/2" and [said(port) for port in gateway.proxies] == [n, n]
    assert [lines(process, "cannot keep the configuration on disk") for process in full] == [1, 1]
    assert [lines(process, "No space left on device") for process in full] == [1, 1]

    load.stop()
    victim = gateway.dps[0]
    victim.kill()
    gateway.cp.kill()
    victim.start()  # on a full disk
    gateway.wait_ready(victim)
    assert 1 <= said(gateway.proxies[0]) < n
    gateway.cp.start()
    load = trouble.Load(gateway.proxies[1:], "/s")
    kit.eventually(lambda: said(gateway.proxies[0]) == n, 20, "it has caught up")

    for process in full:
        (process.settings["prefix"] / "filling").unlink()
    current = trouble.version_of(victim)
    kit.eventually(lambda: lines(victim, f"the configuration is kept on disk again version={current}") == 1, 20, "the newest is kept")
    victim.kill()
    gateway.cp.stop()
    victim.start()
    gateway.wait_ready(victim)
    assert said(gateway.proxies[0]) == n
    gateway.cp.start()
    load.stop()
