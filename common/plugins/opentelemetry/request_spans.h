/* request_spans: what a request did, as spans of a trace (plugins.md 7.4): the root, and below it what spans.h has
 * noted and the tries of the balancer. */
#ifndef COMMON_PLUGINS_OPENTELEMETRY_REQUEST_SPANS_H
#define COMMON_PLUGINS_OPENTELEMETRY_REQUEST_SPANS_H

#include "common/plugins/opentelemetry/otlp.h"

struct span_ids {
	unsigned char trace[16], root[8];
	unsigned char balancer[8]; /* of the last try: what the upstream was told */
	bool has_parent;
	unsigned char parent[8]; /* of the root: the caller's span */
};

/* In the log phase: the entry for the queue, on the request's arena. */
struct slice request_spans(struct call *c, const struct span_ids *ids);
/* The log record of the request, in the same way. is_sampled: the trace is. */
struct slice request_log(struct call *c, const struct span_ids *ids, bool is_sampled);

#endif
