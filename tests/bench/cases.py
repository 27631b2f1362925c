"""What is measured. A case is a function of the field and the options that returns {proxy's name: {column: median}}; its first line says what it is."""
import re
import subprocess
import time

from node_cases import memory, two_workers
from plugin_cases import plugins, scrape
from measure import interleaved, load, medians, on_load_cpu, wrk
from proxies import KEY, TOOLS, kit

GIB, SETTLED = 1 << 30, 4  # seconds until what has been needed for the requests may be gone


def plain(field, options):
    """100 bytes, keep-alive."""
    return interleaved(field, options, lambda p: wrk(p, "/plain", options.seconds), floor=True)


def medium(field, options):
    """A body of 16 kB."""
    return interleaved(field, options, lambda p: wrk(p, "/plain/16k", options.seconds), floor=True)


def beside_plain(field, options, path):
    """Requests with a key to `path`; and, in turn with them, the same on ours where no plugin is."""
    header, rows = [f"apikey: {KEY}"], {}
    for _ in range(options.rounds):
        rows.setdefault("gatehouse, no plugin", []).append(wrk(field.proxies["gatehouse"], "/plain", options.seconds, header))
        for name, proxy in field.proxies.items():
            if name != "relay":
                rows.setdefault(name, []).append(wrk(proxy, path, options.seconds, header))
    return medians(rows)


def key_auth(field, options):
    """A key, checked; beside it ours without plugins."""
    return beside_plain(field, options, "/keyed")


def key_limit(field, options):
    """A key, checked, and requests counted for each key (local; nginx: limit_req; HAProxy: a stick table); beside it ours without plugins."""
    return beside_plain(field, options, "/limited")


def transfer(field, options, path, *more):
    def one(proxy):
        out, used = load(proxy, path, options.seconds, "-c", 8, *more)
        total = out["bytes"] if not more else out["requests"] * int(more[1])
        return {"GiB/s": total / GIB / out["seconds"], "CPU s/GiB": used / max(total, 1) * GIB, "bad": out["errors"]}
    return interleaved(field, options, one)


def down(field, options):
    """Answers of 10 MiB; CPU per GiB."""
    return transfer(field, options, "/plain/10m")


def up(field, options):
    """Requests of 10 MiB; CPU per GiB."""
    return transfer(field, options, "/plain", "-b", 10 << 20)


def paced(field, options):
    """A steady rate, whatever the answers do, at 30 % and 60 % of what nginx can; time counts from when a request was due."""
    most = wrk(field.proxies["nginx"], "/plain", options.seconds)["requests/s"]
    rows = {}
    for _ in range(options.rounds):
        for share in (0.3, 0.6):
            for name, proxy in field.proxies.items():
                out, _ = load(proxy, "/plain", options.seconds, "-c", 64, "-r", int(most * share))
                rows.setdefault(f"{name}, {share:.0%}", []).append(
                    {"requests/s": out["requests"] / out["seconds"], "p50 ms": out["p50_ms"], "p99 ms": out["p99_ms"], "bad": out["errors"]})
    return medians(rows)


def over_tls(field, options, *more):
    def one(proxy):
        out, used = load(proxy, "/plain", options.seconds, "-t", *more)
        return {"requests/s": out["requests"] / out["seconds"], "p99 ms": out["p99_ms"], "resumed": out["resumed"] / max(out["requests"], 1),
                "CPU us/request": used / max(out["requests"], 1) * 1e6, "bad": out["errors"]}
    return interleaved(field, options, one)


def tls(field, options):
    """TLS 1.3, keep-alive, 100 bytes; beside it ours in the clear."""
    figures = over_tls(field, options)
    clear = [wrk(field.proxies["gatehouse"], "/plain", options.seconds) for _ in range(options.rounds)]
    return figures | {"gatehouse, in the clear": medians({"": clear})[""]}


def tls_new(field, options):
    """A new connection of TLS 1.3 for every request, full handshakes (ECDSA P-256)."""
    return over_tls(field, options, "-n")


def tls_resumed(field, options):
    """The same, with the session of the connection before."""
    return over_tls(field, options, "-n", "-R")


def h2load(proxy, path, seconds, connections, streams):
    before = proxy.cpu_seconds()
    out = on_load_cpu(["h2load", "-D", seconds, "--warm-up-time", 0, "-c", connections, "-m", streams, "--connect-to", f"127.0.0.1:{proxy.tls}",
                       f"https://bench.test:{proxy.tls}{path}"])
    used = proxy.cpu_seconds() - before
    done, bad = (int(re.search(r"(\d+) " + word, out).group(1)) for word in ("succeeded", "failed"))
    return {"requests/s": done / seconds, "CPU us/request": used / max(done, 1) * 1e6, "bad": bad}


def h2(field, options):
    """HTTP/2 over TLS, 16 connections of 8 streams, to an HTTP/1.1 upstream; beside the others h2o."""
    if not field.h2o:
        field.start_h2o()
    rows = {}
    for _ in range(options.rounds):
        for name in ("gatehouse", "haproxy", "h2o", "nginx"):
            proxy = field.h2o if name == "h2o" else field.proxies[name]
            rows.setdefault(name, []).append(h2load(proxy, "/plain", options.seconds, 16, 8))
    return medians(rows)


def hold(field, *more):
    figures = {}
    for name, proxy in field.proxies.items():
        if name == "relay":
            continue
        before = proxy.memory()
        holder = subprocess.Popen([str(TOOLS / "load"), "-i", "-c", "9000", *more, str(proxy.tls if more else proxy.port), "/plain"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            ready = holder.stdout.readline()
            time.sleep(SETTLED)
            figures[name] = {"bytes/connection": (proxy.memory() - before) / 9000, "bad": int(ready != "ready\n")}
        finally:
            holder.stdin.close()
            holder.wait()
    return figures


def idle(field, options):
    """9,000 connections that have made a request and now do nothing: memory for each."""
    return hold(field)


def idle_tls(field, options):
    """The same over TLS 1.3."""
    return hold(field, "-t")


def many_routes(field, options, count):
    """Every URI different; above it the same requests while one route takes them all."""
    ours, script = field.proxies["gatehouse"], field.folder / "routes.lua"
    script.write_text(f'local i = 0\nrequest = function()\n  i = (i + 7919) % {count}\n'
                      '  return wrk.format("GET", "/many/" .. i % 100 .. "/route-" .. i)\nend\n')
    rows = {}
    for _ in range(options.rounds):  # both within a round, so that a change of the machine's speed hits both
        field.apply(document(field, [{"name": "many", "paths": ["/many"]}]))
        rows.setdefault("gatehouse, 4 routes", []).append(wrk(ours, "/", options.seconds, script=script))
        field.apply(document(field, [{"name": f"many-{i}", "paths": [f"/many/{i % 100}/route-{i}"]} for i in range(count)]))
        for name, proxy in field.proxies.items():
            if name != "relay":
                rows.setdefault(name, []).append(wrk(proxy, "/", options.seconds, script=script))
    figures = medians(rows)
    figures["gatehouse"]["memory MiB"] = ours.memory() / 2**20
    field.apply(document(field))
    return figures


def routes(field, options):
    """10,000 routes."""
    return many_routes(field, options, 10000)


def routes_100k(field, options):
    """100,000 routes."""
    return many_routes(field, options, 100000)


CASES = {"plain": plain, "16k": medium, "10m-down": down, "10m-up": up, "key-auth": key_auth, "key-limit": key_limit, "paced": paced, "idle": idle,
         "tls": tls, "tls-new": tls_new, "tls-resumed": tls_resumed, "idle-tls": idle_tls, "h2": h2, "routes": routes, "routes-100k": routes_100k,
         "memory": memory, "two-workers": two_workers, "scrape": scrape, "plugins": plugins}  # the last two leave behind what they configure


def document(field, routes=(), consumers=()):
    """What all cases need, and more routes and consumers."""
    def service(name, routes, plugins=()):
        return {"name": name, "host": kit.LOOPBACK, "port": field.origin, "routes": routes, "plugins": list(plugins)}

    key, limit = {"name": "key-auth"}, {"name": "rate-limiting", "config": {"minute": 1000000000, "policy": "local"}}
    bench = {"username": "bench", "keyauth_credentials": [{"key": KEY}]}
    return {"_format_version": "3.0",
            "services": [service("plain", [{"name": "plain", "paths": ["/plain"]}, *routes]),
                         service("keyed", [{"name": "keyed", "paths": ["/keyed"]}], [key]),
                         service("limited", [{"name": "limited", "paths": ["/limited"]}], [key, limit])],
            "certificates": [field.pair.entity(snis=[{"name": "bench.test"}])],
            "consumers": [bench, *consumers]}


def configure(field):
    field.apply(document(field))
