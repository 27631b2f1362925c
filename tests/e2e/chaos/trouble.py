"""trouble: what the chaos tests share: load that counts failures, writers that remember what was acknowledged, a pair of PostgreSQL servers, a
link that can be cut, and what must hold in the end."""
import http.client
import os
import pathlib
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import kit


class Load:
    """Requests on kept connections, one thread a port, until it is stopped; `failed` is what was not answered with 200."""

    def __init__(self, ports, path):
        self.failed, self.count, self.stopping = [], 0, threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(port, path), daemon=True) for port in ports]
        for thread in self.threads:
            thread.start()

    def run(self, port, path):
        connection = http.client.HTTPConnection(kit.LOOPBACK, port, timeout=10)
        while not self.stopping.is_set():
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    self.failed.append(answer.status)
            except (OSError, http.client.HTTPException) as why:
                self.failed.append(repr(why))
                connection.close()
            self.count += 1
            time.sleep(0.002)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(15)
        assert self.count > 50, "there was load"
        assert self.failed == [], (len(self.failed), self.failed[:5])


class Writers:
    """Creates consumers through the given Admin APIs until it is stopped. What was answered with 201 is acknowledged; refusals are kept."""

    def __init__(self, ports, pause=0.0):
        self.acknowledged, self.refused, self.stopping, self.pause = [], [], threading.Event(), pause
        self.threads = [threading.Thread(target=self.run, args=(i, port), daemon=True) for i, port in enumerate(ports)]
        for thread in self.threads:
            thread.start()

    def run(self, which, port):
        n = 0
        while not self.stopping.is_set():
            n += 1
            name = f"w{which}-{n}"
            try:
                answer = kit.call(port, "POST", "/consumers", {"content-type": "application/json"}, f'{{"username":"{name}"}}'.encode(), timeout=30)
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
                continue
            if answer.status == 201:
                self.acknowledged.append(name)
            else:
                self.refused.append(answer)
                time.sleep(0.02)
            time.sleep(self.pause)

    def wait_for(self, more, what):
        goal = len(self.acknowledged) + more
        kit.eventually(lambda: len(self.acknowledged) >= goal, 40, f"{more} more writes {what}")

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(40)


def all_names(admin, kind="consumers", key="username"):
    names, path = set(), f"/{kind}?size=1000"
    while path:
        page = kit.call(admin, "GET", path, timeout=30).json
        names |= {row[key] for row in page["data"]}
        path = page["next"]
    return names


def version_of(dp):
    return kit.call(dp.status, "GET", "/status").json["gatehouse"]["config_version"]


def in_the_end(gateway, writers, admin=None):
    """Every acknowledged write is there, and all data planes are at one version."""
    admin = admin or gateway.admin
    missing = set(writers.acknowledged) - all_names(admin)
    assert writers.acknowledged and missing == set(), sorted(missing)[:10]
    current = kit.call(admin, "GET", "/").json["configuration"]["gatehouse"]["config_version"]
    for dp in gateway.dps:
        kit.eventually(lambda: version_of(dp) == current, 20, f"{dp.name} at version {current}")


class PgPair:
    """A PostgreSQL with a synchronous standby, as services of a Gateway: no commit is answered before the standby has it."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gatehouse-pair-", dir="/var/tmp"))
        self.bin = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
        self.pg_port, self.standby_port = kit.free_port(), kit.free_port()
        self.hosts = f"{kit.LOOPBACK}:{self.pg_port},{kit.LOOPBACK}:{self.standby_port}"
        self.run("initdb", "-D", self.folder / "a", "-U", "gatehouse", "--auth=trust", "--encoding=UTF8", "--no-locale")
        self.start("a", self.pg_port, "-c synchronous_standby_names=*")
        self.run("pg_basebackup", "-h", kit.LOOPBACK, "-p", str(self.pg_port), "-U", "gatehouse", "-D", self.folder / "b", "-R", "-c", "fast")
        self.start("b", self.standby_port, "")
        kit.eventually(lambda: self.psql("select count(*) from pg_stat_replication where sync_state = 'sync'") == "1", 15, "the standby follows")
        self.databases = 0

    def run(self, program, *words, check=True):
        command = [self.bin / program, *words]
        if os.getuid() == 0:
            command = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups", *command]
        return subprocess.run(command, check=check, capture_output=True, text=True, cwd=self.folder, env={**os.environ, "HOME": "/"})

    def start(self, name, port, more):
        self.run("pg_ctl", "-D", self.folder / name, "-w", "-t", "30", "-l", self.folder / f"{name}.log", "-o",
                 f"-h {kit.LOOPBACK} -p {port} -k {self.folder} -c max_connections=60 {more}", "start")

    def psql(self, sql, database="postgres"):
        return self.run("psql", "-h", kit.LOOPBACK, "-p", str(self.pg_port), "-U", "gatehouse", "-d", database, "-tAc", sql).stdout.strip()

    def database(self):
        self.databases += 1
        self.psql(f"create database pair_{self.databases}")
        return f"pair_{self.databases}"

    def kill_primary(self):
        self.run("pg_ctl", "-D", self.folder / "a", "-m", "immediate", "stop")

    def promote(self):
        self.run("pg_ctl", "-D", self.folder / "b", "-w", "promote")

    def stop(self):
        for name in "ab":
            self.run("pg_ctl", "-D", self.folder / name, "-m", "immediate", "stop", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


class Link(kit.TcpServer):
    """A way to a port that can be slow, silent or cut. `delay`: seconds a piece of data may take, at random; `is_stalled`: nothing passes, and
    nobody is told; `is_cut`: nobody gets through."""

    def __init__(self, to):
        self.to, self.delay, self.is_stalled, self.is_cut = to, 0.0, False, False
        self.lock, self.connections = threading.Lock(), set()
        super().__init__()

    def serve(self, near):
        if self.is_cut:
            near.close()
            return
        try:
            far = socket.create_connection((kit.LOOPBACK, self.to), timeout=5)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        for each in (near, far):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            self.connections |= {near, far}
        for a, b in ((near, far), (far, near)):
            threading.Thread(target=self.copy, args=(a, b), daemon=True).start()

    def copy(self, a, b):
        try:
            while data := a.recv(65536):
                if self.delay:
                    time.sleep(random.random() * self.delay)
                while self.is_stalled:
                    time.sleep(0.02)
                b.sendall(data)
        except OSError:
            pass
        self.drop(a, b)

    def drop(self, *sockets):
        for s in sockets:
            with self.lock:
                self.connections.discard(s)
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def reset(self):
        """Every connection ends; new ones may come."""
        with self.lock:
            victims = list(self.connections)
        self.drop(*victims)
