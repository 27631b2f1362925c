/* compile_plugins: from the plugin entities that changed to instances, and to what is attached where. Called by
 * compile.c on the main thread; what stands here decides which chains have to be made anew (compile_chains.c).
 *
 * A scope is small: rows for a consumer or a group, of which there may be very many, are found by a map of their own
 * and only counted in the scope, because a chain just has to know that there are some. */
#include <stdlib.h>

#include "common/plugin/entity.h"
#include "common/plugin/registry.h"
#include "dp/config/compile.h"

enum { NO_STATE = UINT32_MAX };

/* ---- order: priority, then name, both descending (plugins.md 0.2) ------------------------------------------- */

static bool comes_before(const struct plugin *a, const struct plugin *b)
{
	return a->priority != b->priority ? a->priority > b->priority : strcmp(a->name, b->name) > 0;
}

static uint32_t rank_of(const struct plugin *p)
{
	uint32_t rank = 0;

	for (size_t i = 0; i < registry_count(); i++)
		rank += comes_before(registry_at(i), p);
	return rank;
}

/* A plugin gets its place in a request's block of state when it is first used and keeps it from snapshot to snapshot,
 * so that chains can be shared. */
static void place_state(struct snapshot *s, const struct plugin *p, uint32_t rank)
{
	if (s->state_offsets[rank] != NO_STATE)
		return;
	s->state_offsets[rank] = s->state_size;
	s->state_size += (uint32_t)((p->state_size + 15) & ~(size_t)15);
}

void compile_inherit_states(struct snapshot *s, const struct snapshot *base)
{
	size_t n = registry_count() + 1;

	s->state_offsets = malloc(sizeof *s->state_offsets * n);
	if (!s->state_offsets)
		abort();
	for (size_t i = 0; i < n; i++)
		s->state_offsets[i] = base ? base->state_offsets[i] : NO_STATE;
	s->state_size = base ? base->state_size : 0;
}

/* ---- instances ---------------------------------------------------------------------------------------------- */

static struct slice row_key(const void *value, const void *context)
{
	return consumer_row_slice(&((const struct plugin_instance *)value)->row);
}

const struct pmap_ops consumer_row_ops = {row_key, part_ref, part_unref};

/* The protocols of a row only say for which subsystems it is loaded (plugins.md 0.1). */
static bool has_any(const struct slice_list *protocols, const char *const *family)
{
	for (size_t i = 0; i < protocols->len; i++)
		for (const char *const *known = family; *known; known++)
			if (slice_eq(protocols->items[i], slice_cstr(*known)))
				return true;
	return false;
}

static bool is_for_http(const struct slice_list *protocols)
{
	static const char *const family[] = {"http", "https", "grpc", "grpcs", "ws", "wss", NULL};

	return protocols->len == 0 || has_any(protocols, family);
}

static bool is_for_streams(const struct slice_list *protocols)
{
	static const char *const family[] = {"tcp", "tls", "tls_passthrough", "udp", NULL};

	return has_any(protocols, family);
}

/* A reference that the plugin has no use for counts as not set. */
static const struct uuid *attached_to(const struct ref *ref, const struct plugin *p, enum plugin_scope scope)
{
	return ref->set && p->scopes & scope ? &ref->id : NULL;
}

static struct consumer_row row_for(const struct plugin_instance *i)
{
	static const struct uuid none;

	return (struct consumer_row){i->plugin, i->consumer_id ? *i->consumer_id : none,
	        i->consumer_group_id && !i->consumer_id ? *i->consumer_group_id : none,
	        i->route_id ? *i->route_id : none, i->service_id ? *i->service_id : none};
}

static struct plugin_instance *new_instance(const struct plugin *p, struct record *r, struct err *e)
{
	const struct plugin_entity *entity = r->entity;
	struct plugin_instance *i = part_new(sizeof *i, uuid_slice(&r->id));

	part_hold_record(i, r);
	i->plugin = p;
	i->conf = r->config;
	i->wants = p->wants ? p->wants(r->config) : 0;
	i->for_http = is_for_http(&entity->protocols);
	i->for_streams = is_for_streams(&entity->protocols) && !entity->consumer.set && !entity->consumer_group.set;
	i->route_id = attached_to(&entity->route, p, SCOPE_ROUTE);
	i->service_id = attached_to(&entity->service, p, SCOPE_SERVICE);
	i->consumer_id = attached_to(&entity->consumer, p, SCOPE_CONSUMER);
	i->consumer_group_id = attached_to(&entity->consumer_group, p, SCOPE_CONSUMER_GROUP);
	i->id = r->id;
	if (!i->consumer_id && !i->consumer_group_id &&
	        (entity->ordering.before.access.len || entity->ordering.after.access.len))
		i->ordering = &entity->ordering;
	i->row = row_for(i);
	if (!p->compile || p->compile(r->config, &i->part.arena, &i->compiled, e))
		return i;
	char id[UUID_TEXT + 1];
	uuid_format(&r->id, id);
	err_prefix(e, "plugin %s (%s)", p->name, id);
	part_unref(i);
	return NULL;
}

/* ---- scopes ------------------------------------------------------------------------------------------------- */

static enum scope_kind scope_of(const struct plugin_instance *i, struct slice *key)
{
	const struct uuid *id = i->route_id ? i->route_id : i->service_id;

	*key = id ? uuid_slice(id) : S("");
	return i->route_id ? SCOPE_KIND_ROUTE : id ? SCOPE_KIND_SERVICE : SCOPE_KIND_GLOBAL;
}

const struct scope *compile_scope(const struct snapshot *s, enum scope_kind kind, const struct uuid *id)
{
	return id || kind == SCOPE_KIND_GLOBAL ? pmap_get(&s->scopes[kind], id ? uuid_slice(id) : S("")) : NULL;
}

static bool is_for_consumers(const struct plugin_instance *i)
{
	return i->consumer_id || i->consumer_group_id;
}

static bool row_before(const struct scope_row *a, const struct scope_row *b)
{
	static const struct uuid none;

	if (a->rank != b->rank)
		return a->rank < b->rank;
	return memcmp(a->instance ? &a->instance->id : &none, b->instance ? &b->instance->id : &none, sizeof none) <
	       0;
}

/* The chains of everything in this scope change. */
static void touch_scope(struct compiling *c, const struct plugin_instance *i)
{
	if (i->route_id) {
		compile_touch(&c->route_chains, i->route_id);
	} else if (i->service_id) {
		compile_touch(&c->services, i->service_id);
		compile_touch(&c->service_chains, i->service_id);
	} else {
		c->global_chain = true;
	}
}

/* A scope with the rows of `old` but the one at `leave_out`, and with `row` in its place (NULL: none). */
static void put_scope(
        struct pmap *m, struct slice key, const struct scope *old, uint32_t leave_out, const struct scope_row *row)
{
	uint32_t had = old ? old->count : 0;
	struct scope *to = part_new(sizeof *to + (had + 1) * sizeof to->rows[0], key);

	for (uint32_t i = 0; i < had; i++) {
		if (row && row_before(row, &old->rows[i])) {
			to->rows[to->count++] = *row;
			row = NULL;
		}
		if (i != leave_out)
			to->rows[to->count++] = old->rows[i];
	}
	if (row)
		to->rows[to->count++] = *row;
	for (uint32_t i = 0; i < to->count; i++)
		part_hold(to, to->rows[i].instance);
	if (to->count)
		part_give(m, to);
	else
		part_unref(to), pmap_remove(m, key);
}

/* Where the scope has a row for this instance, or for all those of its plugin that are for consumers. */
static uint32_t find_row(const struct scope *s, const struct scope_row *row)
{
	uint32_t at = 0;

	while (s && at < s->count && (s->rows[at].rank != row->rank || s->rows[at].instance != row->instance))
		at++;
	return at;
}

/* Attaches (by 1) or detaches (by -1). */
static void change_scope(struct compiling *c, const struct plugin_instance *i, int by)
{
	struct slice key;
	struct pmap *m = &c->s->scopes[scope_of(i, &key)];
	const struct scope *old = pmap_get(m, key);
	struct scope_row row = {.plugin = i->plugin, .rank = rank_of(i->plugin)}, before = row;

	row.instance = is_for_consumers(i) ? NULL : i;
	uint32_t at = find_row(old, &row);
	if (old && at < old->count)
		row = before = old->rows[at];
	row.consumers += i->consumer_id ? (uint32_t)by : 0;
	row.groups += i->consumer_group_id && !i->consumer_id ? (uint32_t)by : 0;
	bool stays = row.instance ? by > 0 : row.consumers + row.groups > 0;
	put_scope(m, key, old, at, stays ? &row : NULL);
	if (row.instance || !row.consumers != !before.consumers || !row.groups != !before.groups)
		touch_scope(c, i);
}

/* ---- changes ------------------------------------------------------------------------------------------------ */

static void drop_instance(struct compiling *c, const struct uuid *id)
{
	struct plugin_instance *i = pmap_get(&c->s->instances, uuid_slice(id));

	if (!i)
		return;
	part_ref(i);
	pmap_remove(&c->s->instances, uuid_slice(id));
	pmap_remove(&c->s->handshake_rows, uuid_slice(id));
	if (is_for_consumers(i) && pmap_get(&c->s->consumer_rows, consumer_row_slice(&i->row)) == i)
		pmap_remove(&c->s->consumer_rows, consumer_row_slice(&i->row));
	change_scope(c, i, -1);
	part_unref(i);
}

static bool add_instance(struct compiling *c, struct record *r)
{
	const struct plugin_entity *entity = r->entity;

	if (!entity->enabled)
		return true;
	const struct plugin *p = registry_find(entity->name);
	if (!p) /* leaving it out could open what it guards */
		return err_set(c->e, "plugin '%.*s' is not known to this node", SLICE_ARG(entity->name));
	struct plugin_instance *i = new_instance(p, r, c->e);
	if (!i)
		return false;
	if (!i->for_http && !i->for_streams) { /* for consumers of streams, which have none */
		part_unref(i);
		return true;
	}
	place_state(c->s, p, rank_of(p));
	if (is_for_consumers(i))
		pmap_put(&c->s->consumer_rows, i);
	if (p->certificate)
		pmap_put(&c->s->handshake_rows, i);
	change_scope(c, i, 1);
	part_give(&c->s->instances, i);
	return true;
}

static bool change_plugin(struct record *was, struct record *is, void *arg)
{
	struct compiling *c = arg;

	if (was)
		drop_instance(c, &was->id);
	return !is || add_instance(c, is);
}

bool compile_plugins(struct compiling *c)
{
	return catalog_diff(c->was, c->is, &plugin_schema, change_plugin, c);
}
