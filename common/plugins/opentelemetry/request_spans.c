/* request_spans: see request_spans.h. */
#include "common/plugins/opentelemetry/request_spans.h"

#include "common/plugin/spans.h"

enum { INTERNAL = 1, SERVER = 2, CLIENT = 3 }; /* kinds */
enum { STATUS_ERROR = 2 };

struct writing {
	struct call *call;
	const struct span_ids *ids;
	uint64_t wall_ns; /* to be added to monotonic times */
	struct text *out;
};

static uint64_t wall_offset_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec - clock_mono_ns();
}

static ProtobufCBinaryData bytes_of(const unsigned char *bytes, size_t n)
{
	return (ProtobufCBinaryData){.len = n, .data = (uint8_t *)(uintptr_t)bytes};
}

static void put_span(
        struct writing *w, Gatehouse__Otlp__Span *s, const struct otlp_attributes *attributes, bool failed)
{
	Gatehouse__Otlp__Status status = GATEHOUSE__OTLP__STATUS__INIT;
	s->trace_id = bytes_of(w->ids->trace, sizeof w->ids->trace);
	s->n_attributes = attributes->n;
	s->attributes = (Gatehouse__Otlp__KeyValue **)(uintptr_t)attributes->items;
	status.code = STATUS_ERROR;
	s->status = failed ? &status : NULL;
	otlp_append(w->out, &s->base);
}

/* ---- the root -------------------------------------------------------------------------------------------------- */

static struct slice flavor(const struct exchange *x)
{
	return x->request->version == HTTP_2 ? S("2") : x->request->version == HTTP_1_0 ? S("1.0") : S("1.1");
}

/* The path of the route that led here: of plain ones the longest that the request's begins with, else the first
 * regex. */
static struct slice route_path(const struct exchange *x)
{
	struct slice best = {0};
	for (size_t i = 0; x->route && i < x->route->paths.len; i++) {
		struct slice path = x->route->paths.items[i];
		bool is_regex = slice_starts(path, S("~"));
		if (is_regex ? !slice_is_set(best) : slice_starts(x->path, path) && path.len >= best.len)
			best = path;
	}
	return best;
}

static void root_attributes(struct call *c, struct otlp_attributes *to)
{
	const struct exchange *x = c->x;
	otlp_text(to, "http.method", x->request->method);
	otlp_text(to, "http.url", call_request_url(c));
	otlp_text(to, "http.host", head_get(x->request, HEADER_HOST));
	otlp_text(to, "http.scheme", x->scheme);
	otlp_text(to, "http.flavor", flavor(x));
	otlp_text(to, "net.peer.ip", x->client_ip);
	otlp_text(to, "http.client_ip", x->client_ip);
	otlp_text(to, "http.route", route_path(x));
	otlp_int(to, "http.status_code", x->status);
	otlp_text(to, "kong.request.id", x->request_id);
	otlp_text(to, "kong.service", x->service ? x->service->name : (struct slice){0});
	otlp_text(to, "kong.route", x->route ? x->route->name : (struct slice){0});
	otlp_text(to, "kong.consumer", x->consumer ? x->consumer->username : (struct slice){0});
}

static void put_root(struct writing *w)
{
	const struct exchange *x = w->call->x;
	struct otlp_attributes attributes = {.arena = x->arena};
	Gatehouse__Otlp__Span s = GATEHOUSE__OTLP__SPAN__INIT;

	root_attributes(w->call, &attributes);
	s.name = (char *)"kong";
	s.kind = SERVER;
	s.span_id = bytes_of(w->ids->root, sizeof w->ids->root);
	if (w->ids->has_parent)
		s.parent_span_id = bytes_of(w->ids->parent, sizeof w->ids->parent);
	s.start_time_unix_nano = x->started_ns + w->wall_ns;
	s.end_time_unix_nano = x->ended_ns + w->wall_ns;
	put_span(w, &s, &attributes, x->status >= 500);
}

/* ---- below it -------------------------------------------------------------------------------------------------- */

static void put_child(struct writing *w, Gatehouse__Otlp__Span *s, const unsigned char id[8],
        const struct otlp_attributes *attributes, bool failed)
{
	s->span_id = bytes_of(id, 8);
	s->parent_span_id = bytes_of(w->ids->root, sizeof w->ids->root);
	put_span(w, s, attributes, failed);
}

static struct slice name_of(struct arena *a, const struct span *s)
{
	switch (s->what) {
	case TRACING_ROUTER: return S("kong.router");
	case TRACING_DNS: return S("kong.dns");
	case TRACING_REWRITE: return ARENA_JOIN(a, S("kong.rewrite.plugin."), s->name);
	case TRACING_ACCESS: return ARENA_JOIN(a, S("kong.access.plugin."), s->name);
	default: return ARENA_JOIN(a, S("kong.header_filter.plugin."), s->name);
	}
}

static void put_noted(struct writing *w, const struct span *noted, const unsigned char id[8])
{
	const struct exchange *x = w->call->x;
	struct otlp_attributes attributes = {.arena = x->arena};
	Gatehouse__Otlp__Span s = GATEHOUSE__OTLP__SPAN__INIT;

	if (noted->what == TRACING_DNS)
		otlp_text(&attributes, "dns.record.domain", noted->name);
	s.name = otlp_string(x->arena, name_of(x->arena, noted));
	s.kind = noted->what == TRACING_DNS ? CLIENT : INTERNAL;
	s.start_time_unix_nano = noted->began_ns + w->wall_ns;
	s.end_time_unix_nano = (noted->ended_ns ? noted->ended_ns : x->ended_ns) + w->wall_ns;
	put_child(w, &s, id, &attributes, false);
}

/* A try ends where the next one begins. */
static void put_try(struct writing *w, size_t i, const unsigned char id[8])
{
	const struct exchange *x = w->call->x;
	const struct upstream_try *t = &x->tries[i];
	struct otlp_attributes attributes = {.arena = x->arena};
	Gatehouse__Otlp__Span s = GATEHOUSE__OTLP__SPAN__INIT;
	bool is_last = i + 1 == x->tries_count;

	otlp_int(&attributes, "try_count", (int64_t)i + 1);
	otlp_text(&attributes, "net.peer.ip", t->ip);
	otlp_int(&attributes, "net.peer.port", t->port);
	otlp_bool(&attributes, "keepalive", t->reused);
	if (t->status || t->code)
		otlp_int(&attributes, "http.status_code", t->status ? t->status : t->code);
	if (t->failed)
		otlp_text(&attributes, "state", S("failed"));
	s.name = (char *)"kong.balancer";
	s.kind = CLIENT;
	s.start_time_unix_nano = (uint64_t)t->started_ns;
	s.end_time_unix_nano = is_last ? x->ended_ns + w->wall_ns : (uint64_t)x->tries[i + 1].started_ns;
	put_child(w, &s, id, &attributes, t->failed);
}

static void put_children(struct writing *w)
{
	const struct exchange *x = w->call->x;
	size_t tries = x->tracing->what & TRACING_BALANCER ? x->tries_count : 0, n = x->spans->count + tries;
	unsigned char *ids = arena_alloc(x->arena, (n + 1) * 8), *at = ids;

	random_bytes(ids, n * 8);
	for (uint32_t i = 0; i < x->spans->count; i++, at += 8)
		put_noted(w, &x->spans->items[i], at);
	for (size_t i = 0; i < tries; i++, at += 8)
		put_try(w, i, i + 1 == tries ? w->ids->balancer : at);
}

struct slice request_spans(struct call *c, const struct span_ids *ids)
{
	struct text out = {0};
	struct writing w = {c, ids, wall_offset_ns(), &out};
	put_root(&w);
	put_children(&w);
	struct slice entry = arena_dup(c->x->arena, text_slice(&out));
	text_fini(&out);
	return entry;
}

/* ---- the log record -------------------------------------------------------------------------------------------- */

static void set_severity(Gatehouse__Otlp__LogRecord *r, int status)
{
	r->severity_number = status >= 500 ? 17 : status >= 400 ? 13 : 9;
	r->severity_text = (char *)(status >= 500 ? "ERROR" : status >= 400 ? "WARN" : "INFO");
}

struct slice request_log(struct call *c, const struct span_ids *ids, bool is_sampled)
{
	const struct exchange *x = c->x;
	Gatehouse__Otlp__LogRecord r = GATEHOUSE__OTLP__LOG_RECORD__INIT;
	Gatehouse__Otlp__AnyValue body = GATEHOUSE__OTLP__ANY_VALUE__INIT;
	struct otlp_attributes attributes = {.arena = x->arena};
	struct text out = {0};

	body.value_case = GATEHOUSE__OTLP__ANY_VALUE__VALUE_STRING_VALUE;
	body.string_value = otlp_string(x->arena, call_log_record(c));
	otlp_text(&attributes, "request.id", x->request_id);
	r.time_unix_nano = (uint64_t)x->started_ms * 1000000u;
	r.observed_time_unix_nano = x->ended_ns + wall_offset_ns();
	set_severity(&r, x->status);
	r.body = &body;
	r.n_attributes = attributes.n;
	r.attributes = attributes.items;
	r.flags = is_sampled;
	r.trace_id = bytes_of(ids->trace, sizeof ids->trace);
	r.span_id = bytes_of(ids->root, sizeof ids->root);
	otlp_append(&out, &r.base);
	struct slice entry = arena_dup(x->arena, text_slice(&out));
	text_fini(&out);
	return entry;
}
