"""What the tests of this folder share: origins that say who they are, and words for health checks and what is shown of them."""
import socket

import kit


class Named(kit.Origin):
    """An origin that answers with its letter, and with the status it is told to."""

    def __init__(self, letter, port=0):
        self.letter, self.status, self.hold, self.connections = letter, 200, None, set()
        super().__init__(self.reply, port)

    def reply(self, handler, seen):
        self.connections.add(handler.connection)
        if self.hold and seen["path"].startswith("/slow"):
            self.hold.wait(10)
        body = self.letter.encode()
        handler.send_response(self.status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        return True

    def die(self):
        """Nobody listens any more, and what was connected is cut off."""
        self.close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def who(gateway, n=1, path="/", **more):
    answers = [gateway.get(path, **more) for _ in range(n)]
    assert all(a.status == 200 for a in answers), answers
    return "".join(a.body.decode() for a in answers)


def health(gateway, name="pool"):
    return {row["target"]: row.get("health") for row in gateway.api("GET", f"/upstreams/{name}/health").json["data"]}


def shows(gateway, **expected):
    wanted = sorted(expected["states"])
    kit.eventually(lambda: sorted(map(str, health(gateway).values())) == wanted, 5, f"health is {wanted}")


def passive(threshold=0, healthy=None, **unhealthy):
    return {"threshold": threshold, "passive": {"healthy": healthy or {}, "unhealthy": unhealthy}}


def active(**more):
    return {"active": {"http_path": "/hc", "healthy": {"interval": 0.1, "successes": 2},
                       "unhealthy": {"interval": 0.1, "http_failures": 2, "tcp_failures": 2, "timeouts": 2}, **more}}
