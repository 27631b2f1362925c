"""request-validator through the Admin API and a data plane: plugins-beyond.md 2 and section 16, examples 1 and 2; and evil bodies in front of it."""
import gzip
import json
import zlib

import kit
import pytest

SCHEMA = json.dumps({"required": ["name"], "properties": {"name": {"type": "string"}}})
WRONG_BODY, WRONG_TYPE = "request body doesn't conform to schema", "specified Content-Type is not allowed"


@pytest.fixture
def svc(gateway, origin):
    gateway.service("svc", origin, [r"~/status/(?<status_code>[^/]+)", "/"], strip_path=False)
    return gateway, origin


def plugin(gateway, **config):
    return gateway.post("/services/svc/plugins", {"name": "request-validator", "config": config})


def post(gateway, body, kind="application/json", **headers):
    return kit.call(gateway.proxy, "POST", "/a", {"Content-Type": kind, **headers}, body, timeout=30)


def test_example_1(svc):
    gateway, origin = svc
    plugin(gateway, version="draft4", body_schema=SCHEMA)
    assert post(gateway, b'{"name":"x"}').json["body"] == '{"name":"x"}'
    before = len(origin.seen)
    for answer, message in ((post(gateway, b'{"name":1}'), WRONG_BODY), (post(gateway, b"x", "text/plain"), WRONG_TYPE),
                            (gateway.get("/a"), WRONG_TYPE)):
        assert (answer.status, answer.json) == (400, {"message": message})
    assert len(origin.seen) == before


def test_example_2(svc):
    gateway, _ = svc
    parameter = {"name": "status_code", "in": "path", "required": True, "schema": '{"type": "number"}', "style": "simple", "explode": False}
    plugin(gateway, parameter_schema=[parameter])
    answer = gateway.get("/status/abc")
    assert (answer.status, answer.json) == (400, {"message": "request param doesn't conform to schema"})
    assert gateway.get("/status/123").status == 200


def test_a_bad_schema_is_refused_when_it_is_written(svc):
    gateway, _ = svc
    for schema, told in (('{"type":"strin"}', "type: expected"), ('{"$ref":"http://x.test/"}', "leads out of the schema"), ("{", "not JSON")):
        answer = gateway.api("POST", "/plugins", {"name": "request-validator", "config": {"version": "draft7", "body_schema": schema}})
        assert answer.status == 400 and told in answer.json["fields"]["config"]


def test_what_was_compressed_goes_on_compressed(svc):
    gateway, origin = svc
    plugin(gateway, version="draft4", body_schema=SCHEMA)
    good, bad = b'{"name":"x"}', b'{"name":1}'
    for encoding, pack in (("gzip", gzip.compress), ("deflate", zlib.compress)):
        assert post(gateway, pack(good), **{"Content-Encoding": encoding}).status == 200
        assert origin.seen[-1]["body"].encode("latin1") == pack(good) or encoding == "gzip"  # gzip carries the time
        assert post(gateway, pack(bad), **{"Content-Encoding": encoding}).status == 400
    assert post(gateway, good, **{"Content-Encoding": "br"}).status == 400


EVIL = {
    "bomb": (gzip.compress(b"0" * (50 << 20)), {"Content-Encoding": "gzip"}, 413),
    "deep": (b"[" * 500_000, {}, 400),
    "many values": (b"[" + b"[]," * 300_000 + b"[]]", {}, 400),
    "10 MiB": (b'{"name":"' + b"x" * (10 << 20) + b'"}', {}, 413),
    "slow for a pattern": (b'{"name":"' + b"a" * 50_000 + b'!"}', {}, 400),
    "one MiB": (b'{"name":"' + b"b" * 1_000_000 + b'"}', {}, 200),
}


@pytest.mark.parametrize("name", EVIL)
def test_evil_bodies_have_an_answer(svc, name):
    gateway, _ = svc
    body, headers, status = EVIL[name]
    schema = {"required": ["name"], "properties": {"name": {"type": "string", "pattern": "^((a+)+|b*)$"}}}
    plugin(gateway, version="2020-12", body_schema=json.dumps(schema))
    assert post(gateway, body, **headers).status == status
    assert post(gateway, b'{"name":"a"}').status == 200
