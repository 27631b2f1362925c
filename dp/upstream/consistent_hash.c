/* consistent_hash: Kong's continuum, number for number (proxy.md 5.5), so that nodes of both kinds agree.
 *
 * The ring says which entry owns which point; it depends on addresses and weights only. A lookup walks downwards to
 * the first point of an available entry: that walk is done once, when a view is built, for every point. */
#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "dp/upstream/balancer_private.h"

enum { POINTS_MIN = 1000, ENTRIES_PER_TARGET = 160, LABEL_MAX = 320 };

uint32_t balancer_hash(struct slice value)
{
	return XXH32(value.ptr, value.len, 0);
}

static uint32_t point_of(const struct entry *e, uint64_t i, uint32_t points)
{
	char label[LABEL_MAX];
	int n = snprintf(
	        label, sizeof label, "%.*s::%d %llu", SLICE_ARG(e->peer->text), e->peer->port, (unsigned long long)i);

	return XXH32(label, (size_t)n, 0) % points;
}

/* Where a point is taken, one index more is tried, while there are points left at all. */
static uint32_t put_entry(struct ring *r, const struct entry *e, uint32_t index, uint64_t wanted, uint32_t room)
{
	uint32_t put = 0;

	for (uint64_t i = 1; put < wanted && put < room && i < wanted + 16 * (uint64_t)r->points; i++) {
		uint32_t *at = &r->at[point_of(e, i, r->points)];
		if (*at)
			continue;
		*at = index + 1;
		put++;
	}
	return put;
}

struct ring *hash_ring_new(const struct view *v, const struct upstream_def *def)
{
	uint32_t points = def->upstream->slots < POINTS_MIN ? POINTS_MIN : (uint32_t)def->upstream->slots;
	struct ring *r = calloc(1, sizeof *r + points * sizeof r->at[0]);
	uint32_t room = points;

	if (!r)
		abort();
	r->refs = 1;
	r->points = points;
	for (uint32_t i = 0; i < v->count; i++) {
		const struct entry *e = &v->entries[i];
		double share = (double)e->weight / (double)v->total;
		uint64_t wanted = (uint64_t)(share * (double)def->targets_count * ENTRIES_PER_TARGET);
		if (e->weight > 0)
			room -= put_entry(r, e, i, wanted ? wanted : 1, room);
	}
	return r;
}

void hash_ring_unref(struct ring *r)
{
	if (r && --r->refs == 0)
		free(r);
}

static uint32_t owner_at(const struct view *v, uint32_t point)
{
	uint32_t owner = v->ring->at[point];

	return owner && is_entry_available(v, &v->entries[owner - 1]) ? owner : 0;
}

void hash_build(struct view *v)
{
	uint32_t points = v->ring->points, owner = 0;

	v->owners = arena_array(&v->arena, uint32_t, points);
	for (uint32_t p = points; p-- > 0 && !owner;) /* what point 0 wraps to */
		owner = owner_at(v, p);
	for (uint32_t p = 0; p < points; p++) {
		uint32_t here = owner_at(v, p);
		owner = here ? here : owner;
		v->owners[p] = owner;
	}
}

const struct entry *hash_pick(const struct view *v, uint32_t hash)
{
	uint32_t points = v->ring->points, point = hash % points;

	for (uint32_t steps = 0; steps < points; steps++) { /* one, unless something has just become unavailable */
		uint32_t owner = v->owners[point];
		if (owner && is_entry_available(v, &v->entries[owner - 1]))
			return &v->entries[owner - 1];
		point = point ? point - 1 : points - 1;
	}
	return NULL;
}
