"""What plugins cost, over the plain request: a case for each group of them. Only ours is measured; what is added stands in the last column."""
import base64
import hashlib
import hmac
import json
import re
import statistics
import subprocess
import threading

from measure import load, medians, wrk
from proxies import LOAD_CPU, PROXY_CPU, kit

CONSUMERS = 100000
SERIES_ROUTES = 1700  # times six series each
SECRET = "bench-secret-0123456789abcdef0123"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(algorithm, sign):
    text = ".".join(base64url(json.dumps(part).encode()) for part in ({"alg": algorithm, "typ": "JWT"}, {"iss": algorithm}))
    return text + "." + base64url(sign(text.encode()))


def raw_signature(der):
    """r and s of 32 bytes each, as tokens have them, from OpenSSL's encoding."""
    at, out = 2, b""
    for _ in range(2):
        size = der[at + 1]
        out += der[at + 2:at + 2 + size].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + size
    return out


def openssl(*words, data=None):
    return subprocess.run(["openssl", *map(str, words)], input=data, check=True, capture_output=True).stdout


def add_tokens(field):
    """A consumer with two credentials of jwt; the tokens for them."""
    gateway, key = field.gateway, field.folder / "es256.pem"
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    public = openssl("ec", "-in", key, "-pubout").decode()
    gateway.post("/consumers/bench/jwt", {"key": "HS256", "secret": SECRET, "algorithm": "HS256"})
    gateway.post("/consumers/bench/jwt", {"key": "ES256", "rsa_public_key": public, "algorithm": "ES256"})
    return (signed("HS256", lambda text: hmac.new(SECRET.encode(), text, hashlib.sha256).digest()),
            signed("ES256", lambda text: raw_signature(openssl("dgst", "-sha256", "-sign", key, data=text))))


def add_consumers(field):
    """Into what is configured, as one document."""
    path, admin = field.folder / "consumers.yaml", f"http://127.0.0.1:{field.gateway.admin}"
    gatectl = kit.BUILD / "gatectl"
    subprocess.run([gatectl, "config", "dump", path, "--admin", admin], check=True, capture_output=True)
    lines = "".join(f"- {{username: c{i}, keyauth_credentials: [{{key: key-{i}}}]}}\n" for i in range(CONSUMERS))
    path.write_text(re.sub(r"(?m)^consumers:\n", lambda found: found[0] + lines, path.read_text()))
    subprocess.run([gatectl, "apply", "-f", path, "--admin", admin, "--timeout", "120s"], check=True, capture_output=True)


def add_service(field, name, *rows):
    gateway = field.gateway
    gateway.post("/services", {"name": name, "host": kit.LOOPBACK, "port": field.origin})
    gateway.post(f"/services/{name}/routes", {"name": name, "paths": [f"/{name}"]})
    for plugin, config in rows:
        gateway.post(f"/services/{name}/plugins", {"name": plugin, "config": config})


def one_verification():
    """Microseconds of a bare ES256 signature verification by OpenSSL, on the proxy's CPU."""
    out = subprocess.run(["taskset", "-c", str(PROXY_CPU), "openssl", "speed", "-seconds", "1", "ecdsap256"], check=True, capture_output=True, text=True)
    return 1e6 / float(out.stdout.split()[-1])


METRICS = {"status_code_metrics": True, "latency_metrics": True, "bandwidth_metrics": True, "per_consumer": True}


def configure_plugins(field):
    """{label: (path, headers)}"""
    log = {"http_endpoint": f"http://{kit.LOOPBACK}:{field.origin}/log", "queue": {"max_batch_size": 1000, "max_coalescing_delay": 0.1}}
    redis = {"host": kit.LOOPBACK, "port": field.services.redis_port}
    add_service(field, "measured", ("prometheus", METRICS))
    add_service(field, "logged", ("prometheus", METRICS), ("http-log", log))
    add_service(field, "token", ("jwt", {}))
    add_service(field, "local", ("rate-limiting", {"minute": 1000000000, "policy": "local"}))
    add_service(field, "redis", ("rate-limiting", {"minute": 1000000000, "policy": "redis", "redis": redis}))
    add_service(field, "cached", ("proxy-cache", {"strategy": "memory", "content_type": ["*/*"]}))
    hs256, es256 = add_tokens(field)
    add_consumers(field)
    kit.eventually(lambda: kit.call(field.gateway.proxy, "GET", "/keyed", {"apikey": f"key-{CONSUMERS - 1}"}).status == 200, 60)
    return {"gatehouse": ("/plain", ()),
            "prometheus": ("/measured", ()),
            "prometheus, http-log": ("/logged", ()),
            "key-auth of 100,000": ("/keyed", [f"apikey: key-{CONSUMERS // 2}"]),
            "jwt HS256": ("/token", [f"Authorization: Bearer {hs256}"]),
            "jwt ES256": ("/token", [f"Authorization: Bearer {es256}"]),
            "rate-limiting, local": ("/local", ()),
            "rate-limiting, redis": ("/redis", ()),
            "proxy-cache, hits": ("/cached", ())}


def plugins(field, options):
    """Plugins by themselves; what each adds to the plain request."""
    proxy, rows = field.proxies["gatehouse"], {}
    paths = configure_plugins(field)
    for _ in range(options.rounds):
        for label, (path, headers) in paths.items():
            rows.setdefault(label, []).append(wrk(proxy, path, options.seconds, headers))
    figures = medians(rows)
    for label, some in rows.items():  # round by round: the machine's speed changes
        added = [one["CPU us/request"] - plain["CPU us/request"] for one, plain in zip(some, rows["gatehouse"])]
        figures[label]["added us"] = statistics.median(added)
    figures["a bare ES256 check"] = {"CPU us/request": one_verification(), "added us": 0}
    return figures


def add_series(field):
    """Ten thousand series: six for each of many routes, each of which is asked once."""
    path, admin = field.folder / "series.yaml", f"http://127.0.0.1:{field.gateway.admin}"
    gatectl = kit.BUILD / "gatectl"
    plugin = field.gateway.post("/plugins", {"name": "prometheus", "config": METRICS})
    subprocess.run([gatectl, "config", "dump", path, "--admin", admin], check=True, capture_output=True)
    lines = "".join(f"- {{name: series-{i}, paths: [/series/{i % 100}/route-{i}], service: plain}}\n" for i in range(SERIES_ROUTES))
    text = re.sub(r"(?m)^routes:\n", lambda found: found[0] + lines, path.read_text())
    path.write_text(text)
    subprocess.run([gatectl, "apply", "-f", path, "--admin", admin, "--timeout", "60s"], check=True, capture_output=True)
    for i in range(SERIES_ROUTES):
        assert kit.call(field.gateway.proxy, "GET", f"/series/{i % 100}/route-{i}").status == 200
    return plugin


def scrape(field, options):
    """The 99th percentile at a steady rate, while /metrics with 10,000 series is fetched twice a second, and while it is not."""
    plugin = add_series(field)
    proxy, status, rows, sizes = field.proxies["gatehouse"], field.gateway.dps[0].status, {}, []
    rate = int(wrk(proxy, "/plain", options.seconds)["requests/s"] * 0.3)

    def scrape_until(stop):
        while not stop.wait(0.5):
            out = subprocess.run(["taskset", "-c", str(LOAD_CPU), "curl", "-s", "-o", "/dev/null", "-w", "%{size_download} %{time_total}",
                                  f"http://127.0.0.1:{status}/metrics"], check=True, capture_output=True, text=True).stdout
            sizes.append([float(part) for part in out.split()])

    for _ in range(options.rounds):
        for label in ("gatehouse", "while scraped"):
            stop = threading.Event()
            scraper = threading.Thread(target=scrape_until, args=(stop,))
            if label != "gatehouse":
                scraper.start()
            out, _ = load(proxy, "/plain", options.seconds, "-c", 64, "-r", rate)
            stop.set()
            if scraper.ident:
                scraper.join()
            rows.setdefault(label, []).append(
                {"requests/s": out["requests"] / out["seconds"], "p50 ms": out["p50_ms"], "p99 ms": out["p99_ms"], "bad": out["errors"]})
    figures = medians(rows)
    figures["while scraped"]["KiB of text"] = statistics.median(size for size, _ in sizes) / 1024
    figures["while scraped"]["ms of a scrape"] = statistics.median(seconds for _, seconds in sizes) * 1000
    field.gateway.api("DELETE", f"/plugins/{plugin['id']}")
    figures["gatehouse"] |= {"KiB of text": 0, "ms of a scrape": 0}
    return figures

