/* types: is a value of its field's type, and are its parts? Called by load.c for whole records; the rules of each
 * value are in rules.c. Errors have the shape of the input (schema_private.h).
 *
 * The surprising part: values are put into their normal form on the way: 2.0 becomes 2 in an integer, sets lose their
 * duplicates, references keep nothing but the id. */
#include <stdlib.h>

#include "common/core/map.h"
#include "common/core/utf8.h"
#include "common/schema/schema_private.h"

/* ---- single values --------------------------------------------------------------------------------------------- */

static json_t *check_string(const json_t *value)
{
	if (!json_is_string(value))
		return value_message("expected a string");
	struct slice s = value_slice(value);
	ptrdiff_t bad = utf8_invalid_at(s), nul = slice_find(s, '\0');
	if (bad < 0 || (nul >= 0 && nul < bad))
		bad = nul;
	return bad < 0 ? NULL : value_message("invalid utf-8 character sequence detected at position %td", bad + 1);
}

static json_t *check_number(json_t **value, bool whole)
{
	if (!json_is_number(*value))
		return value_message(whole ? "expected an integer" : "expected a number");
	value_make_whole(value);
	return whole && !json_is_integer(*value) ? value_message("expected an integer") : NULL;
}

/* Puts error at index i of *errors, with holes before it. */
static void put_at(json_t **errors, size_t i, json_t *error)
{
	if (!*errors)
		*errors = json_array();
	while (json_array_size(*errors) < i)
		json_array_append_new(*errors, json_null());
	json_array_append_new(*errors, error);
}

static json_t *check_elements(const struct field *elements, json_t *list)
{
	json_t *errors = NULL;
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *value = json_incref(json_array_get(list, i));
		json_t *error = types_check(elements, &value, true);
		json_array_set_new(list, i, value);
		if (error)
			put_at(&errors, i, error);
	}
	return errors;
}

/* Keeps the first of equal elements, in order. */
static void drop_duplicates(json_t **list)
{
	struct map seen = {0};
	json_t *unique = json_array(), *element;
	size_t i;

	json_array_foreach(*list, i, element)
	{
		char *text = json_dumps(element, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
		if (!text || !map_set(&seen, slice_cstr(text), element)) /* no text: not UTF-8, refused later */
			json_array_append(unique, element);
		free(text);
	}
	map_fini(&seen);
	json_decref(*list);
	*list = unique;
}

static json_t *check_list(const struct field *f, json_t **value)
{
	bool set = field_is_set(f);
	if (!json_is_array(*value))
		return value_message(set ? "expected a set" : "expected an array");
	if (set)
		drop_duplicates(value);
	return f->elements ? check_elements(f->elements, *value) : NULL;
}

static json_t *check_key(const struct field *keys, const char *key)
{
	json_t *value = json_string(key);
	json_t *error = value ? types_check(keys, &value, true) : value_message("expected valid utf-8");
	json_decref(value);
	return error;
}

/* Stops at the first bad entry, whose error stands at the map itself (entities.md 1.1). */
static json_t *check_map(const struct field *f, json_t *map)
{
	if (!json_is_object(map))
		return value_message("expected a map");
	for (void *it = json_object_iter(map); it; it = json_object_iter_next(map, it)) {
		json_t *value = json_incref(json_object_iter_value(it));
		json_t *error = f->keys ? check_key(f->keys, json_object_iter_key(it)) : NULL;
		if (!error && f->values)
			error = types_check(f->values, &value, true);
		json_object_iter_set_new(map, it, value);
		if (error)
			return error;
	}
	return NULL;
}

static json_t *check_reference(json_t **value)
{
	json_t *id = json_object_get(*value, "id"), *error;
	struct uuid u;
	char text[UUID_TEXT + 1];

	if (!id || json_is_null(id))
		error = value_message("missing primary key");
	else if (!json_is_string(id))
		error = value_message("expected a string");
	else if (!uuid_parse(value_slice(id), &u))
		error = value_message("expected a valid UUID");
	else {
		uuid_format(&u, text);
		json_decref(*value);
		*value = json_pack("{s:s}", "id", text);
		return NULL;
	}
	return json_pack("{s:o}", "id", error);
}

/* A nested record reports its own cross-field checks below itself. */
static json_t *check_nested(const struct schema *s, json_t *record)
{
	if (!json_is_object(record))
		return value_message("expected a record");
	if (!s)
		return NULL;
	struct violations v = {.fields = types_check_record(s, NULL, record)};
	checks_run(s, record, record, "", false, &v);
	return v.fields;
}

static json_t *check_type(const struct field *f, json_t **value)
{
	switch (f->type) {
	case TYPE_STRING: return check_string(*value);
	case TYPE_INTEGER: return check_number(value, true);
	case TYPE_NUMBER: return check_number(value, false);
	case TYPE_BOOLEAN: return json_is_boolean(*value) ? NULL : value_message("expected a boolean");
	case TYPE_ARRAY:
	case TYPE_SET: return check_list(f, value);
	case TYPE_MAP: return check_map(f, *value);
	case TYPE_RECORD: return check_nested(f->record, *value);
	case TYPE_FOREIGN: return check_reference(value);
	case TYPE_JSON:
	case TYPE_END: return NULL;
	}
	return NULL;
}

static json_t *check_null(const struct field *f, bool required)
{
	json_t *null = json_null();
	if (f->eq && strcmp(f->eq, "null") != 0)
		return rules_apply(f, &null);
	return required ? value_message("required field missing") : NULL;
}

json_t *types_check(const struct field *f, json_t **value, bool required)
{
	if (json_is_null(*value))
		return check_null(f, required);
	if (field_is_vault_reference(f, *value))
		return NULL;
	if (f->eq && strcmp(f->eq, "null") == 0) /* closed: whatever it is, it is too much */
		return rules_apply(f, value);
	json_t *error = check_type(f, value);
	return error ? error : rules_apply(f, value);
}

/* ---- records --------------------------------------------------------------------------------------------------- */

static bool is_required(const struct field *f)
{
	return (f->flags & REQUIRED) || field_is_implied(f);
}

/* The record of the sub-schema reports no cross-field errors here: load.c shows those at the top. */
static json_t *check_one(const struct field *f, const struct schema *sub, json_t **value)
{
	if (sub && f->type == TYPE_RECORD && !f->record && json_is_object(*value))
		return types_check_record(sub, NULL, *value);
	return types_check(f, value, is_required(f));
}

static void check_field(const struct field *f, const struct schema *sub, json_t *record, json_t *errors)
{
	json_t *found = json_object_get(record, f->name);
	if (!found && !field_exists(f))
		return;
	json_t *value = found ? json_incref(found) : json_null();
	json_t *error = check_one(f, sub, &value);

	json_object_set_new(record, f->name, value);
	if (error)
		json_object_set_new(errors, f->name, error);
}

static void refuse_unknown(const struct schema *s, const json_t *record, json_t *errors)
{
	const char *key;
	size_t len;
	json_t *value;

	json_object_keylen_foreach((json_t *)record, key, len, value)
	{
		if (!schema_field(s, slice_of(key, len)))
			json_object_setn_new(errors, key, len, value_message("unknown field"));
	}
}

static bool is_shorthand(const struct schema *s, const char *key)
{
	for (const struct shorthand *h = s->shorthands; h && h->name; h++)
		if (strcmp(h->name, key) == 0)
			return true;
	return false;
}

json_t *types_check_given(const struct schema *s, const json_t *given)
{
	json_t *copy = json_deep_copy(given), *errors = json_object(), *value;
	const char *key;
	void *next;

	json_object_foreach_safe(copy, next, key, value)
	{
		if (is_shorthand(s, key))
			json_object_del(copy, key);
	}
	for_each_field(f, s)
	{
		if (json_object_get(copy, f->name))
			check_field(f, NULL, copy, errors);
	}
	refuse_unknown(s, copy, errors);
	json_decref(copy);
	if (json_object_size(errors) > 0)
		return errors;
	json_decref(errors);
	return NULL;
}

json_t *types_check_record(const struct schema *s, const struct schema *sub, json_t *record)
{
	json_t *errors = json_object();

	for_each_field(f, s) check_field(f, sub, record, errors);
	refuse_unknown(s, record, errors);
	if (json_object_size(errors) > 0)
		return errors;
	json_decref(errors);
	return NULL;
}
