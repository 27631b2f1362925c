/* document_base: the rows that a document is compared with, and which of its entities each of them is.
 *
 * Rows are found by id, by unique fields, by the fields of a composite key, and, for entities that have no name at
 * all, by their content. A row is claimed once. */
#include <stdlib.h>

#include "common/model/document_private.h"

struct base_row {
	struct slice json;
	struct uuid id;
	bool is_claimed;
	struct base_row *next, *same; /* of the kind; of the same content */
};

struct base_kind {
	struct base_row *first, **last;
	struct map by_id, by_key, by_content; /* to rows; keys see key_of() */
	bool has_content;
};

struct document_base {
	struct arena arena;
	struct base_kind kinds[KINDS_MAX];
};

struct document_base *document_base_new(void)
{
	struct document_base *b = calloc(1, sizeof *b);

	if (!b)
		abort();
	arena_init(&b->arena);
	for (size_t i = 0; i < KINDS_MAX; i++)
		b->kinds[i].last = &b->kinds[i].first;
	return b;
}

void document_base_free(struct document_base *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < KINDS_MAX; i++) {
		map_fini(&b->kinds[i].by_id);
		map_fini(&b->kinds[i].by_key);
		map_fini(&b->kinds[i].by_content);
	}
	arena_fini(&b->arena);
	free(b);
}

const struct slice *base_row_json(const struct base_row *r)
{
	return &r->json;
}

const struct uuid *base_row_id(const struct base_row *r)
{
	return &r->id;
}

/* ---- keys ------------------------------------------------------------------------------------------------------ */

static void put_value(struct text *key, const json_t *value)
{
	if (json_is_object(value))
		value = json_object_get(value, "id");
	if (json_is_string(value))
		text_put(key, slice_of(json_string_value(value), json_string_length(value)));
	text_putc(key, '\0');
}

/* "name\0value\0"; false: the record has none. */
static bool field_key(struct text *key, const struct field *f, const json_t *record)
{
	const json_t *value = json_object_get(record, f->name);

	text_clear(key);
	if (!(f->flags & UNIQUE) || f->type != TYPE_STRING || !json_is_string(value))
		return false;
	text_puts(key, f->name);
	text_putc(key, '\0');
	put_value(key, value);
	return true;
}

static bool scope_key(struct text *key, const struct schema *kind, const json_t *record)
{
	bool any = false;

	text_clear(key);
	text_puts(key, "*");
	text_putc(key, '\0');
	for_each_field(f, kind)
	{
		if (!(f->flags & SCOPE))
			continue;
		any = true;
		put_value(key, json_object_get(record, f->name));
	}
	return any;
}

/* The record without its id and whatever else is made up when it is left out. */
static void content_key(struct text *key, const struct schema *kind, const json_t *record)
{
	json_t *rest = json_copy((json_t *)record);

	for_each_field(f, kind)
	{
		if (f->flags & AUTO)
			json_object_del(rest, f->name);
	}
	char *dump = json_dumps(rest, JSON_COMPACT | JSON_SORT_KEYS);
	text_clear(key);
	text_puts(key, dump ? dump : "");
	free(dump);
	json_decref(rest);
}

/* ---- adding ---------------------------------------------------------------------------------------------------- */

static void index_row(struct base_kind *k, const struct schema *kind, struct base_row *r, const json_t *record)
{
	struct text key = {0};

	for_each_field(f, kind)
	{
		if (field_key(&key, f, record))
			map_set(&k->by_key, text_slice(&key), r);
	}
	if (scope_key(&key, kind, record))
		map_set(&k->by_key, text_slice(&key), r);
	text_fini(&key);
	map_set(&k->by_id, uuid_slice(&r->id), r);
}

bool document_base_add(struct document_base *b, const struct schema *kind, struct slice json, struct err *e)
{
	struct base_kind *k = &b->kinds[kinds_index(kind)];
	struct base_row *r = arena_new(&b->arena, struct base_row);
	json_t *record = json_loadb(json.ptr, json.len, 0, NULL);
	bool ok = uuid_parse(slice_cstr(json_string_value(json_object_get(record, "id"))), &r->id);

	if (ok) {
		r->json = arena_dup(&b->arena, json);
		*k->last = r;
		k->last = &r->next;
		index_row(k, kind, r, record);
	}
	json_decref(record);
	return ok || err_set(e, "a stored row of '%s' has no id", kind->name);
}

/* Only made when somebody asks: most entities have names. */
static void index_content(struct base_kind *k, const struct schema *kind)
{
	struct text key = {0};

	if (k->has_content)
		return;
	k->has_content = true;
	for (struct base_row *r = k->first; r; r = r->next) {
		json_t *record = json_loadb(r->json.ptr, r->json.len, 0, NULL);
		content_key(&key, kind, record);
		r->same = map_set(&k->by_content, text_slice(&key), r);
		json_decref(record);
	}
	text_fini(&key);
}

/* ---- claiming -------------------------------------------------------------------------------------------------- */

static struct base_row *take(struct base_row *r)
{
	if (!r || r->is_claimed)
		return NULL;
	r->is_claimed = true;
	return r;
}

struct base_row *document_base_claim_id(struct document_base *b, const struct schema *kind, const struct uuid *id)
{
	return take(map_get(&b->kinds[kinds_index(kind)].by_id, uuid_slice(id)));
}

static struct base_row *claim_content(
        struct base_kind *k, const struct schema *kind, const json_t *record, struct text *key)
{
	index_content(k, kind);
	content_key(key, kind, record);
	struct base_row *r = map_get(&k->by_content, text_slice(key));
	while (r && r->is_claimed)
		r = r->same;
	return take(r);
}

/* A kind's own name (a unique field that the document gives) decides; what has one and is not found is new. */
struct base_row *document_base_claim(
        struct document_base *b, const struct schema *kind, const json_t *record, const json_t *input)
{
	struct base_kind *k = &b->kinds[kinds_index(kind)];
	struct base_row *r = NULL;
	struct text key = {0};
	bool is_named = false;

	for_each_field(f, kind)
	{
		if (r || !field_key(&key, f, record) || !json_object_get(input, f->name))
			continue;
		is_named = true;
		r = take(map_get(&k->by_key, text_slice(&key)));
	}
	if (!r && scope_key(&key, kind, record)) {
		is_named = true;
		r = take(map_get(&k->by_key, text_slice(&key)));
	}
	if (!r && !is_named)
		r = claim_content(k, kind, record, &key);
	text_fini(&key);
	return r;
}

bool document_base_each_left(const struct document_base *b, document_row_fn fn, void *arg)
{
	for (size_t i = 0; i < kinds_count(); i++)
		for (const struct base_row *r = b->kinds[i].first; r; r = r->next)
			if (!r->is_claimed && !fn(kinds_at(i), &r->id, r->json, arg))
				return false;
	return true;
}
