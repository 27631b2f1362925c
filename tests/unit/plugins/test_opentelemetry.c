/* opentelemetry: plugins.md 0.11 (what is read and written of traces, format by format) and 7.4 (what is sent). */
#include <check.h>
#include <stdio.h>

#include "common/crypto/digest.h"
#include "proto/otlp.pb-c.h"
#include "tests/support/loading.h"
#include "tests/support/plugin_rig.h"

static struct rig rig;

static void setup(void)
{
	rig_init(&rig);
}

static void teardown(void)
{
	rig_fini(&rig);
}

static void ask(const char *config, const char *headers)
{
	char row[1024];
	snprintf(row, sizeof row, "{'name':'opentelemetry','config':{'traces_endpoint':'http://c/v1/traces',%s}}",
	        config);
	rig_plugin(&rig, row);
	ck_assert_int_eq(rig_get(&rig, "GET /a", headers), GO);
}

#define T32 "4bf92f3577b34da6a3ce929d0e0e4736"
#define T16 "a3ce929d0e0e4736" /* 11803532876627986230 */
#define S16 "00f067aa0ba902b7" /* 67667974448284343 */
#define ALL "'extract':['w3c','b3','jaeger','ot','datadog','aws','gcp']"

/* ---- what is read, as traceparent shows it: version-trace-span-decision --------------------------------------- */

static const struct {
	const char *headers, *trace, *flags; /* trace NULL: a new one */
} read_rows[] = {
        {"traceparent: 00-" T32 "-" S16 "-01", T32, "01"},
        {"traceparent: 00-" T32 "-" S16 "-00", T32, "00"},
        {"traceparent: 00-" T32 "-" S16 "-03", T32, "01"},
        {"traceparent: 01-" T32 "-" S16 "-01", NULL, "01"},
        {"traceparent: 00-00000000000000000000000000000000-" S16 "-01", NULL, "01"},
        {"traceparent: 00-" T32 "-0000000000000000-01", NULL, "01"},
        {"traceparent: 00-" T32 "-" S16 "-0x", NULL, "01"},
        {"traceparent: 00-" T32 "-" S16 "-01-more", NULL, "01"},
        {"traceparent: 00-" T32 "g-" S16 "-0", NULL, "01"},
        {"traceparent: ", NULL, "01"},
        {"x-b3-traceid: " T32 "\nx-b3-spanid: " S16 "\nx-b3-sampled: 0", T32, "00"},
        {"x-b3-traceid: " T16 "\nx-b3-spanid: " S16 "\nx-b3-sampled: true", "0000000000000000" T16, "01"},
        {"x-b3-traceid: " T32 "\nx-b3-spanid: " S16 "\nx-b3-sampled: 0\nx-b3-flags: 1", T32, "01"},
        {"x-b3-traceid: nonsense\nx-b3-sampled: false", NULL, "00"},
        {"x-b3-traceid: " T32 "0\nx-b3-sampled: 0", NULL, "00"},
        {"b3: " T32 "-" S16 "-1", T32, "01"},
        {"b3: " T32 "-" S16 "-d-" S16, T32, "01"},
        {"b3: " T32 "-" S16 "-0", T32, "00"},
        {"b3: " T16 "-" S16, "0000000000000000" T16, "01"},
        {"b3: 0", NULL, "00"},
        {"b3: d", NULL, "01"},
        {"b3: " T32, NULL, "01"},
        {"tracestate: a=1, b3=" T32 "-" S16 "-0", T32, "00"},
        {"uber-trace-id: " T32 ":" S16 ":0:1", T32, "01"},
        {"uber-trace-id: " T16 ":" S16 ":" S16 ":0", "0000000000000000" T16, "00"},
        {"uber-trace-id: 1:2:0:3", "00000000000000000000000000000001", "01"},
        {"uber-trace-id: " T32 ":" S16 ":0", NULL, "01"},
        {"ot-tracer-traceid: " T32 "\not-tracer-spanid: " S16 "\not-tracer-sampled: false", T32, "00"},
        {"ot-tracer-sampled: 0", NULL, "00"},
        {"x-datadog-trace-id: 11803532876627986230\nx-datadog-parent-id: 67667974448284343\n"
         "x-datadog-sampling-priority: -1",
                "0000000000000000" T16, "00"},
        {"x-datadog-trace-id: 11803532876627986230\nx-datadog-sampling-priority: 2", "0000000000000000" T16, "01"},
        {"x-datadog-trace-id: 18446744073709551616\nx-datadog-sampling-priority: 1", NULL, "01"},
        {"x-datadog-trace-id: 0x1", NULL, "01"},
        {"x-amzn-trace-id: Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=" S16 ";Sampled=0", T32, "00"},
        {"x-amzn-trace-id: Sampled=1; Parent=" S16 "; Root=1-4bf92f35-77b34da6a3ce929d0e0e4736", T32, "01"},
        {"x-amzn-trace-id: Root=2-4bf92f35-77b34da6a3ce929d0e0e4736", NULL, "01"},
        {"x-cloud-trace-context: " T32 "/67667974448284343;o=0", T32, "00"},
        {"x-cloud-trace-context: " T32 "/67667974448284343", T32, "01"},
        {"x-cloud-trace-context: short/1;o=0", NULL, "01"},
        {"", NULL, "01"},
};

START_TEST(what_callers_say_is_read)
{
	ask("'sampling_rate':1,'propagation':{" ALL ",'inject':['w3c'],'default_format':'w3c'}",
	        read_rows[_i].headers);
	const char *got = rig_up(&rig, "traceparent");
	ck_assert_ptr_nonnull(got);
	ck_assert_uint_eq(strlen(got), 55);
	if (read_rows[_i].trace)
		ck_assert_msg(strncmp(got + 3, read_rows[_i].trace, 32) == 0, "%s: %s", read_rows[_i].headers, got);
	else
		ck_assert_msg(
		        strncmp(got + 3, T32, 32) != 0 && !strstr(got, T16), "%s: %s", read_rows[_i].headers, got);
	ck_assert_msg(strcmp(got + 53, read_rows[_i].flags) == 0, "%s: %s", read_rows[_i].headers, got);
	ck_assert_ptr_eq(strstr(got, S16), NULL); /* the span is our own */
}
END_TEST

/* ---- what is written ------------------------------------------------------------------------------------------- */

/* `form` has t for a digit of the trace, s for one of our span. */
static const struct {
	const char *format, *incoming, *header, *form;
} written_rows[] = {
        {"w3c", T32, "traceparent", "00-" T32 "-ssssssssssssssss-01"},
        {"b3", T32, "x-b3-traceid", T32},
        {"b3", T16, "x-b3-traceid", T16},
        {"b3", T32, "x-b3-spanid", "ssssssssssssssss"},
        {"b3", T32, "x-b3-parentspanid", S16},
        {"b3", T32, "x-b3-sampled", "1"},
        {"b3-single", T32, "b3", T32 "-ssssssssssssssss-1-" S16},
        {"b3-single", T16, "b3", T16 "-ssssssssssssssss-1-" S16},
        {"jaeger", T32, "uber-trace-id", T32 ":ssssssssssssssss:" S16 ":01"},
        {"ot", T16, "ot-tracer-traceid", T16},
        {"ot", T32, "ot-tracer-spanid", "ssssssssssssssss"},
        {"ot", T32, "ot-tracer-sampled", "1"},
        {"datadog", T32, "x-datadog-trace-id", "11803532876627986230"},
        {"datadog", T32, "x-datadog-sampling-priority", "1"},
        {"aws", T32, "x-amzn-trace-id", "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=ssssssssssssssss;Sampled=1"},
        {"aws", T16, "x-amzn-trace-id", "Root=1-00000000-00000000a3ce929d0e0e4736;Parent=ssssssssssssssss;Sampled=1"},
};

START_TEST(upstreams_are_told)
{
	char config[256], headers[256];
	snprintf(config, sizeof config,
	        "'sampling_rate':1,'propagation':{'extract':['b3'],'inject':['%s'],'default_format':'w3c'}",
	        written_rows[_i].format);
	snprintf(headers, sizeof headers, "x-b3-traceid: %s\nx-b3-spanid: " S16, written_rows[_i].incoming);
	ask(config, headers);
	const char *got = rig_up(&rig, written_rows[_i].header), *form = written_rows[_i].form;
	ck_assert_msg(got != NULL, "no %s", written_rows[_i].header);
	ck_assert_msg(strlen(got) == strlen(form), "%s", got);
	for (size_t i = 0; form[i]; i++)
		ck_assert_msg(form[i] == 's' ? strchr("0123456789abcdef", got[i]) != NULL : form[i] == got[i],
		        "%s is not %s", got, form);
}
END_TEST

START_TEST(gcp_has_a_decimal_span)
{
	ask("'propagation':{'extract':['w3c'],'inject':['gcp'],'default_format':'w3c'}",
	        "traceparent: 00-" T32 "-" S16 "-01");
	const char *got = rig_up(&rig, "x-cloud-trace-context");
	ck_assert_int_eq(strncmp(got, T32 "/", 33), 0);
	ck_assert_ptr_nonnull(strstr(got, ";o=1"));
	ck_assert_uint_eq(strspn(got + 33, "0123456789"), strcspn(got + 33, ";"));
}
END_TEST

/* ---- which formats --------------------------------------------------------------------------------------------- */

static const struct {
	const char *config, *headers, *present, *absent;
} choice_rows[] = {
        /* header_type, as long as propagation says nothing */
        {"'header_type':'preserve'", "", "traceparent", "b3"},
        {"'header_type':'preserve'", "b3: 1", "b3", "traceparent"},
        {"'header_type':'preserve'", "uber-trace-id: 1:2:0:1", "uber-trace-id", "traceparent"},
        {"'header_type':'jaeger'", "traceparent: 00-" T32 "-" S16 "-01", "uber-trace-id", "b3"},
        {"'header_type':'jaeger'", "traceparent: 00-" T32 "-" S16 "-01", "traceparent", "b3"},
        {"'header_type':'ignore'", "b3: " T32 "-" S16 "-0", "traceparent", "x-b3-traceid"},
        {"'header_type':'b3','propagation':{'inject':['ot'],'default_format':'w3c'}", "", "ot-tracer-traceid",
                "x-b3-traceid"},
        /* propagation */
        {"'propagation':{'extract':['b3'],'inject':['preserve'],'default_format':'aws'}", "", "x-amzn-trace-id",
                "traceparent"},
        {"'propagation':{'extract':['b3'],'inject':['preserve','w3c'],'default_format':'aws'}", "b3: 1", "b3",
                "x-amzn-trace-id"},
        {"'propagation':{'extract':['b3'],'inject':['preserve','w3c'],'default_format':'aws'}", "b3: 1",
                "traceparent", "x-amzn-trace-id"},
        {"'propagation':{'extract':['b3'],'inject':[],'default_format':'w3c'}", "x-kept: 1", "x-kept", "traceparent"},
        {"'propagation':{'extract':['b3'],'clear':['b3','x-gone'],'inject':['w3c'],'default_format':'w3c'}",
                "b3: 1\nx-gone: 1", "traceparent", "b3"},
        {"'propagation':{'clear':['x-gone'],'inject':['w3c'],'default_format':'w3c'}", "x-gone: 1", "traceparent",
                "x-gone"},
};

START_TEST(formats_are_chosen)
{
	ask(choice_rows[_i].config, choice_rows[_i].headers);
	ck_assert_msg(rig_up(&rig, choice_rows[_i].present) != NULL, "no %s", choice_rows[_i].present);
	ck_assert_msg(rig_up(&rig, choice_rows[_i].absent) == NULL, "%s", choice_rows[_i].absent);
}
END_TEST

START_TEST(nothing_is_extracted_where_nothing_is_named)
{
	ask("'propagation':{'inject':['w3c'],'default_format':'w3c'}", "traceparent: 00-" T32 "-" S16 "-01");
	ck_assert_ptr_eq(strstr(rig_up(&rig, "traceparent"), T32), NULL);
}
END_TEST

START_TEST(what_is_not_ours_stays)
{
	ask("'header_type':'preserve'", "uber-trace-id: 1:2:0:1\nuberctx-a: 1\not-baggage-b: 2\ntracestate: c=3");
	ck_assert_str_eq(rig_up(&rig, "uberctx-a"), "1");
	ck_assert_str_eq(rig_up(&rig, "ot-baggage-b"), "2");
	ck_assert_str_eq(rig_up(&rig, "tracestate"), "c=3");
}
END_TEST

/* ---- sampling -------------------------------------------------------------------------------------------------- */

#define LOW  "4bf92f3577b34da60000000000000001" /* chosen by every rate but 0 */
#define HIGH "4bf92f3577b34da6fffffffffffffffe" /* chosen by 1 only */

static const struct {
	const char *rate, *trace;
	bool is_noted;
	const char *in, *out;
} sampling_rows[] = {
        {"0.5", LOW, true, "01", "01"},
        {"0.5", HIGH, true, "01", "00"}, /* the caller's yes is not final */
        {"0.5", LOW, true, "00", "00"},  /* its no is */
        {"1", HIGH, true, "01", "01"},
        {"0", LOW, true, "01", "00"},
        {"null", LOW, true, "01", "01"}, /* tracing_sampling_rate: 0.01 */
        {"null", HIGH, true, "01", "00"},
        {"0", LOW, false, "01", "01"}, /* only handed on */
        {"1", HIGH, false, "00", "00"},
};

START_TEST(traces_are_chosen_by_their_ids)
{
	char config[64], headers[128];
	rig.tracing.what = sampling_rows[_i].is_noted ? ~0u : 0;
	snprintf(config, sizeof config, "'sampling_rate':%s", sampling_rows[_i].rate);
	snprintf(headers, sizeof headers, "traceparent: 00-%s-" S16 "-%s", sampling_rows[_i].trace,
	        sampling_rows[_i].in);
	ask(config, headers);
	ck_assert_str_eq(rig_up(&rig, "traceparent") + 53, sampling_rows[_i].out);
}
END_TEST

/* ---- what is sent ---------------------------------------------------------------------------------------------- */

enum { SPANS = 16 };
static Gatehouse__Otlp__Span *spans[SPANS];

/* Of the entry that went into the sink. */
static size_t unpack(void)
{
	const unsigned char *at = (const unsigned char *)rig.sunk.ptr, *end = at + rig.sunk.len;
	size_t n = 0;
	while (at < end) {
		size_t len = 0;
		ck_assert_int_eq(*at++, 2 << 3 | 2);
		for (int shift = 0;; shift += 7) {
			len |= (size_t)(*at & 127) << shift;
			if (!(*at++ & 128))
				break;
		}
		ck_assert_uint_lt(n, SPANS);
		spans[n] = gatehouse__otlp__span__unpack(NULL, len, at);
		ck_assert_ptr_nonnull(spans[n++]);
		at += len;
	}
	return n;
}

static void free_spans(size_t n)
{
	for (size_t i = 0; i < n; i++)
		gatehouse__otlp__span__free_unpacked(spans[i], NULL);
}

static const Gatehouse__Otlp__Span *span_named(size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(spans[i]->name, name) == 0)
			return spans[i];
	ck_abort_msg("no span '%s'", name);
}

static const char *attribute(const Gatehouse__Otlp__Span *s, const char *key)
{
	for (size_t i = 0; i < s->n_attributes; i++)
		if (strcmp(s->attributes[i]->key, key) == 0)
			return s->attributes[i]->value->string_value;
	return NULL;
}

static bool same_id(ProtobufCBinaryData a, ProtobufCBinaryData b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static void two_tries(void)
{
	static struct upstream_try tries[2];
	tries[0] = (struct upstream_try){
	        .started_ns = 1000, .ip = S("10.0.0.1"), .port = 80, .failed = true, .code = 502};
	tries[1] = (struct upstream_try){.started_ns = 5000, .ip = S("10.0.0.2"), .port = 80, .status = 200};
	rig.x.tries = tries;
	rig.x.tries_count = 2;
}

START_TEST(spans_have_the_right_parents)
{
	rig.tracing.what = ~0u;
	ask("'sampling_rate':1", "traceparent: 00-" T32 "-" S16 "-01\nHost: h.test\nUser-Agent: \xff");
	spans_begin(&rig.x, TRACING_ACCESS, S("key-auth"));
	spans_end(&rig.x, TRACING_ACCESS);
	two_tries();
	rig_upstream_answers(&rig, 503, "", "");
	rig.x.status = 503;
	rig_log(&rig);
	size_t n = unpack();
	ck_assert_uint_eq(n, 4);
	const Gatehouse__Otlp__Span *root = span_named(n, "kong"),
	                            *access = span_named(n, "kong.access.plugin.key-auth");
	char hex[33];
	digest_hex(root->trace_id.data, 16, hex);
	ck_assert_str_eq(hex, T32);
	digest_hex(root->parent_span_id.data, 8, hex);
	ck_assert_str_eq(hex, S16);
	ck_assert(same_id(access->parent_span_id, root->span_id));
	ck_assert_int_eq(root->kind, 2);
	ck_assert_str_eq(attribute(root, "http.method"), "GET");
	ck_assert_str_eq(attribute(root, "http.host"), "h.test");
	ck_assert_int_eq(root->status->code, 2);
	for (size_t i = 0; i < n; i++)
		ck_assert(same_id(spans[i]->trace_id, root->trace_id));
	/* the upstream's parent is the last try */
	digest_hex(spans[3]->span_id.data, 8, hex);
	ck_assert_str_eq(spans[3]->name, "kong.balancer");
	ck_assert_ptr_nonnull(strstr(rig_up(&rig, "traceparent"), hex));
	ck_assert_uint_eq(spans[2]->end_time_unix_nano, spans[3]->start_time_unix_nano);
	ck_assert_int_eq(spans[2]->status->code, 2);
	ck_assert_str_eq(attribute(spans[2], "net.peer.ip"), "10.0.0.1");
	free_spans(n);
}
END_TEST

START_TEST(without_instrumentations_nothing_is_sent)
{
	ask("'sampling_rate':1", "");
	rig_upstream_answers(&rig, 200, "", "");
	rig_log(&rig);
	ck_assert_ptr_eq(rig.sunk_in, NULL);
	ck_assert_ptr_nonnull(rig_up(&rig, "traceparent"));
}
END_TEST

START_TEST(what_is_not_sampled_is_not_sent)
{
	rig.tracing.what = ~0u;
	ask("'sampling_rate':1", "traceparent: 00-" T32 "-" S16 "-00");
	rig_upstream_answers(&rig, 200, "", "");
	rig_log(&rig);
	ck_assert_ptr_eq(rig.sunk_in, NULL);
}
END_TEST

START_TEST(the_client_may_be_told_and_the_log_is)
{
	ask("'http_response_header_for_traceid':'x-trace','propagation':{'extract':['w3c'],'inject':['w3c','datadog'],"
	    "'default_format':'w3c'}",
	        "traceparent: 00-" T32 "-" S16 "-01");
	rig_plugin(&rig, "{'name':'file-log','config':{'path':'/tmp/x'}}");
	rig_upstream_answers(&rig, 200, "", "");
	ck_assert_str_eq(rig_down(&rig, "x-trace"), T32);
	rig_log(&rig);
	ck_assert_ptr_nonnull(strstr(text_cstr(&rig.sunk), "\"trace_id\":{\"w3c\":\"" T32 "\",\"datadog\":"
	                                                   "\"11803532876627986230\"}"));
}
END_TEST

START_TEST(deliveries_go_to_the_collector)
{
	rig.tracing.what = ~0u;
	ask("'sampling_rate':1,'headers':{'x-key':'k'},'resource_attributes':{'service.name':'edge'},"
	    "'batch_span_count':50,'batch_flush_delay':2,'connect_timeout':9000,'logs_endpoint':'http://c/v1/logs'",
	        "");
	rig_upstream_answers(&rig, 200, "", "");
	rig_log(&rig);
	const struct sink *s = rig.sunk_in; /* the last: logs */
	ck_assert(slice_eq(s->url, S("http://c/v1/logs")));
	ck_assert_int_eq(s->status_below, 201);
	ck_assert_uint_eq(s->queue.batch_size, 50);
	ck_assert_uint_eq(s->queue.coalesce_ms, 2000);
	ck_assert_uint_eq(s->timeout_ms, 9000);
	ck_assert(slice_eq(head_find_name(&s->headers, S("content-type"))->value, S("application/x-protobuf")));
	ck_assert(slice_eq(head_find_name(&s->headers, S("x-key"))->value, S("k")));
	struct text out = {0};
	struct slice entry = S("entry");
	s->encode(&(struct sink_batch){s, S("node-1"), &entry, 1}, &out);
	ck_assert(memmem(out.ptr, out.len, "edge", 4) && !memmem(out.ptr, out.len, "kong", 4));
	ck_assert(memmem(out.ptr, out.len, "service.instance.id\x12\x08\n\x06node-1", 29) != NULL);
	ck_assert(memmem(out.ptr, out.len, "service.version", 15) != NULL);
	ck_assert_int_eq(memcmp(out.ptr + out.len - 5, "entry", 5), 0);
	text_fini(&out);
}
END_TEST

static const struct {
	const char *config, *told;
} bad_rows[] = {
        {"{}", "at least one of these fields must be non-empty: 'config.traces_endpoint', 'config.logs_endpoint'"},
        {"{'traces_endpoint':'c:4318'}", "missing host in url"},
        {"{'traces_endpoint':'http://c/','sampling_rate':2}", "value should be between 0 and 1"},
        {"{'traces_endpoint':'http://c/','header_type':'x'}",
                "expected one of: preserve, ignore, b3, b3-single, w3c"},
        {"{'traces_endpoint':'http://c/','propagation':{'extract':['b3-single'],'default_format':'w3c'}}",
                "expected one of: gcp, jaeger, aws, ot, w3c, datadog, b3"},
        {"{'traces_endpoint':'http://c/','propagation':{'default_format':'preserve'}}",
                "expected one of: gcp, b3-single"},
        {"{'traces_endpoint':'http://c/','propagation':{'inject':['w3c']}}", "required field missing"},
};

START_TEST(what_cannot_be)
{
	char row[512];
	snprintf(row, sizeof row, "{'name':'opentelemetry','config':%s}", bad_rows[_i].config);
	const char *why = rig_refusal(&rig, "plugins", row);
	ck_assert_msg(why && strstr(why, bad_rows[_i].told), "%s", why);
}
END_TEST

START_TEST(the_old_name_of_the_endpoint)
{
	const char *shown = rig_rendered(
	        &rig, "plugins", "{'name':'opentelemetry','config':{'endpoint':'http://c/v1/traces'}}");
	ck_assert_ptr_nonnull(strstr(shown, "\"traces_endpoint\":\"http://c/v1/traces\""));
	ck_assert_ptr_nonnull(strstr(shown, "\"endpoint\":\"http://c/v1/traces\""));
	ck_assert_ptr_nonnull(strstr(shown, "\"max_batch_size\":200"));
	ck_assert_ptr_nonnull(strstr(shown, "\"default_format\":\"w3c\""));
}
END_TEST

#define ROWS(rows) sizeof(rows) / sizeof *(rows)

int main(void)
{
	Suite *s = suite_create("opentelemetry");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, what_callers_say_is_read, 0, ROWS(read_rows));
	tcase_add_loop_test(t, upstreams_are_told, 0, ROWS(written_rows));
	tcase_add_test(t, gcp_has_a_decimal_span);
	tcase_add_loop_test(t, formats_are_chosen, 0, ROWS(choice_rows));
	tcase_add_test(t, nothing_is_extracted_where_nothing_is_named);
	tcase_add_test(t, what_is_not_ours_stays);
	tcase_add_loop_test(t, traces_are_chosen_by_their_ids, 0, ROWS(sampling_rows));
	tcase_add_test(t, spans_have_the_right_parents);
	tcase_add_test(t, without_instrumentations_nothing_is_sent);
	tcase_add_test(t, what_is_not_sampled_is_not_sent);
	tcase_add_test(t, the_client_may_be_told_and_the_log_is);
	tcase_add_test(t, deliveries_go_to_the_collector);
	tcase_add_loop_test(t, what_cannot_be, 0, ROWS(bad_rows));
	tcase_add_test(t, the_old_name_of_the_endpoint);
	suite_add_tcase(s, t);
	return run_suite(s);
}
