"""Redis as it is run: with users, over TLS, behind Sentinels, as a cluster (plugins.md 0.8; plugins-beyond.md, "extended Redis record")."""
import collections

import kit
import pki
import pytest
import redis_servers


@pytest.fixture(scope="module")
def ca(folder):
    return pki.authority(folder, "redis-ca")


@pytest.fixture(scope="module")
def shared_gateway(services, folder, ca):
    settings = {"nginx_worker_processes": 2, "lua_ssl_trusted_certificate": ca.cert_path}
    made = kit.Gateway(services, folder / "gw", data_planes=1, settings=settings).start()
    yield made
    made.stop()


@pytest.fixture
def limit(gateway, origin):
    """limit(redis, minute=3, ...): route /svc with a limit that refuses when Redis does not answer; the plugin."""
    def make(redis, **config):
        gateway.service("svc", origin)
        return gateway.post("/services/svc/plugins", {"name": "rate-limiting", "config": {
            "policy": "redis", "on_store_error": "closed", "limit_by": "header", "header_name": "x-who", "hour": 3, "redis": redis, **config}})
    return make


def statuses(gateway, n=5, who="a"):
    return [gateway.get("/svc", {"x-who": who}).status for _ in range(n)]


def counts(gateway, who="a"):
    """A limit of 3 is kept, by whatever keeps it."""
    return statuses(gateway, who=who) == [200, 200, 200, 429, 429]


# -- one server

@pytest.fixture(scope="module")
def guarded(folder, ca):
    """Wants a user and a password, in the clear and over TLS."""
    pair = pki.Pair(folder, "redis.test", ["redis.test", "localhost"], issuer=ca)
    tls_port = kit.free_port()
    made = redis_servers.Server(folder, tls_port=tls_port, tls_cert_file=pair.cert_path, tls_key_file=pair.key_path,
                                tls_ca_cert_file=ca.cert_path, tls_auth_clients="no", user="limiter on >pass-of-limiter ~* +@all".split())
    made.do("acl", "setuser", "default", "resetpass", ">of-default")
    made.password, made.tls_port = "of-default", tls_port
    yield made
    made.kill()


LIMITER = {"username": "limiter", "password": "pass-of-limiter"}


@pytest.mark.parametrize("login, fits", [(LIMITER, True), ({"password": "of-default"}, True), ({}, False), ({"password": "wrong"}, False),
                                         ({**LIMITER, "password": "of-default"}, False)])
def test_users_and_passwords(gateway, guarded, limit, login, fits):
    guarded.do("flushall")
    limit({**guarded.address, **login})
    assert counts(gateway) if fits else statuses(gateway, 2) == [500, 500]
    if login:
        log = gateway.dps[0].log.read_text()
        assert login["password"] not in log.replace("/of-default", "")


@pytest.mark.parametrize("more, fits", [({}, True), ({"ssl_verify": True, "server_name": "redis.test"}, True),
                                        ({"ssl_verify": True, "server_name": "other.test"}, False)])
def test_tls(gateway, guarded, limit, more, fits):
    guarded.do("flushall")
    limit({"host": "localhost", "port": guarded.tls_port, "ssl": True, **LIMITER, **more})
    assert counts(gateway) if fits else statuses(gateway, 2) == [500, 500]


def test_what_is_meant_for_tls_is_not_said_in_the_clear(gateway, guarded, limit):
    limit({**guarded.address, "ssl": True, **LIMITER})
    assert statuses(gateway, 2) == [500, 500]


# -- Sentinels

@pytest.fixture(scope="module")
def watched(folder):
    (folder / "watched").mkdir()
    made = redis_servers.Watched(folder / "watched", password="of-server", sentinel_password="of-sentinel")
    yield made
    made.kill()


def test_sentinels_say_where_the_master_is_also_when_it_moves(gateway, watched, limit):
    nobody = {"host": kit.LOOPBACK, "port": kit.free_port()}
    made = limit({**watched.config, "sentinel_nodes": [nobody, watched.sentinel.address], "password": "of-server"})
    assert (made["config"]["redis"]["sentinel_master"], made["config"]["redis"]["host"]) == ("main", "127.0.0.1")
    assert counts(gateway)
    watched.fail_over()
    names = (f"b{i}" for i in range(10000))
    kit.eventually(lambda: counts(gateway, name := next(names)) and watched.master.do("keys", f"*:{name}:*"), what="the new master counts")
    assert statuses(gateway, 4, "c") == [200, 200, 200, 429]


@pytest.mark.parametrize("more", [{"sentinel_password": "wrong"}, {"sentinel_master": "nobody"}, {"sentinel_role": "slave"}])
def test_who_cannot_count_there_is_told(gateway, watched, limit, more):
    """A replica takes no counts."""
    limit({**watched.config, "password": "of-server", **more})
    assert statuses(gateway, 2) == [500, 500]


# -- a cluster

@pytest.fixture(scope="module")
def cluster(folder):
    (folder / "cluster").mkdir()
    made = redis_servers.Cluster(folder / "cluster")
    yield made
    made.kill()


def test_limits_are_exact_on_all_masters(gateway, cluster, limit):
    """Counters of one request have one hash tag, so that they are counted in one step."""
    limit(cluster.config, minute=3, day=4)
    for i in range(30):
        assert counts(gateway, f"w{i}")
    keys = [key for node in cluster.nodes for key in node.do("keys", "*:w*").split()]
    assert len(keys) == 90 and all(key.startswith("{ratelimit:") and "}:" in key for key in keys)
    assert all(node.do("keys", "*:w*") for node in cluster.nodes)
    assert len({cluster.slot(key) for key in keys if ":w7}" in key}) == 1


def test_a_slot_that_moves_is_followed_and_nothing_is_lost(gateway, cluster, limit):
    """ASK while it is on its way, MOVED when it has gone."""
    limit(cluster.config, hour=8)
    assert statuses(gateway, 2, "moving") == [200, 200]
    key = next(key for node in cluster.nodes for key in node.do("keys", "*:moving}*").split())
    slot = cluster.slot(key)
    source = cluster.owner(slot)
    target = next(node for node in cluster.nodes if node is not source)
    target.do("cluster", "setslot", slot, "importing", cluster.id(source))
    source.do("cluster", "setslot", slot, "migrating", cluster.id(target))
    assert statuses(gateway, 2, "moving") == [200, 200]
    source.do("migrate", kit.LOOPBACK, target.port, key, 0, 1000)
    assert statuses(gateway, 2, "moving") == [200, 200]  # ASK
    for node in cluster.nodes:
        node.do("cluster", "setslot", slot, "node", cluster.id(target))
    assert statuses(gateway, 3, "moving") == [200, 200, 429]  # MOVED
    for node in cluster.nodes:  # as it was
        target.do("cluster", "setslot", slot, "migrating", cluster.id(source)) if node is target else None
    source.do("cluster", "setslot", slot, "importing", cluster.id(target))
    target.do("migrate", kit.LOOPBACK, source.port, key, 0, 1000)
    for node in [source, target, *cluster.nodes]:
        node.do("cluster", "setslot", slot, "node", cluster.id(source))
    assert statuses(gateway, 1, "moving") == [429]


def test_answers_are_cached_on_all_masters_and_deleted_from_all(gateway, cluster, origin):
    gateway.service("svc", origin)
    gateway.post("/services/svc/plugins", {"name": "proxy-cache", "config": {"strategy": "redis", "redis": cluster.config}})
    asked = range(30)
    for n in asked:
        gateway.get(f"/svc?n={n}")
    kit.eventually(lambda: {gateway.get(f"/svc?n={n}").headers["x-cache-status"] for n in asked} == {"Hit"}, what="all are kept")
    kept = collections.Counter(i for i, node in enumerate(cluster.nodes) for _ in node.do("keys", "gh:pc:*").split())
    assert sorted(kept) == [0, 1, 2] and sum(kept.values()) == 30
    assert gateway.api("DELETE", "/proxy-cache").status == 204
    kit.eventually(lambda: not any(node.do("keys", "gh:pc:*") for node in cluster.nodes), what="all are deleted")


def test_a_node_that_dies_takes_only_its_slots_with_it(gateway, cluster, limit):
    limit(cluster.config, hour=1000)
    names = [f"d{i}" for i in range(20)]
    assert {gateway.get("/svc", {"x-who": name}).status for name in names} == {200}
    dead = cluster.nodes[2]
    homeless = {name for name in names if dead.do("keys", f"*:{name}}}*")}
    dead.kill()
    answers = {name: gateway.get("/svc", {"x-who": name}).status for name in names}
    assert homeless and {name for name, status in answers.items() if status == 500} == homeless
    dead.start()
    kit.eventually(cluster.is_whole, 20, "the cluster is whole again")
    kit.eventually(lambda: {gateway.get("/svc", {"x-who": name}).status for name in names} == {200}, what="all are counted again")


def test_a_replica_that_takes_its_masters_place_counts_on(gateway, cluster, limit, folder):
    """What was counted and replicated is known to it; meanwhile the policy says what holds (closed: 500). Nothing else is disturbed."""
    dead = cluster.nodes[2]
    replica = cluster.add_replica(dead, folder / "cluster")
    limit(cluster.config, hour=4)
    names = [f"f{i}" for i in range(20)]
    assert {gateway.get("/svc", {"x-who": name}).status for name in names for _ in range(2)} == {200}
    theirs = [name for name in names if dead.do("keys", f"*:{name}}}*")]
    kit.eventually(lambda: all(replica.do("keys", f"*:{name}}}*") for name in theirs), what="all is replicated")
    offset = lambda server, field: server.do("info", "replication").split(f"{field}:")[1].split()[0]  # noqa: E731
    kit.eventually(lambda: offset(dead, "master_repl_offset") == offset(replica, "slave_repl_offset"), what="to the last byte")
    dead.kill()
    others = [name for name in names if name not in theirs]
    assert theirs and {gateway.get("/svc", {"x-who": name}).status for name in others} == {200}
    kit.eventually(lambda: replica.do("role").startswith("master"), 20, "the replica is the master")
    kit.eventually(lambda: set(statuses(gateway, 20, theirs[0])) <= {200, 429}, 20, "every worker asks it")
    for name in theirs[1:]:
        assert statuses(gateway, 3, name) == [200, 200, 429]


# -- what is said of a configuration

@pytest.mark.parametrize("redis, problem", [
    ({}, {"host": "required field missing"}),
    ({"sentinel_nodes": [{"host": "h"}]}, {"@entity": ["all or none of these fields must be set: 'sentinel_master', 'sentinel_role', 'sentinel_nodes'"]}),
    ({"sentinel_nodes": [{}], "sentinel_master": "m", "sentinel_role": "any", "cluster_nodes": [{}]},
     {"@entity": ["only one or none of these fields must be set: 'sentinel_nodes', 'cluster_nodes'"]}),
    ({"host": "h", "cluster_nodes": []}, {"cluster_nodes": "length must be at least 1"}),
    ({"host": "h", "sentinel_role": "king"}, {"sentinel_role": "expected one of: master, slave, any"}),
])
def test_what_cannot_be_meant_is_refused(gateway, redis, problem):
    answer = gateway.api("POST", "/plugins", {"name": "rate-limiting", "config": {"policy": "redis", "hour": 3, "redis": redis}})
    assert answer.status == 400 and answer.json["fields"]["config"]["redis"] == problem
