/* describe: see describe.h. */
#include "common/schema/describe.h"

static json_t *describe_field(const struct field *f);

static json_t *strings(const char *const *list)
{
	json_t *out = json_array();
	for (; *list; list++)
		json_array_append_new(out, json_string(*list));
	return out;
}

static json_t *number(double n)
{
	return n == (double)(json_int_t)n ? json_integer((json_int_t)n) : json_real(n);
}

static void describe_rules(const struct field *f, json_t *out)
{
	if (f->eq)
		json_object_set_new(out, "eq", schema_literal(f->eq));
	if (f->one_of)
		json_object_set_new(out, "one_of", strings(f->one_of));
	if (f->not_one_of)
		json_object_set_new(out, "not_one_of", strings(f->not_one_of));
	if (f->has_gt)
		json_object_set_new(out, "gt", number(f->gt));
	if (f->has_between)
		json_object_set_new(out, "between", json_pack("[o,o]", number(f->min), number(f->max)));
	if (f->has_len_min || (f->flags & EMPTY_OK))
		json_object_set_new(out, "len_min", json_integer(f->len_min));
	if (f->has_len_max)
		json_object_set_new(out, "len_max", json_integer(f->len_max));
	if (f->has_len_eq)
		json_object_set_new(out, "len_eq", json_integer(f->len_eq));
	if (f->starts_with || f->format == FORMAT_PATH)
		json_object_set_new(out, "starts_with", json_string(f->starts_with ? f->starts_with : "/"));
}

static void describe_flags(const struct field *f, json_t *out)
{
	static const struct {
		unsigned flag;
		const char *name;
	} shown[] = {{REQUIRED, "required"}, {UNIQUE, "unique"}, {AUTO, "auto"}, {TIMESTAMP, "timestamp"},
		{REFERENCEABLE, "referenceable"}, {SECRET, "encrypted"}, {IMMUTABLE, "immutable"}};
	for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
		if (f->flags & shown[i].flag)
			json_object_set_new(out, shown[i].name, json_true());
	if (f->format == FORMAT_UUID)
		json_object_set_new(out, "uuid", json_true());
}

static json_t *describe_table(const struct schema *s)
{
	json_t *out = json_array();
	for_each_field(f, s) json_array_append_new(out, json_pack("{s:o}", f->name, describe_field(f)));
	return out;
}

static void describe_shorthands(const struct schema *s, json_t *out)
{
	json_t *list = json_array();
	for (const struct shorthand *sh = s->shorthands; sh && sh->name; sh++) {
		json_t *one = json_pack("{s:s}", "type", field_type_name(sh->type)), *path = json_array();
		for (struct slice rest = slice_cstr(sh->replaced_by); slice_is_set(rest);) {
			struct slice step = slice_cut(&rest, '.');
			json_array_append_new(path, json_stringn(step.ptr, step.len));
		}
		if (sh->replaced_by)
			json_object_set_new(one, "deprecation",
				json_pack("{s:[{s:o}]}", "replaced_with", "path", json_incref(path)));
		json_decref(path);
		json_array_append_new(list, json_pack("{s:o}", sh->name, one));
	}
	if (json_array_size(list))
		json_object_set(out, "shorthand_fields", list);
	json_decref(list);
}

static void describe_parts(const struct field *f, json_t *out)
{
	if (f->elements)
		json_object_set_new(out, "elements", describe_field(f->elements));
	if (f->keys)
		json_object_set_new(out, "keys", describe_field(f->keys));
	if (f->values)
		json_object_set_new(out, "values", describe_field(f->values));
	if (f->record) {
		json_object_set_new(out, "fields", describe_table(f->record));
		describe_shorthands(f->record, out);
	}
	if (f->type == TYPE_RECORD && !f->record)
		json_object_set_new(out, "abstract", json_true());
}

static json_t *describe_field(const struct field *f)
{
	enum field_type type = f->type == TYPE_ARRAY && (f->flags & AS_SET) ? TYPE_SET : f->type;
	json_t *out = json_pack("{s:s}", "type", field_type_name(type));
	if (f->doc)
		json_object_set_new(out, "description", json_string(f->doc));
	if (f->dflt)
		json_object_set_new(out, "default", field_default(f));
	if (f->ref)
		json_object_set_new(out, "reference", json_string(f->ref));
	if (f->ref && f->on_delete == ON_DELETE_CASCADE)
		json_object_set_new(out, "on_delete", json_string("cascade"));
	describe_flags(f, out);
	describe_rules(f, out);
	describe_parts(f, out);
	return out;
}

static json_t *describe_check(const struct entity_check *c)
{
	static const char *const names[] = {[CHECK_AT_LEAST_ONE_OF] = "at_least_one_of", [CHECK_ONLY_ONE_OF] = "only_one_of",
		[CHECK_MUTUALLY_REQUIRED] = "mutually_required", [CHECK_MUTUALLY_EXCLUSIVE] = "mutually_exclusive",
		[CHECK_DISTINCT] = "distinct", [CHECK_CUSTOM] = "custom_entity_check"};
	if (c->kind == CHECK_CUSTOM)
		return json_pack("{s:{}}", names[c->kind]);
	if (c->kind != CHECK_CONDITIONAL && c->kind != CHECK_CONDITIONAL_AT_LEAST_ONE_OF)
		return json_pack("{s:o}", names[c->kind], strings(c->fields));
	json_t *then = c->kind == CHECK_CONDITIONAL
			       ? json_pack("{s:s,s:o}", "then_field", c->then_field, "then_match", describe_field(c->then_match))
			       : json_pack("{s:o}", "then_at_least_one_of", strings(c->fields));
	json_object_set_new(then, "if_field", json_string(c->if_field));
	json_object_set_new(then, "if_match", describe_field(c->if_match));
	return json_pack("{s:o}",
		c->kind == CHECK_CONDITIONAL ? "conditional" : "conditional_at_least_one_of", then);
}

json_t *schema_describe(const struct schema *s)
{
	json_t *checks = json_array();
	for (const struct entity_check *c = s->checks; c && c->kind != CHECK_END; c++)
		json_array_append_new(checks, describe_check(c));
	return json_pack("{s:o,s:o}", "fields", describe_table(s), "entity_checks", checks);
}
