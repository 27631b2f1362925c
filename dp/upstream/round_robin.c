/* round_robin: the wheel of proxy.md 5.4 without the wheel. The weights of the available entries, in units of what
 * they have in common, lie end to end; turn t stands at position t * stride mod their sum. A stride that shares no
 * factor with the sum visits every position once per full turn, and one near the golden section spreads an entry's
 * turns evenly. Finding the entry at a position takes O(log n).
 *
 * The turn is the node's, so shares are exact over all workers. Where an entry has become unavailable since the view
 * was built, the next position is taken. */
#include <stdlib.h>

#include "dp/upstream/balancer_private.h"

enum { STEPS_MAX = 16 };

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

static void set_stride(struct view *v)
{
	v->stride = (uint64_t)((double)v->slots * 0.618) | 1;
	while (gcd(v->stride, v->slots) != 1)
		v->stride++;
}

void round_robin_build(struct view *v)
{
	uint64_t common = 0;

	v->live = arena_array(&v->arena, uint32_t, v->count);
	v->ends = arena_array(&v->arena, uint64_t, v->count);
	for (uint32_t i = 0; i < v->count; i++) {
		if (!is_entry_available(v, &v->entries[i]))
			continue;
		v->live[v->live_count++] = i;
		common = gcd(common, (uint64_t)v->entries[i].weight);
	}
	for (uint32_t i = 0; i < v->live_count; i++) {
		v->slots += (uint64_t)v->entries[v->live[i]].weight / common;
		v->ends[i] = v->slots;
	}
	if (v->slots)
		set_stride(v);
}

/* The first whose end is behind the position. */
static const struct entry *entry_at(const struct view *v, uint64_t position)
{
	uint32_t low = 0, high = v->live_count - 1;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (v->ends[middle] > position)
			high = middle;
		else
			low = middle + 1;
	}
	return &v->entries[v->live[low]];
}

static const struct entry *next_entry(struct view *v)
{
	uint64_t turn = atomic_fetch_add_explicit(&v->balancer->turn, 1, memory_order_relaxed) % v->slots;

	return entry_at(v, (uint64_t)((unsigned __int128)turn * v->stride % v->slots));
}

static const struct entry *any_available(const struct view *v)
{
	for (uint32_t i = 0; i < v->live_count; i++)
		if (is_entry_available(v, &v->entries[v->live[i]]))
			return &v->entries[v->live[i]];
	return NULL;
}

const struct entry *round_robin_pick(struct view *v)
{
	uint32_t slow_start_ms = v->balancer->owner->o.slow_start_ms;
	const struct entry *ramping = NULL;

	for (int step = 0; v->slots && step < STEPS_MAX; step++) {
		const struct entry *e = next_entry(v);
		if (!is_entry_available(v, e))
			continue;
		if (peer_takes_turn(e->peer, slow_start_ms))
			return e;
		ramping = e;
	}
	return ramping ? ramping : any_available(v);
}
