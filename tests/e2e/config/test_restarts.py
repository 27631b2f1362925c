"""What survives when a part is down: data planes without a control plane, configurations of more than a message, new histories."""
import kit
import pytest


@pytest.fixture
def gateway(services, tmp_path):
    made = kit.Gateway(services, tmp_path / "gw", data_planes=2, proxy_ports=2)
    yield made
    made.stop()


def test_step_4_of_the_walkthrough_proxying_goes_on_without_a_control_plane(gateway, origin):
    gateway.start().service("s", origin)
    gateway.cp.stop()
    assert gateway.get("/s").status == 200
    for dp in gateway.dps:
        assert dp.stop() == 0
        dp.start()
        gateway.wait_ready(dp)
    assert [kit.call(port, "GET", "/s").status for port in gateway.proxies] == [200, 200]
    gateway.cp.start()
    assert [kit.call(port, "GET", "/s").status for port in gateway.proxies] == [200, 200]


def test_a_data_plane_that_was_away_catches_up(gateway, origin):
    gateway.start().service("before", origin)
    gateway.dps[1].kill()
    gateway.service("meanwhile", origin)
    gateway.dps[1].start()
    kit.eventually(lambda: kit.call(gateway.proxies[1], "GET", "/meanwhile").status == 200, 10, "the missed change")


def test_a_killed_data_plane_comes_back_with_its_last_version(gateway, origin):
    gateway.start().service("s", origin)
    kit.eventually(lambda: (gateway.folder / "dp1" / "config.cache").exists(), 5, "the cache is written")
    import time
    time.sleep(1)  # the cache is written at most every half second
    gateway.cp.kill()
    gateway.dps[0].kill()
    gateway.dps[0].start()
    gateway.wait_ready(gateway.dps[0])
    assert gateway.get("/s").status == 200


def test_a_configuration_of_more_than_a_megabyte_arrives_in_parts(gateway, origin):
    gateway.start()
    gateway.service("s", origin)
    tags = [f"tag-{i}-{'x' * 90}" for i in range(300)]
    for i in range(60):
        gateway.post("/services/s/routes", {"paths": [f"/large/{i}"], "tags": tags})
    late = gateway.data_plane("dp1", kit.free_port(), {})
    gateway.dps[0].stop()
    late.settings["prefix"] = gateway.folder / "late"
    late.start()
    gateway.wait_ready(late)
    port = int(str(late.settings["proxy_listen"]).split(":")[1].split()[0])
    assert [kit.call(port, "GET", f"/large/{i}").status for i in (0, 59)] == [200, 200]
    late.stop()


def test_another_database_is_another_history_and_replaces_the_old_one(gateway, services, origin):
    gateway.start().service("old", origin)
    gateway.cp.stop()
    gateway.cp.settings["pg_database"] = services.database()
    gateway.migrate()
    gateway.cp.start()
    kit.eventually(lambda: gateway.get("/old").status == 404, 10, "the old configuration is gone")
    gateway.service("new", origin)
    kit.eventually(lambda: gateway.get("/new").status == 200, 5, "the new one is there")


def test_term_lets_running_requests_end(gateway):
    import threading
    import time

    def slow(handler, seen):
        time.sleep(1)
        return False
    origin = kit.Origin(slow)
    gateway.start().service("s", origin)
    answers = []
    call = threading.Thread(target=lambda: answers.append(gateway.get("/s").status))
    call.start()
    kit.eventually(lambda: origin.seen, 5, "the request is under way")
    assert gateway.dps[0].stop() == 0
    call.join()
    assert answers == [200]
    origin.close()
