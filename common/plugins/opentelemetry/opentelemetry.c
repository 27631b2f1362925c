/* opentelemetry: takes a trace over from the caller, hands it on to the upstream, and sends what the request did, as
 * spans and as a log record, to collectors (plugins.md 7.4, 0.11). What is noted of a request,
 * tracing_instrumentations says; with "off" nothing is sent to traces_endpoint, and a caller's decision to sample
 * passes unchanged. */
#include "common/plugin/propagation.h"
#include "common/plugin/queue_conf.h"
#include "common/plugin/spans.h"
#include "common/plugins/opentelemetry/request_spans.h"

struct opentelemetry {
	struct slice traces_endpoint, logs_endpoint;
	struct slice_map headers, resource_attributes;
	struct queue_conf queue;
	struct opt_int batch_span_count, batch_flush_delay;
	int64_t connect_timeout, send_timeout, read_timeout;
	struct slice http_response_header_for_traceid, header_type;
	struct opt_num sampling_rate;
	struct propagation_conf propagation;
};

#define TIMEOUT(member, ms, text) \
	FIELD(struct opentelemetry, member, .dflt = (ms), BETWEEN(0, 2147483646), .doc = text)

static const struct field fields[] = {
        FIELD(struct opentelemetry, traces_endpoint, .flags = REFERENCEABLE, .format = FORMAT_URL,
                .doc = "Where spans are sent, such as http://collector:4318/v1/traces."),
        FIELD(struct opentelemetry, logs_endpoint, .flags = REFERENCEABLE, .format = FORMAT_URL,
                .doc = "Where a log record of each request is sent, with the trace it belongs to."),
        FIELD(struct opentelemetry, headers, KEYS(.format = FORMAT_HEADER_NAME),
                VALUES(.type = TYPE_STRING, .flags = REFERENCEABLE),
                .doc = "Further headers of the requests to collectors."),
        FIELD(struct opentelemetry, resource_attributes, KEYS(.flags = REQUIRED),
                VALUES(.type = TYPE_STRING, .flags = REQUIRED),
                .doc = "Attributes of the resource, beside `service.name` (kong), `service.version` and "
                       "`service.instance.id` or in their place."),
        FIELD(struct opentelemetry, queue, .flags = REQUIRED, .dflt = "{'max_batch_size':200}",
                .record = &queue_conf_schema,
                .doc = "How what requests leave behind waits until it is sent; an entry is one request's."),
        FIELD(struct opentelemetry, batch_span_count,
                DEPRECATED("opentelemetry: config.batch_span_count is deprecated, please use "
                           "config.queue.max_batch_size instead",
                        "200"),
                .doc = "Deprecated; see `queue.max_batch_size`."),
        FIELD(struct opentelemetry, batch_flush_delay,
                DEPRECATED("opentelemetry: config.batch_flush_delay is deprecated, please use "
                           "config.queue.max_coalescing_delay instead",
                        "3"),
                .doc = "Deprecated; see `queue.max_coalescing_delay`."),
        TIMEOUT(connect_timeout, "1000", "Milliseconds for connecting. The longest of the three counts for each."),
        TIMEOUT(send_timeout, "5000", "Milliseconds between two writes."),
        TIMEOUT(read_timeout, "5000", "Milliseconds between two reads."),
        FIELD(struct opentelemetry, http_response_header_for_traceid,
                .doc = "A header in which the client is told the trace's id."),
        FIELD(struct opentelemetry, header_type, .flags = OPTIONAL, .dflt = "'preserve'",
                .one_of = PROPAGATION_HEADER_TYPES,
                DEPRECATED("opentelemetry: config.header_type is deprecated, please use config.propagation options "
                           "instead",
                        "'preserve'"),
                .doc = "Deprecated; counts while `propagation` says nothing else."),
        FIELD(struct opentelemetry, sampling_rate, .flags = OPTIONAL, BETWEEN(0, 1),
                .doc = "The share of traces that is sent; unset: the setting tracing_sampling_rate."),
        FIELD(struct opentelemetry, propagation, .flags = REQUIRED, .dflt = "{'default_format':'w3c'}",
                .record = &propagation_schema,
                .doc = "How traces are taken over from callers and handed on to upstreams."),
        {0},
};

static const struct shorthand shorthands[] = {
        {.name = "endpoint",
                .type = TYPE_STRING,
                .replaced_by = "traces_endpoint",
                .described_as = "{'deprecation':{'message':'OpenTelemetry: config.endpoint is deprecated, please use "
                                "config.traces_endpoint instead','removal_in_version':'4.0'},'referenceable':true}",
                .doc = "Deprecated, use `traces_endpoint`."},
        {0},
};

static const struct entity_check checks[] = {AT_LEAST_ONE_OF("traces_endpoint", "logs_endpoint"), {0}};

static const struct schema config = {
        .name = "opentelemetry",
        .size = sizeof(struct opentelemetry),
        .fields = fields,
        .checks = checks,
        .checks_within = true,
        .shorthands = shorthands,
};

/* ---- once per configuration ------------------------------------------------------------------------------------ */

struct ready {
	struct propagation propagation;
	const struct sink *traces, *logs; /* NULL: not sent */
};

static uint32_t longest_timeout(const struct opentelemetry *o)
{
	int64_t ms = o->connect_timeout;
	ms = o->send_timeout > ms ? o->send_timeout : ms;
	return (uint32_t)(o->read_timeout > ms ? o->read_timeout : ms);
}

static void add_headers(struct sink *sink, const struct opentelemetry *o, struct arena *a)
{
	head_init(&sink->headers, a);
	head_add(&sink->headers, S("Content-Type"), S("application/x-protobuf"));
	for (size_t i = 0; i < o->headers.len; i++)
		head_add(&sink->headers, o->headers.items[i].key, o->headers.items[i].value);
}

/* Configurations that send the same to the same place share a queue. */
static const struct sink *make_sink(
        const struct opentelemetry *o, struct slice url, const char *what, struct arena *a)
{
	if (!slice_is_set(url))
		return NULL;
	struct opt_num flush = {o->batch_flush_delay.set, (double)o->batch_flush_delay.value};
	struct sink *sink = arena_new(a, struct sink);
	*sink = (struct sink){.kind = SINK_HTTP,
	        .plugin = "opentelemetry",
	        .context = otlp_context(a, &o->resource_attributes),
	        .url = url,
	        .method = S("POST"),
	        .status_below = 201, /* exactly 200 */
	        .timeout_ms = longest_timeout(o),
	        .keepalive_ms = 60000,
	        .encode = otlp_encoder(&o->resource_attributes),
	        .queue = queue_conf_read(&o->queue, &(struct queue_legacy){o->batch_span_count, 200, flush, 3})};
	add_headers(sink, o, a);
	sink_ready(sink);
	sink->name = arena_printf(a, "%.*s:%s:%016llx", SLICE_ARG(url), what, (unsigned long long)sink->fingerprint);
	sink_ready(sink);
	return sink;
}

static bool compile(const void *conf, struct arena *a, const void **compiled, struct err *e)
{
	const struct opentelemetry *o = conf;
	struct ready *r = arena_new(a, struct ready);

	propagation_init(&r->propagation, &o->propagation, o->header_type, (struct slice){0});
	r->traces = make_sink(o, o->traces_endpoint, "traces", a);
	r->logs = make_sink(o, o->logs_endpoint, "logs", a);
	*compiled = r;
	return true;
}

/* ---- once per request ------------------------------------------------------------------------------------------ */

struct state {
	bool has_begun, is_sampled;
	enum trace_format incoming;
	uint8_t trace_id_size;
	struct span_ids ids;
};

static bool is_noted(const struct call *c)
{
	return c->x->spans != NULL;
}

/* By the id alone, so that all who trace decide alike. */
static bool is_chosen(const unsigned char trace[16], double rate)
{
	uint64_t n = 0;
	for (int i = 8; i < 16; i++)
		n = n << 8 | trace[i];
	return rate >= 1 || (double)(n >> 1) < rate * 9223372036854775808.0;
}

static bool decide(const struct call *c, enum trace_sampled incoming, const unsigned char trace[16])
{
	const struct opentelemetry *o = c->conf;
	if (incoming == SAMPLED_NO)
		return false;
	if (incoming == SAMPLED_YES && !is_noted(c)) /* only handed on */
		return true;
	return is_chosen(trace, o->sampling_rate.set ? o->sampling_rate.value : c->x->tracing->rate);
}

/* In the first phase of ours that comes: access does not, when another plugin has answered before. */
static struct state *begin(struct call *c)
{
	const struct ready *r = c->compiled;
	struct state *s = c->state;
	struct trace_context in;

	if (s->has_begun)
		return s;
	s->has_begun = true;
	trace_extract(c, r->propagation.extract, r->propagation.extract_count, &in);
	random_bytes(&s->ids, offsetof(struct span_ids, has_parent));
	s->incoming = in.format;
	s->trace_id_size = in.has_trace ? in.trace_id_size : 16;
	if (in.has_trace)
		memcpy(s->ids.trace, in.trace_id, sizeof in.trace_id);
	s->ids.has_parent = in.has_span || in.has_parent;
	memcpy(s->ids.parent, in.has_span ? in.span_id : in.parent_id, sizeof s->ids.parent);
	s->is_sampled = decide(c, in.sampled, s->ids.trace);
	return s;
}

/* The upstream's parent: the balancer's span when there will be one, else the root. */
static enum verdict on_access(struct call *c)
{
	const struct ready *r = c->compiled;
	const struct state *s = begin(c);
	bool by_balancer = is_noted(c) && c->x->tracing->what & TRACING_BALANCER;
	struct trace_context out = {.has_trace = true,
	        .has_span = true,
	        .has_parent = by_balancer || s->ids.has_parent,
	        .trace_id_size = s->trace_id_size,
	        .sampled = s->is_sampled ? SAMPLED_YES : SAMPLED_NO};

	memcpy(out.trace_id, s->ids.trace, sizeof out.trace_id);
	memcpy(out.span_id, by_balancer ? s->ids.balancer : s->ids.root, sizeof out.span_id);
	memcpy(out.parent_id, by_balancer ? s->ids.root : s->ids.parent, sizeof out.parent_id);
	propagation_inject(c, &r->propagation, s->incoming, &out);
	return GO;
}

static enum verdict on_response_head(struct call *c)
{
	const struct opentelemetry *o = c->conf;
	if (slice_is_set(o->http_response_header_for_traceid))
		call_respond_header(
		        c, o->http_response_header_for_traceid, trace_hex(c->x->arena, begin(c)->ids.trace, 16));
	return GO;
}

static enum verdict on_log(struct call *c)
{
	const struct ready *r = c->compiled;
	const struct state *s = begin(c);
	if (r->traces && is_noted(c) && s->is_sampled)
		call_sink(c, r->traces, request_spans(c, &s->ids));
	if (r->logs)
		call_sink(c, r->logs, request_log(c, &s->ids, s->is_sampled));
	return GO;
}

const struct plugin opentelemetry_plugin = {
        .name = "opentelemetry",
        .priority = 14,
        .scopes = SCOPE_ALL,
        .protocols = PROTOCOLS_HTTP,
        .config = &config,
        .compile = compile,
        .state_size = sizeof(struct state),
        .access = on_access,
        .response_head = on_response_head,
        .log = on_log,
        .doc = "Traces requests, and sends spans and log records to OpenTelemetry collectors.",
        .example = "{'traces_endpoint':'http://collector.example.com:4318/v1/traces','sampling_rate':0.1}",
};
