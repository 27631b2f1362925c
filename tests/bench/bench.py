#!/usr/bin/env python3
"""bench.py [--seconds S] [--rounds N] [CASE...]: our data plane beside nginx, HAProxy and a relay that only copies bytes.

Every proxy runs with one worker on CPU 0; origin (nginx) and load (wrk) share CPU 1. Repetitions are interleaved, so that a
change of the machine's speed hits all alike. CPU is the proxy process's user + system time over answered requests."""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))
import kit  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
KEY = "bench-key-0123456789"
ROUTES = 10000


def cpu_seconds(pid):
    """From schedstat (nanoseconds) where the kernel has it, else from utime + stime; all threads."""
    try:
        return sum(int(p.read_text().split()[0]) for p in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9
    except (OSError, IndexError):
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK


def wait_port(port):
    kit.eventually(lambda: answers(port), 15, f"port {port}")


def answers(port):
    try:
        return kit.call(port, "GET", "/", timeout=2)
    except OSError:
        return None


class Bench:
    def __init__(self, folder):
        self.folder, self.processes = folder, []

    def run(self, command, core, **more):
        process = subprocess.Popen(["taskset", "-c", str(core), *map(str, command)], stdout=subprocess.DEVNULL,
                                   stderr=open(self.folder / "stderr.log", "ab"), **more)
        self.processes.append(process)
        return process

    def stop(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()

    def nginx(self, name, core, body):
        prefix = self.folder / name
        prefix.mkdir()
        conf = prefix / "nginx.conf"
        conf.write_text(f"""worker_processes 1; daemon off; master_process off; pid {prefix}/pid; error_log {prefix}/error.log;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; server_tokens off;
client_body_temp_path {prefix}/b; proxy_temp_path {prefix}/p; fastcgi_temp_path {prefix}/f; scgi_temp_path {prefix}/s; uwsgi_temp_path {prefix}/u;
{body} }}""")
        return self.run(["nginx", "-p", prefix, "-c", conf], core)

    def origin(self):
        port = kit.free_port()
        small, large = "x" * 100, "y" * 16384
        self.nginx("origin", 1, f"""server {{ listen 127.0.0.1:{port} backlog=4096; default_type text/css;
location / {{ return 200 "{small}"; }} location /16k {{ root {self.folder}; try_files /16k.bin =404; }} }}
sendfile on; open_file_cache max=10;""")
        (self.folder / "16k.bin").write_text(large)
        wait_port(port)
        return port

    def nginx_proxy(self, origin):
        port = kit.free_port()
        process = self.nginx("proxy", 0, f"""upstream origin {{ server 127.0.0.1:{origin}; keepalive 512; keepalive_requests 1000000000; }}
server {{ listen 127.0.0.1:{port} backlog=4096 reuseport; location / {{ proxy_pass http://origin; proxy_http_version 1.1;
proxy_set_header Connection ""; proxy_set_header Host $proxy_host; proxy_set_header X-Real-IP $remote_addr;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Forwarded-Port $server_port; proxy_set_header X-Forwarded-Path $uri;
add_header Via "1.1 nginx"; add_header X-Request-Id $request_id; proxy_set_header X-Request-Id $request_id; }} }}""")
        wait_port(port)
        return port, process.pid

    def haproxy(self, origin):
        port = kit.free_port()
        conf = self.folder / "haproxy.cfg"
        conf.write_text(f"""global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 60s
  timeout http-keep-alive 600s
  option http-keep-alive
  http-reuse always
  unique-id-format %{{+X}}o%ci%cp%Ts%rt
frontend f
  bind 127.0.0.1:{port}
  option forwardfor
  unique-id-header X-Request-Id
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Forwarded-Path %[path]
  http-response add-header Via "1.1 haproxy"
  http-response add-header X-Request-Id %[unique-id]
  default_backend b
backend b
  server o 127.0.0.1:{origin}
""")
        process = self.run(["haproxy", "-db", "-f", conf], 0)
        wait_port(port)
        return port, process.pid

    def relay(self, origin):
        port = kit.free_port()
        process = self.run([ROOT / "build/release/tests/bench/relay", port, origin], 0)
        wait_port(port)
        return port, process.pid


CASES = {
    "plain": ("/plain", {}),
    "16k": ("/large/16k", {}),
    "key-auth": ("/keyed", {"apikey": KEY}),
    "key-limit": ("/limited", {"apikey": KEY}),
    "routes": (None, {}),
}


def configure(gateway, origin):
    """The routes of all cases but `routes`."""
    where = {"host": kit.LOOPBACK, "port": origin}
    for name, path in {"plain": None, "large": None, "keyed": None, "limited": None}.items():
        gateway.post("/services", {"name": name, **where})
        gateway.post(f"/services/{name}/routes", {"name": name, "paths": [f"/{name}"]})
    for name in ("keyed", "limited"):
        gateway.post(f"/services/{name}/plugins", {"name": "key-auth"})
    gateway.post("/services/limited/plugins", {"name": "rate-limiting", "config": {"minute": 1000000000, "policy": "local"}})
    gateway.post("/consumers", {"username": "bench"})
    gateway.post("/consumers/bench/key-auth", {"key": KEY})


def add_routes(gateway, done):
    for i in range(done, ROUTES):
        gateway.post("/services/plain/routes", {"paths": [f"/many/{i % 100}/route-{i}"]})
        if i % 500 == 0:
            print(f"\r  {i} of {ROUTES} routes", end="", file=sys.stderr)
    print("\r" + " " * 40, end="\r", file=sys.stderr)


def measure(port, pid, path, headers, seconds, script=None):
    command = ["taskset", "-c", "1", "wrk", "-t1", "-c32", f"-d{seconds}s", "--latency"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    if script:
        command += ["-s", str(script)]
    before = cpu_seconds(pid)
    out = subprocess.run([*command, f"http://127.0.0.1:{port}{path}"], check=True, capture_output=True, text=True).stdout
    used = cpu_seconds(pid) - before
    requests = int(re.search(r"(\d+) requests in", out).group(1))
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", out)
    return {"rps": requests / seconds, "p99": float(p99.group(1)) * {"us": 1e-3, "ms": 1, "s": 1e3}[p99.group(2)],
            "cpu": used / requests * 1e6, "bad": int(bad.group(1)) if bad else 0}


def median(rows, key):
    return statistics.median(row[key] for row in rows)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=int, default=4)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--json", help="also write the figures to this file")
    options.add_argument("cases", nargs="*", default=[])
    given = options.parse_args()
    cases = given.cases or list(CASES)

    folder = pathlib.Path(tempfile.mkdtemp(prefix="gatehouse-bench-", dir="/var/tmp"))
    folder.chmod(0o755)
    bench, services = Bench(folder), kit.Services()
    gateway = kit.Gateway(services, folder / "gw", settings={"log_level": "warn", "nginx_http_keepalive_requests": 1000000000,
                                                            "upstream_keepalive_max_requests": 0})
    try:
        origin = bench.origin()
        gateway.start()
        dp = gateway.dps[0]
        for task in pathlib.Path(f"/proc/{dp.pid}/task").iterdir():
            subprocess.run(["taskset", "-pc", "0", task.name], check=True, stdout=subprocess.DEVNULL)
        configure(gateway, origin)
        ports = {"gatehouse": (gateway.proxy, dp.pid), "nginx": bench.nginx_proxy(origin), "haproxy": bench.haproxy(origin),
                 "relay": bench.relay(origin)}
        figures = {}
        # With 10,000 routes the table stays, so that case comes last.
        for case in sorted(cases, key=lambda c: c == "routes"):
            figures[case] = run_case(case, gateway, ports, given, folder)
            report(case, figures[case])
        if given.json:
            pathlib.Path(given.json).write_text(json.dumps(figures, indent=1))
    finally:
        bench.stop()
        gateway.stop()
        services.stop()
        shutil.rmtree(folder, ignore_errors=True)


def run_case(case, gateway, ports, given, folder):
    path, headers = CASES[case]
    rows, script = {}, None
    if case == "routes":
        script = folder / "routes.lua"
        script.write_text(f'local i = 0\nrequest = function()\n  i = (i + 7919) % {ROUTES}\n'
                          '  return wrk.format("GET", "/many/" .. i % 100 .. "/route-" .. i)\nend\n')
        # the same requests, while one route takes them all
        one = gateway.post("/services/plain/routes", {"paths": ["/many"]})
        rows["gatehouse, 5 routes"] = [measure(*ports["gatehouse"], "/", {}, given.seconds, script) for _ in range(given.rounds)]
        gateway.api("DELETE", f"/routes/{one['id']}")
        add_routes(gateway, 0)
        path = "/"
    for _ in range(given.rounds):
        for name, (port, pid) in ports.items():
            target = path if name == "gatehouse" else ("/16k" if case == "16k" else path)
            rows.setdefault(name, []).append(measure(port, pid, target, headers, given.seconds, script))
    return {name: {key: median(values, key) for key in ("rps", "p99", "cpu", "bad")} for name, values in rows.items()}


def report(case, figures):
    print(f"\n{case:22} {'requests/s':>11} {'p99 ms':>8} {'CPU us/request':>15} {'to ours':>8}")
    ours = figures["gatehouse"]["cpu"]
    for name, f in figures.items():
        bad = f"  {int(f['bad'])} answers were not 2xx" if f["bad"] else ""
        print(f"  {name:20} {f['rps']:11.0f} {f['p99']:8.2f} {f['cpu']:15.2f} {ours / f['cpu']:8.2f}{bad}")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
