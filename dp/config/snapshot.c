/* snapshot: what is read of a snapshot while it serves, and its end. Building is in compile.c. */
#include "dp/config/snapshot.h"

#include <stdlib.h>

#include "dp/config/compile.h"

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	router_free(s->router);
	part_unref((struct chain *)s->global); /* read-only to others, counted by us */
	pmap_fini(&s->services);
	pmap_fini(&s->upstreams);
	pmap_fini(&s->chains);
	pmap_fini(&s->consumer_rows);
	for (int i = 0; i < SCOPE_KINDS; i++)
		pmap_fini(&s->scopes[i]);
	pmap_fini(&s->instances);
	if (s->catalog)
		catalog_free(s->catalog);
	free((char *)s->epoch.ptr);
	free(s->state_offsets);
	free(s);
}

/* ---- plans -------------------------------------------------------------------------------------------------- */

static bool has_protocol(const struct route *r, struct slice protocol)
{
	for (size_t i = 0; i < r->protocols.len; i++)
		if (slice_eq(r->protocols.items[i], protocol))
			return true;
	return false;
}

const struct upstream_def *snapshot_upstream(const struct snapshot *s, struct slice name)
{
	return s->upstreams.count ? pmap_get(&s->upstreams, name) : NULL;
}

void snapshot_plan(const struct snapshot *s, const void *value, struct route_plan *out)
{
	const struct record *record = value;
	const struct route *route = record->entity;

	*out = (struct route_plan){.route = route,
	        .chain = s->chains.count ? pmap_get(&s->chains, uuid_slice(&route->id)) : NULL,
	        .https_only = has_protocol(route, S("https")) && !has_protocol(route, S("http"))};
	if (route->service.set) {
		const struct service_part *part = pmap_get(&s->services, uuid_slice(&route->service.id));
		out->service = part->service;
		out->destination = &part->destination;
		if (!part->destination.is_address)
			out->upstream = snapshot_upstream(s, part->service->host);
		if (!out->chain)
			out->chain = part->chain;
	}
	if (!out->chain)
		out->chain = s->global;
}

/* ---- consumer rows ------------------------------------------------------------------------------------------ */

static const struct plugin_instance *row_of(const struct snapshot *s, const struct plugin *plugin,
        const struct uuid *consumer, const struct uuid *route, const struct uuid *service)
{
	static const struct uuid none;
	const struct consumer_row row = {plugin, *consumer, route ? *route : none, service ? *service : none};

	return pmap_get(&s->consumer_rows, consumer_row_slice(&row));
}

/* The levels of are 1: route, service and consumer, 2: route and consumer, 3: service and consumer, 4: route
 * and service, 5: consumer, then 6 to 8 without one. The link has the best of 4, 6, 7 and 8. */
const struct plugin_instance *snapshot_instance(const struct snapshot *s, const struct chain_link *link,
        const struct route *r, const struct service *sv, const struct uuid *consumer)
{
	if (!link->has_consumer_rows || !consumer)
		return link->instance;

	const struct uuid *route = r ? &r->id : NULL, *service = sv ? &sv->id : NULL;
	const struct plugin_instance *best = NULL;
	if (route && service)
		best = row_of(s, link->plugin, consumer, route, service);
	if (!best && route)
		best = row_of(s, link->plugin, consumer, route, NULL);
	if (!best && service)
		best = row_of(s, link->plugin, consumer, NULL, service);
	if (!best && link->instance && link->instance->route_id && link->instance->service_id)
		return link->instance;
	if (!best)
		best = row_of(s, link->plugin, consumer, NULL, NULL);
	return best ? best : link->instance;
}
