"""Upstreams that close early, answer twice, answer garbage, stall, reset mid-body and lie about lengths: for half an hour.

Every request carries a word of its own, which a sane answer repeats. Whatever the upstream does, a client gets the right answer, the status that
says what was wrong, or a closed connection: never a word of another's, never a part that is said to be the whole."""
import asyncio
import random
import re
import time

from bed import flat, kit

CLIENTS, PAUSE = 24, 0.02
SIZE = 40000  # of a body that is sent in two parts


def whole(word, more=b""):
    body = f"<{word}>".encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body + more


def begun(word, length):
    """A head and part of a body of this length."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + f"<{word}>".encode() + b"." * (SIZE // 2)


def chunked(word, then):
    body = f"<{word}>".encode()
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\n" + then


# What the upstream says, whether it then closes ("close"), resets ("reset"), waits ("stall") or keeps the connection ("keep");
# and what the client may see: a status with the word, another status, or "cut".
WAYS = {
    "sane": (whole, "keep", {200}),
    "closing": (whole, "close", {200}),
    "early": (lambda word: b"", "close", {502}),
    "reset": (lambda word: b"", "reset", {502}),
    "half-head": (lambda word: b"HTTP/1.1 200 OK\r\nContent-Le", "close", {502}),
    "twice": (lambda word: whole(word, whole("stolen")), "keep", {200}),
    "more": (lambda word: whole(word, b"stolen"), "keep", {200}),
    "garbage": (lambda word: b"\x00\x01 this is no HTTP\r\n\r\n", "keep", {502}),
    "two-lengths": (lambda word: b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "keep", {502}),
    "stall": (lambda word: b"", "stall", {504}),
    "stall-in-head": (lambda word: b"HTTP/1.1 200 OK\r\n", "stall", {504}),
    "stall-in-body": (lambda word: begun(word, SIZE), "stall", {"cut"}),
    "reset-in-body": (lambda word: begun(word, SIZE), "reset", {"cut", 502}),
    "short": (lambda word: begun(word, SIZE), "close", {"cut"}),
    "bad-chunk": (lambda word: chunked(word, b"zz\r\n"), "keep", {"cut"}),
    "no-last-chunk": (lambda word: chunked(word, b""), "close", {"cut"}),
    "chunks": (lambda word: chunked(word, b"0\r\n\r\n"), "keep", {200}),
}


async def upstream(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            way, word = re.match(rb"\S+ /([\w-]+)/(\w+) ", head).groups()
            say, then, _ = WAYS[way.decode()]
            writer.write(say(word.decode()))
            await writer.drain()
            if then == "stall":
                await reader.read()  # until the proxy has had enough
            if then == "reset":
                writer.transport.abort()
            if then != "keep":
                return
    except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
        pass
    finally:
        writer.close()


async def read_answer(reader):
    """(status, body, the connection stays) of a whole answer; ("cut", what there was, False) when its end is missing."""
    body = b""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        status, length = int(head[9:12]), re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        stays = not re.search(rb"(?i)\r\nconnection: *close", head)
        if length:
            while len(body) < int(length[1]):
                piece = await reader.read(int(length[1]) - len(body))
                if not piece:
                    return "cut", body, False
                body += piece
            return status, body, stays
        assert b"chunked" in head.lower(), head
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
        return status, body, stays
    except (OSError, asyncio.IncompleteReadError):
        return "cut", body, False
    except (ValueError, AssertionError):
        return "nonsense", body, False


class Client:
    """Asks on one connection for as long as it is kept."""

    def __init__(self, bed, number, tally):
        self.bed, self.number, self.tally, self.writer = bed, number, tally, None
        self.chance, self.asked = random.Random(number), 0

    async def ask(self):
        way, word = self.chance.choice(list(WAYS)), f"w{self.number}x{self.asked}"
        method = self.chance.choice(("GET", "POST"))
        self.asked += 1
        if not self.writer or self.writer.is_closing():
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.bed.dp.port)
        body = "Content-Length: 3\r\n\r\nabc" if method == "POST" else "\r\n"
        self.writer.write(f"{method} /{way}/{word} HTTP/1.1\r\nHost: h.test\r\n{body}".encode())
        status, said, stays = await asyncio.wait_for(read_answer(self.reader), 20)
        self.judge(method, way, word, status, said)
        if not stays:
            self.writer.close()

    def judge(self, method, way, word, status, said):
        self.tally["answers"] += 1
        expected = WAYS[way][2]
        foreign = [found for found in re.findall(rb"<(\w+)>", said) if found != word.encode()]
        if foreign or b"stolen" in said:
            self.tally["foreign"].append((way, word, said[:80]))
        if method == "POST" and status == 502 and 502 not in expected:
            self.tally["stale"] += 1
        elif status not in expected or (status == 200 and said != f"<{word}>".encode()):
            self.tally["wrong"].append((method, way, status, said[:80]))

    async def run(self, end):
        while time.monotonic() < end:
            await self.ask()
            await asyncio.sleep(PAUSE)


async def sample(bed, end, memory):
    while time.monotonic() < end:
        await asyncio.sleep(1)
        memory.append(bed.dp.memory())


async def soak(bed, seconds):
    tally, memory = {"answers": 0, "stale": 0, "foreign": [], "wrong": []}, []
    server = await asyncio.start_server(upstream, "127.0.0.1", bed.origin, limit=1 << 20)
    end = time.monotonic() + seconds
    await asyncio.gather(sample(bed, end, memory), *(Client(bed, n, tally).run(end) for n in range(CLIENTS)))
    server.close()
    return tally, memory


def prove(bed):
    bed.origin = kit.free_port()
    bed.start()
    routes = [{"name": "all", "paths": ["/"], "strip_path": False}]
    bed.apply([bed.service("upstream", routes, retries=1, read_timeout=1000, connect_timeout=1000)])
    tally, memory = asyncio.run(soak(bed, bed.options.minutes * 60))
    for wrong in tally["foreign"][:5] + tally["wrong"][:10]:
        bed.note(f"wrong: {wrong}")
    bed.note(f"{tally['answers']} answers in {bed.options.minutes:g} minutes, {len(WAYS)} ways to answer")
    bed.found("answers with another's bytes", len(tally["foreign"]), 0)
    bed.found("other answers that are wrong", len(tally["wrong"]), 0)
    bed.found("POSTs on a connection that was just being closed, of all", tally["stale"] / tally["answers"], 0.002)
    if "asan" not in str(kit.BUILD):
        flat(bed, "upstreams", memory)
