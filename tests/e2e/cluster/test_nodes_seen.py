"""What is seen of each data plane: version, lag, last error, days of its certificate, targets, labels, load (users.md 2.3, 2.8, pitfalls.md A1-12)."""
import json
import os
import signal
import subprocess
import time

import kit
import pytest


@pytest.fixture(scope="module")
def seen(services, folder):
    """Two data planes, one of them with labels."""
    gateway = kit.Gateway(services, folder, data_planes=2, proxy_ports=2, settings={"admin_wait": 0})
    gateway.dps[0].settings["cluster_dp_labels"] = "region:eu, rack:7"
    gateway.start()
    yield gateway
    gateway.stop()


def run(gateway, *words, code=0):
    done = subprocess.run([kit.BUILD / "gatectl", *words, "--conf", gateway.cp.conf], capture_output=True, text=True, timeout=30)
    assert done.returncode == code, done
    return done.stdout


def rows(gateway):
    """By the port that the node's status is on: labels tell the two apart."""
    found = gateway.api("GET", "/clustering/data-planes").json["data"]
    return sorted(found, key=lambda row: not row["labels"])


def overview(gateway):
    found = gateway.api("GET", "/clustering/overview").json["data_planes"]
    return sorted(found, key=lambda row: not row["labels"])


def test_labels_and_days_of_the_certificate(seen):
    first, second = rows(seen)
    assert first["labels"] == {"region": "eu", "rack": "7"} and second["labels"] == {}
    for row in (first, second, *overview(seen)):
        assert 363 <= row["certificate_days"] <= 365 and row["certificate_expires_at"] > time.time() and row["lag_s"] == 0
    table = run(seen, "status")
    assert "CERT" in table and "365 d" in table or "364 d" in table


@pytest.mark.parametrize("labels", ["region", "region:", ":eu", "re gion:eu", "region:-eu", ",".join(f"k{i}:v" for i in range(11))])
def test_what_is_no_label(seen, tmp_path, labels):
    done = subprocess.run([kit.BUILD / "gatectl", "check"], capture_output=True, text=True, env={**os.environ, "GATEHOUSE_CLUSTER_DP_LABELS": labels})
    assert done.returncode == 1 and "label" in done.stderr


def test_one_that_is_behind_shows_for_how_long(seen, origin):
    os.kill(seen.dps[1].pid, signal.SIGSTOP)
    try:
        seen.service("unseen", origin)
        lagging = lambda: [row for row in overview(seen) if row["behind"] > 0 and row["lag_s"] >= 1]
        row = kit.eventually(lagging, what="it is seen to lag")[0]
        assert row["labels"] == {} and row["config_version"] < overview(seen)[0]["config_version"]
        assert "behind, for " in run(seen, "status", code=1) or "unreachable" in run(seen, "status", code=1)
    finally:
        os.kill(seen.dps[1].pid, signal.SIGCONT)
    kit.eventually(lambda: all(row["behind"] == 0 and row["lag_s"] == 0 for row in overview(seen)), what="it has caught up")


def test_targets_that_are_ill_are_counted(seen):
    upstream = seen.post("/upstreams", {"name": "pool", "healthchecks": {"passive": {"unhealthy": {"http_failures": 1}}}})
    seen.post("/upstreams/pool/targets", {"target": f"{kit.LOOPBACK}:9"})
    kit.eventually(lambda: all(row["targets"]["upstreams"] == 1 for row in overview(seen)), what="it is known")
    assert "healthy" in run(seen, "status")
    kit.eventually(lambda: seen.api("PUT", f"/upstreams/pool/targets/{kit.LOOPBACK}:9/unhealthy").status == 204, what="marked")
    kit.eventually(lambda: all(row["targets"]["unhealthy"] for row in overview(seen)), what="it is seen")
    assert "1 unhealthy" in run(seen, "status")
    seen.api("DELETE", f"/upstreams/{upstream['id']}")


def test_top_shows_what_each_node_does(seen, origin):
    seen.service("busy", origin)
    kit.eventually(lambda: kit.call(seen.proxies[0], "GET", "/busy").status == 200, what="the route is there")

    def loaded():
        for _ in range(10):
            kit.call(seen.proxies[0], "GET", "/busy")
            kit.call(seen.proxies[0], "GET", "/nowhere")
        load = json.loads(run(seen, "top", "--once", "-o", "json"))
        load.sort(key=lambda row: not row["labels"])
        both = all(row["load"] for row in load)
        return load if both and load[0]["load"]["requests_per_s"] > 0 and load[0]["load"]["upstream_ms"] > 0 else None

    first, second = kit.eventually(loaded, what="the load is seen")
    assert first["load"]["errors_4xx_per_s"] > 0 and first["load"]["errors_5xx_per_s"] == 0
    assert 0 < first["load"]["p50_ms"] <= first["load"]["p99_ms"] < 5000
    assert second["load"]["requests_per_s"] == 0
    table = run(seen, "top", "--once").splitlines()
    assert table[0].split()[:2] == ["NODE", "REQ/S"] and len(table) == 4 and table[3].startswith("2 data planes")


def test_no_process_leaves_its_memory_on_disk(seen):
    for process in (seen.cp, *seen.dps):
        with open(f"/proc/{process.pid}/limits") as f:
            core = [line.split() for line in f if line.startswith("Max core file size")][0]
        assert core[4:6] == ["0", "0"]
        assert os.stat(f"/proc/{process.pid}/environ").st_uid == 0  # not dumpable: root's, whoever runs it


# -- ?wait=all on every kind of write (users.md 2.3)

def writes(origin):
    document = {"_format_version": "3.0", "services": [{"name": "whole", "host": "h"}]}
    return [("POST", "/services", {"name": "w", "host": "h"}, 201), ("PATCH", "/services/w", {"host": "i"}, 200), ("PUT", "/services/w", {"host": "j"}, 200),
            ("POST", "/services/w/routes", {"name": "wr", "paths": ["/w"]}, 201), ("POST", "/consumer_groups", {"name": "wg"}, 201),
            ("POST", "/consumers", {"username": "wc"}, 201), ("POST", "/consumer_groups/wg/consumers", {"consumer": "wc"}, 201),
            ("DELETE", "/consumer_groups/wg/consumers/wc", None, 204), ("DELETE", "/routes/wr", None, 204), ("DELETE", "/services/w", None, 204),
            ("POST", "/config", document, 201), ("POST", "/versions/{first}/rollback", {}, 201)]


def test_every_write_waits_for_all_and_names_who_lags(seen, origin):
    first = seen.api("GET", "/versions?size=1").json["data"][0]["version"]
    os.kill(seen.dps[1].pid, signal.SIGSTOP)
    try:
        for method, path, body, _ in writes(origin):
            answer = seen.api(method, path.format(first=first) + "?wait=all&timeout=10ms", body)
            assert answer.status == 202, (method, path, answer)
            assert answer.json["applied"] < answer.json["data_planes"] and len(answer.json["laggards"]) >= 1, (method, path)
    finally:
        os.kill(seen.dps[1].pid, signal.SIGCONT)
    first = seen.api("GET", "/versions?size=1").json["data"][0]["version"]
    for method, path, body, status in writes(origin):
        answer = seen.api(method, path.format(first=first) + "?wait=all&timeout=10s", body)
        assert answer.status == status and answer.headers["x-gatehouse-applied"] == "2/2", (method, path, answer)


def test_wait_says_who_lags(seen, origin):
    os.kill(seen.dps[1].pid, signal.SIGSTOP)
    try:
        seen.service("waited", origin)
        done = subprocess.run([kit.BUILD / "gatectl", "wait", "--timeout", "100ms", "--conf", seen.cp.conf], capture_output=True, text=True, timeout=30)
        assert done.returncode == 3 and "/2 data planes at v" in done.stderr
    finally:
        os.kill(seen.dps[1].pid, signal.SIGCONT)
    assert "2/2 data planes" in run(seen, "wait", "--all-dp", "--timeout", "10s")


# -- after a restart, and in the end

def test_a_silent_node_is_still_shown_after_a_restart_and_purged_in_time(seen):
    silent = rows(seen)[1]["id"]
    seen.dps[1].kill()
    version = rows(seen)[1]["config_version"]
    seen.cp.stop()
    seen.cp.start()
    row = kit.eventually(lambda: [row for row in rows(seen) if row["id"] == silent and not row["connected"]], what="it is shown")[0]
    assert row["config_version"] == version and row["hostname"]
    assert "unreachable since" in run(seen, "status", code=1)
    # two weeks later
    seen.cp.stop()
    seen.services.psql(f"update cluster_nodes set seen_at = now() - interval '15 days' where id = '{silent}'", seen.database)
    seen.cp.start()
    kit.eventually(lambda: seen.services.psql(f"select count(*) from cluster_nodes where id = '{silent}'", seen.database) == "0", what="it is purged")
    kit.eventually(lambda: silent not in [row["id"] for row in rows(seen)], what="and is gone")
    seen.dps[1].start()
