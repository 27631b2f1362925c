"""wire: bytes in and out, for the conformance tables: a recording upstream, readers of different leniency, a splitter of responses."""
import re
import socket
import time

import kit


class Recorder(kit.TcpServer):
    """An upstream that keeps the raw bytes of every connection and answers each request with the path it saw."""

    def __init__(self):
        self.connections = []
        super().__init__()

    def serve(self, connection):
        done, record = 0, bytearray()
        self.connections.append(record)
        with connection:
            while True:
                try:
                    more = connection.recv(65536)
                except OSError:
                    return
                if not more:
                    return
                record += more
                while (end := request_end(bytes(record), done, strict=True)) is not None:
                    path = bytes(record[done:]).split(b" ", 2)[1]
                    done = end
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\nsaw %s" % (len(path) + 4, path))

    def requests(self, **how):
        return sum(count_requests(bytes(c), **how) for c in self.connections)


def request_end(data, at, strict, first_length=False):
    """Where the request at `at` ends, as one reader understands it; None: it is not complete."""
    head = re.compile(rb"\r\n\r\n" if strict else rb"\r?\n\r?\n").search(data, at)
    if not head:
        return None
    fields = re.split(rb"\r\n" if strict else rb"\r?\n", data[at:head.start()])[1:]
    values = [(name.lower().strip(), value.strip()) for name, _, value in (f.partition(b":") for f in fields)]
    lengths = [value for name, value in values if name == b"content-length"]
    chunked = any(name == b"transfer-encoding" and b"chunked" in value.lower() for name, value in values)
    if chunked and not (first_length and lengths):
        end = re.compile(rb"(?:\A|(?<=\n))0+(?:;[^\n]*)?\r?\n\r?\n").search(data, head.end())
        return end.end() if end else None
    size = int(lengths[0 if first_length else -1]) if lengths else 0
    return head.end() + size if len(data) >= head.end() + size else None


def count_requests(data, **how):
    """Complete requests, and one more for bytes that are left."""
    at, n = 0, 0
    while (end := request_end(data, at, **how)) is not None:
        at, n = end, n + 1
    return n + (at < len(data))


READERS = [{"strict": True}, {"strict": False}, {"strict": False, "first_length": True}]


def exchange(port, data, in_pieces=False, finish=True, seconds=8):
    """Sends data, whole or a byte a packet, and returns all that comes back until the end."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in [data[i:i + 1] for i in range(len(data))] if in_pieces else [data]:
                s.sendall(piece)
        except OSError:
            pass  # refused before the end: the answer is there to be read
        got = b""
        try:
            while more := s.recv(65536):
                got += more
        except socket.timeout:
            assert not finish, f"neither an answer nor an end: {got!r}"
        except ConnectionResetError:
            pass
        return got


def responses(data):
    """[(status, headers, body)] of what a client received; a response that is cut has a body of None."""
    out = []
    while data:
        head, found, rest = data.partition(b"\r\n\r\n")
        assert found, f"not a response: {data[:200]!r}"
        lines = head.split(b"\r\n")
        status = int(re.fullmatch(rb"HTTP/1\.1 (\d{3}) .*", lines[0])[1])
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            headers.setdefault(name.decode().lower(), []).append(value.strip().decode("latin1"))
        if status < 200:
            data = rest
            continue
        assert not ("content-length" in headers and "transfer-encoding" in headers), head
        if status in (204, 304):
            body = b""
        elif "transfer-encoding" in headers:
            body = b""
            while True:
                size, found, rest = rest.partition(b"\r\n")
                if not found or len(rest) < int(size, 16) + 2:
                    body, rest = None, b""
                    break
                n = int(size, 16)
                body, rest = body + rest[:n], rest[n + 2:]
                if n == 0:
                    break
        elif "content-length" in headers:
            n = int(headers["content-length"][0])
            body, rest = (rest[:n], rest[n:]) if len(rest) >= n else (None, b"")
        else:
            body, rest = rest, b""
        out.append((status, headers, body))
        data = rest
    return out


def eventually(condition, seconds=8.0):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return value
