"""Which target answers: proxy.md 5.4 to 5.9, examples 101, 102, 106 to 111."""
import http.client
import json
import threading
import uuid

import kit
from pools import who


def test_round_robin_keeps_to_the_weights(gateway, origins, pool):
    """Example 101: exactly two of three, over any 300."""
    a, b, _ = origins
    pool(a, (b, 50))
    seen = who(gateway, 30)
    assert (seen.count("A"), seen.count("B")) == (20, 10)


def test_a_dead_target_costs_a_try_and_no_answer(gateway, origins, pool, folder):
    """Example 102: connection refused, then the next; the log shows both tries."""
    dead = f"127.0.0.1:{kit.free_port()}"
    log = folder / "tries.json"
    pool(dead, origins[1])
    gateway.post("/plugins", {"name": "file-log", "config": {"path": str(log)}})
    assert who(gateway, 6) == "BBBBBB"
    records = kit.eventually(lambda: log.exists() and (lines := log.read_text().splitlines()) and len(lines) == 6 and lines)
    tries = [[(t.get("state"), t.get("code")) for t in json.loads(r)["tries"]] for r in records]
    assert [("failed", 502), (None, None)] in tries


def test_without_weight_there_is_no_peer(gateway, origins, pool):
    """Example 107."""
    pool((origins[0], 0), (origins[1], 0))
    answer = gateway.get("/")
    assert (answer.status, answer.json["message"]) == (503, "failure to get a peer from the ring-balancer")


def test_equal_header_values_meet_one_target_and_only_those_of_a_removed_one_move(gateway, origins, pool):
    """Example 108, with a name that has a dash (DEV-25). A point of the ring that two targets wanted goes to the one that is left (5.5):
    with 160 points each on 10,000 that is a point in a hundred."""
    pool(*origins, algorithm="consistent-hashing", hash_on="header", hash_on_header="x-user")
    keys = [f"k{i}" for i in range(40)]
    before = {k: who(gateway, headers={"X-User": k}) for k in keys}
    assert before == {k: who(gateway, headers={"X-User": k}) for k in keys}
    assert set(before.values()) == {"A", "B", "C"}
    assert gateway.api("DELETE", f"/upstreams/pool/targets/127.0.0.1:{origins[2].port}").status == 204
    after = {k: who(gateway, headers={"X-User": k}) for k in keys}
    assert sum(after[k] != before[k] for k in keys if before[k] != "C") <= 2


def test_a_client_without_the_cookie_gets_one(gateway, origins, pool):
    """Example 109."""
    pool(*origins, hash_on="cookie", hash_on_cookie="sid")
    first = gateway.get("/")
    cookie, attributes = first.headers["set-cookie"].split(";", 1)
    assert attributes == " Path=/; SameSite=Lax; HttpOnly"
    assert str(uuid.UUID(cookie.removeprefix("sid="))) == cookie.removeprefix("sid=")
    for _ in range(5):
        again = gateway.get("/", {"Cookie": f"a=1; {cookie}; b=2"})
        assert again.body == first.body and "set-cookie" not in again.headers


def test_our_cookie_takes_the_place_of_an_upstreams_of_that_name(gateway, pool):
    def reply(handler, _):
        handler.send_response(200)
        for value in ("other=1", "sid=theirs; Path=/x", "sid2=2"):
            handler.send_header("Set-Cookie", value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True
    origin = kit.Origin(reply)
    pool(origin, hash_on="cookie", hash_on_cookie="sid")
    cookies = [value for name, value in gateway.get("/").pairs if name.lower() == "set-cookie"]
    assert cookies[:2] == ["other=1", "sid2=2"] and len(cookies) == 3 and cookies[2].startswith("sid=") and "theirs" not in cookies[2]
    origin.close()


def test_consumer_with_the_address_as_fallback(gateway, origins, pool):
    """Example 110: nobody is authenticated, all come from one address."""
    pool(*origins, hash_on="consumer", hash_fallback="ip")
    assert len(set(who(gateway, 6))) == 1


def test_a_consumer_stays_with_a_target(gateway, origins, pool):
    pool(*origins, hash_on="consumer", hash_fallback="none")
    gateway.post("/plugins", {"name": "key-auth"})
    seen = set()
    for i in range(12):
        gateway.post("/consumers", {"username": f"u{i}"})
        gateway.post(f"/consumers/u{i}/key-auth", {"key": f"key{i}"})
        mine = who(gateway, 3, headers={"apikey": f"key{i}"})
        assert len(set(mine)) == 1
        seen |= set(mine)
    assert len(seen) > 1


def test_query_arguments_sorted_and_joined(gateway, origins, pool):
    pool(*origins, hash_on="query_arg", hash_on_query_arg="q", hash_fallback="header", hash_fallback_header="x-h")
    for i in range(8):
        same = [f"/?q=b{i}&q=a%2{i % 10}", f"/?q=a%2{i % 10}&x=1&q=b{i}"]
        assert len({who(gateway, path=p) for p in same}) == 1
    assert len({who(gateway, path=f"/?q={i}") for i in range(20)}) > 1
    assert len({who(gateway, headers={"X-H": f"v{i}"}) for i in range(20)}) > 1


def test_path_and_capture(gateway, origins, pool):
    pool(*origins, hash_on="uri_capture", hash_on_uri_capture="user", hash_fallback="path",
         route={"paths": ["~/u/(?<user>[a-z0-9]+)/", "/"], "strip_path": False})
    for i in range(6):
        assert len({who(gateway, path=f"/u/n{i}/{rest}") for rest in ("a", "b", "c")}) == 1
    assert len({who(gateway, path=f"/u/n{i}/") for i in range(20)}) > 1
    assert len({who(gateway, path=f"/p{i}") for i in range(20)}) > 1
    assert who(gateway, path="/p%61") == who(gateway, path="/pa")


def test_least_connections_goes_to_the_idle_one(gateway, origins, pool):
    """Example 111."""
    pool(*[(o, 1) for o in origins[:2]], algorithm="least-connections")
    free = threading.Event()
    for origin in origins[:2]:
        origin.hold = free
    slow = http.client.HTTPConnection("127.0.0.1", gateway.proxy)
    slow.request("GET", "/slow")
    kit.eventually(lambda: any(o.seen for o in origins[:2]))
    busy = next(o.letter for o in origins[:2] if o.seen)
    assert set(who(gateway, 6)) == {"A", "B"} - {busy}
    free.set()
    assert slow.getresponse().read().decode() == busy
    slow.close()


def test_latency_leaves_the_slow_one_alone(gateway, origins, pool):
    a, b, _ = origins
    pool(a, b, algorithm="latency")
    release = threading.Event()
    b.hold = release
    threading.Timer(0.3, release.set).start()
    first = who(gateway, 2, path="/slow")
    assert set(first) == {"A", "B"}
    assert set(who(gateway, 10)) == {"A"}


def test_upstream_and_plain_host_of_the_same_name(gateway, origins, pool):
    """5.1, pitfalls A4-4: an upstream's name wins over DNS, from the version on in which it exists."""
    pool(origins[0], name="localhost", service={"port": origins[1].port})
    assert who(gateway, 2) == "AA"
    assert gateway.api("DELETE", "/upstreams/localhost").status == 204
    assert who(gateway, 2) == "BB"
