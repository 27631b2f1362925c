/* record: see record.h. */
#include "common/model/record.h"

#include <stdlib.h>

#include "common/schema/decode.h"
#include "common/schema/encode.h"
#include "common/schema/load.h"

enum { DRAFT = 16 * 1024 }; /* few records are larger */

static bool forgets_texts;

void record_forget_texts(bool on)
{
	forgets_texts = on;
}

static int append(const char *bytes, size_t n, void *arg)
{
	text_put(arg, slice_of(bytes, n));
	return 0;
}

static bool decode_config(struct record *r, const json_t *rendered, struct err *e)
{
	r->config_schema = schema_subschema(r->kind, rendered);
	if (!r->config_schema)
		return true;
	r->config = schema_decode_new(r->config_schema, json_object_get(rendered, "config"), &r->arena, e);
	return r->config != NULL;
}

static bool fill(struct record *r, const json_t *rendered, struct slice json, struct err *e)
{
	const char *id = json_string_value(json_object_get(rendered, "id"));
	if (!uuid_parse(slice_cstr(id), &r->id))
		return err_set(e, "expected a record of %s with an id, not '%s'", r->kind->name, id ? id : "null");

	void *entity = arena_alloc(&r->arena, r->kind->size);
	r->entity = entity;
	r->expires_at = json_number_value(json_object_get(rendered, "expires_at"));
	r->has_references = memmem(json.ptr, json.len, "\"{vault://", 10) != NULL;
	if (!schema_decode(r->kind, rendered, &r->arena, entity, e))
		return false;
	if (r->kind->fini)
		arena_defer(&r->arena, r->kind->fini, entity);
	return decode_config(r, rendered, e);
}

static void write_text(const struct record *r, struct text *out)
{
	schema_encode(r->kind, r->entity, r->config_schema, r->config, r->expires_at, out);
}

/* Does the struct give the text again, to the byte? */
static bool gives_text(const struct record *r, struct slice json)
{
	struct text again = {0};
	write_text(r, &again);
	bool same = slice_eq(text_slice(&again), json);
	text_fini(&again);
	return same;
}

/* What the record and all that it holds will take. False with e set: it cannot be made. */
static bool measure(
        struct record draft, const json_t *rendered, struct slice json, size_t *size, bool *keeps_text, struct err *e)
{
	arena_init_small(&draft.arena, DRAFT);
	bool ok = fill(&draft, rendered, json, e);
	*keeps_text = !forgets_texts || !ok || draft.has_references || !gives_text(&draft, json);
	if (*keeps_text)
		arena_dup(&draft.arena, json);
	arena_alloc(&draft.arena, sizeof draft);
	*size = arena_taken(&draft.arena);
	arena_fini(&draft.arena);
	return ok;
}

/* json: the text of `rendered`. There are very many records, so each is made twice: first to see what it takes, then
 * in a block of that size. */
static struct record *make(
        const struct schema *kind, const json_t *rendered, struct slice json, uint64_t version, struct err *e)
{
	struct record as_new = {.kind = kind, .version = version, .refs = 1};
	size_t size;
	bool keeps_text;

	if (!measure(as_new, rendered, json, &size, &keeps_text, e))
		return NULL;
	struct arena arena;
	arena_init_small(&arena, size);
	struct record *r = arena_alloc(&arena, sizeof *r);
	*r = as_new;
	r->arena = arena;
	if (keeps_text)
		r->json = arena_dup(&r->arena, json);
	if (fill(r, rendered, json, e))
		return r;
	record_unref(r);
	return NULL;
}

struct record *record_new(const struct schema *kind, const json_t *rendered, uint64_t version, struct err *e)
{
	struct text json = {0};
	json_dump_callback(rendered, append, &json, JSON_COMPACT);
	struct record *r = make(kind, rendered, text_slice(&json), version, e);
	text_fini(&json);
	return r;
}

void record_hold_back(struct text *held_back, struct slice name)
{
	for (struct slice rest = text_slice(held_back); rest.len;)
		if (slice_eq(slice_trim(slice_cut(&rest, ',')), name))
			return;
	if (held_back->len + name.len > RECORD_HELD_BACK_MAX)
		return;
	if (held_back->len)
		text_puts(held_back, ", ");
	text_put(held_back, name);
}

/* ---- what other releases have written -------------------------------------------------------------------------- */

/* Takes out of value what the errors call unknown; path names it. */
static void drop_unknown(json_t *value, const json_t *errors, struct text *path, struct text *held_back)
{
	size_t len = path->len, index;
	const char *key;
	json_t *error;

	json_array_foreach(errors, index, error) drop_unknown(json_array_get(value, index), error, path, held_back);
	json_object_foreach((json_t *)errors, key, error)
	{
		text_printf(path, ".%s", key);
		if (!json_is_string(error)) {
			drop_unknown(json_object_get(value, key), error, path, held_back);
		} else if (strcmp(json_string_value(error), "unknown field") == 0) {
			json_object_del(value, key);
			record_hold_back(held_back, text_slice(path));
		}
		path->len = len;
	}
}

/* Names what loading has left out. */
static void name_unknown(const json_t *input, const json_t *loaded, struct text *path, struct text *held_back)
{
	size_t len = path->len, index;
	const char *key;
	json_t *value;

	json_array_foreach((json_t *)input, index, value)
	        name_unknown(value, json_array_get(loaded, index), path, held_back);
	json_object_foreach((json_t *)input, key, value)
	{
		const json_t *kept = json_object_get(loaded, key);
		text_printf(path, ".%s", key);
		if (kept)
			name_unknown(value, kept, path, held_back);
		else if (json_is_object(loaded))
			record_hold_back(held_back, text_slice(path));
		path->len = len;
	}
}

/* Fields of another flavour of the router are known, and not there. */
static void name_left_out(
        const struct schema *kind, const json_t *input, const json_t *loaded, struct text *held_back)
{
	json_t *strangers = json_copy((json_t *)input);
	struct text path = {0};

	for_each_field(f, kind) if (!json_object_get(loaded, f->name)) json_object_del(strangers, f->name);
	text_puts(&path, kind->name);
	name_unknown(strangers, loaded, &path, held_back);
	text_fini(&path);
	json_decref(strangers);
}

/* An older release's records lack fields, and must still be valid; of a newer one's, loading leaves out what it does
 * not know, but within lists of records calls it an error. held_back NULL: then it stays one. */
static json_t *load(const struct schema *kind, json_t *input, struct text *held_back, struct err *e)
{
	struct violations v = {0};
	json_t *rendered = NULL;
	struct text text = {0};

	if (!schema_load(kind, input, &(struct load_options){.op = LOAD_STORED}, &rendered, &v) && held_back) {
		json_t *known = json_deep_copy(input);
		text_puts(&text, kind->name);
		drop_unknown(known, v.fields, &text, held_back);
		violations_fini(&v);
		v = (struct violations){0};
		schema_load(kind, known, &(struct load_options){.op = LOAD_STORED}, &rendered, &v);
		json_decref(known);
	}
	if (rendered && held_back)
		name_left_out(kind, input, rendered, held_back);
	if (!rendered) {
		text_clear(&text);
		violations_message(v.fields, "schema violation", "schema violations", &text);
		err_set(e, "%s", text_cstr(&text));
	}
	text_fini(&text);
	violations_fini(&v);
	return rendered;
}

static struct record *make_other(const struct schema *kind, json_t *input, struct slice json, uint64_t version,
        struct text *held_back, struct err *e)
{
	struct text names = {0};
	struct record *r = NULL;
	json_t *rendered = load(kind, input, held_back ? &names : NULL, e);

	if (rendered)
		r = names.len > 0 ? make(kind, rendered, json, version, e) : record_new(kind, rendered, version, e);
	json_decref(rendered);
	for (struct slice rest = text_slice(&names); rest.len;)
		record_hold_back(held_back, slice_trim(slice_cut(&rest, ',')));
	text_fini(&names);
	return r;
}

struct record *record_parse_newer(
        const struct schema *kind, struct slice json, uint64_t version, struct text *held_back, struct err *e)
{
	json_error_t where;
	json_t *input = json_loadb(json.len ? json.ptr : "", json.len, JSON_REJECT_DUPLICATES, &where);
	if (!input) {
		err_set(e, "not JSON at byte %d: %s", where.position, where.text);
		return NULL;
	}
	/* Usually nothing is to be filled in, and it was checked when it was written. */
	struct record *r = schema_is_rendered(kind, input) ? make(kind, input, json, version, e)
	                                                   : make_other(kind, input, json, version, held_back, e);
	json_decref(input);
	return r;
}

struct record *record_parse(const struct schema *kind, struct slice json, uint64_t version, struct err *e)
{
	return record_parse_newer(kind, json, version, NULL, e);
}

struct record *record_ref(struct record *r)
{
	r->refs++;
	return r;
}

void record_unref(struct record *r)
{
	if (--r->refs > 0)
		return;
	struct arena arena = r->arena; /* r is in it */
	arena_fini(&arena);
}

struct slice record_stored_text(const struct record *r, struct arena *a)
{
	if (slice_is_set(r->json))
		return r->json;
	struct text text = {0};
	write_text(r, &text);
	struct slice out = arena_dup(a, text_slice(&text));
	text_fini(&text);
	return out;
}

json_t *record_json(const struct record *r)
{
	struct arena a;
	arena_init(&a);
	struct slice text = record_stored_text(r, &a);
	json_t *json = json_loadb(text.ptr, text.len, 0, NULL);
	arena_fini(&a);
	return json;
}

struct slice record_lookup_key(const struct record *r, const struct field *f)
{
	const void *member = field_member(f, r->entity);
	switch (f->member) {
	case MEMBER_SLICE: return *(const struct slice *)member;
	case MEMBER_UUID: return uuid_slice(member);
	case MEMBER_REF: {
		const struct ref *to = member;
		return to->set ? uuid_slice(&to->id) : slice_of(NULL, 0);
	}
	default: return slice_of(NULL, 0); /* nothing else is looked up by */
	}
}
