/* compile: snapshot_build(), from a catalog to all that requests need. Runs on the main thread at every change, so
 * what routes have in common (destination, chain) is made once and shared. */
#include <stdlib.h>

#include "common/core/log.h"
#include "dp/config/compile.h"

/* ---- table by id -------------------------------------------------------------------------------------------- */

static struct id_slot *find_slot(const struct id_table *t, const struct uuid *id)
{
	size_t at = (size_t)slice_hash(uuid_slice(id)) & t->mask;

	while (t->slots[at].id && !uuid_eq(t->slots[at].id, id))
		at = (at + 1) & t->mask;
	return &t->slots[at];
}

static void grow(struct id_table *t)
{
	struct id_table old = *t;

	t->mask = old.slots ? old.mask * 2 + 1 : 63;
	t->slots = calloc(t->mask + 1, sizeof *t->slots);
	if (!t->slots)
		abort();
	for (size_t i = 0; old.slots && i <= old.mask; i++)
		if (old.slots[i].id)
			*find_slot(t, old.slots[i].id) = old.slots[i];
	free(old.slots);
}

void **id_table_at(struct id_table *t, const struct uuid *id)
{
	if (!t->slots || t->count * 2 > t->mask)
		grow(t);
	struct id_slot *slot = find_slot(t, id);
	if (!slot->id) {
		slot->id = id;
		t->count++;
	}
	return &slot->value;
}

void *id_table_get(const struct id_table *t, const struct uuid *id)
{
	return t->slots ? find_slot(t, id)->value : NULL;
}

void id_table_fini(struct id_table *t)
{
	free(t->slots);
}

/* ---- routes ------------------------------------------------------------------------------------------------- */

/* What the routes of a service share. */
struct service_part {
	const struct service *service;
	const struct destination *destination; /* NULL: not made yet */
	const struct chain *chain;
};

struct compiling {
	struct snapshot *s;
	struct err *e;
	struct plugin_rows rows;
	struct destinations destinations;
	struct id_table services;
	struct router_entry *entries;
	size_t count;
};

static bool has_protocol(const struct route *r, struct slice protocol)
{
	for (size_t i = 0; i < r->protocols.len; i++)
		if (slice_eq(r->protocols.items[i], protocol))
			return true;
	return false;
}

static bool is_http_route(const struct route *r)
{
	return has_protocol(r, S("http")) || has_protocol(r, S("https")) || has_protocol(r, S("grpc")) ||
	       has_protocol(r, S("grpcs"));
}

static struct service_part *service_part(struct compiling *c, const struct route *r)
{
	void **at = id_table_at(&c->services, &r->service.id);

	if (*at)
		return *at;
	const struct record *found = catalog_get(c->s->catalog, &service_schema, &r->service.id);
	if (!found) {
		char route[UUID_TEXT + 1], service[UUID_TEXT + 1];
		uuid_format(&r->id, route);
		uuid_format(&r->service.id, service);
		err_set(c->e, "route %s refers to service %s, which is not there", route, service);
		return NULL;
	}
	struct service_part *part = *at = arena_new(&c->s->arena, struct service_part);
	part->service = found->entity;
	if (part->service->enabled)
		part->destination = destinations_of(&c->destinations, part->service);
	return part;
}

static struct route_plan *new_plan(struct compiling *c, const struct route *r)
{
	struct route_plan *plan = arena_new(&c->s->arena, struct route_plan);

	plan->route = r;
	plan->https_only = has_protocol(r, S("https")) && !has_protocol(r, S("http"));
	c->entries[c->count++] = (struct router_entry){r, plan};
	return plan;
}

static bool add_route(struct record *record, void *arg)
{
	struct compiling *c = arg;
	const struct route *r = record->entity;
	struct service_part none = {0}, *part = &none;

	if (!is_http_route(r))
		return true;
	if (r->service.set && !(part = service_part(c, r)))
		return false;
	if (part->service && !part->service->enabled) /* its routes are not matched at all (1.8) */
		return true;
	struct route_plan *plan = new_plan(c, r);
	plan->service = part->service;
	plan->destination = part->destination;
	plan->chain = plugin_rows_chain(
	        &c->rows, c->s, &r->id, part->service ? &part->service->id : NULL, &part->chain);
	return true;
}

static void build_router(struct compiling *c, const struct router_options *options)
{
	struct text problems = {0};

	c->s->router = router_build(c->entries, c->count, options, &problems);
	for (struct slice rest = problems.len ? text_slice(&problems) : (struct slice){0}; slice_is_set(rest);)
		log_error("route cannot be used and is left out", LOG_SLICE("problem", slice_cut(&rest, '\n')));
	text_fini(&problems);
}

static bool compile(struct compiling *c, const struct router_options *options)
{
	const struct catalog *catalog = c->s->catalog;

	if (!plugin_rows_load(&c->rows, c->s, c->e))
		return false;
	c->entries = malloc(sizeof *c->entries * (catalog_count(catalog, &route_schema) + 1));
	if (!c->entries)
		abort();
	destinations_init(&c->destinations, c->s);
	if (!catalog_each(catalog, &route_schema, add_route, c))
		return false;
	build_router(c, options);
	return true;
}

struct snapshot *snapshot_build(
        struct slice epoch, struct catalog *catalog, const struct router_options *options, struct err *e)
{
	struct snapshot *s = calloc(1, sizeof *s);

	if (!s)
		abort();
	arena_init(&s->arena);
	s->epoch = arena_dup(&s->arena, epoch);
	s->version = catalog_version(catalog);
	s->catalog = catalog;
	struct compiling c = {.s = s, .e = e};
	bool ok = compile(&c, options);
	plugin_rows_fini(&c.rows);
	destinations_fini(&c.destinations);
	id_table_fini(&c.services);
	free(c.entries);
	if (ok)
		return s;
	s->catalog = NULL; /* still the caller's */
	snapshot_free(s);
	return NULL;
}
