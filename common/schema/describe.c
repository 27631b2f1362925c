/* describe: see describe.h. Keys and their order are those of Kong's /schemas, so that its clients (forms of admin
 * pages, generators) can read our tables. */
#include "common/schema/describe.h"

#include "common/schema/schema_private.h"

static json_t *describe_field(const struct field *f);

/* ---- rules ----------------------------------------------------------------------------------------------------- */

static void set_true(json_t *out, const char *key, bool on)
{
	if (on)
		json_object_set_new(out, key, json_true());
}

static void set_text(json_t *out, const char *key, const char *text)
{
	if (text)
		json_object_set_new(out, key, json_string(text));
}

static json_t *number(double value)
{
	json_t *out = json_real(value);
	value_make_whole(&out);
	return out;
}

static json_t *strings(const char *const *words)
{
	json_t *out = json_array();
	for (; *words; words++)
		json_array_append_new(out, json_string(*words));
	return out;
}

/* Words of a numeric field are numbers. */
static json_t *choices(const struct field *f, const char *const *words)
{
	json_t *out = strings(words);
	for (size_t i = 0; f->type == TYPE_INTEGER && i < json_array_size(out); i++)
		json_array_set_new(out, i, schema_literal(words[i]));
	return out;
}

static void describe_choices(const struct field *f, json_t *out)
{
	if (f->one_of && !f->described_as)
		json_object_set_new(out, "one_of", choices(f, f->one_of));
	if (f->not_one_of)
		json_object_set_new(out, "not_one_of", choices(f, f->not_one_of));
	if (f->has_gt)
		json_object_set_new(out, "gt", number(f->gt));
	if (f->has_between)
		json_object_set_new(out, "between", json_pack("[o,o]", number(f->min), number(f->max)));
}

static void describe_length(const struct field *f, json_t *out)
{
	if (f->has_len_min || (f->flags & EMPTY_OK))
		json_object_set_new(out, "len_min", json_integer(f->len_min));
	if (f->has_len_max)
		json_object_set_new(out, "len_max", json_integer(f->len_max));
	if (f->has_len_eq)
		json_object_set_new(out, "len_eq", json_integer(f->len_eq));
}

/* What a format checks, as far as Kong writes it as patterns. */
static const char *patterns_of(enum format format)
{
	switch (format) {
	case FORMAT_PATH:
		return "{'match_none':[{'err':'must not have empty segments','pattern':'//'}],'starts_with':'/'}";
	case FORMAT_ROUTER_PATH:
		return "{'match_none':[{'err':'must not have empty segments','pattern':'//'}],"
		       "'match_any':{'err':'should start with: / (fixed path) or ~/ (regex path)','patterns':['^/','^~/']}}";
	case FORMAT_HTTP_METHOD: return "{'match':'^%u+$'}";
	case FORMAT_ROUTE_HOST:
		return "{'match_all':[{'err':'invalid wildcard: must have at most one wildcard','pattern':'^[^*]*%*?[^*]*$'}],"
		       "'match_any':{'err':'invalid wildcard: must be placed at leftmost or rightmost label',"
		       "'patterns':['^%*%.','%.%*$','^[^*]*$']}}";
	default: return NULL;
	}
}

static void describe_patterns(const struct field *f, json_t *out)
{
	const char *text = f->described_as ? f->described_as : patterns_of(f->format);
	json_t *patterns = text ? schema_literal(text) : NULL;
	if (patterns)
		json_object_update(out, patterns);
	json_decref(patterns);
	set_text(out, "starts_with", f->starts_with);
	set_text(out, "contains", f->contains);
	if (f->eq && !f->described_as)
		json_object_set_new(out, "eq", schema_literal(f->eq));
	if (!f->exclusive)
		return;
	json_t *groups = json_array();
	for (size_t i = 0; f->exclusive[i]; i++)
		json_array_append_new(groups, strings(f->exclusive[i]));
	json_object_set_new(out, "mutually_exclusive_subsets", groups);
}

/* ---- parts ----------------------------------------------------------------------------------------------------- */

static json_t *describe_fields(const struct schema *s)
{
	json_t *out = json_array();
	for_each_field(f, s)
	{
		if (!(f->flags & ADDITION) && field_exists(f))
			json_array_append_new(out, json_pack("{s:o}", f->name, describe_field(f)));
	}
	return out;
}

static json_t *path_steps(const char *path)
{
	json_t *steps = json_array();
	for (struct slice rest = slice_cstr(path); slice_is_set(rest);) {
		struct slice step = slice_cut(&rest, '.');
		json_array_append_new(steps, json_stringn(step.ptr, step.len));
	}
	return steps;
}

static json_t *describe_deprecation(const struct schema *s, const struct shorthand *sh)
{
	json_t *message = value_message(
	        "%s: config.%s is deprecated, please use config.%s instead", s->name, sh->name, sh->replaced_by);
	return json_pack("{s:o,s:s,s:[{s:o}]}", "message", message, "removal_in_version", "4.0", "replaced_with",
	        "path", path_steps(sh->replaced_by));
}

/* What has no id is the config of a plugin, or a record within. */
static bool is_entity(const struct schema *s)
{
	return schema_field(s, S("id")) != NULL;
}

/* Kong shows the shorthands of records, not those of entities. */
static void describe_shorthands(const struct schema *s, json_t *out)
{
	if (!s->shorthands || !s->shorthands->name || is_entity(s))
		return;
	json_t *list = json_array();
	for (const struct shorthand *sh = s->shorthands; sh->name; sh++) {
		json_t *one = json_pack("{s:s}", "type", field_type_name(sh->type));
		if (sh->described_as) {
			json_t *words = schema_literal(sh->described_as);
			json_object_update(one, words);
			json_decref(words);
		} else if (sh->replaced_by) {
			describe_length(schema_field_at(s, sh->replaced_by), one);
			json_object_set_new(one, "deprecation", describe_deprecation(s, sh));
		}
		json_array_append_new(list, json_pack("{s:o}", sh->name, one));
	}
	json_object_set_new(out, "shorthand_fields", list);
}

static json_t *describe_checks(const struct schema *s, const char *prefix);

static void describe_record(const struct schema *s, json_t *out)
{
	json_object_set_new(out, "fields", describe_fields(s));
	describe_shorthands(s, out);
	json_t *checks = describe_checks(s, "");
	if (json_array_size(checks) > 0)
		json_object_set(out, "entity_checks", checks);
	json_decref(checks);
}

static void describe_parts(const struct field *f, json_t *out)
{
	if (f->elements)
		json_object_set_new(out, "elements", describe_field(f->elements));
	if (f->keys)
		json_object_set_new(out, "keys", describe_field(f->keys));
	if (f->values)
		json_object_set_new(out, "values", describe_field(f->values));
	if (f->record)
		describe_record(f->record, out);
	set_text(out, "reference", f->ref);
	if (f->ref && f->on_delete == ON_DELETE_CASCADE)
		set_text(out, "on_delete", "cascade");
}

/* The defaults of a record's fields that have one. */
static json_t *spelt_out(const struct schema *s)
{
	json_t *out = json_object();
	for_each_field(f, s)
	{
		json_t *value = f->type == TYPE_RECORD && !f->dflt && f->record ? spelt_out(f->record)
		                                                                : field_default(f);
		if (!json_is_null(value) && !(f->flags & UNSPOKEN))
			json_object_set(out, f->name, value);
		json_decref(value);
	}
	return out;
}

/* A record that is null unless it is given has no default in Kong's words. */
static bool may_be_absent(const struct field *f)
{
	return f->type == TYPE_RECORD && (f->flags & OPTIONAL);
}

static json_t *describe_field(const struct field *f)
{
	json_t *out = json_object();

	if (f->type != TYPE_END) /* conditions have no type of their own */
		set_text(out, "type", field_type_name(field_is_set(f) ? TYPE_SET : f->type));
	set_true(out, "required", f->flags & REQUIRED);
	if (f->flags & OPTIONAL)
		json_object_set_new(out, "required", json_false());
	if (f->dflt && !may_be_absent(f))
		json_object_set_new(out, "default", field_default(f));
	else if (f->flags & SPELT_OUT)
		json_object_set_new(out, "default", spelt_out(f->record));
	set_true(out, "unique", f->flags & UNIQUE);
	set_true(out, "auto", f->flags & AUTO);
	set_true(out, "uuid", f->format == FORMAT_UUID);
	set_true(out, "is_regex", f->format == FORMAT_REGEX);
	set_true(out, "timestamp", f->flags & TIMESTAMP);
	describe_choices(f, out);
	describe_length(f, out);
	describe_patterns(f, out);
	if (f->deprecated)
		json_object_set_new(out, "deprecation",
		        json_pack("{s:s,s:o,s:s}", "message", f->deprecated, "old_default",
		                schema_literal(f->old_default), "removal_in_version", "4.0"));
	describe_parts(f, out);
	set_true(out, "referenceable", f->flags & REFERENCEABLE);
	set_true(out, "encrypted", (f->flags & ENCRYPTED) == ENCRYPTED);
	set_true(out, "transient", f->flags & WRITE_ONLY);
	set_text(out, "err", f->err);
	set_text(out, "description", f->doc);
	set_true(out, "immutable", f->flags & IMMUTABLE);
	set_true(out, "abstract", f->type == TYPE_RECORD && !f->record);
	return out;
}

/* ---- cross-field checks ---------------------------------------------------------------------------------------- */

/* "": the record itself. */
static json_t *name_in(const char *prefix, const char *field)
{
	if (*prefix && !*field)
		return json_stringn(prefix, strlen(prefix) - 1);
	return value_message("%s%s", prefix, field);
}

static json_t *names_in(const char *prefix, const char *const *fields)
{
	json_t *out = json_array();
	for (; fields && *fields; fields++)
		json_array_append_new(out, name_in(prefix, *fields));
	return out;
}

static json_t *describe_condition(const struct entity_check *c, const char *prefix)
{
	json_t *out = json_pack(
	        "{s:o,s:o}", "if_field", name_in(prefix, c->if_field), "if_match", describe_field(c->if_match));
	if (c->kind == CHECK_CONDITIONAL) {
		json_object_set_new(out, "then_field", name_in(prefix, c->then_field));
		json_object_set_new(out, "then_match", describe_field(c->then_match));
	} else {
		json_object_set_new(out, "then_at_least_one_of", names_in(prefix, c->fields));
	}
	set_text(out, "then_err", c->text);
	return out;
}

static json_t *describe_check(const struct entity_check *c, const char *prefix)
{
	static const char *const names[] = {
	        [CHECK_AT_LEAST_ONE_OF] = "at_least_one_of",
	        [CHECK_ONLY_ONE_OF] = "only_one_of",
	        [CHECK_MUTUALLY_REQUIRED] = "mutually_required",
	        [CHECK_MUTUALLY_EXCLUSIVE] = "mutually_exclusive",
	        [CHECK_DISTINCT] = "distinct",
	        [CHECK_CONDITIONAL] = "conditional",
	        [CHECK_CONDITIONAL_AT_LEAST_ONE_OF] = "conditional_at_least_one_of",
	        [CHECK_CUSTOM] = "custom_entity_check",
	};
	json_t *rule;
	if (c->kind == CHECK_CONDITIONAL || c->kind == CHECK_CONDITIONAL_AT_LEAST_ONE_OF)
		rule = describe_condition(c, prefix);
	else if (c->described_as)
		rule = schema_literal(c->described_as);
	else if (c->kind == CHECK_CUSTOM)
		rule = json_pack("{s:o}", "field_sources", names_in(prefix, c->fields));
	else
		rule = names_in(prefix, c->fields);
	return json_pack("{s:o}", names[c->kind], rule);
}

/* A function is only shown by the fields that it looks at, or by its own words. */
static bool is_shown(const struct entity_check *c)
{
	if (c->described_as)
		return *c->described_as != '\0';
	return c->kind != CHECK_CUSTOM || c->fields;
}

static json_t *describe_checks(const struct schema *s, const char *prefix)
{
	json_t *out = json_array();
	for (const struct entity_check *c = s->checks; c && c->kind != CHECK_END; c++)
		if (is_shown(c))
			json_array_append_new(out, describe_check(c, prefix));
	return out;
}

/* The fields of a plugin's config have their full names in messages, and so here. */
json_t *schema_describe(const struct schema *s)
{
	json_t *out = json_object();
	json_object_set_new(out, "fields", describe_fields(s));
	json_object_set_new(
	        out, "entity_checks", describe_checks(s, is_entity(s) || s->checks_within ? "" : "config."));
	describe_shorthands(s, out);
	return out;
}
