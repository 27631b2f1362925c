/* propagation: the `propagation` record of plugins that trace, the older header_type, and what follows from them
 * (plugins.md 0.11). */
#ifndef COMMON_PLUGIN_PROPAGATION_H
#define COMMON_PLUGIN_PROPAGATION_H

#include "common/plugin/trace_context.h"

struct propagation_conf {
	struct slice_list extract, clear, inject;
	struct slice default_format;
};
extern const struct schema propagation_schema;

#define PROPAGATION_HEADER_TYPES \
	ONE_OF("preserve", "ignore", "b3", "b3-single", "w3c", "jaeger", "ot", "aws", "gcp", "datadog")

/* A configuration, understood. Made in compile(). */
struct propagation {
	enum trace_format extract[TRACE_FORMATS];
	enum trace_format inject[TRACE_FORMATS + 1]; /* TRACE_NONE: as it came, else the default */
	size_t extract_count, inject_count;
	enum trace_format default_format;
	struct slice_list clear;
};
/* header_type counts only when extract, clear and inject are all unset. default_format: for it, another than the
 * record's (zipkin); unset: the record's. */
void propagation_init(struct propagation *p, const struct propagation_conf *conf, struct slice header_type,
        struct slice default_format);

/* Takes away the headers to clear, writes t in every format to inject, and puts the trace's id in these formats into
 * the log. incoming: what was extracted. */
void propagation_inject(
        struct call *c, const struct propagation *p, enum trace_format incoming, const struct trace_context *t);

#endif
