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
	arena_fini(&s->arena);
	if (s->catalog)
		catalog_free(s->catalog);
	free(s);
}

/* ---- consumer rows ------------------------------------------------------------------------------------------ */

/* Whom a row is for: a consumer, or the consumers of a group. */
struct member {
	const struct uuid *id;
	bool is_group;
};

static uint64_t hash_row(const struct plugin *plugin, const struct member *member, const struct uuid *route,
        const struct uuid *service)
{
	const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t h = slice_hash(uuid_slice(member->id)) ^ (uint64_t)(uintptr_t)plugin ^ (uint64_t)member->is_group;

	h = h * odd ^ (route ? slice_hash(uuid_slice(route)) : 1);
	return h * odd ^ (service ? slice_hash(uuid_slice(service)) : 1);
}

static bool same_id(const struct uuid *a, const struct uuid *b)
{
	return a && b ? uuid_eq(a, b) : a == b;
}

static struct member member_of(const struct plugin_instance *i)
{
	return i->consumer_id ? (struct member){i->consumer_id, false} : (struct member){i->consumer_group_id, true};
}

static bool is_for(const struct plugin_instance *i, const struct member *member)
{
	struct member its = member_of(i);
	return its.is_group == member->is_group && uuid_eq(its.id, member->id);
}

static const struct plugin_instance **row_slot(const struct consumer_rows *rows, const struct plugin *plugin,
        const struct member *member, const struct uuid *route, const struct uuid *service)
{
	uint64_t hash = hash_row(plugin, member, route, service);

	for (size_t at = (hash ^ hash >> 32) & rows->mask;; at = (at + 1) & rows->mask) {
		const struct plugin_instance *i = rows->slots[at];
		if (!i || (i->plugin == plugin && is_for(i, member) && same_id(i->route_id, route) &&
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
	struct member member = member_of(i);

	*row_slot(rows, i->plugin, &member, i->route_id, i->service_id) = i;
	rows->count++;
}

/* ---- who the rows are looked up for ------------------------------------------------------------------------------
 */

struct lookup {
	const struct snapshot *s;
	const struct plugin *plugin;
	const struct uuid *route, *service; /* of the level that is looked at; NULL: without */

	const struct plugin_instance *found;
	struct slice found_name; /* of its group */
};

static const struct plugin_instance *consumer_row(const struct lookup *l, const struct uuid *consumer)
{
	return *row_slot(l->s->consumer_rows, l->plugin, &(struct member){consumer, false}, l->route, l->service);
}

/* Of several groups the first by name counts. */
static bool look_at_group(struct record *membership, void *arg)
{
	struct lookup *l = arg;
	const struct group_membership *m = membership->entity;
	struct member member = {&m->consumer_group.id, true};
	const struct plugin_instance *i = *row_slot(l->s->consumer_rows, l->plugin, &member, l->route, l->service);
	const struct record *group = i ? catalog_get(l->s->catalog, &consumer_group_schema, member.id) : NULL;

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
