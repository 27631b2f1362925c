#!/usr/bin/env python3
"""cluster: very many data planes at two control planes, on this machine, and how long a change takes to be live. Prints a table; deploy/CLUSTER.md
has what it showed. Beside two real data planes there are light ones (swarm.c), which have a data plane's lines and none of its memory.

    tests/bench/cluster.py [--nodes 200] [--routes 50000] [--changes 200] [--only live,big,document,swarm]

    live       from the client's POST of a route to its first answer by the slower one of two data planes
    big        the same on top of 100,000 routes
    document   10,000 services and routes and 20,000 consumers with keys: from the commit until both data planes have them
    swarm      a change is known by all light data planes; both control planes are killed and started again. Last, since its data planes are
               missed once they have gone
"""
import argparse
import http.client
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import kit  # noqa: E402
from two_cps import TwoControlPlanes  # noqa: E402

PROCESSES = 4  # nanomsg has 512 sockets for each


def row(name, value):
    print(f"{name:<72} {value}", flush=True)


def percentiles(times):
    times = sorted(times)
    at = lambda q: times[min(len(times) - 1, int(len(times) * q))] * 1000  # noqa: E731
    return f"p50 {at(.5):.1f} ms, p99 {at(.99):.1f} ms, max {times[-1] * 1000:.1f} ms (n = {len(times)})"


def memory(process):
    fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines() if ":" in line)
    return f"{int(fields['VmRSS'].split()[0]) // 1024} MB (peak {int(fields['VmHWM'].split()[0]) // 1024} MB)"


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def descriptors(process):
    return len(list(pathlib.Path(f"/proc/{process.pid}/fd").iterdir()))


def idle(gateway, nodes, seconds=8):
    """What it costs a control plane that all are there."""
    before = cpu_seconds(gateway.cp)
    time.sleep(seconds)
    used = (cpu_seconds(gateway.cp) - before) / seconds
    row(f"a control plane with {nodes} that poll each second: of one core, descriptors", f"{used * 100:.1f} %, {descriptors(gateway.cp)}")


class Swarm:
    """The light data planes; `known[version]` is when each came to it."""

    def __init__(self, gateway, nodes):
        self.nodes, self.known, self.lock = nodes, {}, threading.Lock()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gh-swarm-", dir="/var/tmp"))
        first = len(gateway.dps) + 1
        names = [f"dp{i}" for i in range(first, first + nodes)]
        for at in range(0, nodes, 50):
            subprocess.run([kit.BUILD / "gatectl", "cluster", "cert", "--dir", gateway.certs, *names[at:at + 50]], check=True, stdout=subprocess.DEVNULL)
        (self.folder / "certs").symlink_to(gateway.certs)
        addresses = f"{kit.LOOPBACK}:{gateway.cluster},{kit.LOOPBACK}:{gateway.cluster2}"
        share = nodes // PROCESSES
        self.processes = [subprocess.Popen([kit.BUILD / "release/tests/bench/swarm", self.folder, addresses, str(first + i * share), str(share)],
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for i in range(PROCESSES)]
        for process in self.processes:
            threading.Thread(target=self.read, args=(process,), daemon=True).start()

    def read(self, process):
        for line in process.stdout:
            us, number, version = line.split()
            with self.lock:
                self.known.setdefault(int(version), {})[number] = int(us) / 1e6

    def reached(self, version):
        """When the last one came to the version, or beyond it."""
        with self.lock:
            last = {}
            for v, nodes in self.known.items():
                if v >= version:
                    for number, at in nodes.items():
                        last[number] = min(last.get(number, at), at)
        return max(last.values()) if len(last) == self.nodes else None

    def wait(self, version, seconds=60):
        return kit.eventually(lambda: self.reached(version), seconds, f"all at version {version}")

    def stop(self):
        for process in self.processes:
            process.stdin.close()
        for process in self.processes:
            process.wait(20)
        shutil.rmtree(self.folder)


def document(routes):
    return {"_format_version": "3.0", "services": [{"name": f"s{s}", "host": kit.LOOPBACK, "port": 9, "routes": [
        {"name": f"r{s}-{i}", "paths": [f"/many/{s}/route-{i}/"]} for i in range(100)]} for s in range(routes // 100)]}


def apply(gateway, what):
    body = json.dumps(what).encode()
    answer = kit.call(gateway.admin, "POST", "/config?wait=all&timeout=120s", {"content-type": "application/json"}, body, timeout=300)
    assert answer.status in (200, 201), answer
    return gateway.published(gateway.admin)


def change(gateway, admin, i, origin):
    """One more route; returns the version and when the request began."""
    body = json.dumps({"name": f"one-{i}", "paths": [f"/one-{i}/"], "service": {"name": "live"}}).encode()
    began = time.monotonic()
    answer = kit.call(admin, "POST", "/routes", {"content-type": "application/json"}, body)
    assert answer.status == 201, answer
    return int(answer.headers["x-gatehouse-config-version"]), began


def swarm(gateway, args, origin):
    before = time.monotonic()
    version = apply(gateway, document(args.routes))
    row(f"{args.routes} routes by POST /config, live on the real data planes after", f"{time.monotonic() - before:.1f} s")
    gateway.service("live", origin)
    before = time.monotonic()
    light = Swarm(gateway, args.nodes)
    try:
        light.wait(version, 240)
        row(f"{args.nodes} come for the first time, {args.routes} routes: all have them after", f"{time.monotonic() - before:.1f} s")
        kit.eventually(lambda: len(gateway.connected(gateway.admin)) >= args.nodes, 30, "all are known")
        times = []
        for i in range(args.changes):
            version, began = change(gateway, (gateway.admin, gateway.admin2)[i % 2], i, origin)
            times.append(light.wait(version) - began)
            time.sleep(0.02)
        row(f"one change, from the POST until all {args.nodes} have it", percentiles(times))
        row("memory of the control planes", f"{memory(gateway.cp)}, {memory(gateway.cp2)}")
        idle(gateway, args.nodes)
        for cp in (gateway.cp, gateway.cp2):
            cp.kill()
        for cp in (gateway.cp, gateway.cp2):
            cp.start()
        began = time.monotonic()
        kit.eventually(lambda: len(gateway.connected(gateway.admin)) >= args.nodes and len(gateway.connected(gateway.admin2)) >= args.nodes, 60,
                       "all are back")
        version, _ = change(gateway, gateway.admin, "back", origin)
        light.wait(version)
        row("both control planes killed and started: all back at both, and have a change", f"{time.monotonic() - began:.1f} s")
        row("memory of the control planes", f"{memory(gateway.cp)}, {memory(gateway.cp2)}")
    finally:
        light.stop()


class Asking:
    """Asks one data plane for a path until it is there."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection(kit.LOOPBACK, port, timeout=20)

    def until(self, path, at):
        while True:
            self.connection.request("GET", path)
            answer = self.connection.getresponse()
            answer.read()
            if answer.status == 200:
                at.append(time.monotonic())
                return
            time.sleep(0.0005)


def measure(gateway, args, origin, name, prefix):
    asking, times = [Asking(port) for port in gateway.proxies[:2]], []
    for i in range(args.changes):
        at = []
        threads = [threading.Thread(target=one.until, args=(f"/one-{prefix}{i}/", at)) for one in asking]
        for thread in threads:
            thread.start()
        _, began = change(gateway, gateway.admin, f"{prefix}{i}", origin)
        for thread in threads:
            thread.join()
        times.append(max(at) - began)
    row(name, percentiles(times))


def live(gateway, args, origin):
    apply(gateway, document(1000))
    gateway.service("live", origin)
    measure(gateway, args, origin, "one more route: POST until the first answers of two data planes", "l")


def big(gateway, args, origin):
    apply(gateway, document(100000))
    gateway.service("live", origin)
    measure(gateway, args, origin, "the same on top of 100,000 routes", "b")


def many():
    return {"_format_version": "3.0", "services": [{"name": f"s{i}", "host": kit.LOOPBACK, "port": 9, "routes": [
        {"name": f"r{i}", "paths": [f"/many/{i % 100}/route-{i}"]}]} for i in range(10000)],
        "consumers": [{"username": f"c{i}", "keyauth_credentials": [{"key": f"key-{i}"}]} for i in range(20000)]}


def entities(gateway, args, origin):
    apply(gateway, document(0))
    body, done = json.dumps(many()).encode(), {}

    def post():
        done["answer"] = kit.call(gateway.admin, "POST", "/config", {"content-type": "application/json"}, body, timeout=300)
    before = gateway.published(gateway.admin)
    writer = threading.Thread(target=post)
    began = time.monotonic()
    writer.start()
    kit.eventually(lambda: int(gateway.services.psql("select version from config_version", gateway.database)) > before, 120, "committed")
    committed = time.monotonic()
    versions = lambda: [v for v in gateway.versions()[:2]]  # noqa: E731
    kit.eventually(lambda: min(versions()) > before, 60, "live")
    row("60,000 entities by POST /config: commit after", f"{committed - began:.1f} s")
    row("... from the commit until both data planes have them", f"{time.monotonic() - committed:.2f} s")
    writer.join()
    row("memory of a control plane, a data plane", f"{memory(gateway.cp)}, {memory(gateway.dps[0])}")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--nodes", type=int, default=200)
    options.add_argument("--routes", type=int, default=50000)
    options.add_argument("--changes", type=int, default=200)
    options.add_argument("--only", default="live,big,document,swarm")
    args = options.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gh-cluster-", dir="/var/tmp"))
    subprocess.run(["make", "-s", "build/release/tests/bench/swarm"], cwd=kit.ROOT, check=True)
    services, origin = kit.Services(), kit.Origin()
    cases = {"swarm": swarm, "live": live, "big": big, "document": entities}
    settings = {"admin_max_body_size": "200m", "publish_guard": 0, "log_level": "warn"}
    try:
        gateway = TwoControlPlanes(services, folder, settings=settings)
        for dp in gateway.dps:
            dp.settings["cluster_control_plane"] = gateway.dps[2].settings["cluster_control_plane"]
        try:
            gateway.start()
            for name in args.only.split(","):
                cases[name](gateway, args, origin)
        finally:
            gateway.stop()
    finally:
        services.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
