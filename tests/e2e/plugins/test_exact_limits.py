"""N allowed means N admitted: on one node with several workers, over four data planes with Redis, and while Redis goes and comes."""
import collections
import http.client
import os
import threading
import time

import kit
import pytest
import redis_servers

CLIENTS, LIMIT = 64, 1000


@pytest.fixture(scope="module")
def four(services, folder):
    gateway = kit.Gateway(services, folder / "four", data_planes=4, proxy_ports=4, settings={"nginx_worker_processes": 2}).start()
    yield gateway
    gateway.stop()


def period(limit):
    """A window that does not end while a test runs."""
    return {"minute": limit} if time.time() % 60 < 40 else {"hour": limit}


def limited(gateway, origin, **config):
    gateway.wipe()
    gateway.service("svc", origin)
    gateway.post("/services/svc/plugins", {"name": "rate-limiting", "config": {"limit_by": "service", **config}})
    gateway.post("/services/svc/plugins", {"name": "request-termination", "config": {"status_code": 200, "body": "ok"}})


def hammer(ports, clients, each, until=None):
    """Statuses of `each` requests of every client, all at once; each client keeps its connection."""
    statuses, lock, start = collections.Counter(), threading.Lock(), threading.Barrier(clients)

    def run(n):
        mine = collections.Counter()
        connection = http.client.HTTPConnection(kit.LOOPBACK, ports[n % len(ports)], timeout=30)
        start.wait()
        for _ in range(each):
            if until and until.is_set():
                break
            connection.request("GET", "/svc")
            answer = connection.getresponse()
            answer.read()
            mine[answer.status] += 1
        connection.close()
        with lock:
            statuses.update(mine)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def test_200_concurrent_calls_on_a_local_limit_of_100(four, origin):
    limited(four, origin, policy="local", **period(100))
    assert hammer(four.proxies[:1], 200, 1) == {200: 100, 429: 100}


@pytest.mark.parametrize("run", range(int(os.environ.get("EXACT_RUNS", 3))))
def test_1000_over_four_data_planes(four, origin, services, run):
    limited(four, origin, policy="redis", redis={"host": kit.LOOPBACK, "port": services.redis_port}, **period(LIMIT))
    statuses = hammer(four.proxies, CLIENTS, 20)
    assert statuses == {200: LIMIT, 429: CLIENTS * 20 - LIMIT}


@pytest.fixture
def redis(folder):
    """One that forgets nothing."""
    made = redis_servers.Server(folder, appendonly="yes", appendfsync="always")
    yield made
    made.kill()


def over_a_restart(gateway, redis):
    over = threading.Event()
    result = {}
    thread = threading.Thread(target=lambda: result.update(hammer(gateway.proxies, 16, 2000, over)))
    thread.start()
    kit.eventually(lambda: gateway.get("/svc").status in (200, 429))
    redis.kill()
    kit.eventually(lambda: "x-ratelimit-store" in gateway.get("/svc").headers or gateway.get("/svc").status == 500, what="it is missed")
    redis.start()
    kit.eventually(lambda: "ratelimit-limit" in gateway.get("/svc").headers and "x-ratelimit-store" not in gateway.get("/svc").headers,
                   what="it counts again")
    over.set()
    thread.join()
    return result


def test_closed_admits_no_more_than_the_limit_over_a_restart(four, origin, redis):
    limited(four, origin, policy="redis", on_store_error="closed", redis={"host": kit.LOOPBACK, "port": redis.port}, **period(LIMIT))
    statuses = over_a_restart(four, redis)
    assert statuses[200] <= LIMIT and set(statuses) <= {200, 429, 500}


def test_open_refuses_nobody_for_want_of_redis(four, origin, redis):
    limited(four, origin, policy="redis", on_store_error="open", redis={"host": kit.LOOPBACK, "port": redis.port}, **period(LIMIT))
    statuses = over_a_restart(four, redis)
    assert set(statuses) <= {200, 429} and statuses[200] > 0


def test_local_counts_on_each_node_meanwhile(four, origin, redis):
    redis.kill()
    limited(four, origin, policy="redis", on_store_error="local", redis={"host": "localhost", "port": redis.port}, **period(100))
    assert hammer(four.proxies[:1], 20, 10) == {200: 100, 429: 100}
    redis.start()


def test_cluster_counts_over_data_planes_a_moment_later(four, origin):
    """Without Redis: what one data plane has let through, the others know soon; a control plane that begins anew learns it again."""
    limited(four, origin, policy="cluster", hour=100)

    def ask(port):
        answer = kit.call(port, "GET", "/svc")
        assert answer.status in (200, 429), answer
        return int(answer.headers["ratelimit-remaining"])

    first, second, third = four.proxies[:3]
    for _ in range(30):
        ask(first)
    kit.eventually(lambda: ask(second) < 70, what="the second data plane counts what the first has let through")
    four.cp.stop()
    assert ask(first) < 70  # each goes on with what it knows
    four.cp.start()
    kit.eventually(lambda: ask(third) < 70, 20, what="the third learns it from a control plane that has begun anew")
    four.api("GET", "/plugins")
    kit.eventually(lambda: kit.call(first, "GET", "/svc").status == 429, 20)
    for port in four.proxies:
        kit.eventually(lambda port=port: kit.call(port, "GET", "/svc").status == 429, what="every data plane refuses")
