/* defaults: fills in the keys that a client left out, so that every record is whole. Called by load.c.
 *
 * A null that the client sent stays: only missing keys are filled. Records are always expanded to their full tree,
 * wherever they stand: as fields, as elements of lists, as values of maps. */
#include "common/schema/schema_private.h"

static void fill_value(const struct field *f, json_t *value);

static void fill_all(const struct field *f, json_t *container)
{
	size_t i;
	const char *key;
	json_t *element;

	if (json_is_array(container) && f->elements) {
		json_array_foreach(container, i, element) fill_value(f->elements, element);
	} else if (json_is_object(container) && f->type == TYPE_MAP && f->values) {
		json_object_foreach(container, key, element) fill_value(f->values, element);
	}
}

static void fill_value(const struct field *f, json_t *value)
{
	if (f->type == TYPE_RECORD && f->record && json_is_object(value))
		defaults_fill(f->record, NULL, value);
	else
		fill_all(f, value);
}

static json_t *missing_value(const struct field *f)
{
	return field_is_implied(f) ? json_object() : field_default(f);
}

void defaults_fill(const struct schema *s, const struct schema *sub, json_t *record)
{
	if (s->defaults)
		s->defaults(record);
	for_each_field(declared, s)
	{
		struct field room;
		const struct field *f = field_with_sub(declared, sub, &room);
		if (!json_object_get(record, f->name) && field_exists(f))
			json_object_set_new(record, f->name, missing_value(f));
		fill_value(f, json_object_get(record, f->name));
	}
}
