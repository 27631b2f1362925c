/* render: from the stored form to what clients see. Called by the Admin API, the change history and logs. */
#include "common/core/clock.h"
#include "common/schema/schema_private.h"

static json_t *render_record(const struct schema *s, const struct schema *sub, const json_t *record, bool reveal);

/* The same shape with every string masked. */
static json_t *masked(const json_t *value)
{
	if (json_is_null(value))
		return json_null();
	if (!json_is_array(value) && !json_is_object(value))
		return json_string("***");

	json_t *copy = json_copy((json_t *)value), *element;
	const char *key;
	size_t i;
	json_array_foreach(copy, i, element) json_array_set_new(copy, i, masked(element));
	json_object_foreach(copy, key, element) json_object_set_new(copy, key, masked(element));
	return copy;
}

static json_t *render_list(const struct field *f, const json_t *list, bool reveal)
{
	json_t *out = json_array(), *element;
	size_t i;
	json_array_foreach(list, i, element)
	        json_array_append_new(out, render_record(f->elements->record, NULL, element, reveal));
	return out;
}

static json_t *render_value(const struct field *f, json_t *value, bool reveal)
{
	if (!value || json_is_null(value))
		return json_null();
	if ((f->flags & SECRET) && !reveal)
		return masked(value);
	if (f->type == TYPE_RECORD && f->record)
		return render_record(f->record, NULL, value, reveal);
	if (json_is_array(value) && f->elements && f->elements->record)
		return render_list(f, value, reveal);
	json_incref(value);
	value_make_whole(&value);
	return value;
}

/* A deprecated name shows what the new one holds (entities.md 1.7). */
static void echo_aliases(const struct schema *s, json_t *rendered)
{
	for (const struct shorthand *sh = s->shorthands; sh && sh->name; sh++) {
		json_t *value = sh->replaced_by ? value_at(rendered, sh->replaced_by) : NULL;
		if (value)
			json_object_set(rendered, sh->name, value);
	}
}

static bool is_left_out(const struct field *f, const json_t *value)
{
	return !field_exists(f) || ((f->flags & ADDITION) && (!value || json_is_null(value)));
}

static json_t *render_record(const struct schema *s, const struct schema *sub, const json_t *record, bool reveal)
{
	json_t *out = json_object();
	for_each_field(declared, s)
	{
		struct field room;
		const struct field *f = field_with_sub(declared, sub, &room);
		json_t *value = json_object_get(record, f->name);
		if (!(f->flags & (HIDDEN | WRITE_ONLY)) && !is_left_out(f, value))
			json_object_set_new(out, f->name, render_value(f, value, reveal));
	}
	echo_aliases(s, out);
	return out;
}

static json_t *remaining_seconds(const json_t *expiry)
{
	if (!json_is_integer(expiry))
		return json_null();
	int64_t left = json_integer_value(expiry) - clock_wall_s();
	return json_integer(left > 0 ? left : 0);
}

json_t *schema_render(const struct schema *s, const json_t *record, bool reveal)
{
	json_t *out = render_record(s, schema_subschema(s, record), record, reveal);
	if (s->has_ttl)
		json_object_set_new(out, "ttl", remaining_seconds(json_object_get(record, EXPIRY_KEY)));
	return out;
}

/* ---- has it that form already? --------------------------------------------------------------------------------- */

static bool is_rendered(const struct schema *s, const struct schema *sub, const json_t *record, bool has_expiry);

static bool is_value_rendered(const struct field *f, const json_t *value)
{
	if (f->type == TYPE_RECORD && f->record)
		return json_is_null(value) ? !field_is_implied(f) : is_rendered(f->record, NULL, value, false);
	if (f->type == TYPE_RECORD) /* of a plugin or vault that this release does not know */
		return false;
	for (size_t i = 0; f->elements && f->elements->record && i < json_array_size(value); i++)
		if (!is_rendered(f->elements->record, NULL, json_array_get(value, i), false))
			return false;
	return true;
}

static bool is_rendered(const struct schema *s, const struct schema *sub, const json_t *record, bool has_expiry)
{
	void *at = json_object_iter((json_t *)record);

	for_each_field(declared, s)
	{
		struct field room;
		const struct field *f = field_with_sub(declared, sub, &room);
		bool is_here = at && strcmp(json_object_iter_key(at), f->name) == 0;
		if (f->flags & WRITE_ONLY || (!is_here && f->flags & EXPRESSIONS)) /* of another flavour */
			continue;
		if (!is_here || !is_value_rendered(f, json_object_iter_value(at)))
			return false;
		at = json_object_iter_next((json_t *)record, at);
	}
	if (has_expiry && at && strcmp(json_object_iter_key(at), EXPIRY_KEY) == 0)
		return !json_object_iter_next((json_t *)record, at);
	return !at && !has_expiry;
}

bool schema_is_rendered(const struct schema *s, const json_t *record)
{
	const struct schema *sub = s->subschema ? schema_subschema(s, record) : NULL;
	return json_is_object(record) && is_rendered(s, sub, record, s->has_ttl);
}
