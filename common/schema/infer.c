/* infer: gives the strings of a form the types that their fields want (admin-api.md 2.4); see infer.h. What cannot be
 * converted stays a string, and the field's own check will say what it expected. */
#include "common/schema/infer.h"

#include <math.h>
#include <stdlib.h>

#include "common/schema/schema_private.h"

static json_t *infer(const struct field *f, const struct schema *sub, json_t *value);

static bool is_blank_from(const char *s, const char *end)
{
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	return s == end;
}

/* Hexadecimal, exponents and surrounding blanks are fine; words such as "inf" are not. */
static json_t *as_number(json_t *text)
{
	struct slice s = value_slice(text);
	int64_t whole;
	char *end;

	if (slice_to_int(s, &whole)) {
		json_decref(text);
		return json_integer(whole);
	}
	double value = strtod(s.ptr, &end);
	if (end == s.ptr || !isfinite(value) || !is_blank_from(end, s.ptr + s.len))
		return text;
	json_decref(text);
	json_t *number = json_real(value);
	value_make_whole(&number);
	return number;
}

static json_t *as_boolean(json_t *text)
{
	bool yes = slice_eq(value_slice(text), S("true"));
	if (!yes && !slice_eq(value_slice(text), S("false")))
		return text;
	json_decref(text);
	return json_boolean(yes);
}

/* A single value becomes a list of one. */
static json_t *as_list(const struct field *f, json_t *value)
{
	json_t *list = value;
	if (json_is_object(value))
		return value;
	if (!json_is_array(value)) {
		list = json_array();
		json_array_append_new(list, value);
	}
	for (size_t i = 0; f->elements && i < json_array_size(list); i++)
		json_array_set_new(list, i, infer(f->elements, NULL, json_incref(json_array_get(list, i))));
	return list;
}

static json_t *as_map(const struct field *f, json_t *value)
{
	for (void *it = json_object_iter(value); f->values && it; it = json_object_iter_next(value, it))
		json_object_iter_set_new(value, it, infer(f->values, NULL, json_incref(json_object_iter_value(it))));
	return value;
}

/* The kind referred to is not known here; all that a reference can be made by are strings. */
static json_t *as_reference(json_t *value)
{
	static const struct field any = {.type = TYPE_STRING};
	for (void *it = json_object_iter(value); it; it = json_object_iter_next(value, it))
		json_object_iter_set_new(value, it, infer(&any, NULL, json_incref(json_object_iter_value(it))));
	return value;
}

static void infer_key(const struct field *f, const struct schema *sub, const char *name, json_t *record)
{
	json_t *value = json_object_get(record, name);
	if (value)
		json_object_set_new(record, name, infer(f, sub, json_incref(value)));
}

static void infer_record(const struct schema *s, const struct schema *sub, json_t *record)
{
	for_each_field(f, s) infer_key(f, sub, f->name, record);
	for (const struct shorthand *sh = s->shorthands; sh && sh->name; sh++) {
		const struct field as = {.type = sh->type};
		infer_key(&as, NULL, sh->name, record);
	}
}

static json_t *as_record(const struct field *f, const struct schema *sub, json_t *value)
{
	const struct schema *s = f->record ? f->record : sub;
	if (s && json_is_object(value))
		infer_record(s, NULL, value);
	return value;
}

/* Takes value, returns what takes its place. */
static json_t *infer(const struct field *f, const struct schema *sub, json_t *value)
{
	bool text = json_is_string(value);
	if (text && json_string_length(value) == 0) {
		json_decref(value);
		return json_null();
	}
	switch (f->type) {
	case TYPE_INTEGER:
	case TYPE_NUMBER: return text ? as_number(value) : value;
	case TYPE_BOOLEAN: return text ? as_boolean(value) : value;
	case TYPE_ARRAY:
	case TYPE_SET: return as_list(f, value);
	case TYPE_MAP: return as_map(f, value);
	case TYPE_RECORD: return as_record(f, sub, value);
	case TYPE_FOREIGN: return as_reference(value);
	case TYPE_STRING:
	case TYPE_JSON:
	case TYPE_END: return value;
	}
	return value;
}

void form_infer(const struct schema *s, const struct schema *sub, json_t *tree)
{
	static const struct field ttl = {.type = TYPE_NUMBER};
	infer_record(s, sub, tree);
	if (s->has_ttl)
		infer_key(&ttl, NULL, "ttl", tree);
}
