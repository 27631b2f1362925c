/* compile_chains: from what is attached to a route, to its service and globally to the chain that its requests run
 * . Called by compile.c on the main thread.
 *
 * Most routes have no plugins of their own: they use the chain of their service, or the global one, so the work grows
 * with the number of scopes and not with routes times plugins. */
#include "dp/config/compile.h"

/* ---- one chain ---------------------------------------------------------------------------------------------- */

/* without a consumer: 4 route and service, 6 route, 7 service, 8 global; the smaller comes first. */
static int level_of(const struct plugin_instance *i)
{
	if (i->route_id)
		return i->service_id ? 4 : 6;
	return i->service_id ? 7 : 8;
}

/* Rows of a route may name a service besides; they count when it is the route's. */
static bool applies(const struct plugin_instance *i, const struct uuid *service)
{
	return !i->service_id || (service && uuid_eq(i->service_id, service));
}

/* The rows of up to three scopes, taken in the order of chains. */
struct merge {
	const struct scope *scopes[SCOPE_KINDS];
	uint32_t at[SCOPE_KINDS];
	const struct uuid *service;
	bool streams; /* for sessions, not for requests */
};

static void offer(struct chain_link *link, const struct scope_row *row, const struct merge *m)
{
	const struct plugin_instance *i = row->instance; /* NULL: the row only counts */

	link->plugin = row->plugin;
	link->has_consumer_rows |= row->consumers + row->groups > 0;
	link->has_group_rows |= row->groups > 0;
	if (!i || !(m->streams ? i->for_streams : i->for_http) || !applies(i, m->service))
		return;
	if (!link->instance || level_of(i) < level_of(link->instance))
		link->instance = i;
}

static const struct scope_row *row_at(const struct merge *m, int i)
{
	const struct scope *s = m->scopes[i];

	return s && m->at[i] < s->count ? &s->rows[m->at[i]] : NULL;
}

/* Takes all rows of one plugin; false: no more. A link of no instance and no consumer rows is empty. */
static bool next_link(struct merge *m, const uint32_t *state_offsets, struct chain_link *link)
{
	uint32_t rank = UINT32_MAX;
	const struct scope_row *row;

	for (int i = 0; i < SCOPE_KINDS; i++)
		if ((row = row_at(m, i)) && row->rank < rank)
			rank = row->rank;
	if (rank == UINT32_MAX)
		return false;
	*link = (struct chain_link){.state_offset = state_offsets[rank]};
	for (int i = 0; i < SCOPE_KINDS; i++)
		for (; (row = row_at(m, i)) && row->rank == rank; m->at[i]++)
			offer(link, row, m);
	return true;
}

static void note_phases(struct chain *c, const struct plugin *p)
{
	c->has_rewrite |= p->rewrite != NULL;
	c->has_access |= p->access != NULL;
	c->has_request_body |= p->request_body != NULL;
	c->has_response_head |= p->response_head != NULL;
	c->has_response_body |= p->response_body != NULL;
	c->has_log |= p->log != NULL;
}

static void hold_link(struct chain *c, const struct chain_link *link)
{
	uint32_t end = link->state_offset + (uint32_t)link->plugin->state_size;

	part_hold(c, link->instance);
	if (end > c->state_size)
		c->state_size = end;
}

static struct merge merge_of(const struct snapshot *s, const struct uuid *route, const struct uuid *service)
{
	return (struct merge){
	        {compile_scope(s, SCOPE_KIND_ROUTE, route), compile_scope(s, SCOPE_KIND_SERVICE, service),
	                compile_scope(s, SCOPE_KIND_GLOBAL, NULL)},
	        .service = service};
}

static void add_links(struct chain *c, struct merge m, const struct snapshot *s)
{
	struct chain_link link;

	while (next_link(&m, s->state_offsets, &link)) {
		if (!link.instance && !link.has_consumer_rows)
			continue;
		c->links[c->count++] = link;
		hold_link(c, &link);
		note_phases(c, link.plugin);
	}
}

/* Sessions have two phases. */
static void add_stream_links(struct chain *c, struct merge m, const struct snapshot *s)
{
	struct chain_link link;

	m.streams = true;
	while (next_link(&m, s->state_offsets, &link)) {
		if (!link.instance || (!link.plugin->preread && !link.plugin->log))
			continue;
		c->stream_links[c->stream_count++] = link;
		hold_link(c, &link);
	}
}

static struct chain *new_chain(const struct snapshot *s, const struct uuid *route, const struct uuid *service)
{
	struct merge m = merge_of(s, route, service);
	struct chain *c = part_new(sizeof *c, route ? uuid_slice(route) : S(""));
	size_t most = 0;

	for (int i = 0; i < SCOPE_KINDS; i++)
		most += m.scopes[i] ? m.scopes[i]->count : 0;
	c->links = arena_array(&c->part.arena, struct chain_link, most);
	c->stream_links = arena_array(&c->part.arena, struct chain_link, most);
	add_links(c, m, s);
	add_stream_links(c, m, s);
	compile_order(c->links, c->count);
	compile_order(c->stream_links, c->stream_count);
	return c;
}

struct chain *compile_service_chain(struct compiling *c, const struct uuid *service)
{
	return compile_scope(c->s, SCOPE_KIND_SERVICE, service) ? new_chain(c->s, NULL, service) : NULL;
}

/* ---- which of them change ----------------------------------------------------------------------------------- */

static bool touch_route(void *scope, void *arg)
{
	struct compiling *c = arg;
	const struct scope *of = scope;

	map_set(&c->route_chains, of->part.key, c);
	return true;
}

static bool touch_service(void *scope, void *arg)
{
	struct compiling *c = arg;
	const struct scope *of = scope;

	map_set(&c->services, of->part.key, c);
	return true;
}

static bool touch_if_own_chain(struct record *route, void *arg)
{
	struct compiling *c = arg;

	if (compile_scope(c->s, SCOPE_KIND_ROUTE, &route->id))
		compile_touch(&c->route_chains, &route->id);
	return true;
}

static bool touch_routes_of(struct compiling *c, const struct uuid *service)
{
	return !c->s->scopes[SCOPE_KIND_ROUTE].count ||
	       catalog_each_ref(c->is, &route_schema, compile_route_service(), service, touch_if_own_chain, c);
}

/* Another service may bring other plugins. */
static bool touch_changed_route(struct record *was, struct record *is, void *arg)
{
	struct compiling *c = arg;
	const struct uuid *id = is ? &is->id : &was->id;

	if (compile_scope(c->s, SCOPE_KIND_ROUTE, id) || pmap_get(&c->s->chains, uuid_slice(id)))
		compile_touch(&c->route_chains, id);
	return true;
}

static bool make_route_chain(struct compiling *c, const struct uuid *id)
{
	const struct record *record = catalog_get(c->is, &route_schema, id);
	const struct route *r = record ? record->entity : NULL;

	if (r && compile_scope(c->s, SCOPE_KIND_ROUTE, id))
		part_give(&c->s->chains, new_chain(c->s, id, r->service.set ? &r->service.id : NULL));
	else
		pmap_remove(&c->s->chains, uuid_slice(id));
	return true;
}

void compile_chains(struct compiling *c)
{
	if (c->global_chain) {
		part_unref((struct chain *)c->s->global); /* read-only to others, counted by us */
		c->s->global = new_chain(c->s, NULL, NULL);
		pmap_each(&c->s->scopes[SCOPE_KIND_ROUTE], touch_route, c);
		pmap_each(&c->s->scopes[SCOPE_KIND_SERVICE], touch_service, c);
	}
	compile_each(c, &c->service_chains, touch_routes_of);
	if (c->s->scopes[SCOPE_KIND_ROUTE].count || c->s->chains.count)
		catalog_diff(c->was, c->is, &route_schema, touch_changed_route, c);
	compile_each(c, &c->route_chains, make_route_chain);
}
