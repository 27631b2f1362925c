/* merge: PATCH. Records merge field by field; lists, maps, references and everything else are replaced whole. */
#include "common/schema/schema_private.h"

static json_t *merge_value(const struct field *f, json_t *old, json_t *new)
{
	if (f && f->type == TYPE_RECORD && f->record && json_is_object(old) && json_is_object(new))
		return schema_merge(f->record, old, new);
	return json_deep_copy(new);
}

const struct schema *schema_subschema(const struct schema *s, const json_t *input)
{
	struct err ignored;
	const char *at = NULL;
	return s->subschema ? s->subschema(input, &at, &ignored) : NULL;
}

/* A PATCH of a plugin need not name it: what chooses may come from either side. */
const struct schema *merge_subschema(const struct schema *s, const json_t *existing, const json_t *input)
{
	json_t *chooser = existing ? json_copy((json_t *)existing) : json_object();
	json_object_update(chooser, (json_t *)input);
	const struct schema *sub = schema_subschema(s, chooser);
	json_decref(chooser);
	return sub;
}

json_t *schema_merge(const struct schema *s, const json_t *existing, const json_t *input)
{
	const struct schema *sub = merge_subschema(s, existing, input);
	json_t *merged = json_deep_copy(existing), *value;
	const char *key;
	size_t len;

	json_object_keylen_foreach((json_t *)input, key, len, value)
	{
		struct field room;
		const struct field *f = schema_field(s, slice_of(key, len));
		if (f)
			f = field_with_sub(f, sub, &room);
		json_object_setn_new(merged, key, len, merge_value(f, json_object_getn(existing, key, len), value));
	}
	return merged;
}
