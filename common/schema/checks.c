/* checks: rules across fields (entities.md 1.3). Called by load.c for an entity and for a plugin's config, and by
 * rules.c for nested records. Texts go to "@entity"; a failed condition also marks the field it is about. */
#include "common/schema/schema_private.h"

#include <stdlib.h>

/* One run over one record. */
struct run {
	const struct schema *schema;
	const json_t *record, *whole; /* whole: the entity that record is part of */
	const char *prefix;           /* "config." before names in messages and paths, or "" */
	bool is_update;
	struct violations *v;
};

static bool is_nonempty(const json_t *value)
{
	if (!value || json_is_null(value))
		return false;
	if (json_is_string(value))
		return json_string_length(value) > 0;
	if (json_is_array(value))
		return json_array_size(value) > 0;
	return !json_is_object(value) || json_object_size(value) > 0;
}

static size_t count_nonempty(const struct run *r, const char *const *fields)
{
	size_t n = 0;
	for (; *fields; fields++)
		n += is_nonempty(value_at(r->record, *fields));
	return n;
}

static size_t count_fields(const char *const *fields)
{
	size_t n = 0;
	while (fields[n])
		n++;
	return n;
}

static bool has_failed(const struct run *r, const char *field)
{
	struct text path = {0};
	text_printf(&path, "%s%s", r->prefix, field);
	bool failed = violations_at(r->v, text_cstr(&path));
	text_fini(&path);
	return failed;
}

static bool any_failed(const struct run *r, const char *const *fields)
{
	for (; fields && *fields; fields++)
		if (has_failed(r, *fields))
			return true;
	return false;
}

/* Nothing can be said about a value that only data planes will know. */
static bool is_hidden(const struct run *r, const char *field)
{
	const struct field *f = field ? schema_field_at(r->schema, field) : NULL;
	return f && field_is_vault_reference(f, value_at(r->record, field));
}

static bool any_hidden(const struct run *r, const struct entity_check *c)
{
	for (const char *const *f = c->fields; f && *f; f++)
		if (is_hidden(r, *f))
			return true;
	return is_hidden(r, c->if_field) || is_hidden(r, c->then_field);
}

/* ---- conditions ------------------------------------------------------------------------------------------------ */

static json_t *match_error(const json_t *value, const struct field *match)
{
	json_t *copy = value ? json_deep_copy(value) : json_null(), *error;

	if (!json_is_null(copy))
		error = rules_apply(match, &copy);
	else if (match->flags & REQUIRED)
		error = value_message("required field missing");
	else
		error = NULL;
	json_decref(copy);
	return error;
}

/* A null meets no condition but "null", a wrong value none at all. */
static bool condition_holds(const struct run *r, const struct entity_check *c)
{
	const json_t *value = value_at(r->record, c->if_field);
	if (!value || json_is_null(value))
		return c->if_match->eq && strcmp(c->if_match->eq, "null") == 0;
	if (has_failed(r, c->if_field))
		return false;

	json_t *error = match_error(value, c->if_match);
	json_decref(error);
	return !error;
}

static void check_conditional(const struct run *r, const struct entity_check *c)
{
	if (!condition_holds(r, c))
		return;
	json_t *error = match_error(value_at(r->record, c->then_field), c->then_match);
	if (!error)
		return;

	struct text path = {0};
	text_printf(&path, "%s%s", r->prefix, c->then_field);
	violations_replace(r->v, text_cstr(&path), "%s", json_string_value(error));
	if (c->text)
		violations_add_entity(r->v, "%s", c->text);
	else
		violations_add_entity(
		        r->v, "failed conditional validation given value of field '%s%s'", r->prefix, c->if_field);
	text_fini(&path);
	json_decref(error);
}

/* ---- lists of fields ------------------------------------------------------------------------------------------- */

static void report_fields(const struct run *r, const char *what, const char *const *fields)
{
	struct text list = {0};
	value_names(fields, r->prefix, &list);
	violations_add_entity(r->v, "%s: %s", what, text_cstr(&list));
	text_fini(&list);
}

static void report_none(const struct run *r, const char *const *fields)
{
	report_fields(r,
	        r->is_update ? "when updating, at least one of these fields must be non-empty"
	                     : "at least one of these fields must be non-empty",
	        fields);
}

static void check_conditional_at_least_one(const struct run *r, const struct entity_check *c)
{
	if (!condition_holds(r, c) || count_nonempty(r, c->fields) > 0)
		return;
	if (c->text)
		violations_add_entity(r->v, "%s", c->text);
	else
		report_none(r, c->fields);
}

static bool are_distinct(const struct run *r, const char *const *fields)
{
	for (size_t i = 0; fields[i]; i++) {
		const json_t *value = value_at(r->record, fields[i]);
		for (size_t j = 0; is_nonempty(value) && j < i; j++)
			if (json_equal(value, value_at(r->record, fields[j])))
				return false;
	}
	return true;
}

static void check_mutually(const struct run *r, const struct entity_check *c)
{
	size_t n = count_nonempty(r, c->fields);
	if (c->kind == CHECK_MUTUALLY_REQUIRED && n != 0 && n != count_fields(c->fields))
		report_fields(r, "all or none of these fields must be set", c->fields);
	if (c->kind == CHECK_MUTUALLY_EXCLUSIVE && n > 1)
		report_fields(r, "only one or none of these fields must be set", c->fields);
}

/* Functions and "mutually" rules only look at good values. */
static bool is_spoilt(const struct run *r, const struct entity_check *c)
{
	if (c->kind != CHECK_CUSTOM && c->kind != CHECK_MUTUALLY_REQUIRED && c->kind != CHECK_MUTUALLY_EXCLUSIVE)
		return false;
	if (!c->fields && *r->prefix)
		return violations_at(r->v, "config");
	return any_failed(r, c->fields);
}

static void run_check(const struct run *r, const struct entity_check *c)
{
	switch (c->kind) {
	case CHECK_AT_LEAST_ONE_OF:
		if (count_nonempty(r, c->fields) == 0)
			report_none(r, c->fields);
		break;
	case CHECK_ONLY_ONE_OF:
		if (count_nonempty(r, c->fields) != 1)
			report_fields(r, "exactly one of these fields must be non-empty", c->fields);
		break;
	case CHECK_DISTINCT:
		if (!are_distinct(r, c->fields))
			report_fields(r, "values of these fields must be distinct", c->fields);
		break;
	case CHECK_MUTUALLY_REQUIRED:
	case CHECK_MUTUALLY_EXCLUSIVE: check_mutually(r, c); break;
	case CHECK_CONDITIONAL: check_conditional(r, c); break;
	case CHECK_CONDITIONAL_AT_LEAST_ONE_OF: check_conditional_at_least_one(r, c); break;
	case CHECK_CUSTOM:
		if (c->check)
			c->check(r->whole, r->is_update, r->v);
		break;
	case CHECK_END: break;
	}
}

void checks_run(const struct schema *s, const json_t *record, const json_t *whole, const char *prefix, bool is_update,
        struct violations *v)
{
	struct run r = {s, record, whole, prefix, is_update, v};
	for (const struct entity_check *c = s->checks; c && c->kind != CHECK_END; c++)
		if (!any_hidden(&r, c) && !is_spoilt(&r, c))
			run_check(&r, c);
}
