"""frames: a client of HTTP/2 that writes what it is told to, right or wrong, and keeps what came back."""
import socket
import struct
import threading

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
ENHANCE_YOUR_CALM = 11


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def fields(pairs):
    """A header block without compression (RFC 7541 6.2.2)."""
    def text(value):
        value = value.encode("latin1")
        assert len(value) < 127
        return bytes([len(value)]) + value
    return b"".join(b"\0" + text(name) + text(value) for name, value in pairs)


def request(stream, path, method="GET", more=(), end=True):
    pairs = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "h.test"), *more]
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, fields(pairs))


class Wire:
    """Frames on a socket."""

    def __init__(self, connected):
        self.socket, self.buffer = connected, b""

    def send(self, data):
        self.socket.sendall(data)

    def read(self):
        """The next frame: (type, flags, stream, payload); None at the end."""
        while len(self.buffer) < 9 or len(self.buffer) < 9 + int.from_bytes(self.buffer[:3], "big"):
            try:
                more = self.socket.recv(65536)
            except ConnectionError:
                return None
            if not more:
                return None
            self.buffer += more
        size = int.from_bytes(self.buffer[:3], "big")
        head, payload, self.buffer = self.buffer[:9], self.buffer[9:9 + size], self.buffer[9 + size:]
        return head[3], head[4], int.from_bytes(head[5:9], "big"), payload

    def until(self, kind):
        """Reads up to a frame of this type and returns it; None when the connection ends before."""
        while (got := self.read()) is not None:
            if got[0] == kind:
                return got
        return None

    def close(self):
        self.socket.close()


class Client(Wire):
    def __init__(self, port, settings=()):
        super().__init__(socket.create_connection(("127.0.0.1", port), timeout=10))
        self.send(PREFACE + frame(SETTINGS, payload=b"".join(struct.pack(">HI", *pair) for pair in settings)))


class Server:
    """An upstream: script(wire, n) has the n-th connection once preface and SETTINGS have been exchanged."""

    def __init__(self, script):
        self.script, self.connections = script, 0
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connected, _ = self.listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connected, self.connections), daemon=True).start()

    def serve(self, connected, number):
        with connected:
            try:
                preface = b""
                while len(preface) < len(PREFACE):
                    more = connected.recv(len(PREFACE) - len(preface))
                    if not more:
                        return
                    preface += more
                wire = Wire(connected)
                wire.send(frame(SETTINGS) + frame(SETTINGS, ACK))
                self.script(wire, number)
            except OSError:
                pass

    def close(self):
        self.listening.close()


def answer(stream, status="200", more=(), end=False):
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, fields([(":status", status), *more]))
