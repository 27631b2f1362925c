/* propagation: see propagation.h. */
#include "common/plugin/propagation.h"

/* In the order in which Kong lists them under /schemas. */
#define FORMATS "jaeger", "aws", "ot", "w3c", "datadog", "b3"

static const struct field fields[] = {
        FIELD(struct propagation_conf, extract, STRINGS(.one_of = ONE_OF("gcp", FORMATS)),
                .doc = "Formats in which the caller's trace is looked for; the first that is found counts. None: every "
                       "request begins a trace."),
        FIELD(struct propagation_conf, clear, STRINGS(),
                .doc = "Headers that are taken away from the request once they have been read."),
        FIELD(struct propagation_conf, inject, STRINGS(.one_of = ONE_OF("preserve", "gcp", "b3-single", FORMATS)),
                .doc = "Formats in which the upstream is told of the trace; `preserve` is the caller's. None: it is not "
                       "told."),
        FIELD(struct propagation_conf, default_format, .flags = REQUIRED,
                .one_of = ONE_OF("gcp", "b3-single", FORMATS),
                .doc = "What `preserve` stands for when the caller has told of no trace."),
        {0},
};

const struct schema propagation_schema = {
        .name = "propagation",
        .size = sizeof(struct propagation_conf),
        .fields = fields,
        .doc = "How traces are taken over from callers and handed on to upstreams.",
};

static enum trace_format format_of(struct slice word)
{
	static const struct {
		struct slice word;
		enum trace_format format;
	} words[] = {{SLICE("w3c"), TRACE_W3C}, {SLICE("b3"), TRACE_B3}, {SLICE("b3-single"), TRACE_B3_SINGLE},
	        {SLICE("jaeger"), TRACE_JAEGER}, {SLICE("ot"), TRACE_OT}, {SLICE("datadog"), TRACE_DATADOG},
	        {SLICE("aws"), TRACE_AWS}, {SLICE("gcp"), TRACE_GCP}};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (slice_eq(words[i].word, word))
			return words[i].format;
	return TRACE_NONE; /* "preserve" */
}

/* Each once. */
static void add(enum trace_format *list, size_t *n, enum trace_format format)
{
	for (size_t i = 0; i < *n; i++)
		if (list[i] == format)
			return;
	list[(*n)++] = format;
}

static void take_header_type(struct propagation *p, struct slice type)
{
	static const enum trace_format all[] = {
	        TRACE_B3, TRACE_W3C, TRACE_JAEGER, TRACE_OT, TRACE_DATADOG, TRACE_AWS, TRACE_GCP};
	if (slice_eq(type, S("ignore"))) {
		add(p->inject, &p->inject_count, p->default_format);
		return;
	}
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		add(p->extract, &p->extract_count, all[i]);
	add(p->inject, &p->inject_count, TRACE_NONE);
	if (slice_is_set(type) && !slice_eq(type, S("preserve")))
		add(p->inject, &p->inject_count, format_of(type));
}

void propagation_init(struct propagation *p, const struct propagation_conf *conf, struct slice header_type,
        struct slice default_format)
{
	*p = (struct propagation){.clear = conf->clear};
	if (!conf->extract.items && !conf->clear.items && !conf->inject.items) {
		p->default_format = format_of(slice_is_set(default_format) ? default_format : conf->default_format);
		take_header_type(p, header_type);
		return;
	}
	p->default_format = format_of(conf->default_format);
	for (size_t i = 0; i < conf->extract.len; i++)
		add(p->extract, &p->extract_count, format_of(conf->extract.items[i]));
	for (size_t i = 0; i < conf->inject.len; i++)
		add(p->inject, &p->inject_count, format_of(conf->inject.items[i]));
}

void propagation_inject(
        struct call *c, const struct propagation *p, enum trace_format incoming, const struct trace_context *t)
{
	enum trace_format done[TRACE_FORMATS];
	size_t count = 0, before;

	for (size_t i = 0; i < p->clear.len; i++)
		call_remove_header(c, p->clear.items[i]);
	json_t *ids = json_object();
	for (size_t i = 0; i < p->inject_count; i++) {
		enum trace_format f = p->inject[i];
		if (f == TRACE_NONE)
			f = incoming != TRACE_NONE ? incoming : p->default_format;
		before = count;
		add(done, &count, f);
		if (count == before)
			continue;
		struct slice id = trace_inject(c, f, t);
		json_object_set_new(ids, trace_format_key(f), json_stringn(id.ptr, id.len));
	}
	if (count)
		call_log_set(c, S("trace_id"), ids);
	else
		json_decref(ids);
}
