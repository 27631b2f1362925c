/* violations: see violations.h. The tree is plain JSON so that it goes into the answer as it is. */
#include "common/schema/violations.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/utf8.h"

static const char entity_key[] = "@entity";

void violations_fini(struct violations *v)
{
	json_decref(v->fields);
	v->fields = NULL;
}

/* ---- adding ---------------------------------------------------------------------------------------------------- */

static json_t *format_text(const char *format, va_list ap)
{
	struct text t = {0};
	text_vprintf(&t, format, ap);
	ptrdiff_t bad = utf8_invalid_at(text_slice(&t)); /* a quoted value was cut within a character */
	json_t *string = json_stringn(text_cstr(&t), bad < 0 ? t.len : (size_t)bad);
	text_fini(&t);
	return string;
}

/* Position of an array element when name is a number and at is not an object that already has other keys. */
static bool is_position(struct slice name, size_t *index)
{
	int64_t n;
	if (!slice_to_int(name, &n) || n < 1 || n > 1000000)
		return false;
	*index = (size_t)n - 1;
	return true;
}

static json_t *get_child(const json_t *at, struct slice name)
{
	size_t i;
	if (json_is_array(at))
		return is_position(name, &i) ? json_array_get(at, i) : NULL;
	return json_object_getn(at, name.ptr, name.len);
}

static void set_child(json_t *at, struct slice name, json_t *value)
{
	size_t i;
	if (!json_is_array(at)) {
		json_object_setn_new(at, name.ptr, name.len, value);
		return;
	}
	if (!is_position(name, &i)) {
		json_decref(value);
		return;
	}
	while (json_array_size(at) <= i)
		json_array_append_new(at, json_null());
	json_array_set_new(at, i, value);
}

static json_t *container_for(struct slice next)
{
	size_t i;
	return is_position(next, &i) ? json_array() : json_object();
}

/* Puts message at path, making what lies between. Unless replace, whatever is already there wins. */
static void put_message(struct violations *v, const char *path, json_t *message, bool replace)
{
	if (!v->fields)
		v->fields = json_object();

	json_t *at = v->fields;
	struct slice rest = slice_cstr(path);
	struct slice name = slice_cut(&rest, '.');
	while (slice_is_set(rest)) {
		struct slice after = rest, next = slice_cut(&after, '.');
		json_t *child = get_child(at, name);
		if (json_is_string(child) && !replace) {
			json_decref(message);
			return;
		}
		if (!json_is_object(child) && !json_is_array(child)) {
			child = container_for(next);
			set_child(at, name, child);
		}
		at = child;
		name = next;
		rest = after;
	}

	json_t *old = get_child(at, name);
	if (!replace && old && !json_is_null(old))
		json_decref(message);
	else
		set_child(at, name, message);
}

void violations_add(struct violations *v, const char *path, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	put_message(v, path, format_text(format, ap), false);
	va_end(ap);
}

void violations_replace(struct violations *v, const char *path, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	put_message(v, path, format_text(format, ap), true);
	va_end(ap);
}

bool violations_at(const struct violations *v, const char *path)
{
	struct slice rest = slice_cstr(path);
	json_t *at = v->fields;
	while (at && slice_is_set(rest)) {
		if (json_is_string(at))
			return true;
		at = get_child(at, slice_cut(&rest, '.'));
	}
	return at && !json_is_null(at);
}

static json_t *entity_list(struct violations *v)
{
	if (!v->fields)
		v->fields = json_object();
	json_t *list = json_object_get(v->fields, entity_key);
	if (!list) {
		list = json_array();
		json_object_set_new(v->fields, entity_key, list);
	}
	return list;
}

void violations_add_entity(struct violations *v, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	json_array_append_new(entity_list(v), format_text(format, ap));
	va_end(ap);
}

/* ---- the message ----------------------------------------------------------------------------------------------- */

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys of object in alphabetical order, to be freed; *n of them. */
static const char **sorted_keys(const json_t *object, size_t *n)
{
	const char **keys = malloc((json_object_size(object) + 1) * sizeof *keys);
	if (!keys)
		abort();
	*n = 0;
	for (void *it = json_object_iter((json_t *)object); it; it = json_object_iter_next((json_t *)object, it))
		keys[(*n)++] = json_object_iter_key(it);
	qsort(keys, *n, sizeof *keys, compare_keys);
	return keys;
}

static bool is_word(const char *key)
{
	if (!isalpha((unsigned char)*key) && *key != '_')
		return false;
	for (; *key; key++)
		if (!isalnum((unsigned char)*key) && *key != '_')
			return false;
	return true;
}

static void put_array(const json_t *array, struct text *out)
{
	size_t i;
	json_t *element;
	bool hole = false, first = true;

	text_putc(out, '{');
	json_array_foreach(array, i, element)
	{
		if (json_is_null(element)) {
			hole = true;
			continue;
		}
		if (!first)
			text_putc(out, ',');
		first = false;
		if (hole)
			text_printf(out, "[%zu]=", i + 1);
		violations_braced(element, out);
	}
	text_putc(out, '}');
}

static void put_object(const json_t *object, struct text *out)
{
	size_t n;
	const char **keys = sorted_keys(object, &n);

	text_putc(out, '{');
	for (size_t i = 0; i < n; i++) {
		text_printf(out, is_word(keys[i]) ? "%s%s=" : "%s[\"%s\"]=", i ? "," : "", keys[i]);
		violations_braced(json_object_get(object, keys[i]), out);
	}
	text_putc(out, '}');
	free(keys);
}

void violations_braced(const json_t *value, struct text *out)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT: put_object(value, out); break;
	case JSON_ARRAY: put_array(value, out); break;
	case JSON_STRING: text_printf(out, "\"%s\"", json_string_value(value)); break;
	case JSON_INTEGER: text_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value)); break;
	case JSON_REAL: text_printf(out, "%.14g", json_real_value(value)); break;
	case JSON_TRUE: text_puts(out, "true"); break;
	case JSON_FALSE: text_puts(out, "false"); break;
	case JSON_NULL: text_puts(out, "null"); break;
	}
}

struct message {
	struct text text;
	size_t count;
};

/* One "field: text" or "field.sub: text"; what is nested deeper is shown in braces. */
static void put_one(struct message *m, const char *field, const char *sub, const json_t *error)
{
	if (json_is_null(error))
		return;
	text_puts(&m->text, m->count++ ? "; " : "");
	if (field)
		text_printf(&m->text, "%s%s%s: ", field, sub ? "." : "", sub ? sub : "");
	if (json_is_string(error))
		text_puts(&m->text, json_string_value(error));
	else
		violations_braced(error, &m->text);
}

static void put_field(struct message *m, const char *field, const json_t *error)
{
	if (json_is_array(error)) {
		for (size_t i = 0; i < json_array_size(error); i++) {
			char position[24];
			snprintf(position, sizeof position, "%zu", i + 1);
			put_one(m, field, position, json_array_get(error, i));
		}
	} else if (json_is_object(error)) {
		size_t n;
		const char **keys = sorted_keys(error, &n);
		for (size_t i = 0; i < n; i++)
			put_one(m, field, keys[i], json_object_get(error, keys[i]));
		free(keys);
	} else {
		put_one(m, field, NULL, error);
	}
}

void violations_message(const json_t *fields, const char *one, const char *many, struct text *out)
{
	struct message m = {0};
	size_t n;
	const char **keys = sorted_keys(fields, &n);

	json_t *entity = json_object_get(fields, entity_key);
	for (size_t i = 0; i < json_array_size(entity); i++)
		put_one(&m, NULL, NULL, json_array_get(entity, i));
	for (size_t i = 0; i < n; i++)
		if (strcmp(keys[i], entity_key) != 0)
			put_field(&m, keys[i], json_object_get(fields, keys[i]));
	free(keys);

	if (m.count == 1)
		text_puts(out, one);
	else
		text_printf(out, "%zu %s", m.count, many);
	text_printf(out, " (%s)", text_cstr(&m.text));
	text_fini(&m.text);
}
