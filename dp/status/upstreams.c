/* upstreams: see upstreams.h. */
#include "dp/status/upstreams.h"

#include <stdlib.h>

#include "common/entity/target.h"
#include "common/entity/upstream.h"
#include "common/http/uri.h"
#include "common/model/catalog.h"
#include "common/sync/target_health.h"
#include "dp/config/snapshot.h"

enum { SIZE = 100, SIZE_MAX_ROWS = 1000 };

struct rows {
	struct record **items;
	size_t count, cap;
};

static bool add_row(struct record *r, void *arg)
{
	struct rows *rows = arg;

	if (rows->count == rows->cap) {
		rows->cap = rows->cap ? rows->cap * 2 : 64;
		rows->items = realloc(rows->items, rows->cap * sizeof(struct record *));
		if (!rows->items)
			abort();
	}
	rows->items[rows->count++] = r;
	return true;
}

static int by_id(const void *a, const void *b)
{
	const struct record *const *x = a, *const *y = b;

	return memcmp((*x)->id.bytes, (*y)->id.bytes, sizeof(struct uuid));
}

static void sort(struct rows *rows)
{
	if (rows->count)
		qsort(rows->items, rows->count, sizeof(struct record *), by_id);
}

/* Unset: not there. */
static struct slice argument(struct slice query, struct slice wanted)
{
	struct slice name, value;

	while (query_next(&query, &name, &value))
		if (slice_eq(name, wanted))
			return value;
	return (struct slice){0};
}

/* ---- pages ----------------------------------------------------------------------------------------------------- */

typedef json_t *(*render_fn)(struct record *r, void *arg);

static json_t *render_plain(struct record *r, void *arg)
{
	return record_json(r);
}

/* The offset is the number of rows already seen. */
static json_t *page(
        const struct rows *rows, struct slice path, struct slice query, struct arena *a, render_fn render, void *arg)
{
	int64_t size = SIZE, from = 0;
	json_t *data = json_array();

	if (!slice_to_int(argument(query, S("size")), &size) || size < 1 || size > SIZE_MAX_ROWS)
		size = SIZE;
	if (!slice_to_int(argument(query, S("offset")), &from) || from < 0)
		from = 0;
	size_t at = (size_t)from;
	for (; at < rows->count && json_array_size(data) < (size_t)size; at++)
		json_array_append_new(data, render(rows->items[at], arg));
	if (at >= rows->count)
		return json_pack("{s:o, s:n}", "data", data, "next");
	return json_pack("{s:o, s:s, s:s}", "data", data, "next",
	        arena_printf(a, "%.*s?offset=%zu", SLICE_ARG(path), at).ptr, "offset",
	        arena_printf(a, "%zu", at).ptr);
}

/* ---- one upstream ---------------------------------------------------------------------------------------------- */

static struct record *find(const struct snapshot *s, struct slice key)
{
	struct uuid id;

	if (uuid_parse(key, &id))
		return catalog_get(s->catalog, &upstream_schema, &id);
	return catalog_find(s->catalog, &upstream_schema, schema_field(&upstream_schema, S("name")), key);
}

static struct rows targets_of(const struct snapshot *s, const struct record *upstream)
{
	struct rows rows = {0};

	catalog_each_ref(s->catalog, &target_schema, schema_reference_to(&target_schema, "upstreams"), &upstream->id,
	        add_row, &rows);
	sort(&rows);
	return rows;
}

static json_t *render_health(struct record *r, void *arg)
{
	const Gatehouse__Sync__UpstreamHealth *u = arg;
	json_t *out = record_json(r);
	const char *id = json_string_value(json_object_get(out, "id"));
	const Gatehouse__Sync__TargetHealth *t = target_health_find(u, slice_cstr(id));

	json_object_set_new(out, "health", json_string(target_health_word(u, t, out)));
	json_object_set_new(out, "data", target_health_data(u, t, out));
	return out;
}

static json_t *balancer_health(const struct rows *targets, const Gatehouse__Sync__UpstreamHealth *u)
{
	json_t *entities = json_array();

	for (size_t i = 0; i < targets->count; i++)
		json_array_append_new(entities, record_json(targets->items[i]));
	json_t *data = target_health_balancer(u, entities);
	json_decref(entities);
	return json_pack("{s:o, s:n}", "data", data, "next");
}

static json_t *show_health(const struct status_report *r, const struct record *upstream, const struct rows *targets,
        struct slice path, struct slice query, struct arena *a)
{
	struct slice name = ((const struct upstream *)upstream->entity)->name;
	Gatehouse__Sync__UpstreamHealth *u = r->describe ? r->describe(r->targets_arg, name, a) : NULL;

	if (!u)
		return NULL;
	json_t *out = slice_eq(argument(query, S("balancer_health")), S("1"))
	                      ? balancer_health(targets, u)
	                      : page(targets, path, query, a, render_health, u);
	json_object_set_new(out, "node_id", json_stringn(r->node_id.ptr, r->node_id.len));
	return out;
}

static json_t *show_one(const struct status_report *r, struct slice key, struct slice what, struct slice path,
        struct slice query, struct arena *a)
{
	struct record *upstream = find(r->snapshot, key);
	json_t *out = NULL;

	if (!upstream)
		return NULL;
	if (!slice_is_set(what))
		return record_json(upstream);
	struct rows targets = targets_of(r->snapshot, upstream);
	if (slice_eq(what, S("targets")))
		out = page(&targets, path, query, a, render_plain, NULL);
	else if (slice_eq(what, S("health")))
		out = show_health(r, upstream, &targets, path, query, a);
	free(targets.items);
	return out;
}

json_t *upstreams_show(const struct status_report *r, struct slice path, struct slice query, struct arena *a)
{
	struct slice rest = slice_from(path, sizeof "/upstreams" - 1), key, what;

	if (!r->snapshot || (rest.len > 0 && rest.ptr[0] != '/'))
		return NULL;
	if (rest.len <= 1) {
		struct rows rows = {0};
		catalog_each(r->snapshot->catalog, &upstream_schema, add_row, &rows);
		sort(&rows);
		json_t *out = page(&rows, S("/upstreams"), query, a, render_plain, NULL);
		free(rows.items);
		return out;
	}
	what = slice_from(rest, 1);
	key = slice_cut(&what, '/');
	return show_one(r, uri_decode(a, key, false), what, path, query, a);
}
