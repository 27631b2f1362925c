/* snapshot: what is read of a snapshot while it serves, and its end. Building is in compile.c. */
#include "dp/config/snapshot.h"

#include <stdlib.h>

#include "dp/config/compile.h"

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	router_free(s->router);
	arena_fini(&s->arena);
	if (s->catalog)
		catalog_free(s->catalog);
	free(s);
}

/* ---- consumer rows ------------------------------------------------------------------------------------------ */

static uint64_t hash_row(const struct plugin *plugin, const struct uuid *consumer, const struct uuid *route,
        const struct uuid *service)
{
	const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t h = slice_hash(uuid_slice(consumer)) ^ (uint64_t)(uintptr_t)plugin;

	h = h * odd ^ (route ? slice_hash(uuid_slice(route)) : 1);
	return h * odd ^ (service ? slice_hash(uuid_slice(service)) : 1);
}

static bool same_id(const struct uuid *a, const struct uuid *b)
{
	return a && b ? uuid_eq(a, b) : a == b;
}

static const struct plugin_instance **row_slot(const struct consumer_rows *rows, const struct plugin *plugin,
        const struct uuid *consumer, const struct uuid *route, const struct uuid *service)
{
	uint64_t hash = hash_row(plugin, consumer, route, service);

	for (size_t at = (hash ^ hash >> 32) & rows->mask;; at = (at + 1) & rows->mask) {
		const struct plugin_instance *i = rows->slots[at];
		if (!i || (i->plugin == plugin && same_id(i->consumer_id, consumer) && same_id(i->route_id, route) &&
		                  same_id(i->service_id, service)))
			return &rows->slots[at];
	}
}

void consumer_rows_init(struct consumer_rows *rows, struct arena *a, size_t n)
{
	size_t size = 8;

	while (size < n * 2)
		size *= 2;
	*rows = (struct consumer_rows){
	        .slots = arena_array(a, const struct plugin_instance *, size), .mask = size - 1};
}

void consumer_rows_add(struct consumer_rows *rows, const struct plugin_instance *i)
{
	*row_slot(rows, i->plugin, i->consumer_id, i->route_id, i->service_id) = i;
	rows->count++;
}

/* The levels of are 1: route, service and consumer, 2: route and consumer, 3: service and consumer, 4: route
 * and service, 5: consumer, then 6 to 8 without one. The link has the best of 4, 6, 7 and 8. */
const struct plugin_instance *snapshot_instance(const struct snapshot *s, const struct chain_link *link,
        const struct route *r, const struct service *sv, const struct uuid *consumer)
{
	if (!link->has_consumer_rows || !consumer)
		return link->instance;

	const struct consumer_rows *rows = s->consumer_rows;
	const struct uuid *route = r ? &r->id : NULL, *service = sv ? &sv->id : NULL;
	const struct plugin_instance *best = NULL;
	if (route && service)
		best = *row_slot(rows, link->plugin, consumer, route, service);
	if (!best && route)
		best = *row_slot(rows, link->plugin, consumer, route, NULL);
	if (!best && service)
		best = *row_slot(rows, link->plugin, consumer, NULL, service);
	if (!best && link->instance && link->instance->route_id && link->instance->service_id)
		return link->instance;
	if (!best)
		best = *row_slot(rows, link->plugin, consumer, NULL, NULL);
	return best ? best : link->instance;
}
