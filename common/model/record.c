/* record: see record.h. */
#include "common/model/record.h"

#include <stdlib.h>

#include "common/schema/decode.h"
#include "common/schema/load.h"

static int append(const char *bytes, size_t n, void *arg)
{
	text_put(arg, slice_of(bytes, n));
	return 0;
}

/* There are very many records, so the arena begins with just about what one needs: the struct, the text, and the
 * strings of the text once more. */
static void keep_text(struct record *r, struct slice json)
{
	arena_init_small(&r->arena, r->kind->size + json.len + json.len / 2);
	r->json = arena_dup(&r->arena, json);
}

static bool decode_config(struct record *r, const json_t *rendered, struct err *e)
{
	r->config_schema = schema_subschema(r->kind, rendered);
	if (!r->config_schema)
		return true;
	r->config = schema_decode_new(r->config_schema, json_object_get(rendered, "config"), &r->arena, e);
	return r->config != NULL;
}

static bool fill(struct record *r, const json_t *rendered, struct err *e)
{
	const char *id = json_string_value(json_object_get(rendered, "id"));
	if (!uuid_parse(slice_cstr(id), &r->id))
		return err_set(e, "expected a record of %s with an id, not '%s'", r->kind->name, id ? id : "null");

	void *entity = arena_alloc(&r->arena, r->kind->size);
	r->entity = entity;
	r->expires_at = json_number_value(json_object_get(rendered, "expires_at"));
	r->has_references = memmem(r->json.ptr, r->json.len, "\"{vault://", 10) != NULL;
	if (!schema_decode(r->kind, rendered, &r->arena, entity, e))
		return false;
	if (r->kind->fini)
		arena_defer(&r->arena, r->kind->fini, entity);
	return decode_config(r, rendered, e);
}

/* json: the text of `rendered`. */
static struct record *make(
        const struct schema *kind, const json_t *rendered, struct slice json, uint64_t version, struct err *e)
{
	struct record *r = calloc(1, sizeof *r);
	if (!r)
		abort();
	r->kind = kind;
	r->version = version;
	r->refs = 1;
	keep_text(r, json);
	if (fill(r, rendered, e))
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

/* What an older release has written lacks fields, and must still be valid. */
static struct record *load_older(const struct schema *kind, json_t *input, uint64_t version, struct err *e)
{
	struct violations v = {0};
	struct record *r = NULL;
	json_t *rendered;
	if (schema_load(kind, input, &(struct load_options){.op = LOAD_STORED}, &rendered, &v)) {
		r = record_new(kind, rendered, version, e);
		json_decref(rendered);
	} else {
		struct text message = {0};
		violations_message(v.fields, "schema violation", "schema violations", &message);
		err_set(e, "%s", text_cstr(&message));
		text_fini(&message);
	}
	violations_fini(&v);
	return r;
}

struct record *record_parse(const struct schema *kind, struct slice json, uint64_t version, struct err *e)
{
	json_error_t where;
	json_t *input = json_loadb(json.len ? json.ptr : "", json.len, JSON_REJECT_DUPLICATES, &where);
	if (!input) {
		err_set(e, "not JSON at byte %d: %s", where.position, where.text);
		return NULL;
	}
	/* Usually nothing is to be filled in, and it was checked when it was written. */
	struct record *r = schema_is_rendered(kind, input) ? make(kind, input, json, version, e)
	                                                   : load_older(kind, input, version, e);
	json_decref(input);
	return r;
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
	arena_fini(&r->arena);
	free(r);
}

json_t *record_json(const struct record *r)
{
	return json_loadb(r->json.ptr, r->json.len, 0, NULL);
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
