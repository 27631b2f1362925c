/* fill: see fill.h. Also merging, which is the other way to complete a record. */
#include "common/schema/fill.h"

#include "common/core/uuid.h"

enum { RANDOM_KEY = 32 };

/* The record schema of a field, if it is a nested record. */
static const struct schema *record_of(const struct field *f, const struct schema *sub)
{
	if (f->type != TYPE_RECORD)
		return NULL;
	return f->record ? f->record : strcmp(f->name, "config") == 0 ? sub : NULL;
}

static json_t *filled(const struct schema *s, const json_t *given, bool defaults);

/* A nested record is always there in full, unless something that is no object was given (an error later). */
static json_t *fill_nested(const struct schema *s, const struct field *f, const json_t *given, bool defaults)
{
	json_t *from = given && !json_is_null(given) ? json_incref((json_t *)given) : f->dflt ? field_default(f) : json_object();
	json_t *out = json_is_object(from) ? filled(s, from, defaults) : json_incref(from);
	json_decref(from);
	return out;
}

/* Elements that are records are filled as well. */
static json_t *fill_elements(const struct field *f, const json_t *given, bool defaults)
{
	const struct schema *s = f->elements ? f->elements->record : NULL;
	if (!s || !json_is_array(given))
		return json_incref((json_t *)given);
	json_t *out = json_array(), *item;
	size_t i;
	json_array_foreach((json_t *)given, i, item)
		json_array_append_new(out, json_is_object(item) ? filled(s, item, defaults) : json_incref(item));
	return out;
}

static json_t *fill_value(const struct field *f, const struct schema *nested, const json_t *given, bool defaults)
{
	if (nested)
		return fill_nested(nested, f, given, defaults);
	if (!given)
		return defaults ? field_default(f) : json_null();
	return fill_elements(f, given, defaults);
}

/* What the table does not know stays, behind the rest: it is refused later, by name. */
static void keep_unknown(const struct schema *s, const json_t *given, json_t *out)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)given, key, value) if (!schema_field(s, slice_cstr(key))) json_object_set(out, key, value);
}

static json_t *filled(const struct schema *s, const json_t *given, bool defaults)
{
	json_t *out = json_object();
	for_each_field(f, s)
		json_object_set_new(out, f->name, fill_value(f, record_of(f, NULL), json_object_get(given, f->name), defaults));
	keep_unknown(s, given, out);
	return out;
}

/* ---- auto values -------------------------------------------------------------------------------------------------- */

static json_t *new_uuid(void)
{
	struct uuid u = uuid_v4();
	char text[UUID_TEXT + 1];
	uuid_format(&u, text);
	return json_string(text);
}

static json_t *new_key(void)
{
	char text[RANDOM_KEY + 1];
	random_alphanumeric(text, RANDOM_KEY);
	return json_string(text);
}

static json_t *auto_value(const struct field *f, int64_t now_ms)
{
	if (f->type == TYPE_NUMBER)
		return json_real((double)now_ms / 1000);
	if (f->type == TYPE_INTEGER)
		return json_integer(now_ms / 1000);
	return f->format == FORMAT_UUID ? new_uuid() : new_key();
}

/* entities.md 3: times count null as absent, random keys and ids do not. */
static bool wants_auto(const struct field *f, const json_t *given, enum load_op op)
{
	if (!(f->flags & AUTO) || op == LOAD_STORED)
		return false;
	if (f->flags & UPDATED)
		return true;
	if (op == LOAD_UPDATE)
		return false;
	return !given || (json_is_null(given) && (f->flags & TIMESTAMP));
}

void fill_record(const struct schema *s, const struct schema *sub, json_t **record, const struct load_options *o)
{
	json_t *given = *record, *out = json_object();
	bool defaults = o->op != LOAD_UPDATE;

	for_each_field(f, s)
	{
		const json_t *value = json_object_get(given, f->name);
		if (o->op == LOAD_REPLACE && o->existing && strcmp(f->name, "id") == 0)
			value = json_object_get(o->existing, "id");
		json_object_set_new(out, f->name,
			wants_auto(f, value, o->op) ? auto_value(f, o->now_ms) : fill_value(f, record_of(f, sub), value, defaults));
	}
	keep_unknown(s, given, out);
	json_decref(given);
	*record = out;
}

/* ---- merging ------------------------------------------------------------------------------------------------------ */

static json_t *merged(const struct schema *s, const struct schema *sub, const json_t *existing, const json_t *input)
{
	json_t *out = json_copy((json_t *)existing), *value;
	const char *key;

	json_object_foreach((json_t *)input, key, value)
	{
		const struct field *f = schema_field(s, slice_cstr(key));
		const struct schema *nested = f ? record_of(f, sub) : NULL;
		const json_t *was = json_object_get(existing, key);
		if (nested && json_is_object(was) && json_is_object(value))
			json_object_set_new(out, key, merged(nested, NULL, was, value));
		else
			json_object_set(out, key, value);
	}
	return out;
}

json_t *schema_merge(const struct schema *s, const json_t *existing, const json_t *input)
{
	/* another `name` means another kind of config: nothing of the old one is kept */
	const json_t *name = json_object_get(input, "name");
	bool same = !s->subschema || !name || json_equal(name, json_object_get(existing, "name"));
	const struct schema *sub = same ? schema_subschema(s, existing) : NULL;
	json_t *shallow = merged(s, sub, existing, input), *out = json_deep_copy(shallow);

	json_decref(shallow);
	if (!same && !json_object_get(input, "config"))
		json_object_del(out, "config");
	const json_t *id = json_object_get(existing, "id");
	if (id && schema_field(s, S("id")))
		json_object_set(out, "id", (json_t *)id);
	return out;
}
