/* trace_context: see trace_context.h. A format is a function that reads and one that writes. */
#include "common/plugin/trace_context.h"

#include <stdio.h>

#include "common/core/log.h"

/* ---- identifiers as text --------------------------------------------------------------------------------------- */

static int hex_digit(char ch)
{
	char low = (char)ascii_lower((unsigned char)ch);
	return low >= '0' && low <= '9' ? low - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

static bool is_zero(const unsigned char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i])
			return false;
	return true;
}

/* At most 2n digits, to the right in n bytes. False: something else, or nothing but zeros. */
static bool read_hex(struct slice s, unsigned char *out, size_t n)
{
	if (s.len == 0 || s.len > 2 * n)
		return false;
	memset(out, 0, n);
	for (size_t i = 0, at = 2 * n - s.len; i < s.len; i++, at++) {
		int d = hex_digit(s.ptr[i]);
		if (d < 0)
			return false;
		out[at / 2] |= (unsigned char)(at % 2 ? d : d << 4);
	}
	return !is_zero(out, n);
}

static bool read_decimal(struct slice s, unsigned char out[8])
{
	uint64_t n = 0;
	if (s.len == 0 || s.len > 20)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned d = (unsigned)(s.ptr[i] - '0');
		if (d > 9 || n > (UINT64_MAX - d) / 10)
			return false;
		n = n * 10 + d;
	}
	for (int i = 7; i >= 0; i--, n >>= 8)
		out[i] = (unsigned char)n;
	return !is_zero(out, 8);
}

static uint64_t number_of(const unsigned char id[8])
{
	uint64_t n = 0;
	for (int i = 0; i < 8; i++)
		n = n << 8 | id[i];
	return n;
}

struct slice trace_hex(struct arena *a, const unsigned char *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char *out = arena_alloc(a, 2 * n);
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	return slice_of(out, 2 * n);
}

/* ---- what readers have in common ------------------------------------------------------------------------------- */

static struct slice header(struct call *c, const char *name)
{
	return call_header(c, slice_cstr(name), NULL);
}

static bool take_trace(struct trace_context *t, struct slice hex)
{
	t->has_trace = read_hex(hex, t->trace_id, sizeof t->trace_id);
	t->trace_id_size = hex.len > 16 ? 16 : 8;
	return t->has_trace;
}

static bool take_span(struct trace_context *t, struct slice hex)
{
	return t->has_span = read_hex(hex, t->span_id, sizeof t->span_id);
}

static void take_parent(struct trace_context *t, struct slice hex)
{
	t->has_parent = read_hex(hex, t->parent_id, sizeof t->parent_id);
}

static enum trace_sampled decision(struct slice s)
{
	if (slice_eq(s, S("1")) || slice_ieq(s, S("true")))
		return SAMPLED_YES;
	return slice_eq(s, S("0")) || slice_ieq(s, S("false")) ? SAMPLED_NO : SAMPLED_UNKNOWN;
}

/* Bit 0 of hexadecimal flags. */
static bool take_flags(struct trace_context *t, struct slice flags)
{
	int d = flags.len == 1 || flags.len == 2 ? hex_digit(flags.ptr[flags.len - 1]) : -1;
	if (d < 0 || hex_digit(flags.ptr[0]) < 0)
		return false;
	t->sampled = d & 1 ? SAMPLED_YES : SAMPLED_NO;
	return true;
}

/* ---- w3c: traceparent: 00-<32hex>-<16hex>-<2hex> ---- */

static bool read_w3c(struct call *c, struct trace_context *t)
{
	struct slice rest = header(c, "traceparent");
	if (rest.len != 55)
		return false;
	struct slice version = slice_cut(&rest, '-'), trace = slice_cut(&rest, '-'), span = slice_cut(&rest, '-');
	return slice_eq(version, S("00")) && trace.len == 32 && span.len == 16 && rest.len == 2 &&
	       take_trace(t, trace) && take_span(t, span) && take_flags(t, rest);
}

static struct slice write_w3c(struct call *c, const struct trace_context *t)
{
	struct arena *a = c->x->arena;
	struct slice id = trace_hex(a, t->trace_id, 16);
	call_set_header(c, S("traceparent"),
	        ARENA_JOIN(a, S("00-"), id, S("-"), trace_hex(a, t->span_id, 8),
	                t->sampled == SAMPLED_YES ? S("-01") : S("-00")));
	return id;
}

/* ---- b3, one header: {trace}-{span}[-{0,1,d}[-{parent}]], or the decision alone ---- */

static enum trace_sampled b3_decision(struct slice s)
{
	return slice_eq(s, S("d")) ? SAMPLED_YES : decision(s);
}

/* The member of a tracestate ("a=1,b3=...,c=2"). */
static struct slice b3_of_tracestate(struct slice state)
{
	while (slice_is_set(state)) {
		struct slice one = slice_trim(slice_cut(&state, ','));
		if (slice_starts(one, S("b3=")))
			return slice_from(one, 3);
	}
	return (struct slice){0};
}

static bool read_b3_single(struct call *c, struct trace_context *t)
{
	struct slice rest = header(c, "b3");
	if (!slice_is_set(rest))
		rest = b3_of_tracestate(header(c, "tracestate"));
	if (rest.len == 1)
		return (t->sampled = b3_decision(rest)) != SAMPLED_UNKNOWN;
	struct slice trace = slice_cut(&rest, '-'), span = slice_cut(&rest, '-'), sampled = slice_cut(&rest, '-');
	bool has_ids = (trace.len == 16 || trace.len == 32) && span.len == 16 && take_trace(t, trace) &&
	               take_span(t, span);
	if (!has_ids)
		return false;
	t->sampled = b3_decision(sampled);
	if (rest.len == 16)
		take_parent(t, rest);
	return true;
}

static struct slice own_size_trace(struct call *c, const struct trace_context *t)
{
	return t->trace_id_size == 8 ? trace_hex(c->x->arena, t->trace_id + 8, 8)
	                             : trace_hex(c->x->arena, t->trace_id, 16);
}

static struct slice write_b3_single(struct call *c, const struct trace_context *t)
{
	struct arena *a = c->x->arena;
	struct slice id = own_size_trace(c, t), parent = S("");
	if (t->has_parent)
		parent = ARENA_JOIN(a, S("-"), trace_hex(a, t->parent_id, 8));
	call_set_header(c, S("b3"),
	        ARENA_JOIN(a, id, S("-"), trace_hex(a, t->span_id, 8), t->sampled == SAMPLED_YES ? S("-1") : S("-0"),
	                parent));
	return id;
}

/* ---- b3, several headers ---- */

static void warn_of_id(struct call *c, const char *name)
{
	log_warn("identifier of a trace was ignored: it is none", LOG_STR("header", name),
	        LOG_SLICE("request", c->x->request_id));
}

static bool read_b3(struct call *c, struct trace_context *t)
{
	struct slice trace = header(c, "x-b3-traceid"), span = header(c, "x-b3-spanid");
	struct slice parent = header(c, "x-b3-parentspanid");

	t->sampled = slice_eq(header(c, "x-b3-flags"), S("1")) ? SAMPLED_YES : decision(header(c, "x-b3-sampled"));
	if (slice_is_set(trace) && !((trace.len == 16 || trace.len == 32) && take_trace(t, trace)))
		warn_of_id(c, "x-b3-traceid");
	if (!t->has_trace) /* a span without a trace is nobody's */
		return t->sampled != SAMPLED_UNKNOWN;
	if (slice_is_set(span) && !(span.len == 16 && take_span(t, span)))
		warn_of_id(c, "x-b3-spanid");
	if (parent.len == 16)
		take_parent(t, parent);
	return true;
}

static struct slice write_b3(struct call *c, const struct trace_context *t)
{
	struct arena *a = c->x->arena;
	struct slice id = own_size_trace(c, t);
	call_set_header(c, S("x-b3-traceid"), id);
	call_set_header(c, S("x-b3-spanid"), trace_hex(a, t->span_id, 8));
	if (t->has_parent)
		call_set_header(c, S("x-b3-parentspanid"), trace_hex(a, t->parent_id, 8));
	else
		call_remove_header(c, S("x-b3-parentspanid"));
	call_remove_header(c, S("x-b3-flags"));
	call_set_header(c, S("x-b3-sampled"), t->sampled == SAMPLED_YES ? S("1") : S("0"));
	return id;
}

/* ---- jaeger: uber-trace-id: trace:span:parent:flags ---- */

static bool read_jaeger(struct call *c, struct trace_context *t)
{
	struct slice rest = header(c, "uber-trace-id");
	struct slice trace = slice_cut(&rest, ':'), span = slice_cut(&rest, ':'), parent = slice_cut(&rest, ':');
	if (!slice_is_set(rest) || !take_trace(t, trace) || !take_span(t, span) || !take_flags(t, rest))
		return false;
	take_parent(t, parent);
	return true;
}

static struct slice write_jaeger(struct call *c, const struct trace_context *t)
{
	struct arena *a = c->x->arena;
	struct slice id = own_size_trace(c, t);
	call_set_header(c, S("uber-trace-id"),
	        ARENA_JOIN(a, id, S(":"), trace_hex(a, t->span_id, 8), S(":"),
	                t->has_parent ? trace_hex(a, t->parent_id, 8) : S("0"),
	                t->sampled == SAMPLED_YES ? S(":01") : S(":00")));
	return id;
}

/* ---- ot: ot-tracer-traceid, -spanid, -sampled ---- */

static bool read_ot(struct call *c, struct trace_context *t)
{
	t->sampled = decision(header(c, "ot-tracer-sampled"));
	if (!take_trace(t, header(c, "ot-tracer-traceid")))
		return t->sampled != SAMPLED_UNKNOWN;
	take_span(t, header(c, "ot-tracer-spanid"));
	return true;
}

static struct slice write_ot(struct call *c, const struct trace_context *t)
{
	struct slice id = own_size_trace(c, t);
	call_set_header(c, S("ot-tracer-traceid"), id);
	call_set_header(c, S("ot-tracer-spanid"), trace_hex(c->x->arena, t->span_id, 8));
	call_set_header(c, S("ot-tracer-sampled"), t->sampled == SAMPLED_YES ? S("1") : S("0"));
	return id;
}

/* ---- datadog: decimal numbers ---- */

static bool read_datadog(struct call *c, struct trace_context *t)
{
	struct slice priority = header(c, "x-datadog-sampling-priority");
	if (slice_eq(priority, S("1")) || slice_eq(priority, S("2")))
		t->sampled = SAMPLED_YES;
	else if (slice_eq(priority, S("0")) || slice_eq(priority, S("-1")))
		t->sampled = SAMPLED_NO;
	t->has_trace = read_decimal(header(c, "x-datadog-trace-id"), t->trace_id + 8);
	t->trace_id_size = 8;
	if (t->has_trace)
		t->has_span = read_decimal(header(c, "x-datadog-parent-id"), t->span_id);
	return t->has_trace || t->sampled != SAMPLED_UNKNOWN;
}

static struct slice write_datadog(struct call *c, const struct trace_context *t)
{
	struct arena *a = c->x->arena;
	struct slice id = arena_printf(a, "%llu", (unsigned long long)number_of(t->trace_id + 8));
	call_set_header(c, S("x-datadog-trace-id"), id);
	call_set_header(
	        c, S("x-datadog-parent-id"), arena_printf(a, "%llu", (unsigned long long)number_of(t->span_id)));
	call_set_header(c, S("x-datadog-sampling-priority"), t->sampled == SAMPLED_YES ? S("1") : S("0"));
	return id;
}

/* ---- aws: x-amzn-trace-id: Root=1-<8hex>-<24hex>;Parent=<16hex>;Sampled=<0,1> ---- */

static bool take_aws_root(struct trace_context *t, struct slice root)
{
	unsigned char time[4], rest[12];
	struct slice version = slice_cut(&root, '-'), seconds = slice_cut(&root, '-');
	if (!slice_eq(version, S("1")) || seconds.len != 8 || root.len != 24)
		return false;
	read_hex(seconds, time, sizeof time); /* zero is a time */
	if (!read_hex(root, rest, sizeof rest))
		return false;
	memcpy(t->trace_id, time, sizeof time);
	memcpy(t->trace_id + sizeof time, rest, sizeof rest);
	t->trace_id_size = 16;
	return t->has_trace = true;
}

static bool read_aws(struct call *c, struct trace_context *t)
{
	struct slice rest = header(c, "x-amzn-trace-id");
	while (slice_is_set(rest)) {
		struct slice value = slice_trim(slice_cut(&rest, ';')), name = slice_trim(slice_cut(&value, '='));
		value = slice_trim(value);
		if (slice_ieq(name, S("Root")) && !take_aws_root(t, value))
			return false;
		if (slice_ieq(name, S("Parent")) && value.len == 16)
			take_span(t, value);
		if (slice_ieq(name, S("Sampled")))
			t->sampled = decision(value);
	}
	return t->has_trace || t->sampled != SAMPLED_UNKNOWN;
}

static struct slice write_aws(struct call *c, const struct trace_context *t)
{
	struct arena *a = c->x->arena;
	struct slice id = ARENA_JOIN(
	        a, S("1-"), trace_hex(a, t->trace_id, 4), S("-"), trace_hex(a, t->trace_id + 4, 12));
	call_set_header(c, S("x-amzn-trace-id"),
	        ARENA_JOIN(a, S("Root="), id, S(";Parent="), trace_hex(a, t->span_id, 8),
	                t->sampled == SAMPLED_YES ? S(";Sampled=1") : S(";Sampled=0")));
	return id;
}

/* ---- gcp: x-cloud-trace-context: <32hex>/<decimal span>[;o=<0,1>] ---- */

static bool read_gcp(struct call *c, struct trace_context *t)
{
	struct slice option = header(c, "x-cloud-trace-context");
	struct slice span = slice_cut(&option, ';'), trace = slice_cut(&span, '/');
	if (trace.len != 32 || !take_trace(t, trace))
		return false;
	t->has_span = read_decimal(span, t->span_id);
	if (slice_starts(option, S("o=")))
		t->sampled = decision(slice_from(option, 2));
	return true;
}

static struct slice write_gcp(struct call *c, const struct trace_context *t)
{
	struct arena *a = c->x->arena;
	struct slice id = trace_hex(a, t->trace_id, 16);
	call_set_header(c, S("x-cloud-trace-context"),
	        arena_printf(a, "%.*s/%llu;o=%d", SLICE_ARG(id), (unsigned long long)number_of(t->span_id),
	                t->sampled == SAMPLED_YES));
	return id;
}

/* ---- all of them ----------------------------------------------------------------------------------------------- */

static const struct {
	const char *key;
	bool (*read)(struct call *c, struct trace_context *t);
	struct slice (*write)(struct call *c, const struct trace_context *t);
} formats_by_id[TRACE_FORMATS] = {
        [TRACE_W3C] = {"w3c", read_w3c, write_w3c},
        [TRACE_B3] = {"b3", read_b3, write_b3},
        [TRACE_B3_SINGLE] = {"b3", read_b3_single, write_b3_single},
        [TRACE_JAEGER] = {"jaeger", read_jaeger, write_jaeger},
        [TRACE_OT] = {"ot", read_ot, write_ot},
        [TRACE_DATADOG] = {"datadog", read_datadog, write_datadog},
        [TRACE_AWS] = {"aws", read_aws, write_aws},
        [TRACE_GCP] = {"gcp", read_gcp, write_gcp},
};

static bool extract_one(struct call *c, enum trace_format format, struct trace_context *out)
{
	*out = (struct trace_context){.format = format};
	return formats_by_id[format].read(c, out);
}

bool trace_extract(struct call *c, const enum trace_format *formats, size_t n, struct trace_context *out)
{
	for (size_t i = 0; i < n; i++) {
		if (formats[i] == TRACE_B3 && extract_one(c, TRACE_B3_SINGLE, out))
			return true;
		if (extract_one(c, formats[i], out))
			return true;
	}
	*out = (struct trace_context){.format = TRACE_NONE};
	return false;
}

struct slice trace_inject(struct call *c, enum trace_format format, const struct trace_context *t)
{
	return formats_by_id[format].write(c, t);
}

const char *trace_format_key(enum trace_format format)
{
	return formats_by_id[format].key;
}
