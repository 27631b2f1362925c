/* render: from a stored record to what clients see. See load.h. */
#include <string.h>
#include <time.h>

#include "common/schema/checks.h"
#include "common/schema/load.h"

static json_t *render_record(const struct schema *s, const struct schema *sub, const json_t *record, bool reveal);

static json_t *render_value(const struct field *f, const struct schema *sub, const json_t *value, bool reveal)
{
	const struct schema *nested = f->record ? f->record : strcmp(f->name, "config") == 0 ? sub : NULL;
	if (!value)
		return json_null();
	if ((f->flags & SECRET) && !reveal && json_is_string(value))
		return json_string("***");
	if (f->type == TYPE_RECORD && nested && json_is_object(value))
		return render_record(nested, NULL, value, reveal);
	return json_deep_copy(value);
}

/* Deprecated aliases show the value of the field that replaced them. */
static void echo_aliases(const struct schema *s, json_t *out)
{
	for (const struct shorthand *sh = s->shorthands; sh && sh->name; sh++) {
		if (!sh->replaced_by)
			continue;
		json_t *value = checks_get(out, sh->replaced_by);
		json_object_set_new(out, sh->name, value ? json_deep_copy(value) : json_null());
	}
}

static json_t *render_record(const struct schema *s, const struct schema *sub, const json_t *record, bool reveal)
{
	json_t *out = json_object();
	for_each_field(f, s)
	{
		if (!(f->flags & (WRITE_ONLY | HIDDEN)))
			json_object_set_new(out, f->name, render_value(f, sub, json_object_get(record, f->name), reveal));
	}
	echo_aliases(s, out);
	return out;
}

static json_t *remaining_ttl(const json_t *record)
{
	const json_t *ends = json_object_get(record, "expires_at");
	if (!json_is_integer(ends))
		return json_null();
	json_int_t left = json_integer_value(ends) - (json_int_t)time(NULL);
	return json_integer(left > 0 ? left : 0);
}

json_t *schema_render(const struct schema *s, const json_t *record, bool reveal)
{
	json_t *out = render_record(s, schema_subschema(s, record), record, reveal);
	if (s->has_ttl)
		json_object_set_new(out, "ttl", remaining_ttl(record));
	return out;
}
