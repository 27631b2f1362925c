"""prometheus: what /metrics says of requests: plugins.md 7.3, proxy.md 11.5, example 129."""
import re
import threading

import kit
import pytest

LINE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([0-9.e+-]+|\+Inf|NaN)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
ALL = {"status_code_metrics": True, "latency_metrics": True, "bandwidth_metrics": True, "upstream_health_metrics": True, "per_consumer": True}


def samples(text):
    """[(name, labels, value)] of an exposition; every line must be one, or a comment."""
    out = []
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        found = LINE.match(line)
        assert found, line
        out.append((found[1], dict(LABEL.findall(found[2] or "")), float(found[3])))
    return out


def exposition(gateway):
    """Of all data planes together: a connection goes to any."""
    return "".join(kit.call(dp.status, "GET", "/metrics").body.decode() for dp in gateway.dps)


def scrape(gateway):
    return samples(exposition(gateway))


def total(gateway, name, **labels):
    return sum(value for n, have, value in scrape(gateway) if n == name and labels.items() <= have.items())


@pytest.fixture
def served(gateway, origin):
    """A service named svc with key-auth and a consumer; every request counts, and nothing has been counted yet."""
    kit.eventually(lambda: total(gateway, "kong_http_requests_total", service="svc") == 0, what="the series of an earlier svc are gone")
    gateway.service("svc", origin)
    gateway.post("/services/svc/plugins", {"name": "key-auth"})
    gateway.post("/consumers", {"username": "tern"})
    gateway.post("/consumers/tern/key-auth", {"key": "k"})
    return gateway


def test_ex129_requests_by_service_route_code_source_and_consumer(served):
    served.post("/services/svc/plugins", {"name": "prometheus", "config": {"status_code_metrics": True, "per_consumer": True}})
    assert served.get("/svc", {"apikey": "k"}).status == 200
    assert served.get("/svc").status == 401
    wanted = 'kong_http_requests_total{service="svc",route="svc",code="200",source="service",workspace="default",consumer="tern"} 1'
    kit.eventually(lambda: wanted in exposition(served))
    texts = exposition(served)
    assert 'kong_http_requests_total{service="svc",route="svc",code="401",source="kong",workspace="default",consumer=""} 1' in texts
    assert not re.search("^kong_(kong_latency|request_latency|upstream_latency|bandwidth)", texts, re.M)


def test_ex129_nothing_by_default(gateway, origin):
    gateway.service("quiet", origin)
    gateway.post("/services/quiet/plugins", {"name": "prometheus"})
    assert gateway.get("/quiet").status == 200
    assert not any(have.get("service") == "quiet" for _, have, _ in scrape(gateway))


def test_unmatched_requests_count_for_nothing(gateway):
    gateway.post("/plugins", {"name": "prometheus", "config": ALL})
    before = total(gateway, "kong_http_requests_total")
    assert gateway.get("/nowhere").status == 404
    assert total(gateway, "kong_http_requests_total") == before


def test_histograms_add_up(served):
    served.post("/services/svc/plugins", {"name": "prometheus", "config": ALL})
    for _ in range(5):
        served.get("/svc", {"apikey": "k"})
    kit.eventually(lambda: total(served, "kong_request_latency_ms_count", service="svc") == 5)
    for name, bounds in (("kong_kong_latency_ms", "1 2 5 7 10 15 20 30 50 75 100 200 500 750 1000 3000 6000"),
                         ("kong_upstream_latency_ms", "25 50 80 100 250 400 700 1000 2000 5000 10000 30000 60000"),
                         ("kong_request_latency_ms", "25 50 80 100 250 400 700 1000 2000 5000 10000 30000 60000")):
        one = [s for s in scrape(served) if s[0] == name + "_bucket" and s[1]["service"] == "svc"]
        assert set(one[0][1]) == {"service", "route", "workspace", "le"}
        assert [s[1]["le"] for s in one][:len(bounds.split()) + 1] == bounds.split() + ["+Inf"]
        assert total(served, name + "_bucket", service="svc", le="+Inf") == total(served, name + "_count", service="svc") == 5
    assert total(served, "kong_bandwidth_bytes", service="svc", direction="ingress", consumer="tern") > 5 * len("GET /svc HTTP/1.1\r\n\r\n")


# What the panels of the usual Kong dashboard select, and what they sum it by. (rates need two scrapes: marked)
DASHBOARD = [
    ("kong_http_requests_total", {}, {"service", "route", "code", "consumer"}, True),  # requests by service, route, status, consumer
    ("kong_http_requests_total", {"source": "service", "code": "200"}, {"service"}, True),
    ("kong_kong_latency_ms_bucket", {}, {"le", "service", "route"}, True),  # percentiles, in all and by service and route
    ("kong_request_latency_ms_bucket", {}, {"le", "service", "route"}, True),
    ("kong_upstream_latency_ms_bucket", {}, {"le", "service", "route"}, True),
    ("kong_request_latency_ms_sum", {}, {"service"}, False),
    ("kong_request_latency_ms_count", {}, {"service"}, True),
    ("kong_bandwidth_bytes", {"direction": "ingress"}, {"service", "route", "direction"}, True),
    ("kong_bandwidth_bytes", {"direction": "egress"}, {"service", "route", "direction"}, True),
    ("kong_memory_lua_shared_dict_bytes", {}, {"shared_dict", "kong_subsystem", "node_id"}, False),
    ("kong_memory_lua_shared_dict_total_bytes", {}, {"shared_dict", "kong_subsystem", "node_id"}, False),
    ("kong_memory_workers_lua_vms_bytes", {}, {"pid", "kong_subsystem", "node_id"}, False),
    *(("kong_nginx_connections_total", {"state": state}, {"state", "subsystem", "node_id"}, state in ("accepted", "handled", "total"))
      for state in ("active", "reading", "writing", "waiting", "accepted", "handled", "total")),
    ("kong_nginx_requests_total", {}, {"subsystem", "node_id"}, True),
    ("kong_nginx_timers", {"state": "running"}, {"state"}, False),
    ("kong_nginx_timers", {"state": "pending"}, {"state"}, False),
    ("kong_datastore_reachable", {}, set(), False),
    ("kong_node_info", {}, {"node_id", "version"}, False),
    ("kong_nginx_metric_errors_total", {}, set(), False),
    ("kong_data_plane_cluster_cert_expiry_timestamp", {}, set(), False),
]


def test_the_panels_of_the_usual_dashboard_have_data(served):
    served.post("/plugins", {"name": "prometheus", "config": ALL})
    served.get("/svc", {"apikey": "k"})
    kit.eventually(lambda: total(served, "kong_http_requests_total", service="svc") >= 1)
    first = scrape(served)
    served.get("/svc", {"apikey": "k"})
    kit.eventually(lambda: total(served, "kong_http_requests_total", service="svc") >= 2)
    second = scrape(served)
    for name, matchers, by, grows in DASHBOARD:
        one, two = ([s for s in scraped if s[0] == name and matchers.items() <= s[1].items()] for scraped in (first, second))
        assert one and two, f"no data for {name}{matchers}"
        assert by <= set(two[0][1]), f"{name} has no label {by - set(two[0][1])}"
        assert not grows or sum(s[2] for s in two) > sum(s[2] for s in one), f"{name}{matchers} does not grow"
    assert total(served, "kong_memory_lua_shared_dict_total_bytes") > 0 and total(served, "kong_data_plane_cluster_cert_expiry_timestamp") > 1.7e9


def test_the_health_of_targets_is_shown_when_it_is_asked_for(gateway, origin):
    checks = {"passive": {"unhealthy": {"tcp_failures": 1}}}
    gateway.post("/upstreams", {"name": "checked", "healthchecks": checks})
    gateway.post("/upstreams", {"name": "trusted"})
    for upstream, target in (("checked", f"127.0.0.1:{origin.port}"), ("checked", "127.0.0.1:1"), ("trusted", f"127.0.0.1:{origin.port}"),
                             ("trusted", "no-such-name.invalid:80")):
        gateway.post(f"/upstreams/{upstream}/targets", {"target": target})
    gateway.post("/services", {"name": "svc", "host": "checked"})
    gateway.post("/services/svc/routes", {"name": "svc", "paths": ["/svc"]})
    assert total(gateway, "kong_upstream_target_health") == 0
    gateway.post("/plugins", {"name": "prometheus", "config": {"upstream_health_metrics": True}})

    def states():
        gateway.get("/svc")
        return {(have["upstream"], have["target"], have["address"], have["state"]) for name, have, value in
                samples(kit.call(gateway.dps[0].status, "GET", "/metrics").body.decode()) if name == "kong_upstream_target_health" and value == 1}
    wanted = {("checked", f"127.0.0.1:{origin.port}", f"127.0.0.1:{origin.port}", "healthy"), ("checked", "127.0.0.1:1", "127.0.0.1:1", "unhealthy"),
              ("trusted", f"127.0.0.1:{origin.port}", f"127.0.0.1:{origin.port}", "healthchecks_off"),
              ("trusted", "no-such-name.invalid:80", "", "dns_error")}
    kit.eventually(lambda: states() == wanted, what="every target in its state")
    one = next(have for name, have, _ in scrape(gateway) if name == "kong_upstream_target_health")
    assert set(one) == {"upstream", "target", "address", "state", "subsystem"}


def test_series_go_with_what_they_are_about(served, origin):
    served.post("/plugins", {"name": "prometheus", "config": ALL})
    served.service("other", origin)
    for path in ("/svc", "/other"):
        served.get(path, {"apikey": "k"})
    kit.eventually(lambda: total(served, "kong_http_requests_total", service="svc", consumer="tern") and
                   total(served, "kong_http_requests_total", service="other"))
    served.api("PATCH", "/routes/other", {"name": "renamed"})
    served.api("DELETE", "/consumers/tern")
    kit.eventually(lambda: not total(served, "kong_http_requests_total", consumer="tern") and
                   not total(served, "kong_http_requests_total", route="other"), what="their series have gone")
    assert total(served, "kong_request_latency_ms_count", service="svc") == 1  # this one names nobody who has gone
    served.get("/other")
    kit.eventually(lambda: total(served, "kong_http_requests_total", service="other", route="renamed") == 1)


def test_series_are_bounded_and_what_has_none_is_counted(services, folder, origin):
    gateway = kit.Gateway(services, folder / "bounded", settings={"metrics_max_series": 3}).start()
    try:
        gateway.service("svc", origin)
        gateway.post("/plugins", {"name": "prometheus", "config": {"status_code_metrics": True}})
        for i in range(5):
            gateway.post("/services/svc/routes", {"name": f"r{i}", "paths": [f"/r{i}"]})
            assert gateway.get(f"/r{i}").status == 200
        kit.eventually(lambda: total(gateway, "kong_http_requests_total") == 5)
        assert total(gateway, "kong_http_requests_total", overflow="true") == 2 and total(gateway, "kong_nginx_metric_errors_total") == 2
    finally:
        gateway.stop()


def test_metrics_are_on_the_admin_api_too(services, folder, origin):
    """Of the data plane where both planes are on one machine; a control plane tells of itself and of its data planes."""
    gateway = kit.Gateway(services, folder / "one").start()
    try:
        gateway.service("svc", origin)
        gateway.post("/plugins", {"name": "prometheus", "config": ALL})
        gateway.get("/svc")
        answer = gateway.api("GET", "/metrics")
        assert answer.status == 200 and answer.headers["content-type"] == "text/plain; charset=UTF-8"
        own = {name: labels for name, labels, _ in samples(answer.body.decode())}
        assert own["kong_data_plane_last_seen"]["node_id"] == own["kong_data_plane_config_hash"]["node_id"]
        assert set(own["kong_data_plane_version_compatible"]) == {"node_id", "hostname", "ip", "kong_version"}
        assert "kong_http_requests_total" not in own and "kong_datastore_reachable" in own
        gateway.cp.stop()
        gateway.cp.settings.update({"role": "traditional", "status_listen": f"{kit.LOOPBACK}:{gateway.dps[0].status}"})
        gateway.cp.start()
        answer = gateway.api("GET", "/metrics")
        assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
        assert ("kong_http_requests_total", {"service": "svc", "route": "svc", "code": "200", "source": "service", "workspace": "default",
                                             "consumer": ""}, 1) in samples(answer.body.decode())
        gateway.dps[0].stop()
        assert gateway.api("GET", "/metrics").status == 503
    finally:
        gateway.stop()


def test_scraping_while_requests_pass_and_the_configuration_changes(served, origin):
    served.post("/plugins", {"name": "prometheus", "config": ALL})
    stop = threading.Event()

    def scrape_on():
        while not stop.wait(0.01):
            scrape(served)

    scraper = threading.Thread(target=scrape_on)
    scraper.start()
    try:
        for i in range(10):
            served.post("/services/svc/routes", {"name": f"r{i}", "paths": [f"/r{i}"]})
            kit.eventually(lambda i=i: served.get(f"/r{i}", {"apikey": "k"}).status == 200)
            served.api("DELETE", f"/routes/r{i}")
    finally:
        stop.set()
        scraper.join()
    assert not [one for one in scrape(served) if one[1].get("overflow")]
