"""What a data plane costs as a whole: memory with nothing and with a good deal configured, and what a second worker does to the cost of a request."""
import time

from measure import medians, wrk
from proxies import Proxy, apply, kit

THINGS, SETTLED = 10000, 4  # seconds until what the change itself has needed is gone


def fresh(field, name, **settings):
    """A gateway of its own, whose data plane nobody has used."""
    gateway = kit.Gateway(field.services, field.folder / name, settings={"log_level": "warn", "proxy_access_log": "off",
                                                                       "nginx_http_keepalive_requests": 1000000000, "upstream_keepalive_max_requests": 0})
    gateway.dps[0].settings.update(settings)
    gateway.start()
    return gateway, Proxy(name, gateway.proxy, None, gateway.dps[0].pid)


def many(field):
    """As many routes, and consumers with a key each."""
    from cases import document
    return document(field, [{"name": f"many-{i}", "paths": [f"/many/{i % 100}/route-{i}"]} for i in range(THINGS)],
                    [{"username": f"c{i}", "keyauth_credentials": [{"key": f"key-{i}"}]} for i in range(THINGS)])


def memory(field, options):
    """A data plane's own memory and what is resident, with nothing configured and with 10,000 routes and 10,000 consumers; nginx and HAProxy as they stand."""
    gateway, proxy = fresh(field, "memory")
    rows = {"gatehouse": proxy.sizes()}
    try:
        apply(gateway, gateway.folder, many(field))
        time.sleep(SETTLED)
        rows[f"{THINGS} routes, consumers"] = proxy.sizes()
    finally:
        gateway.stop()
    for name in ("nginx", "haproxy"):
        rows[name] = field.proxies[name].sizes()
    return {name: {"own MiB": own / 2**20, "resident MiB": resident / 2**20} for name, (own, resident) in rows.items()}


def two_workers(field, options):
    """As many requests as go through with one worker and with two, which have both cores, as everything else has."""
    from cases import document
    gateways, rows = [], {}
    try:
        proxies = {}
        for name, workers in (("gatehouse", 1), ("gatehouse, two", 2)):
            gateway, proxies[name] = fresh(field, f"workers-{workers}", nginx_worker_processes=workers)
            gateways.append(gateway)
            apply(gateway, gateway.folder, document(field))
        for _ in range(options.rounds):
            for name, proxy in proxies.items():
                rows.setdefault(name, []).append(wrk(proxy, "/plain", options.seconds, anywhere=True))
    finally:
        for gateway in gateways:
            gateway.stop()
    return medians(rows)
