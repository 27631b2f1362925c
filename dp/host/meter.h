/* meter: the figures that one worker collects for /metrics (proxy.md 11.5; pitfalls.md A6-9).
 *
 * A series is a metric and its labels. Only the worker writes, without locks and without a shared cache line; whoever
 * reads does so at any time, from any thread, without stopping it: while somebody reads, series are added but neither
 * move nor go; their number is published last, their figures are read one by one. So a scrape sees figures that are a
 * moment apart, as any scrape does. What is asked for beyond the limit is added up in one series per metric, labelled
 * overflow="true", and counted. */
#ifndef DP_HOST_METER_H
#define DP_HOST_METER_H

#include <stdbool.h>

#include "common/core/slice.h"
#include "common/plugin/metric.h"

struct meter;

/* max: series, those for what overflows not counted. */
struct meter *meter_new(uint32_t max);
void meter_free(struct meter *m);

/* ---- the worker ---- */

/* Counters: adds. Histograms: observes. Gauges: sets. labels: see metric_label(); empty: none. */
void meter_count(struct meter *m, const struct metric *of, struct slice labels, uint64_t value);
/* The same for the series about something; labels are written by `write` when it is new. */
void meter_count_about(struct meter *m, const struct metric *of, const struct metric_subject *about,
        metric_labels_fn write, struct call *c, uint64_t value);

/* The ids of what a series is about, all zero where it names nothing, and metric_names() when it was made. */
struct meter_subject {
	struct uuid route, service, consumer;
	uint64_t names;
};
typedef bool (*meter_subject_fn)(const struct meter_subject *s, void *arg);
/* Drops series whose subject is_current() does not know any more, in steps of at most `steps` series, so that no
 * request waits for long: start with *at = 0. False: there is more to do, call again later (also when somebody reads
 * just now). */
bool meter_sweep(struct meter *m, uint32_t *at, uint32_t steps, meter_subject_fn is_current, void *arg);

/* ---- readers ---- */

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
/* Around the steps of a reader, who must not stay long. One at a time; from any thread. */
void meter_begin(struct meter *m);
void meter_end(struct meter *m);
/* Steps over what is there: start with *at = 0; false at the end. */
bool meter_next(const struct meter *m, uint32_t *at, struct meter_series *out);
/* How often something was counted that has no series of its own. */
uint64_t meter_overflowed(const struct meter *m);

#endif
