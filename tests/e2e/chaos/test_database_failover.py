"""The database is killed and its standby takes over (users.md 4): requests do not notice, writes are refused with 503 and the reason until
then, no acknowledged write is lost, a new data plane gets the last version meanwhile, even from a control plane that has been started since, and all
end at one version."""
import kit
import pytest
import trouble
from two_cps import TwoControlPlanes


@pytest.fixture
def pair():
    made = trouble.PgPair()
    yield made
    made.stop()


@pytest.fixture
def gateway(pair, folder):
    made = TwoControlPlanes(pair, folder, settings={"pg_host": pair.hosts})
    yield made.start()
    made.stop()


def test_a_failover_loses_nothing(gateway, pair, origin):
    gateway.service("s", origin)
    gateway.post("/consumers?wait=all", {"username": "first"})
    late = gateway.dps[1]
    late.stop()
    kit.shutil.rmtree(late.settings["prefix"])  # it will come as if it were new
    load = trouble.Load([gateway.proxies[0], gateway.proxies[2]], "/s")
    writers = trouble.Writers([gateway.admin, gateway.admin2])
    writers.wait_for(60, "before")
    pair.kill_primary()
    for admin in (gateway.admin, gateway.admin2):
        refused = kit.eventually(lambda: [a for a in [gateway.at(admin, "POST", "/consumers", {"username": f"no-{admin}"})] if a.status == 503])
        assert "cannot reach the database" in refused[0].json["message"], refused
    assert {answer.status for answer in writers.refused} <= {503}, writers.refused
    gateway.cp2.kill()  # and it starts without its database, with what it published last
    gateway.cp2.start()
    assert gateway.at(gateway.admin2, "POST", "/consumers", {"username": "no"}).status == 503
    late.start()
    gateway.wait_ready(late)
    assert kit.call(gateway.proxies[1], "GET", "/s").status == 200
    pair.promote()
    writers.wait_for(60, "after")
    writers.stop()
    load.stop()
    trouble.in_the_end(gateway, writers)
    trouble.in_the_end(gateway, writers, gateway.admin2)
