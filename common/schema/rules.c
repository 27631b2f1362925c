/* rules: is one value what its field says? Type first, then the rules in the fixed order of entities.md 1.2; the
 * first that fails gives the message. Called by load.c for whole records and by checks.c for conditions.
 *
 * The surprising part: values are put into their normal form on the way (2.0 becomes 2 in an integer, sets lose their
 * duplicates, UUIDs become lower case), so what was checked is what is stored. */
#include "common/core/map.h"
#include "common/core/utf8.h"
#include "common/schema/formats.h"
#include "common/schema/schema_private.h"

#include <math.h>
#include <stdlib.h>

/* ---- rules of a value whose type is right ---------------------------------------------------------------------- */

static json_t *rule_eq(const struct field *f, const json_t *value)
{
	if (!f->eq)
		return NULL;
	json_t *wanted = schema_literal(f->eq);
	bool equal = json_equal(wanted, value) || (json_is_number(wanted) && json_is_number(value) &&
	                                                  json_number_value(wanted) == json_number_value(value));
	json_t *error = NULL;
	if (!equal && json_is_string(wanted)) {
		error = value_message("value must be %s", json_string_value(wanted));
	} else if (!equal) {
		char *text = json_dumps(wanted, JSON_ENCODE_ANY);
		error = value_message("value must be %s", text);
		free(text);
	}
	json_decref(wanted);
	return error;
}

static bool equals_word(const json_t *value, const char *word)
{
	char text[32];
	if (json_is_string(value))
		return slice_eq(value_slice(value), slice_cstr(word));
	if (!json_is_number(value))
		return false;
	value_number(json_number_value(value), text);
	return strcmp(text, word) == 0;
}

static bool is_among(const json_t *value, const char *const *words)
{
	for (; *words; words++)
		if (equals_word(value, *words))
			return true;
	return false;
}

static json_t *words_error(const char *what, const char *const *words)
{
	struct text list = {0};
	for (size_t i = 0; words[i]; i++)
		text_printf(&list, "%s%s", i ? ", " : "", words[i]);
	json_t *error = value_message("%s: %s", what, text_cstr(&list));
	text_fini(&list);
	return error;
}

static json_t *rule_not_one_of(const struct field *f, const json_t *value)
{
	return f->not_one_of && is_among(value, f->not_one_of) ? words_error("must not be one of", f->not_one_of)
	                                                       : NULL;
}

static json_t *rule_one_of(const struct field *f, const json_t *value)
{
	return f->one_of && !is_among(value, f->one_of) ? words_error("expected one of", f->one_of) : NULL;
}

static json_t *rule_gt(const struct field *f, const json_t *value)
{
	char limit[32];
	if (!f->has_gt || !json_is_number(value) || json_number_value(value) > f->gt)
		return NULL;
	value_number(f->gt, limit);
	return value_message("value must be greater than %s", limit);
}

static json_t *rule_timestamp(const struct field *f, const json_t *value)
{
	if (!(f->flags & TIMESTAMP) || json_number_value(value) > 0)
		return NULL;
	return value_message("expected a valid timestamp");
}

static json_t *rule_between(const struct field *f, const json_t *value)
{
	char min[32], max[32];
	double v = json_number_value(value);
	if (!f->has_between || !json_is_number(value) || (v >= f->min && v <= f->max))
		return NULL;
	value_number(f->min, min);
	value_number(f->max, max);
	return value_message("value should be between %s and %s", min, max);
}

static size_t length_of(const json_t *value)
{
	if (json_is_string(value))
		return json_string_length(value);
	return json_is_array(value) ? json_array_size(value) : json_object_size(value);
}

static json_t *rule_length(const struct field *f, const json_t *value)
{
	if (!json_is_string(value) && !json_is_array(value) && !json_is_object(value))
		return NULL;
	size_t n = length_of(value);
	if (f->has_len_eq && n != f->len_eq)
		return value_message("length must be %u", f->len_eq);
	if (f->has_len_min && n < f->len_min)
		return value_message("length must be at least %u", f->len_min);
	if (json_is_string(value) && n == 0 && !f->has_len_min && !(f->flags & EMPTY_OK))
		return value_message("length must be at least 1");
	if (f->has_len_max && n > f->len_max)
		return value_message("length must be at most %u", f->len_max);
	return NULL;
}

static json_t *rule_starts_with(const struct field *f, const json_t *value)
{
	if (!f->starts_with || !json_is_string(value) || slice_starts(value_slice(value), slice_cstr(f->starts_with)))
		return NULL;
	return value_message("should start with: %s", f->starts_with);
}

static json_t *rule_format(const struct field *f, json_t **value)
{
	if (f->format == FORMAT_NONE || !json_is_string(*value))
		return NULL;

	struct arena a;
	struct slice normal = {0};
	struct err e;
	json_t *error = NULL;

	arena_init(&a);
	if (!format_check(f->format, value_slice(*value), &a, &normal, &e)) {
		error = value_message("%s", e.message);
	} else if (slice_is_set(normal)) {
		json_decref(*value);
		*value = json_stringn(normal.ptr, normal.len);
	}
	arena_fini(&a);
	return error;
}

static json_t *rule_check(const struct field *f, json_t **value)
{
	struct err e;
	return f->check && !f->check(f, value, &e) ? value_message("%s", e.message) : NULL;
}

static bool holds_one_of(const json_t *list, const char *const *words)
{
	size_t i;
	json_t *element;
	json_array_foreach(list, i, element) if (is_among(element, words)) return true;
	return false;
}

static json_t *rule_exclusive(const struct field *f, const json_t *value)
{
	if (!f->exclusive || !json_is_array(value))
		return NULL;

	struct text groups = {0};
	size_t used = 0;
	for (size_t i = 0; f->exclusive[i]; i++) {
		used += holds_one_of(value, f->exclusive[i]);
		text_puts(&groups, i ? ", (" : "(");
		value_names(f->exclusive[i], "", &groups);
		text_putc(&groups, ')');
	}
	json_t *error = used > 1 ? value_message("these sets are mutually exclusive: %s", text_cstr(&groups)) : NULL;
	text_fini(&groups);
	return error;
}

/* The elements of a list against rules without a type: conditions such as "every protocol is one of". */
static json_t *rule_elements(const struct field *f, const json_t *value)
{
	size_t i;
	json_t *element;

	if (f->type != TYPE_END || !f->elements || !json_is_array(value))
		return NULL;
	json_array_foreach(value, i, element)
	{
		json_t *copy = json_incref(element), *error = rules_apply(f->elements, &copy);
		json_decref(copy);
		if (error)
			return error;
	}
	return NULL;
}

/* UUIDs are checked before lengths, all other formats after. */
static bool is_early_format(const struct field *f)
{
	return f->format == FORMAT_UUID || f->format == FORMAT_REGEX;
}

static json_t *apply_in_order(const struct field *f, json_t **value)
{
	json_t *error = NULL;

	(void)((error = rule_eq(f, *value)) || (error = rule_not_one_of(f, *value)) ||
	        (error = rule_one_of(f, *value)) || (error = rule_gt(f, *value)) ||
	        (error = rule_timestamp(f, *value)) || (is_early_format(f) && (error = rule_format(f, value))) ||
	        (error = rule_between(f, *value)) || (error = rule_length(f, *value)) ||
	        (error = rule_starts_with(f, *value)) || (!is_early_format(f) && (error = rule_format(f, value))) ||
	        (error = rule_elements(f, *value)) || (error = rule_check(f, value)) ||
	        (error = rule_exclusive(f, *value)));
	return error;
}

json_t *rules_apply(const struct field *f, json_t **value)
{
	json_t *error = apply_in_order(f, value);
	if (error && f->err) {
		json_decref(error);
		error = value_message("%s", f->err);
	}
	return error;
}

/* ---- types ----------------------------------------------------------------------------------------------------- */

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
		json_t *error = rules_check(elements, &value, true);
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
	json_t *error = value ? rules_check(keys, &value, true) : value_message("expected valid utf-8");
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
			error = rules_check(f->values, &value, true);
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
	struct violations v = {.fields = rules_check_record(s, NULL, record)};
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
	if (f->eq && strcmp(f->eq, "null") != 0)
		return rule_eq(f, json_null());
	return required ? value_message("required field missing") : NULL;
}

json_t *rules_check(const struct field *f, json_t **value, bool required)
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
		return rules_check_record(sub, NULL, *value);
	return rules_check(f, value, is_required(f));
}

static void check_field(const struct field *f, const struct schema *sub, json_t *record, json_t *errors)
{
	json_t *found = json_object_get(record, f->name);
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

json_t *rules_check_record(const struct schema *s, const struct schema *sub, json_t *record)
{
	json_t *errors = json_object();

	for_each_field(f, s) check_field(f, sub, record, errors);
	refuse_unknown(s, record, errors);
	if (json_object_size(errors) > 0)
		return errors;
	json_decref(errors);
	return NULL;
}
