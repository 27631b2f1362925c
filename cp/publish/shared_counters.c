/* shared_counters: see shared_counters.h. */
#include "cp/publish/shared_counters.h"

#include <stdlib.h>

#include "common/core/map.h"

enum { SWEEP_MS = 10000 };

struct share { /* what one node has said last */
	struct uuid node;
	uint64_t count;
};

struct total {
	uint64_t sum, ends_ms;
	struct share *shares;
	size_t count;
};

static struct {
	struct map totals; /* key -> struct total */
	uint64_t swept_ms;
} table;

static void free_total(struct total *t)
{
	free(t->shares);
	free(t);
}

static void sweep(uint64_t now_ms)
{
	struct slice key, *over = calloc(table.totals.count + 1, sizeof *over);
	size_t n = 0;
	void *value;

	if (!over)
		abort();
	for (size_t at = 0; map_next(&table.totals, &at, &key, &value);)
		if (((struct total *)value)->ends_ms <= now_ms)
			over[n++] = slice_of(slice_strdup(key), key.len);
	for (size_t i = 0; i < n; i++) {
		free_total(map_remove(&table.totals, over[i]));
		free((char *)over[i].ptr);
	}
	free(over);
	table.swept_ms = now_ms;
}

/* NULL: there is no room for another. */
static struct total *total_of(struct slice key)
{
	struct total *t = map_get(&table.totals, key);
	if (t || table.totals.count >= SHARED_COUNTERS_MAX)
		return t;
	t = calloc(1, sizeof *t);
	if (!t)
		abort();
	map_set(&table.totals, key, t);
	return t;
}

static struct share *share_of(struct total *t, const struct uuid *node)
{
	for (size_t i = 0; i < t->count; i++)
		if (uuid_eq(&t->shares[i].node, node))
			return &t->shares[i];
	t->shares = realloc(t->shares, (t->count + 1) * sizeof *t->shares);
	if (!t->shares)
		abort();
	t->shares[t->count] = (struct share){.node = *node};
	return &t->shares[t->count++];
}

/* A node that says less than before has begun anew: what it said then has happened all the same. */
static uint64_t take(const struct uuid *node, const Gatehouse__Sync__CounterReport *r, uint64_t now_ms)
{
	struct total *t = total_of(slice_cstr(r->key));
	if (!t)
		return 0;
	if (t->ends_ms <= now_ms) { /* new, or another window of this name */
		free(t->shares);
		*t = (struct total){.ends_ms = 0};
	}
	uint64_t ends_ms = now_ms + (uint64_t)r->seconds_left * 1000;
	t->ends_ms = ends_ms > t->ends_ms ? ends_ms : t->ends_ms;
	struct share *s = share_of(t, node);
	t->sum += r->count >= s->count ? r->count - s->count : r->count;
	s->count = r->count;
	return t->sum - s->count;
}

void shared_counters_answer(
        const struct uuid *node, const Gatehouse__Sync__Poll *p, Gatehouse__Sync__Envelope *e, uint64_t now_ms)
{
	size_t n = p->n_counters < SHARED_COUNTERS_POLL ? p->n_counters : SHARED_COUNTERS_POLL;

	if (n == 0)
		return;
	if (now_ms - table.swept_ms > SWEEP_MS)
		sweep(now_ms);
	e->counters = calloc(n, sizeof *e->counters);
	Gatehouse__Sync__CounterTotal *all = calloc(n, sizeof *all);
	if (!e->counters || !all)
		abort();
	for (size_t i = 0; i < n; i++) {
		const Gatehouse__Sync__CounterReport *r = p->counters[i];
		if (strlen(r->key) > SHARED_COUNTERS_KEY)
			continue;
		gatehouse__sync__counter_total__init(&all[e->n_counters]);
		all[e->n_counters].key = r->key;
		all[e->n_counters].others = take(node, r, now_ms);
		e->counters[e->n_counters] = &all[e->n_counters];
		e->n_counters++;
	}
	if (e->n_counters == 0) {
		free(all);
		free(e->counters);
		e->counters = NULL;
	}
}

void shared_counters_release(Gatehouse__Sync__Envelope *e)
{
	if (!e->n_counters)
		return;
	free(e->counters[0]);
	free(e->counters);
}

size_t shared_counters_size(void)
{
	return table.totals.count;
}

void shared_counters_clear(void)
{
	struct slice key;
	void *value;
	for (size_t at = 0; map_next(&table.totals, &at, &key, &value);)
		free_total(value);
	map_fini(&table.totals);
	table.totals = (struct map){0};
}
