"""How one measurement is made: load on a proxy, what its process used for it, and medians over rounds."""
import json
import re
import statistics
import subprocess

from proxies import LOAD_CPU, TOOLS


def on_load_cpu(command, anywhere=False):
    pinned = [] if anywhere else ["taskset", "-c", str(LOAD_CPU)]
    return subprocess.run([*pinned, *map(str, command)], check=True, capture_output=True, text=True).stdout


def wrk(proxy, path, seconds, headers=(), script=None, connections=32, anywhere=False):
    """CPU per request, requests per second and the 99th percentile with as many requests as go through; anywhere: the load is not kept to its CPU."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for header in headers:
        command += ["-H", header]
    if script:
        command += ["-s", script]
    before = proxy.cpu_seconds()
    out = on_load_cpu([*command, f"http://127.0.0.1:{proxy.port}{path}"], anywhere)
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
