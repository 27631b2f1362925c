"""Bodies that mean harm get the documented 4xx, store nothing and leave nothing behind (issue 3, "Bodies"; admin-api.md 1 and 2)."""
import json
import socket

import kit
import pytest

JSON, FORM, PARTS = "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"


def send(gateway, body, kind=JSON, method="POST", path="/services", **headers):
    pairs = ([("Content-Type", kind)] if kind else []) + list(headers.items())
    return kit.call(gateway.admin, method, path, pairs, body, timeout=60)


def part(name, value, more=""):
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'


def nested(depth):
    return '{"host":"h","name":' + '{"a":' * depth + "1" + "}" * (depth + 1)


SERVICE = '{"name":"victim","host":"h"%s}'
MALFORMED = {
    "nothing": (JSON, b""),
    "half an object": (JSON, b'{"host":'),
    "something after it": (JSON, b'{"host":"h"}}'),
    "a scalar": (JSON, b"5"),
    "null": (JSON, b"null"),
    "a list": (JSON, b'["host"]'),
    "single quotes": (JSON, b"{'host':'h'}"),
    "a comment": (JSON, b'{"host":"h"/**/}'),
    "a byte order mark": (JSON, b'\xef\xbb\xbf{"host":"h"}'),
    "utf-16": (JSON, '{"host":"h"}'.encode("utf-16")),
    "latin-1": (JSON, '{"name":"caf\u00e9","host":"h"}'.encode("latin-1")),
    "an overlong slash": (JSON, b'{"host":"h","path":"\xc0\xaf"}'),
    "half a surrogate": (JSON, b'{"host":"h","name":"\\ud800"}'),
    "an escaped NUL": (JSON, b'{"host":"h","name":"a\\u0000b"}'),
    "a NUL": (JSON, b'{"host":"h","name":"a\x00b"}'),
    "a NUL in a key": (JSON, b'{"host":"h","a\\u0000b":1}'),
    "a control character": (JSON, b'{"host":"h","name":"a\x01b"}'),
    "a number beyond doubles": (JSON, b'{"host":"h","port":1e400}'),
    "a number beyond integers": (JSON, b'{"host":"h","port":99999999999999999999999}'),
    "a million digits": (JSON, b'{"host":"h","port":' + b"9" * 1_000_000 + b"}"),
    "not a number": (JSON, b'{"host":"h","port":NaN}'),
    "the same key twice": (JSON, b'{"host":"h","host":"i"}'),
    "100,000 levels of lists": (JSON, b"[" * 100_000),
    "100,000 levels of objects": (JSON, nested(100_000).encode()),
    "2,000 levels": (JSON, nested(2000).encode()),
    "a form of 1,001 arguments": (FORM, b"&".join(b"a%d=1" % i for i in range(1001))),
    "a form of 33 levels": (FORM, b"host=h&" + b".".join([b"a"] * 33) + b"=1"),
    "a form with a huge index": (FORM, b"host=h&paths[99999999]=/a"),
    "a form with a name that is not utf-8": (FORM, b"host=h&%ff=1"),
    "parts without a boundary": ("multipart/form-data", part("host", "h").encode()),
    "parts without an end": (PARTS, part("host", "h").encode()),
    "parts of another boundary": (PARTS, b'--y\r\nContent-Disposition: form-data; name="host"\r\n\r\nh\r\n--y--'),
    "a part without an end of its head": (PARTS, b'--x\r\nContent-Disposition: form-data; name="host"\r\n--x--'),
    "1,001 parts": (PARTS, "".join(part(f"a{i}", 1) for i in range(1001)).encode() + b"--x--"),
}


def stored(gateway):
    counts = ", ".join(f"(SELECT count(*) FROM {kind})" for kind in ("services", "plugins", "consumers", "changelog"))
    return gateway.services.psql(f"SELECT {counts}", gateway.database)


@pytest.fixture
def untouched(gateway):
    """The gateway; afterwards nothing has been stored and it still works."""
    before = stored(gateway)
    yield gateway
    assert stored(gateway) == before
    assert gateway.api("GET", "/services").status == 200


def test_what_cannot_be_read_is_400(untouched):
    wrong = {}
    for name, (kind, body) in MALFORMED.items():
        answer = send(untouched, body, kind)
        if answer.status != 400 or (kind == JSON and "code" not in answer.json and answer.json["message"] != "Cannot parse JSON body"):
            wrong[name] = answer
    assert not wrong


def test_other_media_types_are_415(untouched):
    kinds = ["Application/JSON", "text/plain", "application/xml", "application/yaml", "image/png", "multipart/mixed", "*/*", None]
    assert [send(untouched, b'{"host":"h"}', kind).status for kind in kinds] == [415] * len(kinds)


VALUES = {
    "sql": "x'; DROP TABLE services; --",
    "more sql": "x\" OR 1=1 /* $1 */ \\'; COMMIT; SELECT pg_sleep(9)",
    "templates": "${jndi:ldap://x} {{7*7}} <%= 7*7 %> $(whoami) `id` %s%s%n %x",
    "paths": "../../../../etc/passwd\\..\\..",
    "html": "<script>alert(1)</script>",
    "header injection": "a\r\nX-Evil: 1",
    "lua": "]] os.execute('id') --[[",
    "bidi": "\u202egnp.exe",
}
FIELDS = ["name", "host", "path", "protocol", "tags", "ca_certificates", "client_certificate", "id", "retries", "enabled", "no_such_field", "created_at"]


@pytest.mark.parametrize("what", VALUES)
def test_metacharacters_are_data_wherever_they_stand(gateway, what):
    """Refused with the field's own words, or stored and read back as they are; never executed, never a 5xx."""
    value = VALUES[what]
    for field in FIELDS:
        for shaped in (value, [value], {"id": value}, {value: value}):
            answer = send(gateway, json.dumps({"host": "h", field: shaped}).encode())
            assert answer.status in (201, 400), (field, shaped, answer)
            if answer.status == 201:
                assert gateway.api("GET", f"/services/{answer.json['id']}").json[field] == shaped
            else:
                assert answer.json["code"] in (1, 2, 4, 13), answer
        assert send(gateway, kit.urllib.parse.urlencode({"host": "h", field: value, value: value}).encode(), FORM).status == 400
        assert send(gateway, (part("host", "h") + part(field, value) + part(value.replace('"', ""), value) + "--x--").encode(), PARTS).status == 400
    quoted = kit.urllib.parse.quote(value, safe="")
    for path in (f"/services/{quoted}", f"/services?tags={quoted}", f"/services?offset={quoted}", f"/services?size={quoted}", f"/{quoted}",
                 f"/tags/{quoted}", f"/consumers?custom_id={quoted}", f"/schemas/{quoted}", f"/upstreams/{quoted}/targets/{quoted}"):
        assert gateway.api("GET", path).status in (200, 400, 404), path
    assert gateway.services.psql("SELECT count(*) >= 0 FROM services", gateway.database) == "t"


def test_ten_thousand_unknown_fields_are_each_named(untouched):
    fields = ",".join(f'"f{i}":{i}' for i in range(10_000))
    answer = send(untouched, f'{{"host":"h",{fields}}}'.encode())
    assert answer.status == 400 and answer.json["code"] == 2
    assert len(answer.json["fields"]) == 10_000 and set(answer.json["fields"].values()) == {"unknown field"}


def test_bytes_that_are_not_utf8_or_nul_in_forms_are_refused(untouched):
    for raw in (b"%ff%fe", b"a%00b", b"\xff", b"%c0%80", b"%ed%a0%80"):
        answer = send(untouched, b"host=h&name=" + raw, FORM)
        assert answer.status == 400 and answer.json["code"] == 2 and "name" in answer.json["fields"], (raw, answer)
        answer = send(untouched, b"username=" + raw, FORM, path="/consumers")
        assert answer.status == 400 and answer.json["code"] == 2, (raw, answer)
        answer = send(untouched, b"host=h&tags[]=" + raw, FORM)
        assert answer.status == 400 and answer.json["code"] == 2, (raw, answer)


def test_a_body_beyond_the_limit_is_413_before_it_is_read(untouched):
    head = b"POST /services HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (10 * 1024 * 1024 + 1)
    assert kit.raw(untouched.admin, head).startswith(b"HTTP/1.1 413 ")
    chunked = b"POST /services HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert kit.raw(untouched.admin, chunked + b"A00001\r\n" + b"x" * 0xA00001).startswith(b"HTTP/1.1 413 ")


def resident_kb(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


@pytest.mark.skipif(kit.IS_SANITIZED, reason="what is freed is kept in quarantine")
def test_memory_does_not_grow_with_repetition(gateway):
    """Until every thread has had the largest body the heap grows (some 15 rounds, 55 MB in all); the next 20 may not leave more than noise. Big refusals are the worst case: errors as large as bodies."""
    fields = ",".join(f'"f{i}":"{"x" * 50}"' for i in range(10_000)).encode()
    bodies = [(JSON, b'{"host":"h",' + fields + b"}"), (JSON, b'{"name":"' + b"x" * 2_000_000 + b'"}'), (JSON, nested(1900).encode()),
              (JSON, b"[" * 1_000_000), (FORM, b"&".join(b"a%d[b]=%d" % (i, i) for i in range(1000))),
              (PARTS, "".join(part(f"a{i}", "y" * 1000) for i in range(900)).encode() + b"--x--")]

    def rounds(n):
        for _ in range(n):
            for kind, body in bodies:
                assert send(gateway, body, kind).status == 400
    rounds(15)
    before = resident_kb(gateway.cp.pid)
    rounds(20)
    assert resident_kb(gateway.cp.pid) < before + 10 * 1024


def test_slow_and_half_open_clients_do_not_hold_up_others(gateway):
    idle = []
    try:
        for i in range(300):
            s = socket.create_connection((kit.LOOPBACK, gateway.admin))
            idle.append(s)
            if i % 3 == 1:
                s.sendall(b"GET /services HTTP/1.1\r\nHost: a\r\nX-Slow: ")
            elif i % 3 == 2:
                s.sendall(b"POST /services HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
        for i in range(20):
            assert gateway.api("GET", "/services").status == 200
            assert gateway.api("POST", "/services", {"name": f"through-{i}", "host": "h"}).status == 201
    finally:
        for s in idle:
            s.close()
