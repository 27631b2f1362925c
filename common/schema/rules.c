/* rules: see rules.h. The order of the rules of a scalar is fixed, and the first that fails speaks. */
#include "common/schema/rules.h"

#include <math.h>
#include <stdio.h>

#include "common/schema/formats.h"
#include "common/schema/violations.h"

static json_t *message(const char *format, ...) __attribute__((format(printf, 1, 2)));

static json_t *message(const char *format, ...)
{
	struct text t = {0};
	va_list ap;
	va_start(ap, format);
	text_vprintf(&t, format, ap);
	va_end(ap);
	json_t *s = json_stringn_nocheck(text_cstr(&t), t.len);
	text_fini(&t);
	return s;
}

bool is_vault_reference(const struct field *f, const json_t *value)
{
	if (!(f->flags & REFERENCEABLE) || !json_is_string(value))
		return false;
	struct slice s = slice_of(json_string_value(value), json_string_length(value));
	return slice_starts(s, S("{vault://")) && slice_ends(s, S("}"));
}

/* ---- types ----------------------------------------------------------------------------------------------------- */

static bool is_integral(const json_t *v)
{
	return json_is_integer(v) || (json_is_real(v) && json_real_value(v) == floor(json_real_value(v)));
}

static bool has_type(enum field_type t, const json_t *v)
{
	switch (t) {
	case TYPE_STRING: return json_is_string(v);
	case TYPE_INTEGER: return is_integral(v);
	case TYPE_NUMBER: return json_is_number(v);
	case TYPE_BOOLEAN: return json_is_boolean(v);
	case TYPE_ARRAY:
	case TYPE_SET: return json_is_array(v);
	case TYPE_MAP:
	case TYPE_RECORD: return json_is_object(v);
	case TYPE_FOREIGN:
	case TYPE_JSON:
	case TYPE_END: return true;
	}
	return false;
}

static json_t *wrong_type(enum field_type t)
{
	bool vowel = t == TYPE_ARRAY || t == TYPE_INTEGER;
	return message("expected %s %s", vowel ? "an" : "a", field_type_name(t));
}

/* Whole numbers become JSON integers, so that they are written without a fraction. */
static void normalise_number(json_t **v)
{
	if (json_is_real(*v) && is_integral(*v) && fabs(json_real_value(*v)) < 9007199254740992.0) {
		json_t *whole = json_integer((json_int_t)json_real_value(*v));
		json_decref(*v);
		*v = whole;
	}
}

/* ---- rules of scalars and lengths ------------------------------------------------------------------------------- */

static bool is_one_of(const char *const *list, const json_t *v)
{
	for (; *list; list++)
		if (json_is_string(v) && strcmp(*list, json_string_value(v)) == 0)
			return true;
	return false;
}

static json_t *list_message(const char *what, const char *const *list)
{
	struct text t = {0};
	text_puts(&t, what);
	for (size_t i = 0; list[i]; i++)
		text_printf(&t, "%s%s", i ? ", " : "", list[i]);
	json_t *s = json_string(text_cstr(&t));
	text_fini(&t);
	return s;
}

static json_t *check_eq(const struct field *f, const json_t *v)
{
	if (!f->eq)
		return NULL;
	json_t *wanted = schema_literal(f->eq);
	struct text t = {0};
	bool same = json_equal(wanted, v);
	if (json_is_string(wanted))
		text_puts(&t, json_string_value(wanted));
	else
		violations_braced(wanted, &t);
	json_t *e = same ? NULL : message("value must be %s", text_cstr(&t));
	text_fini(&t);
	json_decref(wanted);
	return e;
}

static json_t *check_number(const struct field *f, const json_t *v)
{
	if (!json_is_number(v))
		return NULL;
	double n = json_number_value(v);
	if (f->has_gt && !(n > f->gt))
		return message("value must be greater than %.14g", f->gt);
	if ((f->flags & TIMESTAMP) && !(n > 0))
		return message("expected a valid timestamp");
	if (f->has_between && !(n >= f->min && n <= f->max))
		return message("value should be between %.14g and %.14g", f->min, f->max);
	return NULL;
}

static size_t length_of(const json_t *v)
{
	if (json_is_string(v))
		return json_string_length(v);
	return json_is_array(v) ? json_array_size(v) : json_object_size(v);
}

static json_t *check_length(const struct field *f, const json_t *v)
{
	if (!json_is_string(v) && !json_is_array(v) && !json_is_object(v))
		return NULL;
	size_t n = length_of(v);
	bool implicit = json_is_string(v) && !f->has_len_min && !(f->flags & EMPTY_OK) && !f->has_len_eq;
	size_t least = f->has_len_min ? f->len_min : implicit ? 1 : 0;
	if (f->has_len_eq && n != f->len_eq)
		return message("length must be %u", f->len_eq);
	if (n < least)
		return message("length must be at least %zu", least);
	if (f->has_len_max && n > f->len_max)
		return message("length must be at most %u", f->len_max);
	return NULL;
}

static json_t *check_format(const struct field *f, json_t **v)
{
	struct slice value = slice_of(json_string_value(*v), json_string_length(*v)), replacement = {0};
	struct arena a;
	struct err e;
	json_t *error = NULL;

	arena_init(&a);
	if (!format_check(f->format, value, &a, &replacement, &e)) {
		error = message("%s", e.message);
	} else if (slice_is_set(replacement)) {
		json_decref(*v);
		*v = json_stringn_nocheck(replacement.ptr, replacement.len);
	}
	arena_fini(&a);
	return error;
}

static json_t *check_text(const struct field *f, json_t **v)
{
	if (!json_is_string(*v))
		return NULL;
	struct slice s = slice_of(json_string_value(*v), json_string_length(*v));
	if (f->starts_with && !slice_starts(s, slice_cstr(f->starts_with)))
		return message("should start with: %s", f->starts_with);
	return f->format ? check_format(f, v) : NULL;
}

static json_t *check_own(const struct field *f, json_t **v)
{
	struct err e;
	return !f->check || f->check(f, v, &e) ? NULL : message("%s", e.message);
}

static json_t *check_rules(const struct field *f, json_t **v)
{
	json_t *e = check_eq(f, *v);
	if (!e && f->not_one_of && is_one_of(f->not_one_of, *v))
		e = list_message("must not be one of: ", f->not_one_of);
	if (!e && f->one_of && !is_one_of(f->one_of, *v))
		e = list_message("expected one of: ", f->one_of);
	if (!e)
		e = check_number(f, *v);
	if (!e && f->format == FORMAT_UUID)
		e = check_text(f, v);
	if (!e)
		e = check_length(f, *v);
	if (!e && f->format != FORMAT_UUID)
		e = check_text(f, v);
	if (!e)
		e = check_own(f, v);
	if (e && f->err) {
		json_decref(e);
		e = message("%s", f->err);
	}
	return e;
}

/* ---- containers ------------------------------------------------------------------------------------------------- */

static void drop_duplicates(json_t *array)
{
	for (size_t i = 0; i < json_array_size(array); i++)
		for (size_t j = json_array_size(array); --j > i;)
			if (json_equal(json_array_get(array, i), json_array_get(array, j)))
				json_array_remove(array, j);
}

static json_t *check_element(const struct field *f, json_t **v)
{
	if (json_is_null(*v))
		return message("required field missing");
	return rules_check(f, NULL, v);
}

/* Errors of elements as an array aligned with the input; NULL: all are fine. */
static json_t *check_elements(const struct field *f, json_t *array)
{
	json_t *errors = NULL;
	if (!f->elements)
		return NULL;
	for (size_t i = 0; i < json_array_size(array); i++) {
		json_t *v = json_incref(json_array_get(array, i));
		json_t *e = check_element(f->elements, &v);
		json_array_set_new(array, i, v);
		if (!e)
			continue;
		if (!errors)
			errors = json_array();
		while (json_array_size(errors) < i)
			json_array_append_new(errors, json_null());
		json_array_append_new(errors, e);
	}
	return errors;
}

static json_t *check_entry(const struct field *f, const char *key, json_t **v)
{
	if (f->keys) {
		json_t *k = json_string(key);
		json_t *e = rules_check(f->keys, NULL, &k);
		json_decref(k);
		if (e)
			return e;
	}
	return f->values ? check_element(f->values, v) : NULL;
}

/* The first bad key or value speaks for the whole map. */
static json_t *check_map(const struct field *f, json_t *map)
{
	const char *key;
	json_t *value;
	void *next;
	json_object_foreach_safe(map, next, key, value)
	{
		json_t *v = json_incref(value);
		json_t *e = check_entry(f, key, &v);
		if (e) {
			json_decref(v);
			return e;
		}
		json_object_set_new(map, key, v);
	}
	return NULL;
}

static json_t *check_record(const struct schema *s, json_t *record)
{
	json_t *errors = json_object(), *value;
	const char *key;

	json_object_foreach(record, key, value)
	{
		if (!schema_field(s, slice_cstr(key)))
			json_object_set_new(errors, key, message("unknown field"));
	}
	for_each_field(f, s)
	{
		value = json_object_get(record, f->name);
		json_t *v = value ? json_incref(value) : json_null();
		json_t *e = rules_check(f, NULL, &v);
		if (value)
			json_object_set_new(record, f->name, v);
		else
			json_decref(v);
		if (e)
			json_object_set_new(errors, f->name, e);
	}
	if (json_object_size(errors) > 0)
		return errors;
	json_decref(errors);
	return NULL;
}

static json_t *check_foreign(json_t **v)
{
	json_t *id = json_object_get(*v, "id");
	const char *why = NULL;
	if (!json_is_string(id))
		why = "missing primary key";
	else if (!is_uuid(slice_of(json_string_value(id), json_string_length(id))))
		why = "expected a valid UUID";
	if (why)
		return json_pack("{s:s}", "id", why);
	json_t *only_id = json_pack("{s:O}", "id", id);
	json_decref(*v);
	*v = only_id;
	return NULL;
}

static json_t *check_by_type(const struct field *f, const struct schema *sub, json_t **v)
{
	switch (f->type) {
	case TYPE_INTEGER:
	case TYPE_NUMBER: normalise_number(v); return NULL;
	case TYPE_SET: drop_duplicates(*v); return check_elements(f, *v);
	case TYPE_ARRAY:
		if (f->flags & AS_SET)
			drop_duplicates(*v);
		return check_elements(f, *v);
	case TYPE_MAP: return check_map(f, *v);
	case TYPE_RECORD: return f->record || sub ? check_record(sub ? sub : f->record, *v) : NULL;
	case TYPE_FOREIGN: return f->eq && strcmp(f->eq, "null") == 0 ? NULL : check_foreign(v);
	default: return NULL;
	}
}

json_t *rules_check(const struct field *f, const struct schema *sub, json_t **v)
{
	if (json_is_null(*v)) {
		if (f->flags & REQUIRED)
			return message("required field missing");
		return f->eq ? check_eq(f, *v) : NULL;
	}
	if (is_vault_reference(f, *v))
		return NULL;
	enum field_type type = f->type == TYPE_ARRAY && (f->flags & AS_SET) ? TYPE_SET : f->type;
	if (!has_type(type, *v))
		return wrong_type(type);
	json_t *e = check_by_type(f, sub, v);
	return e ? e : check_rules(f, v);
}
