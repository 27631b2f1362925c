/* checks: see checks.h. */
#include "common/schema/checks.h"

#include <stdio.h>

#include "common/schema/rules.h"

json_t *checks_get(const json_t *record, const char *path)
{
	json_t *at = (json_t *)record;
	for (struct slice rest = slice_cstr(path); at && slice_is_set(rest);) {
		struct slice step = slice_cut(&rest, '.');
		at = json_object_getn(at, step.ptr, step.len);
	}
	return json_is_null(at) ? NULL : at;
}

/* The field that a dotted path names; NULL when there is none. */
static const struct field *field_at(const struct schema *s, const char *path)
{
	const struct field *f = NULL;
	for (struct slice rest = slice_cstr(path); s && slice_is_set(rest);) {
		f = schema_field(s, slice_cut(&rest, '.'));
		s = f ? f->record : NULL;
	}
	return f;
}

/* Not absent, not null, not "", {} or []. */
static bool is_given(const json_t *v)
{
	if (!v || json_is_null(v))
		return false;
	if (json_is_string(v))
		return json_string_length(v) > 0;
	if (json_is_array(v) || json_is_object(v))
		return json_is_array(v) ? json_array_size(v) > 0 : json_object_size(v) > 0;
	return true;
}

static size_t count_given(const struct entity_check *c, const json_t *record, size_t *total)
{
	size_t n = 0;
	for (*total = 0; c->fields[*total]; (*total)++)
		n += is_given(checks_get(record, c->fields[*total]));
	return n;
}

/* 'config.a', 'config.b' */
static void put_names(const struct entity_check *c, const char *prefix, struct text *out)
{
	for (size_t i = 0; c->fields[i]; i++)
		text_printf(out, "%s'%s%s'", i ? ", " : "", prefix, c->fields[i]);
}

static void report(const struct entity_check *c, const char *prefix, const char *what, bool is_update, struct violations *v)
{
	struct text names = {0};
	put_names(c, prefix, &names);
	if (c->text)
		violations_add_entity(v, "%s", c->text);
	else
		violations_add_entity(v, "%s%s: %s", is_update ? "when updating, " : "", what, text_cstr(&names));
	text_fini(&names);
}

static void check_counts(const struct entity_check *c, const json_t *record, const char *prefix, bool is_update,
	struct violations *v)
{
	size_t total, n = count_given(c, record, &total);
	if (c->kind == CHECK_AT_LEAST_ONE_OF && n == 0)
		report(c, prefix, "at least one of these fields must be non-empty", is_update, v);
	else if (c->kind == CHECK_ONLY_ONE_OF && n != 1)
		report(c, prefix, "exactly one of these fields must be non-empty", false, v);
	else if (c->kind == CHECK_MUTUALLY_REQUIRED && n != 0 && n != total)
		report(c, prefix, "all or none of these fields must be set", false, v);
	else if (c->kind == CHECK_MUTUALLY_EXCLUSIVE && n > 1)
		report(c, prefix, "only one or none of these fields must be set", false, v);
}

static void check_distinct(const struct entity_check *c, const json_t *record, const char *prefix, struct violations *v)
{
	for (size_t i = 0; c->fields[i]; i++)
		for (size_t j = i + 1; c->fields[j]; j++) {
			const json_t *a = checks_get(record, c->fields[i]), *b = checks_get(record, c->fields[j]);
			if (is_given(a) && is_given(b) && json_equal(a, b)) {
				report(c, prefix, "values of these fields must be distinct", false, v);
				return;
			}
		}
}

static bool matches(const struct field *match, const json_t *value)
{
	json_t *copy = value ? json_deep_copy(value) : json_null();
	json_t *e = rules_check(match, NULL, &copy);
	bool ok = e == NULL;
	json_decref(e);
	json_decref(copy);
	return ok;
}

static bool condition_holds(const struct schema *s, const struct entity_check *c, const json_t *record)
{
	const struct field *f = field_at(s, c->if_field);
	const json_t *value = checks_get(record, c->if_field);
	return value && !(f && is_vault_reference(f, value)) && matches(c->if_match, value);
}

static void check_conditional(const struct schema *s, const struct entity_check *c, const json_t *record, const char *prefix,
	struct violations *v)
{
	if (!condition_holds(s, c, record))
		return;
	const json_t *then = checks_get(record, c->then_field);
	json_t *copy = then ? json_deep_copy(then) : json_null();
	json_t *e = rules_check(c->then_match, NULL, &copy);
	json_decref(copy);
	if (!e)
		return;
	char path[256];
	snprintf(path, sizeof path, "%s%s", prefix, c->then_field);
	violations_put(v, path, e);
	if (c->text)
		violations_add_entity(v, "%s", c->text);
	else
		violations_add_entity(v, "failed conditional validation given value of field '%s%s'", prefix, c->if_field);
}

static void check_conditional_at_least_one(const struct schema *s, const struct entity_check *c, const json_t *record,
	const char *prefix, bool is_update, struct violations *v)
{
	size_t total;
	if (condition_holds(s, c, record) && count_given(c, record, &total) == 0)
		report(c, prefix, "at least one of these fields must be non-empty", is_update, v);
}

void checks_run(const struct schema *s, const json_t *record, const char *prefix, const json_t *whole, bool is_update,
	bool had_errors, struct violations *v)
{
	for (const struct entity_check *c = s->checks; c && c->kind != CHECK_END; c++) {
		switch (c->kind) {
		case CHECK_MUTUALLY_REQUIRED:
		case CHECK_MUTUALLY_EXCLUSIVE:
			if (!had_errors)
				check_counts(c, record, prefix, is_update, v);
			break;
		case CHECK_AT_LEAST_ONE_OF:
		case CHECK_ONLY_ONE_OF: check_counts(c, record, prefix, is_update, v); break;
		case CHECK_DISTINCT: check_distinct(c, record, prefix, v); break;
		case CHECK_CONDITIONAL: check_conditional(s, c, record, prefix, v); break;
		case CHECK_CONDITIONAL_AT_LEAST_ONE_OF:
			check_conditional_at_least_one(s, c, record, prefix, is_update, v);
			break;
		case CHECK_CUSTOM:
			if (!had_errors)
				c->check(whole, is_update, v);
			break;
		case CHECK_END: break;
		}
	}
}
