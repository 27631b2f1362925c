"""What is measured. A case is a function of the field and the options that returns {proxy's name: {column: median}}; its first line says what it is."""
import json
import pathlib
import re
import statistics
import subprocess
import sys

from plugin_cases import plugins, scrape
from proxies import KEY, LOAD_CPU, PROXY_CPU, TOOLS, kit

ROUTES = 10000
GIB = 1 << 30


def on_load_cpu(command):
    return subprocess.run(["taskset", "-c", str(LOAD_CPU), *map(str, command)], check=True, capture_output=True, text=True).stdout


def wrk(proxy, path, seconds, headers=(), script=None, connections=32):
    """CPU per request, requests per second and the 99th percentile with as many requests as go through."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for header in headers:
        command += ["-H", header]
    if script:
        command += ["-s", script]
    before = proxy.cpu_seconds()
    out = on_load_cpu([*command, f"http://127.0.0.1:{proxy.port}{path}"])
    used = proxy.cpu_seconds() - before
    requests = int(re.search(r"(\d+) requests in", out).group(1))
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", out)
    return {"requests/s": requests / seconds, "p99 ms": float(p99.group(1)) * {"us": 1e-3, "ms": 1, "s": 1e3}[p99.group(2)],
            "CPU us/request": used / requests * 1e6, "bad": int(bad.group(1)) if bad else 0}


def load(proxy, path, seconds, *options):
    before = proxy.cpu_seconds()
    out = json.loads(on_load_cpu([TOOLS / "load", "-s", seconds, *options, proxy.tls if "-t" in options else proxy.port, path]))
    return out, proxy.cpu_seconds() - before


def medians(rows):
    """{name: [row, ...]} to {name: row of medians}; bad answers are added up."""
    return {name: {key: (sum if key == "bad" else statistics.median)([row[key] for row in some]) for key in some[0]} for name, some in rows.items()}


def interleaved(field, options, one, floor=False):
    """One measurement of each proxy in turn, `rounds` times over; the relay only where it does the same work."""
    rows = {}
    for _ in range(options.rounds):
        for name, proxy in field.proxies.items():
            if floor or name != "relay":
                rows.setdefault(name, []).append(one(proxy))
    return medians(rows)


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


def routes(field, options):
    """10,000 routes, every URI different; above it the same requests while one route takes them all."""
    gateway, script = field.gateway, field.folder / "routes.lua"
    script.write_text(f'local i = 0\nrequest = function()\n  i = (i + 7919) % {ROUTES}\n'
                      '  return wrk.format("GET", "/many/" .. i % 100 .. "/route-" .. i)\nend\n')
    one = gateway.post("/services/plain/routes", {"paths": ["/many"]})
    few = [wrk(field.proxies["gatehouse"], "/", options.seconds, script=script) for _ in range(options.rounds)]
    gateway.api("DELETE", f"/routes/{one['id']}")
    add_routes(gateway)
    figures = medians({"gatehouse, 5 routes": few}) | interleaved(field, options, lambda p: wrk(p, "/", options.seconds, script=script))
    figures["gatehouse"]["memory MiB"] = field.proxies["gatehouse"].memory() / 2**20
    return figures


CASES = {"plain": plain, "16k": medium, "10m-down": down, "10m-up": up, "key-auth": key_auth, "key-limit": key_limit, "paced": paced, "idle": idle,
         "tls": tls, "tls-new": tls_new, "tls-resumed": tls_resumed, "idle-tls": idle_tls, "h2": h2, "scrape": scrape, "plugins": plugins,
         "routes": routes}  # the last three leave behind what they configure


def configure(field):
    """What all cases but `routes` need."""
    gateway = field.gateway
    for name, path in {"plain": "/plain", "keyed": "/keyed", "limited": "/limited"}.items():
        gateway.post("/services", {"name": name, "host": kit.LOOPBACK, "port": field.origin})
        gateway.post(f"/services/{name}/routes", {"name": name, "paths": [path]})
    for name in ("keyed", "limited"):
        gateway.post(f"/services/{name}/plugins", {"name": "key-auth"})
    gateway.post("/services/limited/plugins", {"name": "rate-limiting", "config": {"minute": 1000000000, "policy": "local"}})
    gateway.post("/certificates", field.pair.entity(snis=["bench.test"]))
    gateway.post("/consumers", {"username": "bench"})
    gateway.post("/consumers/bench/key-auth", {"key": KEY})


def add_routes(gateway):
    for i in range(ROUTES):
        gateway.post("/services/plain/routes", {"paths": [f"/many/{i % 100}/route-{i}"]})
        if sys.stderr.isatty() and i % 100 == 0:
            print(f"\r  {i} of {ROUTES} routes", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print("\r" + " " * 40, end="\r", file=sys.stderr)
