"""The proxies that are compared: each one worker on CPU 0, doing the same work; origin and load share CPU 1."""
import contextlib
import getpass
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / "build/release/tests/bench"
sys.path.insert(0, str(ROOT / "tests/e2e"))
import kit  # noqa: E402
import pki  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
KEY = "bench-key-0123456789"
PROXY_CPU, LOAD_CPU = 0, 1
FORWARD = """proxy_http_version 1.1;
proxy_set_header Connection ""; proxy_set_header Host $proxy_host; proxy_set_header X-Real-IP $remote_addr;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Forwarded-Port $server_port; proxy_set_header X-Forwarded-Path $uri;
add_header Via "1.1 nginx"; add_header X-Request-Id $request_id; proxy_set_header X-Request-Id $request_id;
proxy_request_buffering off; proxy_max_temp_file_size 0; client_max_body_size 0;"""


class Proxy:
    """A running proxy: where it listens, in the clear and for TLS, and which process does the work."""

    def __init__(self, name, port, tls, pid):
        self.name, self.port, self.tls, self.pid = name, port, tls, pid

    def cpu_seconds(self):
        """From schedstat (nanoseconds) where the kernel has it, else from utime + stime; all threads."""
        try:
            return sum(int(p.read_text().split()[0]) for p in pathlib.Path(f"/proc/{self.pid}/task").glob("*/schedstat")) / 1e9
        except (OSError, IndexError):
            fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / TICK

    def sizes(self):
        """Bytes of memory that are its own, and all that are resident."""
        rollup = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        own, resident = (sum(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith(names))
                         for names in (("Private_Dirty", "Private_Clean"), "Rss"))
        return own, resident

    def memory(self):
        return self.sizes()[0]

    def descriptors(self):
        return len(list(pathlib.Path(f"/proc/{self.pid}/fd").iterdir()))


def pin(pid, cpu_of):
    """Each thread of a process to the CPU that is its name's."""
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):  # a thread that has done its work meanwhile
            os.sched_setaffinity(int(task.name), {cpu_of((task / "comm").read_text())})


def answers(port):
    try:
        return kit.call(port, "GET", "/", timeout=2)
    except OSError:
        return None


def is_listening(port):
    with socket.socket() as s:
        return s.connect_ex((kit.LOOPBACK, port)) == 0


def apply(gateway, folder, document):
    path = folder / "document.json"
    path.write_text(json.dumps(document))
    subprocess.run([kit.BUILD / "gatectl", "apply", "-f", path, "--admin", f"http://127.0.0.1:{gateway.admin}", "--timeout", "200s"], check=True,
                   capture_output=True)


class Field:
    """All that runs during a benchmark."""

    def __init__(self, folder):
        self.folder, self.processes, self.proxies, self.h2o = folder, [], {}, None
        self.services = kit.Services()
        self.pair = pki.Pair(folder, "bench.test")
        self.gateway = kit.Gateway(self.services, folder / "gw", settings={
            "log_level": "warn", "proxy_access_log": "off", "nginx_http_keepalive_requests": 1000000000, "upstream_keepalive_max_requests": 0,
            "publish_guard": 0})  # cases take most of the routes away again
        self.gateway.tls = kit.free_port()
        self.gateway.dps[0].settings["proxy_listen"] += f", 127.0.0.1:{self.gateway.tls} ssl http2 reuseport"

    def run(self, command, cpu, **more):
        process = subprocess.Popen(["taskset", "-c", str(cpu), *map(str, command)], stdout=subprocess.DEVNULL,
                                   stderr=open(self.folder / "stderr.log", "ab"), **more)
        self.processes.append(process)
        return process

    def start_h2o(self):
        """Only where HTTP/2 is compared. It is not among the others."""
        port, conf = kit.free_port(), self.folder / "h2o.conf"
        conf.write_text(f"""num-threads: 1
user: {getpass.getuser()}
error-log: {self.folder}/h2o.log
proxy.preserve-host: OFF
hosts:
  default:
    listen: {{host: 127.0.0.1, port: {port}, ssl: {{certificate-file: {self.pair.cert_path}, key-file: {self.pair.key_path}, ocsp-update-interval: 0}}}}
    paths:
      "/":
        proxy.reverse.url: "http://127.0.0.1:{self.origin}/"
        header.add: "X-Request-Id: 0123456789abcdef0123456789abcdef"
""")
        process = self.run(["h2o", "-c", conf], PROXY_CPU)
        kit.eventually(lambda: is_listening(port), 15, f"h2o on port {port}")
        self.h2o = Proxy("h2o", None, port, process.pid)

    def add(self, name, port, tls, pid):
        kit.eventually(lambda: answers(port), 15, f"{name} on port {port}")
        self.proxies[name] = Proxy(name, port, tls, pid)

    def start(self):
        self.origin = kit.free_port()
        self.run([TOOLS / "origin", self.origin], LOAD_CPU)
        kit.eventually(lambda: answers(self.origin), 15, "the origin")
        self.gateway.start()
        dp = self.gateway.dps[0]
        pin(dp.pid, lambda name: PROXY_CPU)
        self.add("gatehouse", self.gateway.proxy, self.gateway.tls, dp.pid)
        self.start_nginx()
        self.start_haproxy()
        port = kit.free_port()
        self.add("relay", port, None, self.run([TOOLS / "relay", port, self.origin], PROXY_CPU).pid)
        return self

    def apply(self, document):
        """Makes it the whole configuration, live on the data planes."""
        apply(self.gateway, self.folder, document)

    def stop(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        self.gateway.stop()
        self.services.stop()

    def start_nginx(self):
        port, tls, prefix = kit.free_port(), kit.free_port(), self.folder / "nginx"
        prefix.mkdir()
        (prefix / "nginx.conf").write_text(f"""worker_processes 1; daemon off; master_process off; pid {prefix}/pid; error_log {prefix}/error.log;
events {{ worker_connections 18000; }}
http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; server_tokens off;
client_body_temp_path {prefix}/b; proxy_temp_path {prefix}/p; fastcgi_temp_path {prefix}/f; scgi_temp_path {prefix}/s; uwsgi_temp_path {prefix}/u;
map $http_apikey $consumer {{ default ""; "{KEY}" bench; }}
limit_req_zone $consumer zone=limit:1m rate=1000000r/s;
upstream origin {{ server 127.0.0.1:{self.origin}; keepalive 512; keepalive_requests 1000000000; }}
ssl_certificate {self.pair.cert_path}; ssl_certificate_key {self.pair.key_path}; ssl_protocols TLSv1.2 TLSv1.3;
server {{ listen 127.0.0.1:{port} backlog=4096 reuseport; listen 127.0.0.1:{tls} ssl http2 backlog=4096 reuseport; server_name bench.test;
{FORWARD}
location / {{ proxy_pass http://origin; }}
location /keyed {{ if ($consumer = "") {{ return 401; }} proxy_set_header X-Consumer-Username $consumer; proxy_pass http://origin; }}
location /limited {{ if ($consumer = "") {{ return 401; }} limit_req zone=limit burst=1000000 nodelay;
proxy_set_header X-Consumer-Username $consumer; proxy_pass http://origin; }}
}} }}""")
        self.add("nginx", port, tls, self.run(["nginx", "-p", prefix, "-c", prefix / "nginx.conf"], PROXY_CPU).pid)

    def start_haproxy(self):
        port, tls, conf = kit.free_port(), kit.free_port(), self.folder / "haproxy.cfg"
        bundle = self.folder / "bench.pem"
        bundle.write_text(self.pair.cert + self.pair.key)
        conf.write_text(f"""global
  nbthread 1
  maxconn 9500
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
  bind 127.0.0.1:{tls} ssl crt {bundle} alpn h2,http/1.1
  option forwardfor
  unique-id-header X-Request-Id
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Forwarded-Proto http if !{{ ssl_fc }}
  http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Forwarded-Path %[path]
  http-response add-header Via "1.1 haproxy"
  http-response add-header X-Request-Id %[unique-id]
  acl is_keyed path_beg /keyed /limited
  acl has_key req.hdr(apikey) -m str {KEY}
  http-request deny deny_status 401 if is_keyed !has_key
  stick-table type string size 1k expire 60s store http_req_rate(60s)
  http-request track-sc0 req.hdr(apikey) if {{ path_beg /limited }}
  http-request deny deny_status 429 if {{ path_beg /limited }} {{ sc_http_req_rate(0) gt 1000000000 }}
  default_backend b
backend b
  server o 127.0.0.1:{self.origin}
""")
        self.add("haproxy", port, tls, self.run(["haproxy", "-db", "-f", conf], PROXY_CPU).pid)
