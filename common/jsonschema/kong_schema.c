/* kong_schema: see kong_schema.h. Messages are those of plugins.md 0.3. */
#include "common/jsonschema/kong_schema.h"

#include <math.h>
#include <stdlib.h>

#include "common/core/text.h"
#include "common/core/uuid.h"
#include "common/plugin/lua_pattern.h"

enum { FIELDS_MAX = 5000, STEPS_MAX = 1000 * 1000 };

enum kind {
	KIND_STRING,
	KIND_NUMBER,
	KIND_INTEGER,
	KIND_BOOLEAN,
	KIND_ARRAY,
	KIND_SET,
	KIND_MAP,
	KIND_RECORD,
	KINDS
};

static const struct {
	const char *name, *expected;
} kinds[KINDS] = {{"string", "expected a string"}, {"number", "expected a number"},
        {"integer", "expected an integer"}, {"boolean", "expected a boolean"}, {"array", "expected an array"},
        {"set", "expected a set"}, {"map", "expected a map"}, {"record", "expected a record"}};

struct pattern {
	struct slice text;
	const char *err; /* NULL: "invalid value: ..." */
};
struct patterns {
	struct pattern *items;
	size_t len;
};

struct kong_field {
	struct slice name;
	enum kind kind;
	bool required, timestamp, uuid;
	bool has_between, has_gt;
	double min, max, gt;
	int64_t len_eq, len_min, len_max; /* -1: none */
	const json_t *one_of, *eq;
	struct slice starts_with;
	struct patterns all, none, any; /* of `any` one must match */
	const char *any_err;
	const struct kong_field *keys, *values, *elements;
	const struct kong_field *fields; /* of a record */
	size_t fields_len;
};

struct kong_schema {
	struct kong_field root;
};

/* ---- compiling ------------------------------------------------------------------------------------------------- */

struct compiling {
	struct arena *arena;
	size_t fields;
	unsigned depth;
	struct err *e;
};

static struct slice text_of(const json_t *v)
{
	return slice_of(json_string_value(v), json_string_length(v));
}

static bool bad(struct compiling *c, const char *key, const char *expected)
{
	return err_set(c->e, "%s: %s", key, expected);
}

static bool take_kind(struct compiling *c, const json_t *v, struct kong_field *f)
{
	for (int i = 0; i < KINDS; i++)
		if (json_is_string(v) && strcmp(json_string_value(v), kinds[i].name) == 0) {
			f->kind = (enum kind)i;
			return true;
		}
	return bad(c, "type", "expected one of: string, number, integer, boolean, array, set, map, record");
}

static bool take_pattern(
        struct compiling *c, const json_t *v, const json_t *err, const char *key, struct patterns *out)
{
	struct pattern *more = arena_array(c->arena, struct pattern, out->len + 1);
	if (!json_is_string(v))
		return bad(c, key, "expected a pattern");
	if (out->len)
		memcpy(more, out->items, out->len * sizeof *more);
	more[out->len] = (struct pattern){text_of(v), json_string_value(err)};
	out->items = more;
	out->len++;
	return true;
}

/* [{"pattern": "...", "err": "..."}] */
static bool take_patterns(struct compiling *c, const json_t *v, const char *key, struct patterns *out)
{
	const json_t *one;
	size_t i;
	if (!json_is_array(v))
		return bad(c, key, "expected an array of patterns");
	json_array_foreach(v, i, one)
	{
		if (!take_pattern(c, json_object_get(one, "pattern"), json_object_get(one, "err"), key, out))
			return false;
	}
	return true;
}

static bool take_any(struct compiling *c, const json_t *v, struct kong_field *f)
{
	const json_t *patterns = json_object_get(v, "patterns"), *one;
	size_t i;
	if (!json_is_array(patterns))
		return bad(c, "match_any", "expected an object with patterns");
	f->any_err = json_string_value(json_object_get(v, "err"));
	json_array_foreach(patterns, i, one)
	{
		if (!take_pattern(c, one, NULL, "match_any", &f->any))
			return false;
	}
	return true;
}

static bool take_between(struct compiling *c, const json_t *v, struct kong_field *f)
{
	const json_t *min = json_array_get(v, 0), *max = json_array_get(v, 1);
	f->has_between = true;
	f->min = json_number_value(min);
	f->max = json_number_value(max);
	return (json_is_number(min) && json_is_number(max)) || bad(c, "between", "expected an array of two numbers");
}

static bool take_length(struct compiling *c, const json_t *v, const char *key, int64_t *out)
{
	*out = json_integer_value(v);
	return (json_is_integer(v) && *out >= 0) || bad(c, key, "expected an integer that is not negative");
}

static bool take_flag(struct compiling *c, const json_t *v, const char *key, bool *out)
{
	*out = json_is_true(v);
	return json_is_boolean(v) || bad(c, key, "expected a boolean");
}

static bool compile_field(struct compiling *c, const json_t *v, struct kong_field *f);
static bool take_fields(struct compiling *c, const json_t *list, struct kong_field *f);

static bool take_part(struct compiling *c, const json_t *v, const char *key, const struct kong_field **out)
{
	struct kong_field *f = arena_new(c->arena, struct kong_field);
	*out = f;
	return compile_field(c, v, f) || err_prefix(c->e, "%s", key);
}

static bool take_text(struct compiling *c, const json_t *v, const char *key, struct slice *out)
{
	*out = text_of(v);
	return json_is_string(v) || bad(c, key, "expected a string");
}

/* One key of a field's description. */
static bool take_key(struct compiling *c, const char *key, const json_t *v, struct kong_field *f)
{
#define IS(word) (strcmp(key, word) == 0)
	if (IS("type"))
		return true; /* taken first */
	if (IS("required"))
		return take_flag(c, v, key, &f->required);
	if (IS("timestamp"))
		return take_flag(c, v, key, &f->timestamp);
	if (IS("uuid"))
		return take_flag(c, v, key, &f->uuid);
	if (IS("between"))
		return take_between(c, v, f);
	if (IS("gt")) {
		f->has_gt = true;
		f->gt = json_number_value(v);
		return json_is_number(v) || bad(c, key, "expected a number");
	}
	if (IS("eq")) {
		f->eq = v;
		return true;
	}
	if (IS("one_of")) {
		f->one_of = v;
		return json_is_array(v) || bad(c, key, "expected an array");
	}
	if (IS("len_eq"))
		return take_length(c, v, key, &f->len_eq);
	if (IS("len_min"))
		return take_length(c, v, key, &f->len_min);
	if (IS("len_max"))
		return take_length(c, v, key, &f->len_max);
	if (IS("starts_with"))
		return take_text(c, v, key, &f->starts_with);
	if (IS("match"))
		return take_pattern(c, v, NULL, key, &f->all);
	if (IS("not_match"))
		return take_pattern(c, v, NULL, key, &f->none);
	if (IS("match_all"))
		return take_patterns(c, v, key, &f->all);
	if (IS("match_none"))
		return take_patterns(c, v, key, &f->none);
	if (IS("match_any"))
		return take_any(c, v, f);
	if (IS("keys"))
		return take_part(c, v, key, &f->keys);
	if (IS("values"))
		return take_part(c, v, key, &f->values);
	if (IS("elements"))
		return take_part(c, v, key, &f->elements);
	if (IS("fields"))
		return take_fields(c, v, f);
	/* what only says something to people or to whoever stores values */
	if (IS("description") || IS("default") || IS("err") || IS("nilable") || IS("abstract"))
		return true;
#undef IS
	return bad(c, key, "unknown field");
}

static bool compile_field(struct compiling *c, const json_t *v, struct kong_field *f)
{
	const char *key;
	json_t *value;

	f->len_eq = f->len_min = f->len_max = -1;
	if (!json_is_object(v))
		return err_set(c->e, "expected a field: an object with a type");
	if (++c->depth > JSONSCHEMA_DEPTH || ++c->fields > FIELDS_MAX)
		return err_set(c->e, "the schema is too large: at most %d levels and %d fields", JSONSCHEMA_DEPTH,
		        FIELDS_MAX);
	if (!take_kind(c, json_object_get(v, "type"), f))
		return false;
	json_object_foreach((json_t *)v, key, value)
	{
		if (!take_key(c, key, value, f))
			return false;
	}
	c->depth--;
	return true;
}

static bool take_fields(struct compiling *c, const json_t *list, struct kong_field *f)
{
	const json_t *one;
	size_t i;
	if (!json_is_array(list))
		return bad(c, "fields", "expected an array of objects with one key each");
	struct kong_field *fields = arena_array(c->arena, struct kong_field, json_array_size(list) + 1);
	f->fields = fields;
	json_array_foreach(list, i, one)
	{
		void *it = json_object_iter((json_t *)one);
		struct kong_field *field = &fields[f->fields_len++];
		if (json_object_size(one) != 1)
			return bad(c, "fields", "expected an array of objects with one key each");
		field->name = arena_dup(c->arena, slice_cstr(json_object_iter_key(it)));
		if (!compile_field(c, json_object_iter_value(it), field))
			return err_prefix(c->e, "%s", field->name.ptr);
	}
	return true;
}

static void free_json(void *json)
{
	json_decref(json);
}

const struct kong_schema *kong_schema_compile(struct arena *a, struct slice text, struct err *e)
{
	json_error_t why;
	json_t *root = json_loadb(text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, &why);
	struct compiling c = {.arena = a, .e = e};

	if (!root) {
		err_set(e, "not JSON: %s at line %d", why.text, why.line);
		return NULL;
	}
	arena_defer(a, free_json, root);
	struct kong_schema *s = arena_new(a, struct kong_schema);
	s->root = (struct kong_field){.kind = KIND_RECORD, .len_eq = -1, .len_min = -1, .len_max = -1};
	json_t *fields = json_object_get(root, "fields");
	return take_fields(&c, fields ? fields : root, &s->root) ? s : NULL;
}

/* ---- judging --------------------------------------------------------------------------------------------------- */

struct run {
	struct jsonschema_failures *failures;
	struct text path;
	unsigned depth, steps;
};

/* Always false. */
static bool fail(struct run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail(struct run *r, const char *format, ...)
{
	struct jsonschema_failures *f = r->failures;
	struct text why = {0};
	va_list args;

	if (!f || f->len == JSONSCHEMA_FAILURES)
		return false;
	va_start(args, format);
	text_vprintf(&why, format, args);
	va_end(args);
	struct slice path = r->path.len ? text_slice(&r->path) : S("@root");
	f->items[f->len++] = (struct jsonschema_failure){
	        arena_dup(f->arena, path), arena_dup(f->arena, text_slice(&why))};
	text_fini(&why);
	return false;
}

static bool judge(struct run *r, const struct kong_field *f, const json_t *v);

/* Of a part, whose name stands in the path meanwhile. */
static bool judge_part(struct run *r, const struct kong_field *f, const json_t *v, struct slice name, size_t index)
{
	size_t was = r->path.len;
	if (slice_is_set(name)) {
		if (was)
			text_putc(&r->path, '.');
		text_put(&r->path, name);
	} else {
		text_printf(&r->path, "[%zu]", index);
	}
	bool ok = judge(r, f, v);
	r->path.len = was;
	r->path.ptr[was] = '\0';
	return ok;
}

static bool is_in(const json_t *list, const json_t *v)
{
	const json_t *one;
	size_t i;
	json_array_foreach(list, i, one)
	{
		if (json_equal(one, v) ||
		        (json_is_number(one) && json_is_number(v) && json_number_value(one) == json_number_value(v)))
			return true;
	}
	return false;
}

static bool judge_words(struct run *r, const struct kong_field *f, const json_t *v)
{
	struct text list = {0};
	const json_t *one;
	size_t i;

	if (f->eq && !json_equal(f->eq, v))
		return fail(r, "expected another value");
	if (!f->one_of || is_in(f->one_of, v))
		return true;
	json_array_foreach(f->one_of, i, one)
	{
		char *text = json_is_string(one) ? slice_strdup(text_of(one)) : json_dumps(one, JSON_ENCODE_ANY);
		text_printf(&list, "%s%s", i ? ", " : "", text);
		free(text);
	}
	fail(r, "expected one of: %.1000s", text_cstr(&list));
	text_fini(&list);
	return false;
}

static bool judge_number(struct run *r, const struct kong_field *f, double v)
{
	if (f->kind == KIND_INTEGER && v != floor(v))
		return fail(r, "expected an integer");
	if (f->has_between && (v < f->min || v > f->max))
		return fail(r, "value should be between %.15g and %.15g", f->min, f->max);
	if (f->has_gt && v <= f->gt)
		return fail(r, "value must be greater than %.15g", f->gt);
	if (f->timestamp && v <= 0)
		return fail(r, "expected a valid timestamp");
	return true;
}

static bool judge_length(struct run *r, const struct kong_field *f, size_t n)
{
	int64_t least = f->len_min >= 0 ? f->len_min : f->kind == KIND_STRING && f->len_eq < 0 ? 1 : 0;
	if (f->len_eq >= 0 && (int64_t)n != f->len_eq)
		return fail(r, "length must be %lld", (long long)f->len_eq);
	if ((int64_t)n < least)
		return fail(r, "length must be at least %lld", (long long)least);
	if (f->len_max >= 0 && (int64_t)n > f->len_max)
		return fail(r, "length must be at most %lld", (long long)f->len_max);
	return true;
}

/* 1, 0; -1: malformed or too slow. */
static int matches(const struct pattern *p, struct slice s)
{
	unsigned steps = LUA_STEPS_MAX;
	struct lua_match m;
	return lua_pattern_find(p->text, s, 0, &m, &steps);
}

static bool invalid(struct run *r, const char *err, struct slice s)
{
	if (err)
		return fail(r, "%s", err);
	return fail(r, "invalid value: %.*s", s.len < 200 ? (int)s.len : 200, s.ptr);
}

static bool judge_patterns(struct run *r, const struct kong_field *f, struct slice s)
{
	bool any = f->any.len == 0;
	for (size_t i = 0; i < f->all.len; i++)
		if (matches(&f->all.items[i], s) != 1)
			return invalid(r, f->all.items[i].err, s);
	for (size_t i = 0; i < f->none.len; i++)
		if (matches(&f->none.items[i], s) != 0)
			return invalid(r, f->none.items[i].err, s);
	for (size_t i = 0; i < f->any.len && !any; i++)
		any = matches(&f->any.items[i], s) == 1;
	return any || invalid(r, f->any_err, s);
}

static bool judge_string(struct run *r, const struct kong_field *f, struct slice s)
{
	if (!judge_length(r, f, s.len))
		return false;
	if (slice_is_set(f->starts_with) && !slice_starts(s, f->starts_with))
		return fail(r, "should start with: %.*s", SLICE_ARG(f->starts_with));
	if (f->uuid && !is_uuid(s))
		return fail(r, "expected a valid UUID");
	return judge_patterns(r, f, s);
}

static bool judge_list(struct run *r, const struct kong_field *f, const json_t *v)
{
	bool ok = judge_length(r, f, json_array_size(v));
	for (size_t i = 0; f->elements && i < json_array_size(v) && (ok || r->failures); i++)
		ok = judge_part(r, f->elements, json_array_get(v, i), slice_of(NULL, 0), i) && ok;
	return ok;
}

static bool judge_map(struct run *r, const struct kong_field *f, const json_t *v)
{
	bool ok = judge_length(r, f, json_object_size(v));
	const char *key;
	size_t len;
	json_t *value;

	json_object_keylen_foreach((json_t *)v, key, len, value)
	{
		struct slice name = slice_of(key, len);
		json_t *text = f->keys ? json_stringn(key, len) : NULL;
		if (text)
			ok = judge_part(r, f->keys, text, name, 0) && ok;
		json_decref(text);
		if (f->values)
			ok = judge_part(r, f->values, value, name, 0) && ok;
	}
	return ok;
}

static const struct kong_field *field_named(struct run *r, const struct kong_field *f, struct slice name)
{
	for (size_t i = 0; i < f->fields_len; i++, r->steps++)
		if (slice_eq(f->fields[i].name, name))
			return &f->fields[i];
	return NULL;
}

static const struct kong_field unknown_field = {.kind = KINDS};

static bool judge_record(struct run *r, const struct kong_field *f, const json_t *v)
{
	bool ok = true;
	const char *key;
	size_t len;
	json_t *value;

	json_object_keylen_foreach((json_t *)v, key, len, value)
	{
		const struct kong_field *field = field_named(r, f, slice_of(key, len));
		ok = judge_part(r, field ? field : &unknown_field, value, slice_of(key, len), 0) && ok;
		if (!ok && !r->failures)
			return false;
	}
	for (size_t i = 0; i < f->fields_len; i++)
		if (!json_object_getn(v, f->fields[i].name.ptr, f->fields[i].name.len))
			ok = judge_part(r, &f->fields[i], NULL, f->fields[i].name, 0) && ok;
	return ok;
}

static bool has_kind(const struct kong_field *f, const json_t *v)
{
	switch (f->kind) {
	case KIND_STRING: return json_is_string(v);
	case KIND_NUMBER:
	case KIND_INTEGER: return json_is_number(v);
	case KIND_BOOLEAN: return json_is_boolean(v);
	case KIND_ARRAY:
	case KIND_SET: return json_is_array(v);
	case KIND_MAP:
	case KIND_RECORD: return json_is_object(v);
	case KINDS: break;
	}
	return false;
}

static bool judge_value(struct run *r, const struct kong_field *f, const json_t *v)
{
	if (!has_kind(f, v))
		return fail(r, "%s", kinds[f->kind].expected);
	if (!judge_words(r, f, v))
		return false;
	switch (f->kind) {
	case KIND_STRING: return judge_string(r, f, text_of(v));
	case KIND_NUMBER:
	case KIND_INTEGER: return judge_number(r, f, json_number_value(v));
	case KIND_ARRAY:
	case KIND_SET: return judge_list(r, f, v);
	case KIND_MAP: return judge_map(r, f, v);
	case KIND_RECORD: return judge_record(r, f, v);
	default: return true;
	}
}

/* v NULL: there is none. */
static bool judge(struct run *r, const struct kong_field *f, const json_t *v)
{
	if (f->kind == KINDS)
		return fail(r, "unknown field");
	if (!v || json_is_null(v))
		return !f->required || fail(r, "required field missing");
	if (++r->steps > STEPS_MAX)
		return fail(r, "the value takes too long to be judged");
	if (r->depth == JSONSCHEMA_DEPTH)
		return fail(r, "nested too deeply");
	r->depth++;
	bool ok = judge_value(r, f, v);
	r->depth--;
	return ok;
}

bool kong_schema_validate(const struct kong_schema *s, const json_t *value, struct jsonschema_failures *failures)
{
	struct run r = {.failures = failures};
	bool ok = json_is_null(value) ? fail(&r, "expected a record") : judge(&r, &s->root, value);
	text_fini(&r.path);
	return ok;
}
