/* refs: references given by a unique key of their target become references by id (entities.md 1.6).
 *
 * Only what can be looked up is touched: everything else (no object, no usable key) is left for schema_load() to
 * refuse with its own text. All references are looked at before the fault is made, so that it names each that failed.
 */
#include "cp/store/store_private.h"

#include <stdio.h>

#include "common/schema/load.h"
#include "common/schema/violations.h"

/* What one call of store_resolve_refs() works with. */
struct resolution {
	struct store *st;
	struct fault *fault; /* set when the database failed: then all stops */
};

/* The first unique field of target that the reference gives as a string; *value is that string. */
static const struct field *given_key(const struct schema *target, const json_t *reference, struct slice *value)
{
	for_each_field(f, target)
	{
		const json_t *v = json_object_get(reference, f->name);
		if (!(f->flags & UNIQUE) || f->type != TYPE_STRING || !json_is_string(v) ||
		        json_string_length(v) == 0)
			continue;
		*value = slice_of(json_string_value(v), json_string_length(v));
		return f;
	}
	return NULL;
}

/* NULL with fault->code 0: there is none. */
static json_t *find_id(struct resolution *r, const struct schema *target, const struct field *key, struct slice value)
{
	arena_reset(&r->st->scratch);
	if (!is_pg_text(value))
		return NULL;
	if (r->st->is_memory)
		return memory_find_id(target, key, value);
	text_clear(&r->st->sql);
	sql_select_id(&r->st->sql, target, key);
	PGresult *found = store_query(r->st, PG_PARAMS(arena_cstr(&r->st->scratch, value)), r->fault);
	json_t *out = found && PQntuples(found) > 0 ? json_string(PQgetvalue(found, 0, 0)) : NULL;
	PQclear(found);
	return out;
}

/* The message for a reference that leads nowhere, as {"name": text}. */
static json_t *unresolved(const struct schema *target, const struct field *key, struct slice value)
{
	struct text braced = {0};
	json_t *given = json_pack("{s:s%}", key->name, value.ptr, value.len);

	violations_braced(given, &braced);
	json_t *out = json_object();
	json_object_set_new(out, key->name,
	        json_sprintf("the foreign key cannot be resolved with '%s' for an existing '%s' entity",
	                text_cstr(&braced), target->name));
	json_decref(given);
	text_fini(&braced);
	return out;
}

/* Replaces the reference found in object under f->name. Returns the errors below it, or NULL. */
static json_t *resolve_reference(struct resolution *r, const struct field *f, json_t *object)
{
	json_t *reference = json_object_get(object, f->name);
	const json_t *given = json_object_get(reference, "id");
	const struct schema *target = kinds_by_name(slice_cstr(f->ref));
	struct slice value = {0};

	if (!json_is_object(reference) || !target || (given && !json_is_null(given)))
		return NULL;
	const struct field *key = given_key(target, reference, &value);
	if (!key)
		return NULL;
	json_t *id = find_id(r, target, key, value);
	if (!id)
		return r->fault->code ? NULL : unresolved(target, key, value);
	json_object_set_new(object, f->name, json_pack("{s:o}", "id", id));
	return NULL;
}

static json_t *resolve_record(struct resolution *r, const struct schema *s, json_t *object);

/* Errors of a list stand at the same places as the elements they belong to. */
static json_t *resolve_list(struct resolution *r, const struct schema *s, json_t *list)
{
	json_t *errors = NULL;

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *below = resolve_record(r, s, json_array_get(list, i));
		if (!below)
			continue;
		if (!errors)
			errors = json_array();
		while (json_array_size(errors) < i)
			json_array_append_new(errors, json_null());
		json_array_append_new(errors, below);
	}
	return errors;
}

static json_t *resolve_field(struct resolution *r, const struct field *f, const struct schema *config, json_t *object)
{
	json_t *value = json_object_get(object, f->name);

	if (f->type == TYPE_FOREIGN)
		return resolve_reference(r, f, object);
	if (config && strcmp(f->name, "config") == 0)
		return resolve_record(r, config, value);
	if (f->type == TYPE_RECORD && f->record)
		return resolve_record(r, f->record, value);
	if ((f->type == TYPE_ARRAY || f->type == TYPE_SET) && f->elements && f->elements->record)
		return resolve_list(r, f->elements->record, value);
	return NULL;
}

static json_t *resolve_record(struct resolution *r, const struct schema *s, json_t *object)
{
	json_t *errors = NULL;

	if (!json_is_object(object))
		return NULL;
	const struct schema *config = s->subschema ? schema_subschema(s, object) : NULL;
	for_each_field(f, s)
	{
		json_t *below = r->fault->code ? NULL : resolve_field(r, f, config, object);
		if (!below)
			continue;
		if (!errors)
			errors = json_object();
		json_object_set_new(errors, f->name, below);
	}
	return errors;
}

bool store_resolve_refs(struct store *st, const struct schema *kind, json_t *input, struct fault *fault)
{
	struct resolution r = {.st = st, .fault = fault};
	json_t *errors = resolve_record(&r, kind, input);

	if (fault->code) { /* the database failed on the way */
		json_decref(errors);
		return false;
	}
	return errors ? fault_unresolved(fault, errors) : true;
}
