/* document_expand: ${NAME} from the environment (declarative-config.md 10). Values are in no message. */
#include <ctype.h>
#include <stdlib.h>

#include "common/model/document_private.h"

/* One ${...} found at the start of a text. */
struct variable {
	size_t len; /* of all of it; 0: there is none */
	struct slice name;
	struct slice dflt; /* unset: none */
};

static bool is_name(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (!isalpha(c) && c != '_' && (i == 0 || !isdigit(c)))
			return false;
	}
	return s.len > 0;
}

static struct variable variable_at(struct slice s)
{
	struct variable v = {0};
	ptrdiff_t end = slice_starts(s, S("${")) ? slice_find(s, '}') : -1;

	if (end < 0)
		return v;
	struct slice inside = slice_of(s.ptr + 2, (size_t)end - 2);
	ptrdiff_t colon = slice_find(inside, ':');
	v.name = colon < 0 ? inside : slice_of(inside.ptr, (size_t)colon);
	if (colon >= 0 && !slice_starts(slice_from(inside, (size_t)colon), S(":-")))
		return (struct variable){0};
	if (colon >= 0)
		v.dflt = slice_from(inside, (size_t)colon + 2);
	if (is_name(v.name))
		v.len = (size_t)end + 1;
	return v;
}

static struct slice value_of(const struct variable *v)
{
	char name[256];

	if (v->name.len >= sizeof name)
		return v->dflt;
	memcpy(name, v->name.ptr, v->name.len);
	name[v->name.len] = '\0';
	struct slice value = slice_cstr(getenv(name));
	return slice_is_set(v->dflt) && value.len == 0 ? v->dflt : value;
}

/* Appends s with its variables replaced; *unset: the first that has no value (which stays as it is). */
static void expand_into(struct text *out, struct slice s, struct slice *unset)
{
	while (s.len > 0) {
		ptrdiff_t dollar = slice_find(s, '$');
		size_t plain = dollar < 0 ? s.len : (size_t)dollar;
		text_put(out, slice_of(s.ptr, plain));
		s = slice_from(s, plain);
		struct variable v = variable_at(s);
		if (slice_starts(s, S("$${"))) {
			text_puts(out, "${");
			s = slice_from(s, 3);
		} else if (v.len > 0) {
			struct slice value = value_of(&v);
			if (!slice_is_set(value) && !slice_is_set(*unset))
				*unset = v.name;
			text_put(out, slice_is_set(value) ? value : slice_of(s.ptr, v.len));
			s = slice_from(s, v.len);
		} else if (s.len > 0) {
			text_putc(out, '$');
			s = slice_from(s, 1);
		}
	}
}

/* ---- the tree -------------------------------------------------------------------------------------------------- */

struct expansion {
	struct document *d;
	struct text path; /* "consumers[1].key" */
	unsigned line;
	struct err *e;
};

static bool fail_unset(struct expansion *x, struct slice name)
{
	const char *file = x->d->options.name;

	err_set(x->e, "%s: the environment variable %.*s is not set; ${%.*s:-text} gives a default",
	        text_cstr(&x->path), SLICE_ARG(name), SLICE_ARG(name));
	if (x->line > 0)
		err_prefix(x->e, "line %u", x->line);
	return file ? err_prefix(x->e, "%s", file) : false;
}

/* The string's new value; NULL: it stays. */
static bool expand_string(struct expansion *x, const json_t *string, json_t **out)
{
	struct slice s = slice_of(json_string_value(string), json_string_length(string)), unset = {0};
	struct text t = {0};
	bool ok = true;

	*out = NULL;
	if (slice_find(s, '$') < 0)
		return true;
	expand_into(&t, s, &unset);
	if (slice_is_set(unset)) {
		ok = fail_unset(x, unset);
	} else if (!slice_eq(text_slice(&t), s)) {
		*out = yaml_is_plain_variable(&x->d->yaml, string) ? yaml_scalar(text_slice(&t))
		                                                   : json_stringn(text_cstr(&t), t.len);
		if (!*out)
			ok = err_set(x->e, "%s: the value of a variable is not UTF-8", text_cstr(&x->path));
	}
	text_fini(&t);
	return ok;
}

static bool expand_member(struct expansion *x, json_t *container, size_t i, json_t *value, json_t **out);

static bool expand_array(struct expansion *x, json_t *array)
{
	size_t i, len = x->path.len;
	json_t *value, *now;

	json_array_foreach(array, i, value)
	{
		text_printf(&x->path, "[%zu]", i + 1);
		if (!expand_member(x, array, i, value, &now))
			return false;
		if (now)
			json_array_set_new(array, i, now);
		x->path.ptr[x->path.len = len] = '\0';
	}
	return true;
}

static bool expand_object(struct expansion *x, json_t *object)
{
	size_t i = 0, len = x->path.len;
	const char *key;
	json_t *value, *now;

	json_object_foreach(object, key, value)
	{
		text_printf(&x->path, "%s%s", len > 0 ? "." : "", key);
		if (strcmp(key, "_comment") != 0 && strcmp(key, "_ignore") != 0) {
			if (!expand_member(x, object, i, value, &now))
				return false;
			if (now)
				json_object_set_new(object, key, now);
		}
		x->path.ptr[x->path.len = len] = '\0';
		i++;
	}
	return true;
}

static bool expand_member(struct expansion *x, json_t *container, size_t i, json_t *value, json_t **out)
{
	*out = NULL;
	x->line = yaml_line_at(&x->d->yaml, container, i);
	switch (json_typeof(value)) {
	case JSON_STRING: return expand_string(x, value, out);
	case JSON_ARRAY: return expand_array(x, value);
	case JSON_OBJECT: return expand_object(x, value);
	default: return true;
	}
}

static void hash_expanded(struct document *d)
{
	struct text t = {0};
	struct slice unset = {0};

	expand_into(&t, d->text, &unset);
	digest_md5_hex(text_slice(&t), d->hash);
	text_fini(&t);
}

static bool has_variables(struct slice text)
{
	return memmem(text.ptr, text.len, "${", 2) != NULL;
}

bool document_expand(struct document *d, struct err *e)
{
	struct expansion x = {.d = d, .e = e};

	if (!d->options.expand || (slice_is_set(d->text) && !has_variables(d->text)))
		return true;
	text_reserve(&x.path, 1);
	bool ok = expand_object(&x, d->root);
	text_fini(&x.path);
	if (slice_is_set(d->text))
		hash_expanded(d);
	return ok;
}
