"""The status listener of a control plane (admin-api.md 8.3: ready once the database answers), for probes and balancers: no login."""
import kit
import pytest


@pytest.fixture(scope="module")
def gateway(services, folder):
    made = kit.Gateway(services, folder / "cp-status", data_planes=1, settings={"admin_auth": "on"})
    made.status = kit.free_port()
    made.cp.settings["status_listen"] = f"{kit.LOOPBACK}:{made.status}"
    yield made.start()
    made.stop()


def test_it_is_alive_and_ready_without_a_login(gateway):
    assert kit.call(gateway.admin, "GET", "/status").status == 401
    for path, message in (("/status/live", "live"), ("/status/ready", "ready")):
        kit.eventually(lambda: kit.call(gateway.status, "GET", path).status == 200, what=path)
        assert kit.call(gateway.status, "GET", path).json == {"message": message}
    assert kit.call(gateway.dps[0].status, "GET", "/status/live").json == {"message": "live"}
    assert kit.call(gateway.status, "HEAD", "/status/ready").body == b""


def test_nothing_but_its_state_is_there(gateway):
    assert kit.call(gateway.status, "GET", "/services").status == 404
    assert kit.call(gateway.status, "POST", "/status/live", body=b"").status == 405
    assert kit.call(gateway.admin, "GET", "/status/ready").status == 401, "the Admin API does not tell it (8.3)"


def test_metrics_tell_of_the_node_and_its_data_planes(gateway):
    answer = kit.call(gateway.status, "GET", "/metrics")
    text = answer.body.decode()
    assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
    assert "\nkong_datastore_reachable" in text and "\nkong_data_plane_last_seen{node_id=" in text


def test_it_is_not_ready_while_the_database_is_away_and_alive_all_the_while(services, gateway):
    answer = lambda: kit.call(gateway.status, "GET", "/status/ready")  # noqa: E731
    services.psql(f"alter database {gateway.database} allow_connections false")
    try:
        services.psql(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{gateway.database}'")
        kit.eventually(lambda: answer().status == 503, 15, "not ready")
        assert answer().json == {"message": "failed to connect to database"}
        assert kit.call(gateway.status, "GET", "/status/live").status == 200
    finally:
        services.psql(f"alter database {gateway.database} allow_connections true")
    kit.eventually(lambda: answer().status == 200, 15, "ready again")


def test_it_can_be_told_to_report_that_it_drains(gateway):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert kit.call(gateway.status, "POST", "/status/ready", form, b"status=awake").status == 400
    assert kit.call(gateway.status, "POST", "/status/ready", form, b"status=draining").status == 204
    assert kit.call(gateway.status, "GET", "/status/ready").json == {"message": "draining"}


def test_without_the_setting_a_control_plane_has_none(shared_gateway):
    """Its default is for the data plane that may be on the same machine."""
    shown = shared_gateway.api("GET", "/").json["configuration"]
    assert shown["status_listen"] == ["off"]
