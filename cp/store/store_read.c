/* store_read: single records and pages. Part of store.h.
 *
 * What is not text for PostgreSQL (a NUL, broken UTF-8, a key that is no UUID) cannot be stored and so is not found:
 * it is never sent. */
#include "cp/store/store_private.h"

#include <stdio.h>

#include "common/schema/formats.h"
#include "common/schema/load.h"

/* The record as this release shows it: what fields were added since it was written get their defaults. */
static json_t *stored_record(const struct schema *kind, struct slice doc, struct fault *fault)
{
	json_error_t e;
	struct violations v = {0};
	struct load_options options = {.op = LOAD_STORED};
	json_t *raw = json_loadb(doc.ptr, doc.len, 0, &e);
	json_t *record = NULL;

	if (!raw) {
		fault_set(fault, 8, 500, NULL, "a stored record of '%s' is not JSON: %s", kind->name, e.text);
		return NULL;
	}
	if (!schema_load(kind, raw, &options, &record, &v)) {
		/* rules may have become stricter since: what is stored is still what is in force, and must be shown
		 * to be mended */
		record = json_incref(raw);
		violations_fini(&v);
	}
	json_decref(raw);
	return record;
}

static bool is_uuid_column(const struct field *f)
{
	return f->type == TYPE_FOREIGN || f->format == FORMAT_UUID;
}

/* Code 10: a key that breaks the rules of its field (entities.md 7). */
static bool check_key(struct store *st, const struct store_key *key, struct fault *fault)
{
	struct slice replacement = {0};
	struct err e;

	if (key->field->format == FORMAT_NONE || is_uuid_column(key->field) ||
	        format_check(key->field->format, key->value, &st->scratch, &replacement, &e))
		return true;
	return fault_invalid_unique(fault, key->field, e.message);
}

static const char *uuid_param(struct store *st, const struct uuid *id)
{
	char *out = arena_alloc(&st->scratch, UUID_TEXT + 1);
	uuid_format(id, out);
	return out;
}

/* NULL: nothing can have this key. */
static const char *key_param(struct store *st, const struct store_key *key)
{
	if (key->id)
		return uuid_param(st, key->id);
	if (!is_pg_text(key->value) || (is_uuid_column(key->field) && !is_uuid(key->value)))
		return NULL;
	return arena_cstr(&st->scratch, key->value);
}

static json_t *first_record(
        struct store *st, const struct schema *kind, const struct pg_params *params, struct fault *fault)
{
	PGresult *r = store_query(st, params, fault);
	json_t *record = r && PQntuples(r) > 0 ? stored_record(kind, pg_value(r, 0, 0), fault) : NULL;

	PQclear(r);
	return record;
}

json_t *store_get(struct store *st, const struct schema *kind, const struct store_key *key,
        const struct store_scope *scope, struct fault *fault)
{
	const struct field *by = key->id ? schema_field(kind, S("id")) : key->field;
	const struct field *within = scope ? scope->field : NULL;
	struct pg_params params = {.n = within ? 2 : 1};

	arena_reset(&st->scratch);
	if (!key->id && !check_key(st, key, fault))
		return NULL;
	params.values[0] = key_param(st, key);
	if (!params.values[0])
		return NULL;
	if (st->is_memory)
		return memory_get(kind, key, scope);
	if (within)
		params.values[1] = uuid_param(st, scope->id);
	text_clear(&st->sql);
	sql_select(&st->sql, kind, st->at, by, within);
	return first_record(st, kind, &params, fault);
}

/* ---- pages ----------------------------------------------------------------------------------------------------- */

/* {"a","b"} as PostgreSQL reads a text[]; NULL when a tag cannot be stored. */
static const char *tags_param(struct store *st, const struct page *page)
{
	struct text t = {0};
	const char *out = NULL;

	text_putc(&t, '{');
	for (size_t i = 0; i < page->tags_count; i++) {
		struct slice tag = page->tags[i];
		if (!is_pg_text(tag))
			goto out;
		text_puts(&t, i > 0 ? ",\"" : "\"");
		for (size_t k = 0; k < tag.len; k++) {
			if (tag.ptr[k] == '"' || tag.ptr[k] == '\\')
				text_putc(&t, '\\');
			text_putc(&t, tag.ptr[k]);
		}
		text_putc(&t, '"');
	}
	text_putc(&t, '}');
	out = arena_cstr(&st->scratch, text_slice(&t));
out:
	text_fini(&t);
	return out;
}

static json_t *records_of(const struct schema *kind, const PGresult *r, int64_t size, struct fault *fault)
{
	json_t *list = json_array();

	for (int i = 0; i < PQntuples(r) && i < size; i++) {
		json_t *record = stored_record(kind, pg_value(r, i, 0), fault);
		if (!record) {
			json_decref(list);
			return NULL;
		}
		json_array_append_new(list, record);
	}
	return list;
}

json_t *store_list(struct store *st, const struct schema *kind, const struct store_scope *scope,
        const struct page *page, bool *more, struct fault *fault)
{
	struct sql_page want = {.at = st->at,
	        .scope = scope ? scope->field : NULL,
	        .tags = page->tags_count > 0 && has_tags(kind),
	        .tags_any = page->tags_any,
	        .after = slice_is_set(page->after),
	        .limit = page->size + 1};
	struct pg_params params = {0};

	arena_reset(&st->scratch);
	*more = false;
	if (want.after && !is_uuid(page->after)) {
		fault_invalid_id(fault);
		return NULL;
	}
	if (st->is_memory)
		return memory_list(kind, scope, page, more);
	if (want.scope)
		params.values[params.n++] = uuid_param(st, scope->id);
	if (want.tags && !(params.values[params.n++] = tags_param(st, page)))
		return json_array();
	if (want.after)
		params.values[params.n++] = arena_cstr(&st->scratch, page->after);
	text_clear(&st->sql);
	sql_select_page(&st->sql, kind, &want);
	PGresult *r = store_query(st, &params, fault);
	if (!r)
		return NULL;
	*more = PQntuples(r) > page->size;
	json_t *list = records_of(kind, r, page->size, fault);
	PQclear(r);
	return list;
}
