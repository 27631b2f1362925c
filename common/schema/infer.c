/* infer: see infer.h. First a tree of strings from the names, then types from the schema. */
#include "common/schema/infer.h"

#include <math.h>
#include <stdlib.h>

enum { INDEX_MAX = 10000, STEPS_MAX = 32 };

/* ---- names to steps: "a.b[2].c" is a, b, [2], c ------------------------------------------------------------------ */

struct step {
	struct slice key; /* unset: an index */
	int64_t index;    /* 1-based; 0: append ("[]") */
};

static bool add_step(struct step *steps, size_t *n, struct step s)
{
	if (*n == STEPS_MAX)
		return false;
	steps[(*n)++] = s;
	return true;
}

/* The "[...]" parts behind a name; what is no index is a key when `brackets` says so. False: not of this form. */
static bool split_brackets(struct slice rest, bool brackets, struct step *steps, size_t *n, struct err *e)
{
	while (rest.len) {
		ptrdiff_t close = slice_find(rest, ']');
		if (rest.ptr[0] != '[' || close < 0)
			return false;
		struct slice inner = slice_of(rest.ptr + 1, (size_t)close - 1);
		struct step s = {{NULL, 0}, 0};
		if (inner.len && !slice_to_int(inner, &s.index)) {
			if (!brackets)
				return false;
			s.key = inner;
		}
		if (s.index < 0 || s.index > INDEX_MAX)
			return err_set(e, "index %lld is out of range", (long long)s.index);
		if (!add_step(steps, n, s))
			return err_set(e, "'%.*s' is nested too deeply", SLICE_ARG(rest));
		rest = slice_from(rest, (size_t)close + 1);
	}
	return true;
}

/* The next part of a name up to a dot outside brackets. */
static struct slice cut_part(struct slice *rest)
{
	int depth = 0;
	for (size_t i = 0; i < rest->len; i++) {
		depth += rest->ptr[i] == '[';
		depth -= rest->ptr[i] == ']';
		if (rest->ptr[i] == '.' && depth <= 0) {
			struct slice part = slice_of(rest->ptr, i);
			*rest = slice_from(*rest, i + 1);
			return part;
		}
	}
	struct slice part = *rest;
	*rest = (struct slice){NULL, 0};
	return part;
}

static bool split_part(struct slice part, bool brackets, struct step *steps, size_t *n, struct err *e)
{
	ptrdiff_t open = slice_find(part, '[');
	size_t before = *n;
	struct slice name = open > 0 ? slice_of(part.ptr, (size_t)open) : part;

	e->message[0] = '\0';
	if (!add_step(steps, n, (struct step){name, 0}))
		return err_set(e, "'%.*s' is nested too deeply", SLICE_ARG(part));
	if (open <= 0 || split_brackets(slice_from(part, (size_t)open), brackets, steps, n, e))
		return true;
	if (e->message[0])
		return false;
	*n = before;
	return add_step(steps, n, (struct step){part, 0});
}

static bool split_name(struct slice name, bool brackets, struct step *steps, size_t *n, struct err *e)
{
	*n = 0;
	if (name.len == 0 || name.ptr[0] == '.' || name.ptr[name.len - 1] == '.')
		return add_step(steps, n, (struct step){name, 0});
	for (struct slice rest = name; slice_is_set(rest);)
		if (!split_part(cut_part(&rest), brackets, steps, n, e))
			return false;
	return true;
}

/* ---- steps to a tree ---------------------------------------------------------------------------------------------- */

/* Arrays with holes are objects under their indexes until the end, so that they can be told from whole ones. */
static json_t *child_of(json_t *at, const struct step *s)
{
	if (slice_is_set(s->key))
		return json_is_object(at) ? json_object_getn(at, s->key.ptr, s->key.len) : NULL;
	return json_is_array(at) && s->index ? json_array_get(at, (size_t)s->index - 1) : NULL;
}

static void set_child(json_t *at, const struct step *s, json_t *value)
{
	if (slice_is_set(s->key) && json_is_object(at)) {
		json_object_setn_new_nocheck(at, s->key.ptr, s->key.len, value);
	} else if (!slice_is_set(s->key) && json_is_array(at)) {
		if (s->index == 0) {
			json_array_append_new(at, value);
			return;
		}
		while (json_array_size(at) < (size_t)s->index)
			json_array_append_new(at, json_null());
		json_array_set_new(at, (size_t)s->index - 1, value);
	} else {
		json_decref(value); /* "a=1&a.b=2": the first shape stays */
	}
}

static json_t *container_for(const struct step *next)
{
	return slice_is_set(next->key) ? json_object() : json_array();
}

/* A name given twice becomes an array. */
static void set_leaf(json_t *at, const struct step *s, json_t *value)
{
	json_t *there = child_of(at, s);
	if (!there || json_is_null(there)) {
		set_child(at, s, value);
	} else if (json_is_array(there)) {
		json_array_append_new(there, value);
	} else {
		json_t *both = json_array();
		json_array_append(both, there);
		json_array_append_new(both, value);
		set_child(at, s, both);
	}
}

static void place(json_t *tree, const struct step *steps, size_t n, json_t *value)
{
	json_t *at = tree;
	for (size_t i = 0; i + 1 < n; i++) {
		json_t *next = child_of(at, &steps[i]);
		if (!json_is_object(next) && !json_is_array(next)) {
			next = container_for(&steps[i + 1]);
			json_incref(next);
			set_child(at, &steps[i], next);
			json_decref(next);
			next = child_of(at, &steps[i]);
			if (!next && json_is_array(at))
				next = json_array_get(at, json_array_size(at) - 1);
		}
		if (!next) {
			json_decref(value);
			return;
		}
		at = next;
	}
	set_leaf(at, &steps[n - 1], value);
}

static json_t *leaf(struct slice value)
{
	if (!slice_is_set(value))
		return json_true();
	return json_stringn_nocheck(value.ptr, value.len);
}

json_t *form_tree(const struct form_arg *args, size_t n, bool brackets, struct err *e)
{
	json_t *tree = json_object();
	struct step steps[STEPS_MAX];
	size_t count;

	for (size_t i = 0; i < n; i++) {
		if (!split_name(args[i].name, brackets, steps, &count, e)) {
			json_decref(tree);
			return NULL;
		}
		place(tree, steps, count, leaf(args[i].value));
	}
	return tree;
}

/* ---- types -------------------------------------------------------------------------------------------------------- */

static json_t *infer(const struct field *f, const struct schema *sub, json_t *v);

static json_t *number_of(json_t *v)
{
	const char *text = json_string_value(v);
	char *end;
	double n = strtod(text, &end);
	while (*end == ' ' || *end == '\t')
		end++;
	if (end == text || *end || isnan(n) || isinf(n))
		return v;
	bool whole = n == floor(n) && fabs(n) < 9007199254740992.0;
	json_decref(v);
	return whole ? json_integer((json_int_t)n) : json_real(n);
}

static json_t *boolean_of(json_t *v)
{
	bool yes = strcmp(json_string_value(v), "true") == 0;
	if (!yes && strcmp(json_string_value(v), "false") != 0)
		return v;
	json_decref(v);
	return json_boolean(yes);
}

/* A scalar becomes a list of one; elements are inferred. */
static json_t *list_of(const struct field *f, json_t *v)
{
	if (json_is_object(v))
		return v;
	json_t *out = json_array();
	if (!json_is_array(v))
		json_array_append(out, v);
	else
		json_array_extend(out, v);
	json_decref(v);
	for (size_t i = 0; f->elements && i < json_array_size(out); i++)
		json_array_set_new(out, i, infer(f->elements, NULL, json_incref(json_array_get(out, i))));
	return out;
}

static json_t *map_of(const struct field *f, json_t *v)
{
	const char *key;
	json_t *value;
	void *next;
	if (json_is_object(v) && f->values)
		json_object_foreach_safe(v, next, key, value)
			json_object_set_new(v, key, infer(f->values, NULL, json_incref(value)));
	return v;
}

static void infer_record(const struct schema *s, const struct schema *sub, json_t *tree)
{
	for_each_field(f, s)
	{
		json_t *v = json_object_get(tree, f->name);
		if (v)
			json_object_set_new(tree, f->name, infer(f, sub, json_incref(v)));
	}
	for (const struct shorthand *sh = s->shorthands; sh && sh->name; sh++) {
		const struct field as = {.type = sh->type};
		json_t *v = json_object_get(tree, sh->name);
		if (v)
			json_object_set_new(tree, sh->name, infer(&as, NULL, json_incref(v)));
	}
}

static json_t *record_of(const struct field *f, const struct schema *sub, json_t *v)
{
	const struct schema *s = f->record ? f->record : strcmp(f->name ? f->name : "", "config") == 0 ? sub : NULL;
	if (s && json_is_object(v))
		infer_record(s, NULL, v);
	return v;
}

static json_t *infer(const struct field *f, const struct schema *sub, json_t *v)
{
	if (json_is_string(v) && json_string_length(v) == 0) {
		json_decref(v);
		return json_null();
	}
	switch (f->type) {
	case TYPE_INTEGER:
	case TYPE_NUMBER: return json_is_string(v) ? number_of(v) : v;
	case TYPE_BOOLEAN: return json_is_string(v) ? boolean_of(v) : v;
	case TYPE_ARRAY:
	case TYPE_SET: return list_of(f, v);
	case TYPE_MAP: return map_of(f, v);
	case TYPE_RECORD: return record_of(f, sub, v);
	default: return v;
	}
}

void form_infer(const struct schema *s, const struct schema *sub, json_t *tree)
{
	static const struct field ttl = {.type = TYPE_NUMBER};
	infer_record(s, sub, tree);
	json_t *v = s->has_ttl ? json_object_get(tree, "ttl") : NULL;
	if (v)
		json_object_set_new(tree, "ttl", infer(&ttl, NULL, json_incref(v)));
}
