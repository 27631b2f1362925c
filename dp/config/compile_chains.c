/* compile_chains: from the plugin entities of a version to instances and chains. Called by compile.c on the main
 * thread.
 *
 * Most routes have no plugins of their own: they share the chain of their service, or the global one, so the work
 * grows with the number of plugin rows and not with routes times plugins. */
#include <stdlib.h>

#include "common/plugin/entity.h"
#include "common/plugin/registry.h"
#include "dp/config/compile.h"

struct plugin_row {
	struct plugin_instance instance;
	uint32_t rank; /* place of its plugin in any chain */
	struct plugin_row *next;
};

/* ---- order: priority, then name, both descending (plugins.md 0.2) ------------------------------------------- */

static int compare_plugins(const void *pa, const void *pb)
{
	const struct plugin *a = *(const struct plugin *const *)pa, *b = *(const struct plugin *const *)pb;

	if (a->priority != b->priority)
		return a->priority > b->priority ? -1 : 1;
	return -strcmp(a->name, b->name);
}

static const struct plugin **plugins_in_order(struct arena *a)
{
	const struct plugin **all = arena_array(a, const struct plugin *, registry_count() + 1);

	for (size_t i = 0; i < registry_count(); i++)
		all[i] = registry_at(i);
	qsort(all, registry_count(), sizeof *all, compare_plugins);
	return all;
}

static uint32_t rank_of(const struct plugin *const *ordered, const struct plugin *p)
{
	uint32_t rank = 0;

	while (ordered[rank] != p)
		rank++;
	return rank;
}

/* ---- rows --------------------------------------------------------------------------------------------------- */

struct loading {
	struct snapshot *s;
	struct err *e;
	const struct plugin *const *ordered;
	struct plugin_row **rows;
	size_t count, cap, with_consumer;
};

/* The protocols of a row only say whether it belongs to HTTP traffic at all (plugins.md 0.1). */
static bool is_for_http(const struct slice_list *protocols)
{
	static const struct slice family[] = {
	        SLICE("http"), SLICE("https"), SLICE("grpc"), SLICE("grpcs"), SLICE("ws"), SLICE("wss")};

	for (size_t i = 0; i < protocols->len; i++)
		for (size_t f = 0; f < sizeof family / sizeof *family; f++)
			if (slice_eq(protocols->items[i], family[f]))
				return true;
	return protocols->len == 0;
}

/* A reference that the plugin has no use for counts as not set. */
static const struct uuid *attached_to(const struct ref *ref, const struct plugin *p, enum plugin_scope scope)
{
	return ref->set && p->scopes & scope ? &ref->id : NULL;
}

static bool init_instance(
        struct plugin_instance *i, const struct plugin *p, const struct record *r, struct loading *l)
{
	const struct plugin_entity *entity = r->entity;

	*i = (struct plugin_instance){.plugin = p,
	        .conf = r->config,
	        .wants = p->wants ? p->wants(r->config) : 0,
	        .route_id = attached_to(&entity->route, p, SCOPE_ROUTE),
	        .service_id = attached_to(&entity->service, p, SCOPE_SERVICE),
	        .consumer_id = attached_to(&entity->consumer, p, SCOPE_CONSUMER),
	        .consumer_group_id = attached_to(&entity->consumer_group, p, SCOPE_CONSUMER_GROUP),
	        .id = r->id};
	if (!p->compile || p->compile(r->config, &l->s->arena, &i->compiled, l->e))
		return true;
	char id[UUID_TEXT + 1];
	uuid_format(&r->id, id);
	return err_prefix(l->e, "plugin %s (%s)", p->name, id);
}

static bool is_for_consumers(const struct plugin_instance *i)
{
	return i->consumer_id || i->consumer_group_id;
}

static void push_row(struct loading *l, struct plugin_row *row)
{
	if (l->count == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->rows = realloc(l->rows, sizeof *l->rows * l->cap);
		if (!l->rows)
			abort();
	}
	l->rows[l->count++] = row;
	l->with_consumer += is_for_consumers(&row->instance);
}

static bool load_row(struct record *r, void *arg)
{
	struct loading *l = arg;
	const struct plugin_entity *entity = r->entity;

	if (!entity->enabled || !is_for_http(&entity->protocols))
		return true;
	const struct plugin *p = registry_find(entity->name);
	if (!p) /* leaving it out could open what it guards */
		return err_set(l->e, "plugin '%.*s' is not known to this node", SLICE_ARG(entity->name));
	struct plugin_row *row = arena_new(&l->s->arena, struct plugin_row);
	row->rank = rank_of(l->ordered, p);
	if (!init_instance(&row->instance, p, r, l))
		return false;
	push_row(l, row);
	return true;
}

/* Last of the chain first, so that lists built by putting rows in front come out in order. */
static int compare_rows(const void *pa, const void *pb)
{
	const struct plugin_row *a = *(struct plugin_row *const *)pa, *b = *(struct plugin_row *const *)pb;

	if (a->rank != b->rank)
		return a->rank > b->rank ? -1 : 1;
	return memcmp(a->instance.id.bytes, b->instance.id.bytes, sizeof a->instance.id.bytes);
}

static void push_front(struct plugin_row **list, struct plugin_row *row)
{
	row->next = *list;
	*list = row;
}

static void file_row(struct plugin_rows *rows, struct plugin_row *row)
{
	const struct plugin_instance *i = &row->instance;

	if (i->route_id)
		push_front((struct plugin_row **)id_table_at(&rows->by_route, i->route_id), row);
	else if (i->service_id)
		push_front((struct plugin_row **)id_table_at(&rows->by_service, i->service_id), row);
	else
		push_front(&rows->global, row);
}

/* Plugins in use get their place in a request's block of state, the same in every chain. */
static void place_states(struct plugin_rows *rows, struct loading *l)
{
	rows->state_offsets = arena_array(&l->s->arena, uint32_t, registry_count() + 1);
	for (size_t i = l->count; i-- > 0;) {
		const struct plugin_row *row = l->rows[i];
		if (i + 1 < l->count && l->rows[i + 1]->rank == row->rank)
			continue;
		rows->state_offsets[row->rank] = l->s->state_size;
		l->s->state_size += (uint32_t)((row->instance.plugin->state_size + 15) & ~(size_t)15);
	}
}

static void file_consumer_rows(struct loading *l)
{
	if (l->with_consumer == 0)
		return;
	l->s->consumer_rows = arena_new(&l->s->arena, struct consumer_rows);
	consumer_rows_init(l->s->consumer_rows, &l->s->arena, l->with_consumer);
	for (size_t i = 0; i < l->count; i++)
		if (is_for_consumers(&l->rows[i]->instance))
			consumer_rows_add(l->s->consumer_rows, &l->rows[i]->instance);
}

static void build_global_chain(const struct plugin_rows *rows, struct snapshot *s);

bool plugin_rows_load(struct plugin_rows *rows, struct snapshot *s, struct err *e)
{
	struct loading l = {.s = s, .e = e, .ordered = plugins_in_order(&s->arena)};

	*rows = (struct plugin_rows){0};
	bool ok = catalog_each(s->catalog, &plugin_schema, load_row, &l);
	if (ok) {
		if (l.count)
			qsort(l.rows, l.count, sizeof *l.rows, compare_rows);
		for (size_t i = 0; i < l.count; i++)
			file_row(rows, l.rows[i]);
		place_states(rows, &l);
		file_consumer_rows(&l);
		build_global_chain(rows, s);
	}
	free(l.rows);
	return ok;
}

void plugin_rows_fini(struct plugin_rows *rows)
{
	id_table_fini(&rows->by_route);
	id_table_fini(&rows->by_service);
}

/* ---- chains ------------------------------------------------------------------------------------------------- */

/* without a consumer: 4 route and service, 6 route, 7 service, 8 global; the smaller comes first. */
static int level_of(const struct plugin_instance *i)
{
	if (i->route_id)
		return i->service_id ? 4 : 6;
	return i->service_id ? 7 : 8;
}

static void offer(struct chain_link *link, const struct plugin_instance *i)
{
	link->has_consumer_rows |= is_for_consumers(i);
	link->has_group_rows |= i->consumer_group_id != NULL;
	if (is_for_consumers(i))
		return;
	if (!link->instance || level_of(i) < level_of(link->instance))
		link->instance = i;
}

/* Rows of a route may name a service besides; they count when it is the route's. */
static bool applies(const struct plugin_instance *i, const struct uuid *service)
{
	return !i->service_id || (service && uuid_eq(i->service_id, service));
}

enum { SOURCES = 3 }; /* rows of the route, of the service, global ones */

static uint32_t lowest_rank(struct plugin_row *const at[SOURCES])
{
	uint32_t lowest = UINT32_MAX;

	for (int i = 0; i < SOURCES; i++)
		if (at[i] && at[i]->rank < lowest)
			lowest = at[i]->rank;
	return lowest;
}

/* Takes all rows of one plugin off the lists; false: no more. A link of no instance and no consumer rows is empty. */
static bool next_link(struct plugin_row *at[SOURCES], const struct uuid *service, const uint32_t *state_offsets,
        struct chain_link *link)
{
	uint32_t rank = lowest_rank(at);

	if (rank == UINT32_MAX)
		return false;
	*link = (struct chain_link){.state_offset = state_offsets[rank]};
	for (int i = 0; i < SOURCES; i++) {
		for (; at[i] && at[i]->rank == rank; at[i] = at[i]->next) {
			link->plugin = at[i]->instance.plugin;
			if (applies(&at[i]->instance, service))
				offer(link, &at[i]->instance);
		}
	}
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

static void append(struct chain *c, struct arena *a, const struct chain_link *link, uint32_t *cap)
{
	if (c->count == *cap) {
		*cap = *cap ? *cap * 2 : 4;
		struct chain_link *more = arena_array(a, struct chain_link, *cap);
		if (c->count)
			memcpy(more, c->links, sizeof *more * c->count);
		c->links = more;
	}
	c->links[c->count++] = *link;
	note_phases(c, link->plugin);
	uint32_t end = link->state_offset + (uint32_t)link->plugin->state_size;
	if (end > c->state_size)
		c->state_size = end;
}

static void build_chain(struct chain *c, struct arena *a, struct plugin_row *at[SOURCES], const struct uuid *service,
        const uint32_t *state_offsets)
{
	struct chain_link link;
	uint32_t cap = 0;

	*c = (struct chain){0};
	while (next_link(at, service, state_offsets, &link))
		if (link.instance || link.has_consumer_rows)
			append(c, a, &link, &cap);
}

static void build_global_chain(const struct plugin_rows *rows, struct snapshot *s)
{
	struct plugin_row *at[SOURCES] = {rows->global};

	build_chain(&s->global, &s->arena, at, NULL, rows->state_offsets);
}

const struct chain *plugin_rows_chain(const struct plugin_rows *rows, struct snapshot *s, const struct uuid *route,
        const struct uuid *service, const struct chain **of_service)
{
	struct plugin_row *of_route = id_table_get(&rows->by_route, route);
	struct plugin_row *at[SOURCES] = {
	        of_route, service ? id_table_get(&rows->by_service, service) : NULL, rows->global};

	if (!of_route && !at[1])
		return &s->global;
	if (!of_route && *of_service)
		return *of_service;
	struct chain *c = arena_new(&s->arena, struct chain);
	build_chain(c, &s->arena, at, service, rows->state_offsets);
	if (!of_route)
		*of_service = c;
	return c;
}
