/* prometheus: counts requests, latencies and bytes by service, route and consumer for GET /metrics (plugins.md 7.3,
 * proxy.md 11.5), and the same of sessions of stream routes. What has no route counts for nothing. Keeping the
 * figures and showing them is the host's. */
#include "common/plugin/plugin.h"

struct prometheus {
	bool per_consumer, status_code_metrics, ai_metrics, latency_metrics, bandwidth_metrics,
	        upstream_health_metrics;
};

#define SWITCH(member, text) FIELD(struct prometheus, member, .dflt = "false", .doc = text)

static const struct field fields[] = {
        SWITCH(per_consumer, "Whether requests and bytes are told apart by consumer, too."),
        SWITCH(status_code_metrics,
                "Whether requests and sessions are counted, by status: `kong_http_requests_total`, "
                "`kong_stream_sessions_total`."),
        SWITCH(ai_metrics, "Accepted; this release has no plugins whose figures they would be."),
        SWITCH(latency_metrics, "Whether latencies are counted: `kong_kong_latency_ms`, `kong_upstream_latency_ms`, "
                                "`kong_request_latency_ms`; of sessions `kong_session_duration_ms`."),
        SWITCH(bandwidth_metrics, "Whether bytes are counted: `kong_bandwidth_bytes`."),
        SWITCH(upstream_health_metrics, "Whether the health of targets is shown: `kong_upstream_target_health`."),
        {0},
};

static const struct schema config = {
        .name = "prometheus",
        .size = sizeof(struct prometheus),
        .fields = fields,
};

/* ---- families -------------------------------------------------------------------------------------------------- */

static const uint32_t own_ms[] = {1, 2, 5, 7, 10, 15, 20, 30, 50, 75, 100, 200, 500, 750, 1000, 3000, 6000};
static const uint32_t all_ms[] = {25, 50, 80, 100, 250, 400, 700, 1000, 2000, 5000, 10000, 30000, 60000};

#define COUNTER(name_, text)                                             \
	{                                                                \
		.name = (name_), .kind = METRIC_COUNTER, .help = (text), \
	}
#define HISTOGRAM(name_, text, in)                                                         \
	{                                                                                  \
		.name = (name_), .kind = METRIC_HISTOGRAM, .help = (text), .bounds = (in), \
		.bounds_count = sizeof(in) / sizeof *(in),                                 \
	}

static const struct metric requests = COUNTER("kong_http_requests_total", "Requests by service, route and status");
static const struct metric bandwidth = COUNTER("kong_bandwidth_bytes", "Bytes of requests and of answers");
static const struct metric kong_latency = HISTOGRAM(
        "kong_kong_latency_ms", "Time that requests spend in the gateway, in milliseconds", own_ms);
static const struct metric upstream_latency = HISTOGRAM(
        "kong_upstream_latency_ms", "Time until the service's answer begins, in milliseconds", all_ms);
static const struct metric request_latency = HISTOGRAM(
        "kong_request_latency_ms", "Time that requests take in all, in milliseconds", all_ms);

static const struct metric sessions = COUNTER(
        "kong_stream_sessions_total", "Sessions of TCP, TLS and UDP by service, route and status");
static const struct metric session_duration = HISTOGRAM(
        "kong_session_duration_ms", "Time that sessions last, in milliseconds", all_ms);

/* ---- labels ---------------------------------------------------------------------------------------------------- */

enum direction { INGRESS, EGRESS };
enum { FROM_SERVICE = 1 << 16 }; /* of the detail of requests, beside the status */

static void put_names(const struct metric_subject *s, struct text *out)
{
	char room[UUID_TEXT + 1];
	metric_label(out, "service", metric_service(s->service));
	metric_label(out, "route", metric_route(s->route, room));
}

static void put_workspace(struct text *out)
{
	metric_label(out, "workspace", S("default"));
}

static void session_labels(struct call *c, const struct metric_subject *s, struct text *out)
{
	put_names(s, out);
	metric_label(out, "code", arena_decimal(c->x->arena, s->detail & 0xffff));
	metric_label(out, "source", s->detail & FROM_SERVICE ? S("service") : S("kong"));
	put_workspace(out);
}

static void request_labels(struct call *c, const struct metric_subject *s, struct text *out)
{
	session_labels(c, s, out);
	metric_label(out, "consumer", metric_consumer(s->consumer));
}

static void bandwidth_labels(struct call *c, const struct metric_subject *s, struct text *out)
{
	put_names(s, out);
	metric_label(out, "direction", s->detail == INGRESS ? S("ingress") : S("egress"));
	put_workspace(out);
	metric_label(out, "consumer", metric_consumer(s->consumer));
}

static void latency_labels(struct call *c, const struct metric_subject *s, struct text *out)
{
	put_names(s, out);
	put_workspace(out);
}

/* ---- log ------------------------------------------------------------------------------------------------------- */

static void count_request(struct call *c, struct metric_subject about)
{
	about.detail = (uint32_t)c->x->status | (c->x->from_upstream ? FROM_SERVICE : 0);
	if (c->x->session)
		call_meter_about(c, &sessions, &about, session_labels, 1);
	else
		call_meter_about(c, &requests, &about, request_labels, 1);
}

static void count_latencies(struct call *c, struct metric_subject about)
{
	struct latencies ms = call_latencies(c);
	about.consumer = NULL;
	call_meter_about(c, &kong_latency, &about, latency_labels, (uint64_t)ms.kong);
	call_meter_about(c, c->x->session ? &session_duration : &request_latency, &about, latency_labels,
	        (uint64_t)ms.request);
	if (ms.proxy >= 0)
		call_meter_about(c, &upstream_latency, &about, latency_labels, (uint64_t)ms.proxy);
}

static void count_bytes(struct call *c, struct metric_subject about)
{
	const struct session_facts *s = c->x->session;

	about.detail = INGRESS;
	call_meter_about(c, &bandwidth, &about, bandwidth_labels, s ? s->received : c->x->request_size);
	about.detail = EGRESS;
	call_meter_about(c, &bandwidth, &about, bandwidth_labels, s ? s->sent : c->x->response_size);
}

static enum verdict on_log(struct call *c)
{
	const struct prometheus *p = c->conf;
	struct metric_subject about = {c->x->route, c->x->service, p->per_consumer ? c->x->consumer : NULL, 0};

	if (!about.route)
		return GO;
	if (p->status_code_metrics)
		count_request(c, about);
	if (p->latency_metrics)
		count_latencies(c, about);
	if (p->bandwidth_metrics)
		count_bytes(c, about);
	return GO;
}

const struct plugin prometheus_plugin = {
        .name = "prometheus",
        .priority = 13,
        .scopes = SCOPE_ALL,
        .protocols = PROTOCOLS_ANY,
        .config = &config,
        .log = on_log,
        .doc = "Counts requests, latencies and bytes for Prometheus.",
        .example = "{'status_code_metrics':true,'latency_metrics':true,'bandwidth_metrics':true}",
};
