/* health: see health.h. */
#include "dp/upstream/health.h"

enum { STATE_BITS = 2, COUNTER_BITS = 8, COUNTER_MAX = 255, STATUS_MAX = 1023 };

static unsigned shift_of(enum health_counter c)
{
	return STATE_BITS + COUNTER_BITS * (unsigned)c;
}

static unsigned counted(uint64_t w, enum health_counter c)
{
	return (w >> shift_of(c)) & COUNTER_MAX;
}

static uint64_t with_count(uint64_t w, enum health_counter c, unsigned n)
{
	return (w & ~((uint64_t)COUNTER_MAX << shift_of(c))) | (uint64_t)n << shift_of(c);
}

static uint64_t with_state(uint64_t w, enum health_state s)
{
	return (w & ~(uint64_t)3) | s;
}

static enum health_state state_of(uint64_t w)
{
	return (enum health_state)(w & 3);
}

static bool is_good(uint64_t w)
{
	return state_of(w) <= MOSTLY_HEALTHY;
}

static enum health_change change_of(uint64_t was, uint64_t is)
{
	return is_good(was) == is_good(is) ? HEALTH_SAME : is_good(is) ? HEALTH_RISEN : HEALTH_FALLEN;
}

/* A success clears the failures, a failure only the successes (rule 3). */
static uint64_t count_one(uint64_t w, enum health_counter c)
{
	unsigned n = counted(w, c) + 1;

	if (c == HEALTH_SUCCESS)
		w = w & 3;
	else
		w = with_count(w, HEALTH_SUCCESS, 0);
	return with_count(w, c, n > COUNTER_MAX ? COUNTER_MAX : n);
}

/* Rules 2 to 4. */
static uint64_t after_report(uint64_t w, enum health_counter c, unsigned limit)
{
	bool success = c == HEALTH_SUCCESS;

	if (state_of(w) == (success ? HEALTHY : UNHEALTHY))
		return w;
	w = count_one(w, c);
	if (counted(w, c) >= limit)
		return with_state(w, success ? HEALTHY : UNHEALTHY);
	if (state_of(w) == HEALTHY && !success)
		return with_state(w, MOSTLY_HEALTHY);
	if (state_of(w) == UNHEALTHY && success)
		return with_state(w, MOSTLY_UNHEALTHY);
	return w;
}

enum health_change health_report(health_word *w, enum health_counter counter, unsigned limit)
{
	uint64_t was = atomic_load_explicit(w, memory_order_relaxed), is;

	if (limit == 0)
		return HEALTH_SAME;
	do {
		is = after_report(was, counter, limit);
		if (is == was)
			return HEALTH_SAME;
	} while (!atomic_compare_exchange_weak_explicit(w, &was, is, memory_order_acq_rel, memory_order_relaxed));
	return change_of(was, is);
}

enum health_change health_mark(health_word *w, bool healthy)
{
	uint64_t is = healthy ? HEALTHY : UNHEALTHY;
	return change_of(atomic_exchange(w, is), is);
}

enum health_state health_state(const health_word *w)
{
	return state_of(atomic_load_explicit(w, memory_order_relaxed));
}

unsigned health_count(const health_word *w, enum health_counter counter)
{
	return counted(atomic_load_explicit(w, memory_order_relaxed), counter);
}

/* ---- rules ----------------------------------------------------------------------------------------------------- */

static void add_statuses(uint64_t *set, const struct int_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		if (list->items[i] >= 0 && list->items[i] <= STATUS_MAX)
			set[list->items[i] / 64] |= (uint64_t)1 << (list->items[i] % 64);
}

static bool has_status(const uint64_t *set, int status)
{
	return status >= 0 && status <= STATUS_MAX && (set[status / 64] >> (status % 64) & 1);
}

void health_rules_init(struct health_rules *r, const struct healthchecks *checks)
{
	const struct active_checks *a = &checks->active;
	const struct passive_checks *p = &checks->passive;

	*r = (struct health_rules){.in_use = healthchecks_are_used(checks), .threshold = checks->threshold};
	r->active.limit[HEALTH_SUCCESS] = (uint8_t)a->healthy.successes;
	r->active.limit[HEALTH_HTTP] = (uint8_t)a->unhealthy.http_failures;
	r->active.limit[HEALTH_TCP] = (uint8_t)a->unhealthy.tcp_failures;
	r->active.limit[HEALTH_TIMEOUT] = (uint8_t)a->unhealthy.timeouts;
	add_statuses(r->active.good, &a->healthy.http_statuses);
	add_statuses(r->active.bad, &a->unhealthy.http_statuses);
	r->passive.limit[HEALTH_SUCCESS] = (uint8_t)p->healthy.successes;
	r->passive.limit[HEALTH_HTTP] = (uint8_t)p->unhealthy.http_failures;
	r->passive.limit[HEALTH_TCP] = (uint8_t)p->unhealthy.tcp_failures;
	r->passive.limit[HEALTH_TIMEOUT] = (uint8_t)p->unhealthy.timeouts;
	add_statuses(r->passive.good, &p->healthy.http_statuses);
	add_statuses(r->passive.bad, &p->unhealthy.http_statuses);
}

enum health_counter health_judge(const struct health_limits *l, int status)
{
	return has_status(l->good, status)  ? HEALTH_SUCCESS
	       : has_status(l->bad, status) ? HEALTH_HTTP
	                                    : HEALTH_COUNTERS;
}

bool health_is_enough(const struct health_rules *r, uint64_t available, uint64_t total)
{
	return total > 0 && (double)available * 100 > r->threshold * (double)total;
}
