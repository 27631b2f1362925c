/* proxy: see proxy.h. */
#include "dp/proxy/proxy.h"

#include "common/settings/settings.h"
#include "dp/proxy/request.h"

/* `headers` is a list of names and groups; `off` as its first item turns all of them off (proxy.md 4.3). */
static void show(struct proxy_options *o, struct slice item)
{
	bool latencies = slice_ieq(item, S("latency_tokens")), servers = slice_ieq(item, S("server_tokens"));
	o->show_server |= servers || slice_ieq(item, S("Server"));
	o->show_via |= servers || slice_ieq(item, S("Via"));
	o->show_proxy_latency |= latencies || slice_ieq(item, S("X-Kong-Proxy-Latency"));
	o->show_upstream_latency |= latencies || slice_ieq(item, S("X-Kong-Upstream-Latency"));
	o->show_response_latency |= latencies || slice_ieq(item, S("X-Kong-Response-Latency"));
	o->show_upstream_status |= slice_ieq(item, S("X-Kong-Upstream-Status"));
	o->show_request_id |= slice_ieq(item, S("X-Kong-Request-Id"));
}

static void read_headers(struct proxy_options *o, struct slice list)
{
	bool first = true;
	for (struct slice rest = list; slice_is_set(rest); first = false) {
		struct slice item = slice_trim(slice_cut(&rest, ','));
		if (first && slice_ieq(item, S("off")))
			return;
		show(o, item);
	}
}

static void read_router(struct router_options *o, const struct settings *s)
{
	o->flavor = slice_eq(s->router_flavor, S("traditional")) ? ROUTER_TRADITIONAL : ROUTER_TRADITIONAL_COMPATIBLE;
	o->calculation = slice_eq(s->route_match_calculation, S("strict")) ? ROUTER_STRICT : ROUTER_ORIGINAL;
}

bool proxy_options_init(struct proxy_options *o, const struct settings *s, struct arena *a, struct err *e)
{
	*o = (struct proxy_options){
	        .server_token = arena_dup(a, s->server_token),
	        .via = arena_printf(a, "1.1 %.*s", SLICE_ARG(s->server_token)),
	        .send_request_id = !slice_ieq(s->headers_upstream, S("off")),
	        .error_default_type = arena_dup(a, s->error_default_type),
	        .upgrade_protocols = arena_dup(a, s->upgrade_protocols),
	        .upgrade_connection = slice_eq(s->websocket_connection_header, S("upgrade"))
	                                      ? S("Upgrade")
	                                      : S("keep-alive, Upgrade"),
	        .websocket_idle_ms = (uint32_t)s->websocket_idle_timeout * 1000,
	        .pool = {(uint32_t)s->upstream_keepalive_pool_size, (uint32_t)s->upstream_keepalive_max_requests,
	                (uint32_t)s->upstream_keepalive_idle_timeout * 1000},
	};
	read_headers(o, s->headers);
	read_router(&o->router, s);
	if (!trust_init(&o->trust, a, s->trusted_ips, s->real_ip_header, s->real_ip_recursive, e))
		return false;
	return settings_size(s->client_max_body_size, &o->max_body) ||
	       err_set(e, "nginx_http_client_max_body_size is '%.*s', expected a size such as 0, 8k or 10m",
	               SLICE_ARG(s->client_max_body_size));
}

void proxy_init(struct proxy *p)
{
	server_init(&p->server, p->loop, &proxy_stream_ops, p);
	p->server.stream_size = sizeof(struct request);
	p->server.max_body = p->options->max_body;
	pool_init(&p->pool, p->loop, &p->options->pool);
	p->picker = (struct picker){0};
	p->ids.left = 0;
}

void proxy_fini(struct proxy *p)
{
	pool_fini(&p->pool);
	picker_fini(&p->picker);
}
