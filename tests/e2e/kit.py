"""kit: the real programs for end-to-end tests: a gateway of one control plane and some data planes, origins, and a small HTTP client.

A test shows its upstream, its configuration and its client on one page; what it needs for that is here."""
import http.client
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("GATEHOUSE_BUILD", ROOT / "build"))
IS_SANITIZED = BUILD.name in ("asan", "tsan")  # memory is no measure then
LOOPBACK = "127.0.0.1"


def free_port():
    """A port that nobody listens on. Below the ephemeral range, so that no outgoing connection takes it meanwhile; from a block that
    no other process of these tests hands out."""
    while True:
        for port in free_port.block:
            with socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    s.bind((LOOPBACK, port))
                    return port
                except OSError:
                    continue
        free_port.block = port_block()


def port_block():
    """Ports that are this process's: the kernel gives a name of a socket once, and takes it back when the process has ended."""
    for first in range(22000, 32000, 50):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0gatehouse-e2e-ports-{first}")
        except OSError:
            claim.close()
            continue
        port_block.claims.append(claim)
        return iter(range(first, first + 50))
    raise RuntimeError("no free port")


port_block.claims, free_port.block = [], iter(())


def eventually(condition, seconds=10.0, what="condition"):
    """Waits until condition() is true and returns its value; fails the test when it never is."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)


class Response:
    def __init__(self, status, headers, body):
        self.status, self.pairs, self.body = status, headers, body
        self.headers = {name.lower(): value for name, value in headers}

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


def call(port, method, path, headers=(), body=None, timeout=15):
    """One request on a connection of its own; path and headers exactly as given."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=timeout)
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers)
    names = {name.lower() for name, _ in pairs}
    try:
        connection.putrequest(method, path, skip_host="host" in names, skip_accept_encoding=True)
        for name, value in pairs:
            connection.putheader(name, value)
        if body is not None and not names & {"content-length", "transfer-encoding"}:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return Response(answer.status, answer.getheaders(), answer.read())
    finally:
        connection.close()


def raw(port, data, timeout=5, half_close=False):
    """Sends bytes as they are and returns everything that comes back until the peer closes or falls silent."""
    with socket.create_connection((LOOPBACK, port), timeout=timeout) as s:
        s.sendall(data)
        if half_close:
            s.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while chunk := s.recv(65536):
                got += chunk
        except (socket.timeout, ConnectionResetError):
            pass
        return got


class Origin:
    """An upstream in this process. By default it echoes what it saw as JSON; `handler` may answer instead."""

    def __init__(self, handler=None, port=0):
        origin = self
        self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body are two writes; the second one waited 40 ms for an acknowledgement

            def answer(self):
                if self.headers.get("transfer-encoding") == "chunked":
                    body = b""
                    while size := int(self.rfile.readline().split(b";")[0], 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                else:
                    body = self.rfile.read(int(self.headers.get("content-length") or 0))
                seen = {"method": self.command, "path": self.path, "pairs": list(self.headers.items()), "body": body.decode("latin1"),
                        "headers": {k.lower(): v for k, v in self.headers.items()}}
                origin.seen.append(seen)
                if handler and handler(self, seen):
                    return
                out = json.dumps(seen).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(out)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(out)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = answer

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 128

        self.server = Server((LOOPBACK, port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Collector(Origin):
    """Keeps what is posted to it; answers with the given statuses, then 200."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)
        super().__init__(self.answer)

    def answer(self, handler, seen):
        handler.send_response(self.statuses.pop(0) if self.statuses else 200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True


class TcpServer:
    """Raw TCP on loopback: serve(connection) of the class that inherits runs on a thread for each connection."""

    def __init__(self, port=0):
        self.socket = socket.create_server((LOOPBACK, port))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def close(self):
        self.socket.close()


class RawOrigin(TcpServer):
    """An upstream that answers every connection with canned bytes once it has seen a whole head, and keeps what it saw."""

    def __init__(self, answer, close=True, port=0):
        self.answer, self.close_after, self.heads = answer, close, []
        super().__init__(port)

    def serve(self, connection):
        with connection:
            data = b""
            try:
                while True:
                    while b"\r\n\r\n" not in data:
                        more = connection.recv(65536)
                        if not more:
                            return
                        data += more
                    head, data = data.split(b"\r\n\r\n", 1)
                    self.heads.append(head)
                    connection.sendall(self.answer)
                    if self.close_after:
                        return
            except OSError:
                return


class Process:
    """One of our programs, with its output in a file."""

    def __init__(self, folder, name, settings, program, arguments=()):
        self.name, self.folder, self.program, self.arguments = name, folder, program, arguments
        self.conf = folder / f"{name}.conf"
        self.settings = {"prefix": folder / name, **settings}
        self.log = folder / f"{name}.log"
        self.process, self.within, self.environment = None, (), {}  # within: words before the program, as of `ip netns exec`

    @property
    def pid(self):
        return self.process.pid

    def start(self, wait=True):
        self.conf.write_text("".join(f"{key} = {value}\n" for key, value in self.settings.items()))
        pid_file = pathlib.Path(self.settings["prefix"]) / "pids" / f"{self.program}.pid"
        pid_file.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*self.within, BUILD / self.program, "--conf", self.conf, *self.arguments], stdout=log, stderr=log,
                                            env={**os.environ, **self.environment})
        if wait:
            def ready():
                assert self.process.poll() is None, f"{self.name} ended with {self.process.returncode}: {self.log.read_text()[-2000:]}"
                return pid_file.exists()
            eventually(ready, 20, f"{self.name} is ready")
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=20):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(seconds)
            assert self.process.returncode == 0, f"{self.name} ended with {self.process.returncode}: {self.log.read_text()[-4000:]}"
        return self.process.returncode if self.process else None


class Services:
    """The private PostgreSQL and Redis of a test run."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gatehouse-e2e-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.pg_port, self.redis_port = free_port(), free_port()
        environment = {**os.environ, "PG_OPTIONS": "-c fsync=off -c max_connections=100"}
        subprocess.run([ROOT / "scripts/services", "start", self.folder, str(self.pg_port), str(self.redis_port)], check=True,
                       env=environment)
        self.databases = 0

    def psql(self, sql, database="postgres"):
        done = subprocess.run(["psql", "-h", LOOPBACK, "-p", str(self.pg_port), "-U", "gatehouse", "-d", database, "-tAc", sql],
                              check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def database(self):
        self.databases += 1
        name = f"e2e_{self.databases}"
        self.psql(f"create database {name}")
        return name

    def stop(self):
        subprocess.run([ROOT / "scripts/services", "stop", self.folder, str(self.pg_port), str(self.redis_port)], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)


class Gateway:
    """A control plane and data planes behind one proxy port, linked by TLS."""

    def __init__(self, services, folder, data_planes=1, proxy_ports=1, settings=None):
        self.services, self.folder = services, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.admin, self.cluster = free_port(), free_port()
        self.proxies = [free_port() for _ in range(proxy_ports)]
        self.proxy = self.proxies[0]
        self.database = services.database()
        certs = folder / "certs"
        names = [f"dp{i + 1}" for i in range(data_planes)]
        subprocess.run([BUILD / "gatectl", "cluster", "cert", "--dir", certs, "cp", *names], check=True, stdout=subprocess.DEVNULL)
        self.certs = certs
        shared = {"log_level": "info", **(settings or {})}
        self.cp = Process(folder, "cp", {
            "role": "control_plane", "admin_listen": f"{LOOPBACK}:{self.admin}", "cluster_listen": f"{LOOPBACK}:{self.cluster}",
            "pg_host": LOOPBACK, "pg_port": services.pg_port, "pg_user": "gatehouse", "pg_database": self.database,
            **self.link("cp"), **shared}, "gatehouse-cp")
        self.dps = [self.data_plane(name, self.proxies[i % proxy_ports], shared) for i, name in enumerate(names)]

    def link(self, name):
        return {"cluster_ca_cert": self.certs / "ca.crt", "cluster_cert": self.certs / f"{name}.crt",
                "cluster_cert_key": self.certs / f"{name}.key"}

    def data_plane(self, name, port, shared):
        status = free_port()
        dp = Process(self.folder, name, {
            "role": "data_plane", "proxy_listen": f"{LOOPBACK}:{port} reuseport", "status_listen": f"{LOOPBACK}:{status}",
            "cluster_control_plane": f"{LOOPBACK}:{self.cluster}", "nginx_worker_processes": 1, **self.link(name), **shared},
            "gatehouse-dp")
        dp.status = status
        return dp

    def migrate(self):
        self.cp.conf.write_text("".join(f"{key} = {value}\n" for key, value in self.cp.settings.items()))
        subprocess.run([BUILD / "gatectl", "migrations", "bootstrap", "--conf", self.cp.conf], check=True, stdout=subprocess.DEVNULL)

    def start(self):
        self.migrate()
        self.cp.start()
        for dp in self.dps:
            dp.start()
        for dp in self.dps:
            self.wait_ready(dp)
        return self

    def wait_ready(self, dp):
        eventually(lambda: self.is_ready(dp), 20, f"{dp.name} has a configuration")

    @staticmethod
    def is_ready(dp):
        try:
            return call(dp.status, "GET", "/status/ready").status == 200
        except OSError:
            return False

    def stop(self):
        for process in [*self.dps, self.cp]:
            process.stop()

    def gatectl(self, *words):
        done = subprocess.run([BUILD / "gatectl", *words, "--conf", self.cp.conf], capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done
        return done

    # -- the Admin API
    def api(self, method, path, data=None, form=None, headers=()):
        body, pairs = None, list(headers)
        if data is not None:
            body, kind = json.dumps(data).encode(), "application/json"
        elif form is not None:
            body, kind = urllib.parse.urlencode(form, doseq=True).encode(), "application/x-www-form-urlencoded"
        if body is not None:
            pairs.append(("Content-Type", kind))
        return call(self.admin, method, path, pairs, body, timeout=30)

    def post(self, path, data=None, form=None):
        answer = self.api("POST", path, data, form)
        assert answer.status == 201, answer
        return answer.json

    def service(self, name, origin, paths=None, **route):
        """A service for an origin and one route to it; returns both."""
        made = self.post("/services", {"name": name, "host": LOOPBACK, "port": origin.port})
        paths = paths or [f"/{name}"]
        return made, self.post(f"/services/{name}/routes", {"name": name, "paths": paths, **route})

    def get(self, path, headers=(), **more):
        return call(self.proxy, "GET", path, headers, **more)

    def wipe(self):
        """Removes everything, children first."""
        for kind in ("routes", "services", "plugins", "consumers", "consumer_groups", "upstreams", "certificates", "ca_certificates",
                     "vaults", "keys", "key-sets"):
            while rows := self.api("GET", f"/{kind}?size=1000").json["data"]:
                for row in rows:
                    self.api("DELETE", f"/{kind}/{row['id']}")
