/* meter: the figures that one worker collects for /metrics (proxy.md 11.5; pitfalls.md A6-9).
 *
 * A series is a metric and its labels. Only the worker writes, without locks and without a shared cache line; whoever
 * reads does so at any time, from any thread, without stopping it: series never move and never go, their number is
 * published last, their figures are read one by one. So a scrape sees figures that are a moment apart, as any scrape
 * does. What is asked for beyond the limit is added up in one series per metric, labelled overflow="true". */
#ifndef DP_HOST_METER_H
#define DP_HOST_METER_H

#include <stdbool.h>

#include "common/core/slice.h"
#include "common/plugin/metric.h"

struct meter;

/* max: series, those for what overflows not counted. */
struct meter *meter_new(uint32_t max);
void meter_free(struct meter *m);

/* Counters: adds. Histograms: observes. Gauges: sets. labels: see metric_label(); empty: none. */
void meter_count(struct meter *m, const struct metric *of, struct slice labels, uint64_t value);

/* A series as a reader sees it. Counters and gauges have one cell. Histograms have one per bound and one for +Inf,
 * not cumulative, and a sum. */
struct meter_series {
	const struct metric *metric;
	struct slice labels;
	const uint64_t *cells; /* to be read with meter_read() */
	uint32_t cell_count;
	const uint64_t *sum;
};
static inline uint64_t meter_read(const uint64_t *cell)
{
	return __atomic_load_n(cell, __ATOMIC_RELAXED);
}
/* Steps over what is there: start with *at = 0; false at the end. From any thread. */
bool meter_next(const struct meter *m, uint32_t *at, struct meter_series *out);

#endif
