"""What the Admin API has data planes do or say: the log level of the cluster (admin-api.md 6 and 8.12), explain (users.md 2.6)."""
import json
import subprocess
import urllib.parse

import kit


def level_of(gateway):
    return kit.call(gateway.dps[0].status, "GET", "/debug/node/log-level").json["message"]


def test_8_12_log_level_of_the_cluster(shared_gateway):
    ask = shared_gateway.api
    ask("PUT", "/debug/cluster/log-level/info?timeout=0")  # whatever other tests have left
    seen = ask("GET", "/debug/cluster/log-level")
    assert seen.status == 200 and seen.json["message"] == "log level: info" and seen.json["silent"] == 0
    assert [plane["message"] for plane in seen.json["data_planes"]] == ["log level: info"]
    changed = ask("PUT", "/debug/cluster/log-level/warn?timeout=60")
    assert changed.status == 200 and changed.json["message"] == "log level changed"
    assert [plane["message"] for plane in changed.json["data_planes"]] == ["log level changed"]
    assert level_of(shared_gateway) == ask("GET", "/debug/node/log-level").json["message"] == "log level: warn"
    assert ask("PUT", "/debug/cluster/log-level/warn").json["message"] == "log level is already warn"
    assert ask("PUT", "/debug/cluster/log-level/zork").json == {"message": "unknown log level: zork"}
    assert ask("PUT", "/debug/cluster/log-level/debug?timeout=-1").status == 400
    assert level_of(shared_gateway) == "log level: warn", "nobody is told of what is refused"
    assert ask("PUT", "/debug/cluster/log-level/info?timeout=0").status == 200
    assert level_of(shared_gateway) == "log level: info"


def test_8_12_each_data_plane_goes_back_by_itself(shared_gateway):
    assert shared_gateway.api("PUT", "/debug/cluster/log-level/error?timeout=0.1").json["data_planes"][0]["message"] == "log level changed"
    kit.eventually(lambda: level_of(shared_gateway) == "log level: info", what="the old level")
    kit.eventually(lambda: shared_gateway.api("GET", "/debug/node/log-level").json["message"] == "log level: info")


def explain(gateway, url, **more):
    return gateway.api("GET", "/explain?" + urllib.parse.urlencode({"url": url, **more}, doseq=True))


def test_2_6_explain_answers_from_a_data_plane(shared_gateway):
    service = shared_gateway.post("/services", {"name": "explained", "url": "http://127.0.0.1:9/base"})
    shared_gateway.post("/services/explained/routes", {"name": "plain", "paths": ["/explained"]})
    shared_gateway.post("/services/explained/routes", {"name": "gold", "paths": ["/explained"], "headers": {"x-plan": ["gold"]}})
    try:
        said = explain(shared_gateway, "http://h.test/explained/7?x=1").json
        assert said["route"]["name"] == "plain" and said["service"]["path"] == "/base/7"
        assert [c["route"]["name"] for c in said["considered"]] == ["plain", "gold"]
        plane = shared_gateway.api("GET", "/clustering/data-planes").json["data"][0]
        assert said["data_plane"] == plane["id"]
        for name in (plane["id"], plane["hostname"]):
            assert explain(shared_gateway, "http://h.test/explained", dp=name, header=["X-Plan:gold", "a:b"]).json["route"]["name"] == "gold"
        refused = explain(shared_gateway, "http://h.test/", dp="nobody")
        assert refused.status == 404 and "'nobody'" in refused.json["message"]
        done = subprocess.run([kit.BUILD / "gatectl", "explain", "http://h/explained", "--dp", plane["hostname"], "-o", "json", "--conf",
                               shared_gateway.cp.conf], capture_output=True, text=True)
        assert done.returncode == 0 and json.loads(done.stdout)["route"]["name"] == "plain", done
    finally:
        for route in ("plain", "gold"):
            shared_gateway.api("DELETE", f"/routes/{route}")
        shared_gateway.api("DELETE", f"/services/{service['id']}")


def test_2_6_explain_names_what_is_wrong_with_the_question(shared_gateway):
    for query, words in (("", "url is missing"), ("?url=ftp://h", "expected http://host/path"), ("?url=http://h/&zork=1", "unknown argument 'zork'"),
                         ("?url=http://h/&header=x", "expected name:value"), ("?url=http://h/%25zz", "answered with 400")):
        answer = shared_gateway.api("GET", f"/explain{query}")
        assert answer.status == 400 and words in answer.json["message"], (query, answer)
    assert explain(shared_gateway, "http://h/" + "x" * 40000).status in (400, 414)


def test_explain_without_data_planes(admin):
    assert "no data plane is connected" in admin.refused(503, "GET", "/explain?url=http://h/")["message"]


def test_a_long_explanation_is_shortened(shared_gateway):
    """What answers an order has a limit of 40 kB."""
    paths = ["/long/" + "x" * 900]
    service = shared_gateway.post("/services", {"name": "long", "host": "h"})
    for i in range(60):
        shared_gateway.post("/services/long/routes", {"name": f"long-{i}", "paths": paths, "headers": {"x-n": [str(i)]}})
    said = explain(shared_gateway, "http://h/long/" + "x" * 900, header="x-n:3").json
    assert said["route"]["name"] == "long-3" and 0 < len(said["considered"]) < 60
    assert said["left_out"] + len(said["considered"]) == 60
    for i in range(60):
        shared_gateway.api("DELETE", f"/routes/long-{i}")
    shared_gateway.api("DELETE", f"/services/{service['id']}")
