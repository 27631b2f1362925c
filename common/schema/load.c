/* load: see load.h. schema_load() is the order of steps; each step is a function of its own. */
#include "common/schema/load.h"

#include <stdio.h>

#include "common/schema/checks.h"
#include "common/schema/fill.h"
#include "common/schema/rules.h"

enum { TTL_MAX = 100000000 };

/* ---- shorthands ------------------------------------------------------------------------------------------------- */

static void put_path(json_t *object, const char *path, json_t *value)
{
	for (struct slice rest = slice_cstr(path), step; slice_is_set(rest);) {
		step = slice_cut(&rest, '.');
		if (!slice_is_set(rest)) {
			json_object_setn_new_nocheck(object, step.ptr, step.len, value);
			return;
		}
		json_t *inner = json_object_getn(object, step.ptr, step.len);
		if (!json_is_object(inner)) {
			inner = json_object();
			json_object_setn_new_nocheck(object, step.ptr, step.len, inner);
		}
		object = inner;
	}
}

static void put_value(const json_t *value, struct text *out)
{
	if (json_is_string(value))
		text_puts(out, json_string_value(value));
	else
		violations_braced(value, out);
}

/* A deprecated alias fills the field that replaced it, unless both are given and differ. */
static bool expand_alias(const struct shorthand *sh, json_t *object, const json_t *value, struct err *e)
{
	const json_t *there = checks_get(object, sh->replaced_by);
	if (!there) {
		put_path(object, sh->replaced_by, json_deep_copy(value));
		return true;
	}
	if (json_is_null(value) || json_equal(there, value))
		return true;
	struct text a = {0}, b = {0};
	put_value(value, &a);
	put_value(there, &b);
	err_set(e, "both deprecated and new field are used but their values mismatch: %s = %s vs %s = %s", sh->name, text_cstr(&a),
		sh->replaced_by, text_cstr(&b));
	text_fini(&a);
	text_fini(&b);
	return false;
}

static void expand_one(const struct shorthand *sh, json_t *object, const char *prefix, struct violations *v)
{
	json_t *value = json_object_get(object, sh->name);
	struct err e;
	char path[256];

	if (!value)
		return;
	json_incref(value);
	json_object_del(object, sh->name);
	const struct field type = {.name = sh->name, .type = sh->type, .flags = EMPTY_OK};
	json_t *error = rules_check(&type, NULL, &value);
	snprintf(path, sizeof path, "%s%s", prefix, sh->name);
	if (error)
		violations_put(v, path, error);
	else if (!(sh->expand ? sh->expand(object, value, &e) : expand_alias(sh, object, value, &e)))
		violations_add(v, path, "%s", e.message);
	json_decref(value);
}

static void expand_all(const struct schema *s, json_t *object, const char *prefix, struct violations *v)
{
	for (const struct shorthand *sh = s->shorthands; sh && sh->name; sh++)
		expand_one(sh, object, prefix, v);
	if (s->adjust)
		s->adjust(object);
}

json_t *schema_expand(const struct schema *s, const json_t *input, struct violations *v)
{
	json_t *object = json_deep_copy(input), *config = json_object_get(object, "config");
	const struct schema *sub = schema_subschema(s, object);

	expand_all(s, object, "", v);
	if (sub && json_is_object(config))
		expand_all(sub, config, "config.", v);
	if (!has_violations(v))
		return object;
	json_decref(object);
	return NULL;
}

const struct schema *schema_subschema(const struct schema *s, const json_t *input)
{
	const char *field;
	struct err e;
	return s->subschema ? s->subschema(input, &field, &e) : NULL;
}

/* ---- ttl -------------------------------------------------------------------------------------------------------- */

/* `ttl` becomes `expires_at`, which stays with the record; see schema_render for the way back. */
static bool take_ttl(const struct schema *s, json_t *record, int64_t now_ms, struct violations *v)
{
	json_t *ttl = json_object_get(record, "ttl");
	if (!s->has_ttl || !ttl)
		return true;
	if (!json_is_null(ttl) && !(json_is_integer(ttl) && json_integer_value(ttl) >= 0 && json_integer_value(ttl) <= TTL_MAX)) {
		violations_add(v, "ttl", "must be an integer between 0 and %d", TTL_MAX);
		return false;
	}
	json_int_t seconds = json_integer_value(ttl);
	json_object_set_new(record, "expires_at", seconds ? json_integer(now_ms / 1000 + seconds) : json_null());
	json_object_del(record, "ttl");
	return true;
}

/* ---- checking --------------------------------------------------------------------------------------------------- */

static bool is_internal(const struct schema *s, const char *key)
{
	return s->has_ttl && strcmp(key, "expires_at") == 0;
}

static void check_unknown(const struct schema *s, const json_t *record, struct violations *v)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)record, key, value)
	{
		if (!schema_field(s, slice_cstr(key)) && !is_internal(s, key))
			violations_put_key(v, key, json_string("unknown field"));
	}
}

static void check_fields(const struct schema *s, const struct schema *sub, json_t *record, struct violations *v)
{
	for_each_field(f, s)
	{
		json_t *there = json_object_get(record, f->name);
		json_t *value = there ? json_incref(there) : json_null();
		json_t *e = rules_check(f, strcmp(f->name, "config") == 0 ? sub : NULL, &value);
		json_object_set_new(record, f->name, value);
		if (e)
			violations_put(v, f->name, e);
	}
}

/* Sub-schema selection comes before the fields: when it fails, its error is the only one. */
static bool choose_subschema(const struct schema *s, const json_t *record, const struct schema **sub, struct violations *v)
{
	const char *field = NULL;
	struct err e;
	*sub = NULL;
	if (!s->subschema)
		return true;
	*sub = s->subschema(record, &field, &e);
	if (!*sub)
		violations_add(v, field, "%s", e.message);
	return *sub != NULL;
}

static bool check_all(const struct schema *s, const struct schema *sub, json_t *record, bool is_update, struct violations *v)
{
	check_unknown(s, record, v);
	check_fields(s, sub, record, v);
	checks_run(s, record, "", record, is_update, has_violations(v), v);
	if (sub)
		checks_run(sub, json_object_get(record, "config"), "config.", record, is_update, has_violations(v), v);
	return !has_violations(v);
}

/* ---- the order of steps ------------------------------------------------------------------------------------------ */

static json_t *prepare(const struct schema *s, const json_t *input, const struct load_options *o, struct violations *v)
{
	json_t *object = o->op == LOAD_STORED ? json_deep_copy(input) : NULL;
	if (!object) {
		/* a PATCH need not name the sub-schema: the stored record does */
		const json_t *named = o->op == LOAD_UPDATE && s->subschema && !json_object_get(input, "name") ? o->existing : NULL;
		json_t *with_name = json_deep_copy(input);
		if (named)
			json_object_set(with_name, "name", json_object_get(named, "name"));
		object = schema_expand(s, with_name, v);
		json_decref(with_name);
	}
	if (object && o->op == LOAD_UPDATE) {
		json_t *merged = schema_merge(s, o->existing, object);
		json_decref(object);
		object = merged;
	}
	return object;
}

bool schema_load(const struct schema *s, const json_t *input, const struct load_options *o, json_t **out, struct violations *v)
{
	const struct schema *sub;
	struct err e;

	*out = NULL;
	json_t *record = prepare(s, input, o, v);
	if (!record)
		return false;
	bool ok = choose_subschema(s, record, &sub, v);
	if (ok) {
		fill_record(s, sub, &record, o);
		ok = take_ttl(s, record, o->now_ms, v) && check_all(s, sub, record, o->op == LOAD_UPDATE, v);
	}
	if (ok && o->op != LOAD_STORED && s->transform && !s->transform(record, &e)) {
		violations_add_entity(v, "%s", e.message);
		ok = false;
	}
	if (!ok) {
		json_decref(record);
		return false;
	}
	*out = record;
	return true;
}
