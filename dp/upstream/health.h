/* health: is an address well? The state machine of proxy.md 6.2 in one atomic word per address, so that any worker
 * and the prober report without a lock and no report is lost (pitfalls.md A3-7). Pure data, no I/O, no time.
 *
 * The word holds a state and four 8-bit counters that active and passive checks share. Zero: healthy, nothing
 * counted. */
#ifndef DP_UPSTREAM_HEALTH_H
#define DP_UPSTREAM_HEALTH_H

#include <stdatomic.h>

#include "common/entity/upstream.h"

enum health_state { HEALTHY, MOSTLY_HEALTHY, UNHEALTHY, MOSTLY_UNHEALTHY };
enum health_counter { HEALTH_SUCCESS, HEALTH_HTTP, HEALTH_TCP, HEALTH_TIMEOUT, HEALTH_COUNTERS };

typedef _Atomic uint64_t health_word;

/* What came of a report. */
enum health_change { HEALTH_SAME, HEALTH_RISEN, HEALTH_FALLEN };

/* Counts one report; limit: of this counter, 0: the report is ignored altogether. */
enum health_change health_report(health_word *w, enum health_counter counter, unsigned limit);
/* Sets the state and zeroes the counters (6.7). */
enum health_change health_mark(health_word *w, bool healthy);

enum health_state health_state(const health_word *w);
unsigned health_count(const health_word *w, enum health_counter counter);
/* Gets traffic. */
static inline bool is_health_good(const health_word *w)
{
	return (atomic_load_explicit(w, memory_order_relaxed) & 3) <= MOSTLY_HEALTHY;
}

/* ---- an upstream's limits -------------------------------------------------------------------------------------- */

struct health_limits { /* of one kind of checks, active or passive */
	uint8_t limit[HEALTH_COUNTERS];
	uint64_t good[16], bad[16]; /* sets of statuses */
};

struct health_rules {
	bool in_use; /* else nothing is counted */
	double threshold;
	struct health_limits active, passive;
};

void health_rules_init(struct health_rules *r, const struct healthchecks *checks);
/* What a status means: HEALTH_SUCCESS, HEALTH_HTTP, or HEALTH_COUNTERS: nothing. */
enum health_counter health_judge(const struct health_limits *l, int status);
/* 6.6; strictly more than the threshold. Nothing in all: false. */
bool health_is_enough(const struct health_rules *r, uint64_t available, uint64_t total);

#endif
