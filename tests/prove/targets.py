"""Targets that die and come back under load: errors bounded by the thresholds, none after the mark, nothing done twice.

Every request is a POST with a number, which each origin writes down before it answers; some it does not answer but dies."""
import http.client
import http.server
import socket
import threading
import time

from bed import kit

CLIENTS, TARGETS, TURNS, THRESHOLD = 8, 3, 6, 3


class Target:
    """An origin that can be cut off and set up again on the same port."""

    def __init__(self, acted):
        self.port, self.acted, self.connections = kit.free_port(), acted, set()
        self.up()

    def up(self):
        target = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                target.connections.add(self.connection)

            def do_POST(self):
                number = self.rfile.read(int(self.headers["content-length"]))
                target.acted.append(number)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

            def handle(self):
                try:
                    super().handle()
                except OSError:
                    pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads, request_queue_size, allow_reuse_address = True, 128, True

        self.connections.clear()
        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def down(self):
        self.server.shutdown()
        self.server.server_close()
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Client(threading.Thread):
    def __init__(self, bed, number, errors):
        super().__init__(daemon=True)
        self.bed, self.number, self.errors, self.asked, self.stopping = bed, number, errors, 0, False

    def run(self):
        while not self.stopping:
            self.asked += 1
            word = f"{self.number}-{self.asked}".encode()
            try:
                status = kit.call(self.bed.dp.port, "POST", "/", body=word).status
            except OSError:
                status = 0
            if status != 200:
                self.errors.append((time.monotonic(), status))


def states(bed):
    return sorted(row["health"] for row in bed.gateway.api("GET", "/upstreams/pool/health").json["data"])


def prove(bed):
    acted, errors = [], []
    targets = [Target(acted) for _ in range(TARGETS)]
    bed.origin = 0
    bed.start()
    healthchecks = {"active": {"http_path": "/", "type": "tcp", "healthy": {"interval": 0.2, "successes": 2}, "unhealthy": {"interval": 0.2, "tcp_failures": 2}},
                    "passive": {"unhealthy": {"tcp_failures": THRESHOLD}}}
    bed.apply([{"name": "pool", "host": "pool", "retries": 0, "routes": [{"name": "all", "paths": ["/"]}]}],
              upstreams=[{"name": "pool", "healthchecks": healthchecks, "targets": [{"target": f"127.0.0.1:{t.port}"} for t in targets]}])
    kit.eventually(lambda: states(bed) == ["HEALTHY"] * TARGETS, 10, "all targets are healthy")
    clients = [Client(bed, n, errors) for n in range(CLIENTS)]
    for client in clients:
        client.start()
    worst, late = 0, 0
    for turn in range(TURNS):
        target, before = targets[turn % TARGETS], len(errors)
        time.sleep(1)
        target.down()
        kit.eventually(lambda: states(bed).count("UNHEALTHY") == 1, 10, "the dead target is marked")
        marked = time.monotonic()
        time.sleep(2)
        late += sum(at > marked for at, _ in errors)
        worst = max(worst, len(errors) - before)
        target.up()
        kit.eventually(lambda: states(bed) == ["HEALTHY"] * TARGETS, 10, "it is healthy again")
    for client in clients:
        client.stopping = True
    for client in clients:
        client.join(20)
    asked = sum(client.asked for client in clients)
    bed.note(f"{asked} requests, {len(errors)} errors in {TURNS} deaths: {sorted({status for _, status in errors})}")
    bed.found("errors of one death: threshold, and those under way", worst, THRESHOLD + CLIENTS)
    bed.found("errors after the mark", late, 0)
    bed.found("requests that were acted on twice", len(acted) - len(set(acted)), 0)
    bed.found("requests answered 200 that nobody acted on", asked - len(errors) - len(set(acted)), 0)
