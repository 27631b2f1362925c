/* tags: see tags.h. There is no table of tags; a page is put together from the kinds that have them. The order is by
 * entity, then kind, then place of the tag in the entity's list, and an offset names all three. */
#include "cp/admin/tags.h"

#include <stdlib.h>

#include "common/core/base64.h"
#include "common/schema/formats.h"
#include "cp/admin/errors.h"
#include "cp/admin/list.h"
#include "cp/store/faults.h"

struct place {
	char id[UUID_TEXT + 1];
	json_int_t kind, tag;
};

struct tagged {
	struct place place;
	char *tag;
};

/* Collects up to want rows per kind; the page is the first of them all. */
struct walk {
	struct slice only; /* one tag, or unset */
	bool begun;        /* at is the last place of the previous page */
	struct place at;
	json_int_t kind;
	size_t want, got;
	struct tagged *rows;
	size_t len, cap;
};

static int compare(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int ids = strcmp(x->id, y->id);

	if (ids != 0)
		return ids;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->tag < y->tag ? -1 : x->tag > y->tag;
}

static void add(struct walk *w, const struct place *place, struct slice tag)
{
	if (w->len == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 128;
		w->rows = realloc(w->rows, w->cap * sizeof *w->rows);
		if (!w->rows)
			abort();
	}
	w->rows[w->len++] = (struct tagged){.place = *place, .tag = slice_strdup(tag)};
	w->got++;
}

static bool look_at(const json_t *row, void *arg)
{
	struct walk *w = arg;
	const json_t *tags = json_object_get(row, "tags");
	struct place place = {.kind = w->kind};

	uuid_format(&(struct uuid){0}, place.id);
	memcpy(place.id, json_string_value(json_object_get(row, "id")), UUID_TEXT);
	for (size_t i = 0; i < json_array_size(tags); i++) {
		const json_t *text = json_array_get(tags, i);
		struct slice tag = slice_of(json_string_value(text), json_string_length(text));
		place.tag = (json_int_t)i;
		if (slice_is_set(w->only) && !slice_eq(tag, w->only))
			continue;
		if (!w->begun || compare(&place, &w->at) > 0)
			add(w, &place, tag);
	}
	return w->got < w->want;
}

/* The id before this one: pages begin after an id, and the last page may have ended inside an entity. */
static struct slice before(struct arena *a, const char *id)
{
	struct uuid u = {0};
	char *text = arena_alloc(a, UUID_TEXT + 1);
	size_t i = sizeof u.bytes;

	uuid_parse(slice_cstr(id), &u);
	while (i > 0 && u.bytes[--i]-- == 0) {
		if (i == 0) /* that was the very first id */
			return (struct slice){0};
	}
	uuid_format(&u, text);
	return slice_of(text, UUID_TEXT);
}

static bool collect(struct admin_call *c, struct walk *w)
{
	struct page page = {.tags = &w->only, .tags_count = slice_is_set(w->only)};

	if (w->begun)
		page.after = before(c->arena, w->at.id);
	for (size_t i = 0; i < kinds_count(); i++) {
		w->kind = (json_int_t)i;
		w->got = 0;
		if (schema_field(kinds_at(i), S("tags")) && !admin_each_row(c, kinds_at(i), NULL, page, look_at, w))
			return false;
	}
	if (w->len > 0)
		qsort(w->rows, w->len, sizeof *w->rows, compare);
	return true;
}

static struct slice encode_place(struct arena *a, const struct place *p)
{
	return base64_encode(
	        a, arena_printf(a, "[\"%s\",%d,%d]", p->id, (int)p->kind, (int)p->tag), BASE64_STANDARD, false);
}

static bool read_place(struct admin_call *c, struct walk *w)
{
	struct slice id, offset, bytes;

	if (!admin_list_offset(c, &id))
		return false;
	if (!slice_is_set(id) || !admin_query(c->request, S("offset"), &offset) ||
	        !base64_decode(c->arena, offset, BASE64_STANDARD, &bytes))
		return true;
	json_t *json = json_loadb(bytes.ptr, bytes.len, 0, NULL);
	w->begun = true;
	memcpy(w->at.id, id.ptr, UUID_TEXT);
	w->at.kind = json_integer_value(json_array_get(json, 1));
	w->at.tag = json_integer_value(json_array_get(json, 2));
	json_decref(json);
	return true;
}

static void answer(struct admin_call *c, const struct walk *w, size_t size)
{
	json_t *data = json_array();
	size_t n = w->len < size ? w->len : size;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(data,
		        json_pack("{s:s, s:s, s:s}", "tag", w->rows[i].tag, "entity_name",
		                kinds_at((size_t)w->rows[i].place.kind)->name, "entity_id", w->rows[i].place.id));
	struct slice next = w->len > size ? encode_place(c->arena, &w->rows[n - 1].place) : (struct slice){0};
	admin_list_answer(c, data, next, S(""));
}

static void list(struct admin_call *c, struct slice only)
{
	struct walk w = {.only = only};
	int64_t size;

	if (!admin_list_size(c, false, &size) || !read_place(c, &w))
		return;
	w.want = (size_t)size + 1;
	if (collect(c, &w))
		answer(c, &w, (size_t)size);
	for (size_t i = 0; i < w.len; i++)
		free(w.rows[i].tag);
	free(w.rows);
}

void admin_tags(struct admin_call *c)
{
	struct violations v = {0};

	if (c->request->method == ADMIN_GET) {
		list(c, (struct slice){0});
		return;
	}
	violations_add(&v, "tags", "does not support insert/upsert/update/delete operations");
	admin_violations(c, &v);
}

void admin_tags_one(struct admin_call *c)
{
	struct fault f = {0};
	struct slice replacement = {0};
	struct err e;

	if (format_check(FORMAT_TAG, c->params[0], c->arena, &replacement, &e)) {
		list(c, c->params[0]);
		return;
	}
	fault_set(&f, 10, 400, NULL, "%s", e.message);
	admin_fault(c, &f, NULL);
}
