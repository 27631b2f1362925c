/* metric: a family of things that are counted for /metrics (proxy.md 11.5). Whoever counts declares it once, as a
 * constant in its file; dp/host/meter.h keeps the figures, dp/status shows them. */
#ifndef COMMON_PLUGIN_METRIC_H
#define COMMON_PLUGIN_METRIC_H

#include <stdint.h>

#include "common/core/text.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric {
	const char *name; /* "kong_http_requests_total" */
	enum metric_kind kind;
	const char *help;
	const uint32_t *bounds; /* of a histogram: upper bounds of its buckets, ascending, without +Inf */
	uint32_t bounds_count;
};

/* Appends name="value", escaped, with a comma before it when text is not empty: the labels of a series. */
void metric_label(struct text *labels, const char *name, struct slice value);

#endif
