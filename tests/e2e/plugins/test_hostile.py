"""Bodies and expressions made to be slow or large, before the plugins that look at them: an answer with the documented status, and bounded memory."""
import base64
import gzip
import pathlib

import kit
import pytest

JSON, FORM, PARTS = "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
BODIES = {
    "deep": (JSON, b"[" * (1 << 20), {}),
    "deep objects": (JSON, b'{"a":' * 200_000, {}),
    "many values": (JSON, b"[" + b"[]," * 3_000_000 + b"1]", {}),
    "many names": (JSON, b"{" + b",".join(b'"%d":1' % i for i in range(600_000)) + b"}", {}),
    "large": (JSON, b'{"a":"' + b"\\u0000" * 1_600_000 + b'"}', {}),
    "no text": (JSON, bytes(range(256)) * 30_000, {}),
    "bomb": (JSON, gzip.compress(b" " * (200 << 20), 9), {"Content-Encoding": "gzip"}),
    "form": (FORM, b"a=%00&" * 1_500_000, {}),
    "parts": (PARTS, b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 150_000, {}),
    "too large": (JSON, b" " * ((10 << 20) + 1), {}),
}
# What a plugin makes of them, all but the last: that is 413 for everybody who wants a body whole, or has this limit.
PLUGINS = {
    "key-auth": ({"key_in_body": True}, {401}),
    "hmac-auth": ({"validate_request_body": True}, {401}),
    "request-transformer": ({"add": {"body": ["b:1"]}, "remove": {"body": ["secret"]}}, {200, 400, 413}),
    "request-validator": ({"version": "draft4", "body_schema": "{}", "allowed_content_types": ["*/*"]}, {200, 400, 413}),
    "request-size-limiting": ({"allowed_payload_size": 10}, {200}),
    "request-termination": ({"echo": True, "status_code": 200}, {200}),
}


def peak(process):
    """The most memory that a process has had, in MiB."""
    lines = pathlib.Path(f"/proc/{process.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


@pytest.mark.parametrize("name", PLUGINS)
def test_bodies(gateway, origin, name):
    config, statuses = PLUGINS[name]
    gateway.service("svc", origin)
    gateway.post("/services/svc/plugins", {"name": name, "config": config})
    if name != "request-termination":
        gateway.post("/services/svc/plugins", {"name": "request-termination", "config": {"status_code": 200, "body": "ok"}})
    before = peak(gateway.dps[0])
    for what, (kind, body, headers) in BODIES.items():
        answer = kit.call(gateway.proxy, "POST", "/svc", {"Content-Type": kind, **headers}, body, timeout=30)
        assert answer.status in ({413} if what == "too large" else statuses), (what, answer.status)
    assert kit.call(gateway.proxy, "POST", "/svc", {"Content-Type": JSON}, b"{}").status in statuses
    assert kit.IS_SANITIZED or peak(gateway.dps[0]) - before < 200


ANSWERS = {"deep": b'{"a":' * 100_000, "many values": b"[" + b"[]," * 2_000_000 + b"1]", "bomb": gzip.compress(b" " * (200 << 20), 9)}


@pytest.mark.parametrize("what", ANSWERS)
def test_answers(gateway, what):
    def answer(handler, seen):
        handler.send_response(200)
        handler.send_header("Content-Type", JSON)
        if what == "bomb":
            handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Content-Length", str(len(ANSWERS[what])))
        handler.end_headers()
        handler.wfile.write(ANSWERS[what])
        return True

    upstream = kit.Origin(answer)
    gateway.service("svc", upstream)
    gateway.post("/services/svc/plugins", {"name": "response-transformer", "config": {"add": {"json": ["b:1"]}}})
    before = peak(gateway.dps[0])
    seen = gateway.get("/svc")
    assert seen.status == 200 and seen.body == ANSWERS[what], "what cannot be understood stays as it is"
    assert peak(gateway.dps[0]) - before < 100
    upstream.close()


def test_expressions(gateway, origin):
    """A pattern that is too slow for what it is given does not match."""
    gateway.service("svc", origin)
    slow, text = "(a+)+$", "a" * 5000 + "!"
    gateway.post("/services/svc/plugins", {"name": "bot-detection", "config": {"deny": [slow], "allow": ["(b*)*c"]}})
    gateway.post("/services/svc/plugins", {"name": "cors", "config": {"origins": ["(https?://)?((a+)+)+.b", "https://x.test"]}})
    answer = gateway.get("/svc", {"User-Agent": text + "b" * 2000, "Origin": "https://" + "a" * 3000})
    assert answer.status == 200 and "access-control-allow-origin" not in answer.headers
    assert gateway.get("/svc", {"User-Agent": "aaaa"}).status == 403


def test_headers_for_authentication(gateway, origin):
    """Credentials that are as long as a head may be."""
    gateway.service("svc", origin)
    for name in ("basic-auth", "hmac-auth", "jwt"):
        made = gateway.post("/services/svc/plugins", {"name": name})
        for word in ("Basic", "Bearer", "hmac"):
            for filler in ("A", ".", 'username="', "=", ","):
                value = f"{word} " + filler * (7000 // len(filler))
                assert gateway.get("/svc", {"Authorization": value}).status == 401
        deep = base64.urlsafe_b64encode(b"[" * 5000).decode()
        assert gateway.get("/svc", {"Authorization": f"Bearer {deep}.{deep}.{deep}"}).status in (401, 400, 431)
        gateway.api("DELETE", f"/plugins/{made['id']}")
