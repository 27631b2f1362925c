/* schema: looking at tables. Used by every walker here and by whoever asks what an entity is made of. */
#include "common/schema/schema_private.h"

#include <stdio.h>
#include <stdlib.h>

static bool has_expressions;

void schema_use_expressions(bool on)
{
	has_expressions = on;
}

bool schema_has_expressions(void)
{
	return has_expressions;
}

const struct field *schema_field(const struct schema *s, struct slice name)
{
	if (name.len == 0)
		return NULL;
	for_each_field(f, s)
	{
		if (f->name[0] == name.ptr[0] && slice_eq(slice_cstr(f->name), name))
			return f;
	}
	return NULL;
}

const struct field *schema_endpoint_key(const struct schema *s)
{
	for_each_field(f, s)
	{
		if (f->flags & ENDPOINT_KEY)
			return f;
	}
	return NULL;
}

const struct field *schema_reference_to(const struct schema *s, const char *kind)
{
	for_each_field(f, s)
	{
		if (f->ref && strcmp(f->ref, kind) == 0)
			return f;
	}
	return NULL;
}

const struct field *schema_field_at(const struct schema *s, const char *path)
{
	struct slice rest = slice_cstr(path);
	const struct field *f = NULL;
	while (slice_is_set(rest)) {
		f = s ? schema_field(s, slice_cut(&rest, '.')) : NULL;
		if (!f)
			return NULL;
		s = f->record;
	}
	return f;
}

const struct field *field_with_sub(const struct field *f, const struct schema *sub, struct field *room)
{
	if (!sub || f->type != TYPE_RECORD || f->record)
		return f;
	*room = *f;
	room->record = sub;
	return room;
}

bool field_is_vault_reference(const struct field *f, const json_t *value)
{
	struct slice s = value_slice(value);
	return (f->flags & REFERENCEABLE) && json_is_string(value) && slice_starts(s, S("{vault://")) &&
	       slice_ends(s, S("}"));
}

json_t *schema_literal(const char *text)
{
	char *json = slice_strdup(slice_cstr(text));
	for (char *p = json; *p; p++)
		if (*p == '\'')
			*p = '"';

	json_error_t why;
	json_t *value = json_loads(json, JSON_DECODE_ANY, &why);
	if (!value) {
		fprintf(stderr, "a schema table holds \"%s\", which is not JSON: %s\n", text, why.text);
		abort();
	}
	free(json);
	return value;
}

json_t *field_default(const struct field *f)
{
	return f->dflt ? schema_literal(f->dflt) : json_null();
}

const char *field_type_name(enum field_type t)
{
	static const char *const names[] = {
	        [TYPE_END] = "any",
	        [TYPE_STRING] = "string",
	        [TYPE_INTEGER] = "integer",
	        [TYPE_NUMBER] = "number",
	        [TYPE_BOOLEAN] = "boolean",
	        [TYPE_ARRAY] = "array",
	        [TYPE_SET] = "set",
	        [TYPE_MAP] = "map",
	        [TYPE_RECORD] = "record",
	        [TYPE_FOREIGN] = "foreign",
	        [TYPE_JSON] = "json",
	};
	return names[t];
}
