"""Every write is on record: who, what, from where, which version, and what became of it; also what was refused (issue 3, item 8)."""
import kit
import pytest


@pytest.fixture(scope="module")
def audited(protected):
    protected.reader = ask(protected, "POST", "/admins", {"name": "reader", "role": "read"}).json["token"]
    return protected


def ask(gateway, method, path, data=None, token=None):
    return gateway.api(method, path, data, headers=[("Kong-Admin-Token", token or gateway.root)])


def records(gateway, query=""):
    answer = ask(gateway, "GET", f"/audit/requests?size=1000{query}")
    assert answer.status == 200, answer
    return answer.json["data"]


def test_a_write_is_recorded_with_its_version_and_request_id(audited):
    """admin-api 1: X-Kong-Admin-Request-ID"""
    made = ask(audited, "POST", "/services", {"name": "on-record", "host": "h"})
    row = records(audited)[0]
    assert row["request_id"] == made.headers["x-kong-admin-request-id"] and len(row["request_id"]) == 32
    assert (row["method"], row["path"], row["status"]) == ("POST", "/services", 201)
    assert (row["admin"], row["login"], row["client_ip"]) == ("root", "token", kit.LOOPBACK)
    assert str(row["version"]) == made.headers["x-gatehouse-config-version"] and row["request_timestamp"] > 1.7e9
    assert audited.services.psql(f"SELECT author FROM versions WHERE version = {row['version']}", audited.database) == "root"


@pytest.mark.parametrize("method,path,data,status", [
    ("POST", "/services", {"name": "no-host"}, 400), ("POST", "/services", {"name": "on-record", "host": "h"}, 409),
    ("PATCH", "/services/nowhere", {"port": 1}, 404), ("PUT", "/", {}, 405), ("DELETE", "/nothing/here", None, 404)])
def test_refused_writes_are_recorded_too(audited, method, path, data, status):
    assert ask(audited, method, path, data).status == status
    row = records(audited)[0]
    assert (row["method"], row["status"], row["version"], row["admin"]) == (method, status, None, "root")


def test_so_are_those_without_the_right_and_failed_logins(audited):
    assert ask(audited, "DELETE", "/services/on-record", token=audited.reader).status == 403
    row = records(audited)[0]
    assert (row["admin"], row["status"], row["path"]) == ("reader", 403, "/services/on-record")
    wrong = audited.root[:-1] + ("a" if audited.root[-1] != "a" else "b")
    assert ask(audited, "DELETE", "/services/on-record", token=wrong).status == 401
    row = records(audited)[0]
    assert (row["admin"], row["admin_id"], row["status"]) == (None, None, 401)
    count = len(records(audited))
    assert audited.api("DELETE", "/services/on-record").status == 401  # no login at all: costs nothing, fills nothing
    assert ask(audited, "GET", "/services").status == 200  # reads are no writes
    assert ask(audited, "POST", "/schemas/services/validate", {"host": "h"}).status == 200
    assert len(records(audited)) == count


def test_secrets_are_not_in_the_record(audited):
    ask(audited, "POST", "/consumers", {"username": "carl"})
    assert ask(audited, "POST", "/consumers/carl/key-auth", {"key": "very-secret-key"}).status == 201
    for path in ("/consumers/carl/key-auth/very-secret-key", "/key-auths/very-secret-key"):
        ask(audited, "PATCH", path, {"tags": ["x"]})
        assert records(audited)[0]["path"] == path.replace("very-secret-key", "***")
    ask(audited, "DELETE", "/mistyped/very-secret-key?apikey=very-secret-key")
    assert records(audited)[0]["path"] == "/mistyped/***"
    stored = audited.services.psql("SELECT * FROM audit_requests", audited.database)
    assert "very-secret-key" not in stored and audited.root not in stored and audited.reader not in stored
    assert "very-secret-key" not in audited.cp.log.read_text()


def test_pages_and_filters(audited):
    everything = records(audited)
    first = ask(audited, "GET", "/audit/requests?size=2").json
    assert first["data"] == everything[:2]
    assert ask(audited, "GET", first["next"]).json["data"] == everything[2:4]
    assert {row["admin"] for row in records(audited, "&admin=reader")} == {"reader"}
    assert {row["path"] for row in records(audited, "&path=/consumers/carl")} == {"/consumers/carl/key-auth", "/consumers/carl/key-auth/***"}
    middle = everything[len(everything) // 2]["request_timestamp"]
    since, until = records(audited, f"&after={middle:.6f}"), records(audited, f"&before={middle:.6f}")
    assert len(since) + len(until) == len(everything) and since and until
    assert {row["status"] for row in records(audited, "&status=403&method=DELETE")} == {403}
    for wrong in ("after=x", "before=1;drop", "status=%27", "offset=x", "offset=-1", "size=0"):
        assert ask(audited, "GET", f"/audit/requests?{wrong}").status == 400, wrong


def test_only_admins_read_it_and_nobody_writes_it(audited):
    assert ask(audited, "GET", "/audit/requests", token=audited.reader).status == 403
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert ask(audited, method, "/audit/requests", {}).status == 405


def test_what_no_transaction_carried_is_not_there(audited):
    """The record of a version is as durable as the version: each has exactly one."""
    for i in range(5):
        ask(audited, "POST", "/services", {"name": f"counted-{i}", "host": "h"})
    lonely = audited.services.psql("SELECT count(*) FROM versions v LEFT JOIN audit_requests a USING (version)"
                                   " WHERE v.version > 0 AND a.version IS NULL AND v.author <> 'gatehouse'", audited.database)
    assert lonely == "0"


def test_old_records_go(audited):
    audited.services.psql("UPDATE audit_requests SET at = now() - interval '40 days' WHERE path = '/services'", audited.database)
    kit.eventually(lambda: not [row for row in records(audited) if row["path"] == "/services"], 10, "old records are dropped")
    assert records(audited)
