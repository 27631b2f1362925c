/* rules: the rules of one value whose type is right, in the fixed order of entities.md 1.2; the first that fails
 * gives the message. Called by types.c for fields and by checks.c for conditions.
 *
 * The surprising part: a value may be put into its normal form on the way, so that what was checked is what is
 * stored. */
#include "common/schema/formats.h"
#include "common/schema/schema_private.h"

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

static json_t *rule_contains(const struct field *f, const json_t *value)
{
	size_t i;
	json_t *element;

	if (!f->contains || !json_is_array(value))
		return NULL;
	json_array_foreach(value, i, element) if (equals_word(element, f->contains)) return NULL;
	return value_message("expected to contain: %s", f->contains);
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
	        (error = rule_starts_with(f, *value)) || (error = rule_contains(f, *value)) ||
	        (!is_early_format(f) && (error = rule_format(f, value))) || (error = rule_elements(f, *value)) ||
	        (error = rule_check(f, value)) || (error = rule_exclusive(f, *value)));
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
