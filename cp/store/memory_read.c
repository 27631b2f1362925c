/* memory_read: the reads of store.h on the present generation. See memory.h. */
#include <inttypes.h>

#include "common/core/clock.h"
#include "cp/store/generation.h"
#include "cp/store/memory_private.h"

static bool is_visible(const struct record *r)
{
	return !record_is_expired(r, clock_wall_ms());
}

static bool is_within(const struct record *r, const struct store_scope *scope)
{
	return !scope || !scope->field || slice_eq(record_lookup_key(r, scope->field), uuid_slice(scope->id));
}

/* ---- one ------------------------------------------------------------------------------------------------------- */

/* Values that are unique only within a parent (the address of a target) are looked for row by row. */
static struct record *find_by_value(const struct generation *g, const struct schema *kind, const struct field *f,
        struct slice value, const struct store_scope *scope)
{
	size_t n;
	struct record *const *rows = generation_rows(g, kind, &n);

	if ((f->flags & UNIQUE) && f->member == MEMBER_SLICE) {
		struct record *r = catalog_find(generation_catalog(g), kind, f, value);
		return r && is_within(r, scope) ? r : NULL;
	}
	for (size_t i = 0; i < n; i++)
		if (slice_eq(record_lookup_key(rows[i], f), value) && is_within(rows[i], scope))
			return rows[i];
	return NULL;
}

static struct record *find(const struct generation *g, const struct schema *kind, const struct store_key *key,
        const struct store_scope *scope)
{
	if (kind->is_private) /* which has rows in a database only */
		return NULL;
	struct record *r = key->id ? catalog_get(generation_catalog(g), kind, key->id)
	                           : find_by_value(g, kind, key->field, key->value, scope);
	return r && is_visible(r) && is_within(r, scope) ? r : NULL;
}

json_t *memory_get(const struct schema *kind, const struct store_key *key, const struct store_scope *scope)
{
	struct generation *g = generation_hold(NULL);
	const struct record *r = find(g, kind, key, scope);
	json_t *out = r ? record_json(r) : NULL;

	generation_unref(g);
	return out;
}

json_t *memory_find_id(const struct schema *kind, const struct field *key, struct slice value)
{
	struct generation *g = generation_hold(NULL);
	const struct record *r = find(g, kind, &(struct store_key){.field = key, .value = value}, NULL);
	char id[UUID_TEXT + 1];

	if (r)
		uuid_format(&r->id, id);
	generation_unref(g);
	return r ? json_string(id) : NULL;
}

/* ---- pages ----------------------------------------------------------------------------------------------------- */

static bool has_tag(const struct slice_list *tags, struct slice tag)
{
	for (size_t i = 0; i < tags->len; i++)
		if (slice_eq(tags->items[i], tag))
			return true;
	return false;
}

static bool has_tags(const struct record *r, const struct field *f, const struct page *page)
{
	const struct slice_list *tags = f ? field_member(f, r->entity) : NULL;
	size_t found = 0;

	if (!tags || page->tags_count == 0)
		return true;
	for (size_t i = 0; i < page->tags_count; i++)
		found += has_tag(tags, page->tags[i]);
	return page->tags_any ? found > 0 : found == page->tags_count;
}

/* Of the first row beyond an id. */
static size_t beyond(struct record *const *rows, size_t n, const struct uuid *after)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (memcmp(rows[middle]->id.bytes, after->bytes, sizeof after->bytes) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

json_t *memory_list(const struct schema *kind, const struct store_scope *scope, const struct page *page, bool *more)
{
	*more = false;
	if (kind->is_private)
		return json_array();
	struct generation *g = generation_hold(NULL);
	const struct field *tags = schema_field(kind, S("tags"));
	json_t *list = json_array();
	struct uuid after;
	size_t n, i = 0;
	struct record *const *rows = generation_rows(g, kind, &n);

	if (slice_is_set(page->after) && uuid_parse(page->after, &after))
		i = beyond(rows, n, &after);
	for (; i < n && !*more; i++) {
		if (!is_visible(rows[i]) || !is_within(rows[i], scope) || !has_tags(rows[i], tags, page))
			continue;
		*more = (int64_t)json_array_size(list) == page->size;
		if (!*more)
			json_array_append_new(list, record_json(rows[i]));
	}
	generation_unref(g);
	return list;
}

/* ---- for publishing -------------------------------------------------------------------------------------------- */

bool memory_snapshot(uint64_t *version, store_row_fn fn, void *arg, struct err *e)
{
	struct generation *g = generation_hold(NULL);
	bool ok = true;
	size_t n;

	*version = generation_version(g);
	for (size_t k = 0; ok && k < kinds_count(); k++) {
		struct record *const *rows = generation_rows(g, kinds_at(k), &n);
		for (size_t i = 0; ok && i < n; i++)
			ok = !is_visible(rows[i]) || fn(kinds_at(k), rows[i]->json, arg, e);
	}
	generation_unref(g);
	return ok;
}

struct telling {
	const struct generation *from, *to;
	store_change_fn fn;
	void *arg;
	struct err *e;
};

static bool tell_new(const struct telling *t, const struct schema *kind)
{
	size_t n;
	struct record *const *rows = generation_rows(t->to, kind, &n);

	for (size_t i = 0; i < n; i++) {
		const struct record *was = catalog_get(generation_catalog(t->from), kind, &rows[i]->id);
		if (was && slice_eq(was->json, rows[i]->json))
			continue;
		if (!t->fn(generation_version(t->to), kind, &rows[i]->id, rows[i]->json, t->arg, t->e))
			return false;
	}
	return true;
}

static bool tell_gone(const struct telling *t, const struct schema *kind)
{
	size_t n;
	struct record *const *rows = generation_rows(t->from, kind, &n);

	for (size_t i = 0; i < n; i++)
		if (!catalog_get(generation_catalog(t->to), kind, &rows[i]->id) &&
		        !t->fn(generation_version(t->to), kind, &rows[i]->id, (struct slice){0}, t->arg, t->e))
			return false;
	return true;
}

/* Only the last step is known; who is further behind takes a snapshot. */
bool memory_changes(uint64_t after, store_change_fn fn, void *arg, struct err *e)
{
	struct generation *from, *to = generation_hold(&from);
	struct telling t = {from, to, fn, arg, e};
	bool ok = from && generation_version(from) == after;

	if (generation_version(to) == after) {
		generation_unref(to);
		generation_unref(from);
		return true;
	}
	if (!ok)
		err_set(e, "version %" PRIu64 " is no longer known", after);
	for (size_t k = 0; ok && k < kinds_count(); k++)
		ok = tell_new(&t, kinds_at(k)) && tell_gone(&t, kinds_at(k));
	generation_unref(to);
	generation_unref(from);
	return ok;
}
