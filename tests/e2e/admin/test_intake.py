"""What a client of the Admin API may cost before it has shown who it is, and while it is slow (issue 3, "Bodies")."""
import socket

import kit


def head(length, *lines):
    return "\r\n".join(["POST /services HTTP/1.1", "Host: a", "Content-Type: application/json", f"Content-Length: {length}", *lines, "", ""]).encode()


def test_a_body_without_a_login_is_not_waited_for(protected):
    with socket.create_connection((kit.LOOPBACK, protected.admin), timeout=10) as s:
        s.sendall(head(9_000_000))
        assert s.recv(4096).startswith(b"HTTP/1.1 401 ")


def test_a_body_that_dribbles_is_given_up(protected):
    """Each byte comes well within the time between two reads; it is the whole that takes too long."""
    with socket.create_connection((kit.LOOPBACK, protected.admin), timeout=10) as s:
        s.sendall(head(1000, f"Kong-Admin-Token: {protected.root}"))
        s.settimeout(0.1)
        answer = b""

        def answered():
            nonlocal answer
            try:
                s.sendall(b" ")
                answer += s.recv(4096)
            except (TimeoutError, ConnectionError):
                pass
            return b"\r\n\r\n" in answer
        kit.eventually(answered, 20, "the body is given up")
        assert answer.startswith(b"HTTP/1.1 408 ") and b"too slowly" in answer


def test_a_body_in_time_is_served(protected):
    answer = protected.api("POST", "/services", {"name": "quick", "host": "h"}, headers=[("Kong-Admin-Token", protected.root)])
    assert answer.status == 201
