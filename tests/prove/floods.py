"""Rapid reset and a flood of CONTINUATION frames: what an attack request costs beside a normal one, and memory."""
import re
import socket
import subprocess
import time

import frames
from bed import OTHER_CPU, flat, median, until

SECONDS, BATCH = 20, 100


def head(stream, flags):
    """GET / of h.test in a few bytes: two indexed fields, one literal, a path."""
    block = bytes([0x82, 0x86]) + b"\x04\x06/plain" + b"\x01\x06h.test"
    return frames.frame(frames.HEADERS, flags, stream, block)


def reset(stream):
    return frames.frame(frames.RST_STREAM, 0, stream, (8).to_bytes(4, "big"))


def rapid_resets():
    """Each request and its reset in one piece: what a client sends that only wants to make work."""
    return [b"".join(head(s, frames.END_HEADERS | frames.END_STREAM) + reset(s) for s in range(1, 2 * BATCH, 2))], BATCH


def late_resets():
    """The resets follow when the requests are under way to the upstream."""
    parts, streams = [], list(range(1, 2 * BATCH, 2))
    for at in range(0, BATCH, 50):
        some = streams[at:at + 50]
        parts += [b"".join(head(s, frames.END_HEADERS | frames.END_STREAM) for s in some), b"".join(reset(s) for s in some)]
    return parts, BATCH


def continuations():
    """A head that never ends, in small frames."""
    more = frames.frame(frames.CONTINUATION, 0, 1, b"\x00\x01a\x01b" * 4)
    return [head(1, frames.END_STREAM) + more * BATCH], BATCH


def attack(port, parts):
    """One connection, until the server has ended it or all has been said."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            s.sendall(frames.PREFACE + frames.frame(frames.SETTINGS))
            for part in parts:
                s.sendall(part)
                if len(parts) > 1:
                    time.sleep(0.001)
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
        except OSError:
            pass


def cost(bed, flood):
    """CPU for each request of the attack; memory all along."""
    parts, each = flood()
    for _ in range(50):
        attack(bed.dp.port, parts)
    memory, sent, before = [], 0, bed.dp.cpu_seconds()
    next_look = 0
    for _ in until(SECONDS):
        attack(bed.dp.port, parts)
        sent += each
        if time.monotonic() > next_look:
            memory.append(bed.dp.memory())
            next_look = time.monotonic() + 0.5
    return (bed.dp.cpu_seconds() - before) / sent * 1e6, sent, memory


def normal(bed):
    before = bed.dp.cpu_seconds()
    out = subprocess.run(["taskset", "-c", str(OTHER_CPU), "h2load", "-D", "5", "--warm-up-time", "0", "-c", "4", "-m", "8",
                          f"http://127.0.0.1:{bed.dp.port}/plain"], check=True, capture_output=True, text=True).stdout
    return (bed.dp.cpu_seconds() - before) / int(re.search(r"(\d+) succeeded", out).group(1)) * 1e6


def prove(bed):
    bed.start_origin()
    bed.start(" http2")
    bed.apply([bed.service("plain", [{"name": "plain", "paths": ["/plain"]}])])
    usual = median([normal(bed) for _ in range(3)])
    bed.note(f"a normal request of HTTP/2 in the clear costs {usual:.1f} us")
    for what, flood in (("rapid reset", rapid_resets), ("reset under way", late_resets), ("CONTINUATION", continuations)):
        each, sent, memory = cost(bed, flood)
        bed.note(f"{what}: {sent} sent, {each:.2f} us each")
        bed.found(f"{what}: CPU each over a normal request", each / usual, 1.0)
        flat(bed, what, memory)
    bed.found("after it: a normal request over one before", normal(bed) / usual, 1.3)
