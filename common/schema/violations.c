/* violations: see violations.h. */
#include "common/schema/violations.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void violations_fini(struct violations *v)
{
	json_decref(v->fields);
	v->fields = NULL;
}

static json_t *format_string(const char *format, va_list ap)
{
	struct text t = {0};
	text_vprintf(&t, format, ap);
	json_t *s = json_stringn_nocheck(text_cstr(&t), t.len);
	text_fini(&t);
	return s;
}

static bool is_number(struct slice s)
{
	int64_t n;
	return slice_to_int(s, &n) && n > 0 && n < 100000;
}

/* The container's value at one step of a path; NULL when there is none. */
static json_t *step_get(json_t *at, struct slice step)
{
	int64_t n;
	if (json_is_array(at) && slice_to_int(step, &n))
		return json_array_get(at, (size_t)n - 1);
	return json_object_getn(at, step.ptr, step.len);
}

static void step_set(json_t *at, struct slice step, json_t *value)
{
	int64_t n;
	if (!json_is_array(at)) {
		json_object_setn_new_nocheck(at, step.ptr, step.len, value);
		return;
	}
	slice_to_int(step, &n);
	while (json_array_size(at) < (size_t)n)
		json_array_append_new(at, json_null());
	json_array_set_new(at, (size_t)n - 1, value);
}

/* Sets a value at a dotted path, making what lies between; takes the value. */
static void set_at(struct violations *v, const char *path, json_t *value)
{
	if (!v->fields)
		v->fields = json_object();
	json_t *at = v->fields;
	for (struct slice rest = slice_cstr(path), step; slice_is_set(rest);) {
		step = slice_cut(&rest, '.');
		json_t *there = step_get(at, step);
		if (!slice_is_set(rest)) {
			if (there && !json_is_null(there))
				json_decref(value);
			else
				step_set(at, step, value);
			return;
		}
		if (!json_is_object(there) && !json_is_array(there)) {
			struct slice ahead = rest;
			there = is_number(slice_cut(&ahead, '.')) ? json_array() : json_object();
			step_set(at, step, there);
		}
		at = there;
	}
	json_decref(value);
}

void violations_put(struct violations *v, const char *path, json_t *error)
{
	set_at(v, path, error);
}

void violations_put_key(struct violations *v, const char *key, json_t *error)
{
	if (!v->fields)
		v->fields = json_object();
	json_object_set_new(v->fields, key, error);
}

void violations_add(struct violations *v, const char *path, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	set_at(v, path, format_string(format, ap));
	va_end(ap);
}

void violations_add_entity(struct violations *v, const char *format, ...)
{
	va_list ap;
	if (!v->fields)
		v->fields = json_object();
	json_t *list = json_object_get(v->fields, "@entity");
	if (!list) {
		list = json_array();
		json_object_set_new(v->fields, "@entity", list);
	}
	va_start(ap, format);
	json_array_append_new(list, format_string(format, ap));
	va_end(ap);
}

/* ---- text ------------------------------------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys of an object, alphabetical; caller frees. */
static const char **sorted_keys(const json_t *object, size_t *n)
{
	const char **keys = calloc(json_object_size(object) + 1, sizeof *keys), *key;
	json_t *value;
	if (!keys)
		abort();
	*n = 0;
	json_object_foreach((json_t *)object, key, value) keys[(*n)++] = key;
	qsort(keys, *n, sizeof *keys, by_name);
	return keys;
}

static void put_scalar(const json_t *value, struct text *out)
{
	if (json_is_string(value))
		text_printf(out, "\"%s\"", json_string_value(value));
	else if (json_is_integer(value))
		text_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		text_printf(out, "%.14g", json_real_value(value));
	else
		text_puts(out, json_is_true(value) ? "true" : json_is_false(value) ? "false" : "null");
}

static void put_array(const json_t *array, struct text *out)
{
	size_t i;
	json_t *item;
	bool first = true, hole = false;

	text_putc(out, '{');
	json_array_foreach((json_t *)array, i, item)
	{
		if (json_is_null(item)) {
			hole = true;
			continue;
		}
		if (!first)
			text_putc(out, ',');
		first = false;
		if (hole)
			text_printf(out, "[%zu]=", i + 1);
		violations_braced(item, out);
	}
	text_putc(out, '}');
}

void violations_braced(const json_t *value, struct text *out)
{
	if (json_is_array(value)) {
		put_array(value, out);
		return;
	}
	if (!json_is_object(value)) {
		put_scalar(value, out);
		return;
	}
	size_t n;
	const char **keys = sorted_keys(value, &n);
	text_putc(out, '{');
	for (size_t i = 0; i < n; i++) {
		text_printf(out, "%s%s=", i ? "," : "", keys[i]);
		violations_braced(json_object_get(value, keys[i]), out);
	}
	text_putc(out, '}');
	free(keys);
}

static void put_separator(struct text *out, size_t *count)
{
	if ((*count)++)
		text_puts(out, "; ");
}

static void put_error(const char *name, const char *sub, const json_t *error, struct text *out, size_t *count)
{
	put_separator(out, count);
	text_printf(out, sub ? "%s.%s: " : "%s: ", name, sub);
	if (json_is_string(error))
		text_puts(out, json_string_value(error));
	else
		violations_braced(error, out);
}

static void put_field(const char *name, const json_t *error, struct text *out, size_t *count)
{
	if (json_is_object(error)) {
		size_t n;
		const char **keys = sorted_keys(error, &n);
		for (size_t i = 0; i < n; i++)
			put_error(name, keys[i], json_object_get(error, keys[i]), out, count);
		free(keys);
	} else if (json_is_array(error)) {
		size_t i;
		json_t *item;
		char position[24];
		json_array_foreach((json_t *)error, i, item)
		{
			snprintf(position, sizeof position, "%zu", i + 1);
			if (!json_is_null(item))
				put_error(name, position, item, out, count);
		}
	} else {
		put_error(name, NULL, error, out, count);
	}
}

void violations_message(const json_t *fields, const char *one, const char *many, struct text *out)
{
	struct text list = {0};
	size_t count = 0, n, i;
	json_t *item;

	json_array_foreach(json_object_get(fields, "@entity"), i, item)
	{
		put_separator(&list, &count);
		text_puts(&list, json_string_value(item));
	}
	const char **keys = sorted_keys(fields, &n);
	for (i = 0; i < n; i++)
		if (strcmp(keys[i], "@entity") != 0)
			put_field(keys[i], json_object_get(fields, keys[i]), &list, &count);
	free(keys);
	if (count == 1)
		text_printf(out, "%s (%s)", one, text_cstr(&list));
	else
		text_printf(out, "%zu %s (%s)", count, many, text_cstr(&list));
	text_fini(&list);
}
