"""dns: a small name server for end-to-end tests. A test says what it answers: server.a("x.test", "127.0.0.1", ttl=1)."""
import socket
import struct
import threading

import kit

TYPES = {"A": 1, "AAAA": 28, "SRV": 33}


def packed(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.rstrip(".").split(".")) + b"\0"


class Server:
    def __init__(self):
        self.records, self.queries, self.mute = {}, [], False
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((kit.LOOPBACK, 0))
        self.address = f"{kit.LOOPBACK}:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.run, daemon=True).start()

    def a(self, name, *addresses, ttl=60):
        self.records[name, "A"] = [(ttl, socket.inet_aton(one)) for one in addresses]

    def aaaa(self, name, *addresses, ttl=60):
        self.records[name, "AAAA"] = [(ttl, socket.inet_pton(socket.AF_INET6, one)) for one in addresses]

    def srv(self, name, *services, ttl=60):
        """Each (priority, weight, port, host)."""
        self.records[name, "SRV"] = [(ttl, struct.pack(">HHH", *one[:3]) + packed(one[3])) for one in services]

    def clear(self):
        self.records, self.mute = {}, False

    def asked(self, name):
        return sum(1 for one, _ in self.queries if one == name)

    def run(self):
        while True:
            try:
                query, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            if answer := self.answer(query):
                self.socket.sendto(answer, peer)

    def answer(self, query):
        at, parts = 12, []
        while query[at]:
            parts.append(query[at + 1:at + 1 + query[at]].decode())
            at += query[at] + 1
        name, kind = ".".join(parts).lower(), struct.unpack(">H", query[at + 1:at + 3])[0]
        self.queries.append((name, kind))
        if self.mute:
            return None
        found = [row for (owner, word), rows in self.records.items() for row in rows if owner == name and TYPES[word] == kind]
        rcode = 0 if any(owner == name for owner, _ in self.records) else 3
        head = query[:2] + struct.pack(">HHHHH", 0x8180 | rcode, 1, len(found), 0, 0)
        rows = [b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data for ttl, data in found]
        return head + query[12:at + 5] + b"".join(rows)

    def close(self):
        self.socket.close()
