/* least: least-connections and latency (proxy.md 5.6, 5.7): the entry with the least key, found at the root of a
 * tournament tree; a change of one key costs O(log n). Under the balancer's lock.
 *
 * The key of latency is the logarithm of score = e * exp(-age / 10) / weight without the factor that all entries
 * share at any one moment: ln(e / weight) + measured_at / 10. So keys do not change as time goes by. */
#include <math.h>

#include "common/core/clock.h"
#include "dp/upstream/balancer_private.h"

enum { DECAY_S = 10 };

static bool is_better(const struct least *l, uint32_t a, uint32_t b)
{
	return l->keys[a] < l->keys[b] || (l->keys[a] == l->keys[b] && l->used[a] < l->used[b]);
}

static void climb(struct least *l, uint32_t i)
{
	for (uint32_t node = (l->leaves + i) / 2; node > 0; node /= 2) {
		uint32_t left = node * 2, right = left + 1;
		uint32_t a = left < l->leaves ? l->winners[left] : left - l->leaves;
		uint32_t b = right < l->leaves ? l->winners[right] : right - l->leaves;
		l->winners[node] = is_better(l, b, a) ? b : a;
	}
}

void least_set(struct least *l, uint32_t i, double key)
{
	l->keys[i] = key;
	climb(l, i);
}

static double key_of(const struct view *v, const struct entry *e)
{
	struct peer *p = e->peer;
	double weight = (double)e->weight * peer_ramp(p, v->balancer->owner->o.slow_start_ms);

	if (!is_entry_available(v, e))
		return INFINITY;
	if (v->balance == BALANCE_LEAST_CONNECTIONS)
		return ((double)atomic_load_explicit(&p->active, memory_order_relaxed) + 1) / weight;
	if (p->ewma <= 0)
		return -INFINITY;
	return log(p->ewma / weight) + (double)p->ewma_ns / 1e9 / DECAY_S;
}

void least_update(struct view *v, uint32_t i)
{
	least_set(&v->least, i, key_of(v, &v->entries[i]));
}

/* New addresses start at the mean of the others. */
static void set_means(struct view *v)
{
	double sum = 0;
	uint64_t now = clock_mono_ns();
	uint32_t known = 0;

	for (uint32_t i = 0; i < v->count; i++) {
		const struct peer *p = v->entries[i].peer;
		if (!p->ewma_ns)
			continue;
		sum += p->ewma * exp(-(double)(now - p->ewma_ns) / 1e9 / DECAY_S);
		known++;
	}
	for (uint32_t i = 0; known && i < v->count; i++) {
		struct peer *p = v->entries[i].peer;
		if (!p->ewma_ns && p->ewma <= 0) {
			p->ewma = sum / known;
			p->ewma_ns = now;
		}
	}
}

void least_build(struct view *v)
{
	struct least *l = &v->least;

	if (v->balance == BALANCE_LATENCY)
		set_means(v);
	for (l->leaves = 2; l->leaves < v->count; l->leaves *= 2)
		;
	l->keys = arena_array(&v->arena, double, l->leaves);
	l->used = arena_array(&v->arena, uint64_t, l->leaves);
	l->winners = arena_array(&v->arena, uint32_t, l->leaves);
	for (uint32_t i = 0; i < l->leaves; i++)
		l->keys[i] = i < v->count ? key_of(v, &v->entries[i]) : INFINITY;
	for (uint32_t i = 0; i < l->leaves; i += 2)
		climb(l, i);
}

/* Without the peak of the usual PEWMA (5.7). */
void least_measured(struct peer *p, uint64_t ns)
{
	uint64_t now = clock_mono_ns();
	double rest = p->ewma_ns ? exp(-(double)(now - p->ewma_ns) / 1e9 / DECAY_S) : 0;

	p->ewma = p->ewma * rest + (double)ns / 1e9 * (1 - rest);
	p->ewma_ns = now;
}

static bool has_failed(const struct balancer_query *q, const struct peer *p)
{
	for (size_t i = 0; i < q->failed_count; i++)
		if (q->failed[i] == p)
			return true;
	return false;
}

/* Retries are rare: they look at all. */
static uint32_t best_of_rest(const struct view *v, const struct balancer_query *q)
{
	const struct least *l = &v->least;
	uint32_t best = l->leaves;

	for (uint32_t i = 0; i < v->count; i++)
		if (!has_failed(q, v->entries[i].peer) && l->keys[i] < INFINITY &&
		        (best == l->leaves || is_better(l, i, best)))
			best = i;
	return best;
}

const struct entry *least_pick(struct view *v, const struct balancer_query *q)
{
	struct least *l = &v->least;
	uint32_t best = q->failed_count ? best_of_rest(v, q) : l->leaves;

	if (best == l->leaves) {
		if (q->failed_count && v->balance == BALANCE_LATENCY)
			return NULL; /* 5.7: none left */
		best = l->winners[1];
	}
	if (l->keys[best] == INFINITY || !is_entry_available(v, &v->entries[best]))
		return NULL;
	l->used[best] = ++l->clock;
	return &v->entries[best];
}
