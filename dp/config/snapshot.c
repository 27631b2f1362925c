/* snapshot: what is read of a snapshot while it serves, and its end. Building is in compile.c. */
#include "dp/config/snapshot.h"

#include <stdlib.h>

#include "common/entity/consumer_group.h"
#include "dp/config/compile.h"

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	router_free(s->router);
	part_unref((struct chain *)s->global); /* read-only to others, counted by us */
	part_unref((struct l4_table *)s->l4);
	pmap_fini(&s->l4_routes);
	pmap_fini(&s->handshake_rows);
	pmap_fini(&s->services);
	pmap_fini(&s->upstreams);
	pmap_fini(&s->certificates);
	pmap_fini(&s->authorities);
	pmap_fini(&s->snis);
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

/* Of the families that HTTP requests meet, a word's length and first letter tell it. */
static void set_protocols(const struct route *r, struct route_plan *out)
{
	bool http = false, https = false, grpc = false;

	for (size_t i = 0; i < r->protocols.len; i++) {
		struct slice p = r->protocols.items[i];
		out->is_grpc |= p.ptr[0] == 'g';
		grpc |= p.len == 4 && p.ptr[0] == 'g';
		http |= p.len == 4 && p.ptr[0] == 'h';
		https |= p.len == 5 && p.ptr[0] == 'h';
	}
	out->https_only = https && !http;
	out->grpcs_only = out->is_grpc && !grpc;
}

const struct upstream_def *snapshot_upstream(const struct snapshot *s, struct slice name)
{
	return s->upstreams.count ? pmap_get(&s->upstreams, name) : NULL;
}

struct upstream_diff {
	void (*fn)(struct upstream_def *was, struct upstream_def *is, void *arg);
	void *arg;
};

static bool tell_upstream(void *was, void *is, void *arg)
{
	const struct upstream_diff *d = arg;

	d->fn(was, is, d->arg);
	return true;
}

void snapshot_diff_upstreams(const struct snapshot *was, const struct snapshot *is,
        void (*fn)(struct upstream_def *was, struct upstream_def *is, void *arg), void *arg)
{
	struct upstream_diff d = {fn, arg};
	struct pmap none;

	pmap_init(&none, &part_ops, NULL);
	pmap_diff(was ? &was->upstreams : &none, &is->upstreams, tell_upstream, &d);
	pmap_fini(&none);
}

void snapshot_plan(const struct snapshot *s, const struct route *route, struct route_plan *out)
{
	*out = (struct route_plan){
	        .route = route, .chain = s->chains.count ? pmap_get(&s->chains, uuid_slice(&route->id)) : NULL};
	set_protocols(route, out);
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

/* ---- rows for consumers and for groups of consumers ------------------------------------------------------------ */

struct lookup {
	const struct snapshot *s;
	const struct plugin *plugin;
	const struct uuid *route, *service; /* of the level that is looked at; NULL: without */

	const struct plugin_instance *found;
	struct slice found_name; /* of its group */
};

/* For one of consumer and group; NULL for the other. */
static const struct plugin_instance *row_for(
        const struct lookup *l, const struct uuid *consumer, const struct uuid *group)
{
	static const struct uuid none;
	const struct consumer_row row = {l->plugin, consumer ? *consumer : none, group ? *group : none,
	        l->route ? *l->route : none, l->service ? *l->service : none};

	return pmap_get(&l->s->consumer_rows, consumer_row_slice(&row));
}

static const struct plugin_instance *consumer_row(const struct lookup *l, const struct uuid *consumer)
{
	return row_for(l, consumer, NULL);
}

/* Of several groups the first by name counts. */
static bool look_at_group(struct record *membership, void *arg)
{
	struct lookup *l = arg;
	const struct group_membership *m = membership->entity;
	const struct uuid *id = &m->consumer_group.id;
	const struct plugin_instance *i = row_for(l, NULL, id);
	const struct record *group = i ? catalog_get(l->s->catalog, &consumer_group_schema, id) : NULL;

	if (!group)
		return true;
	struct slice name = ((const struct consumer_group *)group->entity)->name;
	if (!l->found || slice_cmp(name, l->found_name) < 0) {
		l->found = i;
		l->found_name = name;
	}
	return true;
}

static const struct plugin_instance *group_row(const struct lookup *l, const struct uuid *consumer)
{
	struct lookup groups = *l;

	catalog_each_ref(l->s->catalog, &group_membership_schema,
	        schema_reference_to(&group_membership_schema, "consumers"), consumer, look_at_group, &groups);
	return groups.found;
}

typedef const struct plugin_instance *(*row_fn)(const struct lookup *l, const struct uuid *consumer);

/* Rows that also name the route, the service or both, in this order: both, route, service. */
static const struct plugin_instance *narrow_row(const struct snapshot *s, const struct plugin *plugin,
        const struct uuid *route, const struct uuid *service, const struct uuid *consumer, row_fn row)
{
	const struct plugin_instance *i = NULL;

	if (route && service)
		i = row(&(struct lookup){.s = s, .plugin = plugin, .route = route, .service = service}, consumer);
	if (!i && route)
		i = row(&(struct lookup){.s = s, .plugin = plugin, .route = route}, consumer);
	if (!i && service)
		i = row(&(struct lookup){.s = s, .plugin = plugin, .service = service}, consumer);
	return i;
}

/* with groups right after the consumer: route, service and consumer; route and consumer; service and consumer;
 * the same three with a group; route and service; consumer; group; then route, service, global. The link has the best
 * without either. */
const struct plugin_instance *snapshot_instance(const struct snapshot *s, const struct chain_link *link,
        const struct route *r, const struct service *sv, const struct uuid *consumer)
{
	if (!link->has_consumer_rows || !consumer)
		return link->instance;

	const struct uuid *route = r ? &r->id : NULL, *service = sv ? &sv->id : NULL;
	struct lookup everywhere = {.s = s, .plugin = link->plugin};
	const struct plugin_instance *best = narrow_row(s, link->plugin, route, service, consumer, consumer_row);
	if (!best && link->has_group_rows)
		best = narrow_row(s, link->plugin, route, service, consumer, group_row);
	if (!best && link->instance && link->instance->route_id && link->instance->service_id)
		return link->instance;
	if (!best)
		best = consumer_row(&everywhere, consumer);
	if (!best && link->has_group_rows)
		best = group_row(&everywhere, consumer);
	return best ? best : link->instance;
}
