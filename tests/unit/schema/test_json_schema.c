/* json_schema: a table in the words of JSON Schema. */
#include <check.h>
#include <stdlib.h>

#include "common/schema/json_schema.h"

struct inner {
	struct slice name;
	bool on;
};
static const struct field inner_fields[] = {
        FIELD(struct inner, name, .flags = REQUIRED, LEN_MAX(9)),
        FIELD(struct inner, on, .dflt = "true", .flags = REQUIRED),
        {0},
};
static const struct schema inner_schema = {.name = "inner", .size = sizeof(struct inner), .fields = inner_fields};

struct thing {
	struct uuid id;
	int64_t created_at;
	struct slice name, colour, path, secret, digest, prefix;
	struct opt_int size;
	struct slice_list tags;
	struct int_list codes;
	struct slice_map headers;
	struct inner inner;
	struct record_list many;
	struct ref owner;
};
static const struct field fields[] = {
        ID_FIELD(struct thing),
        CREATED_AT_FIELD(struct thing),
        FIELD(struct thing, name, .format = FORMAT_NAME, .flags = REQUIRED | UNIQUE, .doc = "Its name."),
        FIELD(struct thing, colour, .dflt = "'red'", .one_of = ONE_OF("red", "blue")),
        FIELD(struct thing, path, .format = FORMAT_PATH),
        FIELD(struct thing, secret, .format = FORMAT_PATH, .flags = SECRET | REFERENCEABLE),
        FIELD(struct thing, digest, .flags = HIDDEN),
        FIELD(struct thing, prefix, .starts_with = "a+", .flags = EMPTY_OK),
        FIELD(struct thing, size, BETWEEN(1, 9)),
        TAGS_FIELD(struct thing),
        FIELD(struct thing, codes, .dflt = "[1]", .flags = REQUIRED, INTEGERS(BETWEEN(0, 5))),
        FIELD(struct thing, headers, KEYS(.format = FORMAT_HEADER_NAME), VALUES(.type = TYPE_STRING)),
        FIELD(struct thing, inner, .record = &inner_schema),
        FIELD(struct thing, many, RECORDS(inner_schema)),
        FIELD(struct thing, owner, .ref = "owners", .flags = REQUIRED, .on_delete = ON_DELETE_CASCADE),
        {0},
};
static const struct shorthand shorthands[] = {
        {.name = "old_name", .type = TYPE_STRING, .replaced_by = "inner.name"}, {0}};
static const struct schema thing_schema = {
        .name = "things", .size = sizeof(struct thing), .fields = fields, .shorthands = shorthands, .has_ttl = true};

static void expect(const char *field, const char *want)
{
	json_t *schema = schema_json_schema(&thing_schema);
	const json_t *found = json_object_get(json_object_get(schema, "properties"), field);
	json_t *wanted = schema_literal(want);

	if (!json_equal(found, wanted)) {
		char *got = json_dumps(found, JSON_COMPACT | JSON_ENCODE_ANY);
		ck_abort_msg("%s: %s", field, got ? got : "absent");
	}
	json_decref(wanted);
	json_decref(schema);
}

START_TEST(scalars)
{
	expect("name", "{'type':'string','minLength':1,'x-format':'name','pattern':'^[A-Za-z0-9.\\\\-_~]+$',"
	               "'examples':['orders'],'description':'Its name.','x-unique':true}");
	expect("colour", "{'type':['string','null'],'enum':['red','blue',null],'default':'red'}");
	expect("size", "{'type':['integer','null'],'minimum':1,'maximum':9}");
	expect("prefix", "{'type':['string','null'],'pattern':'^a\\\\+'}");
}
END_TEST

START_TEST(made_up_fields_are_never_null)
{
	expect("created_at",
	        "{'type':'integer','exclusiveMinimum':0,'description':'When it was created, in Unix seconds.',"
	        "'x-made-up':true}");
}
END_TEST

START_TEST(a_vault_reference_is_held_to_no_pattern)
{
	expect("secret", "{'type':['string','null'],'minLength':1,'x-format':'path',"
	                 "'anyOf':[{'pattern':'^/'},{'pattern':'^\\\\{vault://.*\\\\}$'}],'examples':['/v1'],"
	                 "'x-secret':true,'x-referenceable':true}");
}
END_TEST

START_TEST(containers)
{
	expect("codes", "{'type':'array','items':{'type':'integer','minimum':0,'maximum':5},'default':[1]}");
	expect("headers", "{'type':['object','null'],'additionalProperties':{'type':'string','minLength':1},"
	                  "'propertyNames':{'type':'string','minLength':1,'x-format':'header-name',"
	                  "'pattern':'^[A-Za-z0-9_-]+$','examples':['X-Team']}}");
	expect("inner",
	        "{'type':['object','null'],'properties':{'name':{'type':'string','minLength':1,'maxLength':9},"
	        "'on':{'type':'boolean','default':true}},'additionalProperties':false}");
	expect("owner",
	        "{'type':'object','properties':{'id':{'type':'string','format':'uuid'}},'x-reference':'owners',"
	        "'x-on-delete':'cascade'}");
}
END_TEST

START_TEST(what_is_no_field_is_there_and_what_is_hidden_is_not)
{
	json_t *schema = schema_json_schema(&thing_schema), *properties = json_object_get(schema, "properties");

	ck_assert_ptr_null(json_object_get(properties, "digest"));
	ck_assert_ptr_nonnull(json_object_get(properties, "ttl"));
	json_decref(schema);
	expect("old_name", "{'type':['string','null'],'minLength':1,'maxLength':9,'deprecated':true,"
	                   "'x-replaced-by':'inner.name'}");
}
END_TEST

START_TEST(needs_are_what_nothing_else_fills_in)
{
	json_t *needs = schema_needs(&thing_schema), *example = schema_example(&thing_schema);
	json_t *want = schema_literal("['name','owner']");
	json_t *want_example = schema_literal(
	        "{'name':'orders','owner':{'id':'5fd1c2d2-60a2-4a4c-9d4e-0e1c7b1f7a55'}}");

	ck_assert(json_equal(needs, want));
	ck_assert(json_equal(example, want_example));
	json_decref(needs);
	json_decref(example);
	json_decref(want);
	json_decref(want_example);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("json_schema");
	TCase *tc = tcase_create("json_schema");

	tcase_add_test(tc, scalars);
	tcase_add_test(tc, made_up_fields_are_never_null);
	tcase_add_test(tc, a_vault_reference_is_held_to_no_pattern);
	tcase_add_test(tc, containers);
	tcase_add_test(tc, what_is_no_field_is_there_and_what_is_hidden_is_not);
	tcase_add_test(tc, needs_are_what_nothing_else_fills_in);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
