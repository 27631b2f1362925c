/* checks: rules across fields, at the top, in nested records and in a plugin's config (entities.md 1.3). */
#include <check.h>

#include "common/schema/violations.h"
#include "tests/support/loading.h"

struct part {
	struct slice host;
	struct opt_int port;
};
struct whole {
	struct slice a, b, c, d, mode, secret;
	struct slice_list list;
	struct part part;
};

static const struct field part_fields[] = {
        FIELD(struct part, host),
        FIELD(struct part, port),
        {0},
};
static const struct schema part = {.name = "part", .size = sizeof(struct part), .fields = part_fields};

#define WHOLE_FIELDS                                                                                       \
	FIELD(struct whole, a), FIELD(struct whole, b), FIELD(struct whole, c), FIELD(struct whole, d),    \
	        FIELD(struct whole, mode, .one_of = ONE_OF("x", "y", "z")),                                \
	        FIELD(struct whole, secret, .flags = REFERENCEABLE), FIELD(struct whole, list, STRINGS()), \
	        FIELD(struct whole, part, .record = &part),                                                \
	{                                                                                                  \
		0                                                                                          \
	}
static const struct field fields[] = {WHOLE_FIELDS};

static void no_cats(const json_t *merged, bool is_update, struct violations *v)
{
	const json_t *a = json_object_get(merged, "a");
	if (json_is_string(a) && strcmp(json_string_value(a), "cat") == 0)
		violations_add_entity(v, "no cats%s", is_update ? " any more" : "");
}

/* One schema for each check, so that examples stay short. */
#define SCHEMA(n, ...)                                                      \
	static const struct entity_check n##_checks[] = {__VA_ARGS__, {0}}; \
	static const struct schema n = {                                    \
	        .name = #n, .path = #n, .size = sizeof(struct whole), .fields = fields, .checks = n##_checks}

/* clang-format off */
SCHEMA(some, AT_LEAST_ONE_OF("a", "list", "part.host"));
SCHEMA(one, ONLY_ONE_OF("a", "b"));
SCHEMA(all_or_none, MUTUALLY_REQUIRED("a", "b"));
SCHEMA(at_most_one, MUTUALLY_EXCLUSIVE("a", "b"));
SCHEMA(different, DISTINCT("a", "b", "c"));
SCHEMA(when_x, WHEN("mode", MATCH(.eq = "'x'"), "part.port", MATCH(.flags = REQUIRED)),
	WHEN("mode", MATCH(.one_of = ONE_OF("y")), "a", MATCH(.eq = "null")),
	WHEN("mode", MATCH(.eq = "'z'"), "list", MATCH(LEN_EQ(1)), .text = "z wants one"));
SCHEMA(when_some, {.kind = CHECK_CONDITIONAL_AT_LEAST_ONE_OF, .if_field = "mode", .if_match = MATCH(.eq = "'x'"),
	.fields = FIELDS("a", "b")},
	{.kind = CHECK_CONDITIONAL_AT_LEAST_ONE_OF, .if_field = "mode", .if_match = MATCH(.eq = "'y'"),
	.fields = FIELDS("c", "d"), .text = "y wants c or d"});
SCHEMA(custom, CUSTOM(no_cats, .fields = FIELDS("a", "b")));
SCHEMA(always, CUSTOM(no_cats));
SCHEMA(referenced, WHEN("secret", MATCH(.eq = "'s'"), "a", MATCH(.flags = REQUIRED)), ONLY_ONE_OF("secret", "b"));
/* clang-format on */

START_TEST(at_least_one_is_not_empty)
{
	const char *const error =
	        "{'@entity':['at least one of these fields must be non-empty: |a|, |list|, |part.host|']}";
	refused(&some, LOAD_CREATE, NULL, "{}", error);
	refused(&some, LOAD_CREATE, NULL, "{'list':[],'b':'x'}", error);
	json_decref(created(&some, "{'a':'x'}"));
	json_decref(created(&some, "{'list':['x']}"));
	json_decref(created(&some, "{'part':{'host':'h'}}"));
}
END_TEST

START_TEST(a_patch_says_so)
{
	json_t *old = created(&some, "{'a':'x'}");
	refused(&some, LOAD_UPDATE, old, "{'a':null}",
	        "{'@entity':['when updating, at least one of these fields must be non-empty: |a|, |list|, |part.host|']}");
	json_decref(old);
}
END_TEST

START_TEST(exactly_one_is_not_empty)
{
	refused_saying(&one, "{}", "exactly one of these fields must be non-empty: 'a', 'b'");
	refused_saying(&one, "{'a':'x','b':'y'}", "exactly one of these fields must be non-empty: 'a', 'b'");
	json_decref(created(&one, "{'b':'y'}"));
}
END_TEST

START_TEST(all_or_none_are_set)
{
	refused_saying(&all_or_none, "{'a':'x'}", "all or none of these fields must be set: 'a', 'b'");
	json_decref(created(&all_or_none, "{}"));
	json_decref(created(&all_or_none, "{'a':'x','b':'y'}"));
}
END_TEST

START_TEST(at_most_one_is_set)
{
	refused_saying(&at_most_one, "{'a':'x','b':'y'}", "only one or none of these fields must be set: 'a', 'b'");
	json_decref(created(&at_most_one, "{}"));
}
END_TEST

START_TEST(values_differ_unless_they_are_empty)
{
	refused_saying(
	        &different, "{'a':'x','b':'y','c':'x'}", "values of these fields must be distinct: 'a', 'b', 'c'");
	json_decref(created(&different, "{'a':'x','b':null,'c':null}"));
}
END_TEST

START_TEST(a_condition_marks_the_field_and_the_entity)
{
	refused(&when_x, LOAD_CREATE, NULL, "{'mode':'x'}",
	        "{'part':{'port':'required field missing'},"
	        "'@entity':['failed conditional validation given value of field |mode|']}");
	refused(&when_x, LOAD_CREATE, NULL, "{'mode':'y','a':'q'}",
	        "{'a':'value must be null','@entity':['failed conditional validation given value of field |mode|']}");
	json_decref(created(&when_x, "{'mode':'x','part':{'port':1}}"));
	json_decref(created(&when_x, "{'mode':'y'}"));
	json_decref(created(&when_x, "{'mode':null,'a':'q'}"));
}
END_TEST

START_TEST(a_condition_may_have_its_own_text)
{
	refused_saying(&when_x, "{'mode':'z','list':['1','2']}", "z wants one; list: length must be 1");
}
END_TEST

START_TEST(a_condition_replaces_the_fields_own_error_and_ignores_a_wrong_premise)
{
	refused(&when_x, LOAD_CREATE, NULL, "{'mode':'y','a':5}",
	        "{'a':'value must be null','@entity':['failed conditional validation given value of field |mode|']}");
	refused_saying(&when_x, "{'mode':'q','a':'x'}", "mode: expected one of: x, y, z");
}
END_TEST

START_TEST(a_condition_can_ask_for_one_of_several)
{
	refused_saying(&when_some, "{'mode':'x'}", "at least one of these fields must be non-empty: 'a', 'b'");
	refused_saying(&when_some, "{'mode':'y'}", "y wants c or d");
	json_decref(created(&when_some, "{'mode':'x','b':'1'}"));
	json_decref(created(&when_some, "{'mode':'z'}"));
}
END_TEST

START_TEST(functions_and_mutual_rules_only_see_good_values)
{
	refused_saying(&custom, "{'a':'cat'}", "no cats");
	refused_saying(&custom, "{'a':'cat','b':5}", "b: expected a string");
	refused_saying(&custom, "{'a':'cat','c':5}", "no cats; c: expected a string");
	refused_saying(&always, "{'a':'cat','b':5}", "no cats; b: expected a string");
	refused_saying(&all_or_none, "{'a':5}", "a: expected a string");
	/* the others run all the same */
	refused_saying(&one, "{'a':5,'b':'x'}",
	        "exactly one of these fields must be non-empty: 'a', 'b'; a: expected a string");
}
END_TEST

START_TEST(what_only_data_planes_know_is_not_judged)
{
	json_decref(created(&referenced, "{'secret':'{vault://env/s}','b':'x'}"));
	refused_saying(&referenced, "{'secret':'t','b':'x'}",
	        "exactly one of these fields must be non-empty: 'secret', 'b'");
}
END_TEST

/* ---- where they stand ------------------------------------------------------------------------------------------ */

static const struct entity_check pair_checks[] = {AT_LEAST_ONE_OF("host", "port"), {0}};
static const struct schema pair = {
        .name = "pair", .size = sizeof(struct part), .fields = part_fields, .checks = pair_checks};
struct pairs {
	struct record_list pairs;
};
static const struct field pairs_fields[] = {FIELD(struct pairs, pairs, RECORDS(pair)), {0}};
static const struct schema pairs = {.name = "pairs", .size = sizeof(struct pairs), .fields = pairs_fields};

START_TEST(a_nested_record_reports_below_itself)
{
	refused(&pairs, LOAD_CREATE, NULL, "{'pairs':[{'port':1},{}]}",
	        "{'pairs':[null,{'@entity':['at least one of these fields must be non-empty: |host|, |port|']}]}");
}
END_TEST

static void no_cats_in_config(const json_t *merged, bool is_update, struct violations *v)
{
	const json_t *config = json_object_get(merged, "config");
	if (json_is_string(json_object_get(config, "a")))
		violations_add(v, "config.a", "no cats in %s", json_string_value(json_object_get(merged, "name")));
}

static const struct entity_check config_checks[] = {
        AT_LEAST_ONE_OF("a", "part.host"),
        WHEN("mode", MATCH(.eq = "'x'"), "part.port", MATCH(.flags = REQUIRED)),
        CUSTOM(no_cats_in_config),
        {0},
};
static const struct schema config = {
        .name = "zoo", .size = sizeof(struct whole), .fields = fields, .checks = config_checks};

static const struct schema *choose(const json_t *input, const char **field, struct err *e)
{
	const char *name = json_string_value(json_object_get(input, "name"));
	if (name && strcmp(name, "zoo") == 0)
		return &config;
	*field = "name";
	err_set(e, "no '%s' here", name ? name : "");
	return NULL;
}

struct chooser {
	struct slice name;
};
static const struct field chooser_fields[] = {
        FIELD(struct chooser, name, .flags = REQUIRED),
        {.name = "config", .type = TYPE_RECORD},
        {0},
};
static const struct schema chooser = {.name = "chooser",
        .path = "choosers",
        .size = sizeof(struct chooser),
        .fields = chooser_fields,
        .subschema = choose};

START_TEST(a_configs_texts_stand_at_the_top_with_its_full_names)
{
	refused(&chooser, LOAD_CREATE, NULL, "{'name':'zoo'}",
	        "{'@entity':['at least one of these fields must be non-empty: |config.a|, |config.part.host|']}");
	refused(&chooser, LOAD_CREATE, NULL, "{'name':'zoo','config':{'mode':'x','part':{'host':'h'}}}",
	        "{'config':{'part':{'port':'required field missing'}},"
	        "'@entity':['failed conditional validation given value of field |config.mode|']}");
	refused(&chooser, LOAD_CREATE, NULL, "{'name':'zoo','config':{'a':'x'}}",
	        "{'config':{'a':'no cats in zoo'}}");
	refused(&chooser, LOAD_CREATE, NULL, "{'name':'zoo','config':{'a':'x','d':5}}",
	        "{'config':{'d':'expected a string'}}");
}
END_TEST

START_TEST(a_config_is_filled_checked_and_merged_by_the_chosen_schema)
{
	json_t *z = created(&chooser, "{'name':'zoo','config':{'part':{'host':'h'}}}");
	has(z, "config.part", "{'host':'h','port':null}");
	has(z, "config.list", "null");
	json_t *p = loaded(&chooser, LOAD_UPDATE, z, "{'config':{'part':{'port':5}}}");
	has(p, "config.part", "{'host':'h','port':5}");
	json_decref(p);
	refused(&chooser, LOAD_UPDATE, z, "{'config':{'cage':5}}", "{'config':{'cage':'unknown field'}}");
	refused(&chooser, LOAD_CREATE, NULL, "{'name':'zoo','config':5}", "{'config':'expected a record'}");
	refused(&chooser, LOAD_CREATE, NULL, "{'name':'zoo','config':null}", "{'config':'required field missing'}");
	json_decref(z);
}
END_TEST

START_TEST(without_a_sub_schema_that_is_the_only_error)
{
	refused(&chooser, LOAD_CREATE, NULL, "{'name':'farm','config':{'x':1},'y':2}", "{'name':'no |farm| here'}");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("checks");
	TCase *t = tcase_create("checks");
	tcase_add_test(t, at_least_one_is_not_empty);
	tcase_add_test(t, a_patch_says_so);
	tcase_add_test(t, exactly_one_is_not_empty);
	tcase_add_test(t, all_or_none_are_set);
	tcase_add_test(t, at_most_one_is_set);
	tcase_add_test(t, values_differ_unless_they_are_empty);
	tcase_add_test(t, a_condition_marks_the_field_and_the_entity);
	tcase_add_test(t, a_condition_may_have_its_own_text);
	tcase_add_test(t, a_condition_replaces_the_fields_own_error_and_ignores_a_wrong_premise);
	tcase_add_test(t, a_condition_can_ask_for_one_of_several);
	tcase_add_test(t, functions_and_mutual_rules_only_see_good_values);
	tcase_add_test(t, what_only_data_planes_know_is_not_judged);
	tcase_add_test(t, a_nested_record_reports_below_itself);
	tcase_add_test(t, a_configs_texts_stand_at_the_top_with_its_full_names);
	tcase_add_test(t, a_config_is_filled_checked_and_merged_by_the_chosen_schema);
	tcase_add_test(t, without_a_sub_schema_that_is_the_only_error);
	suite_add_tcase(s, t);
	return run_suite(s);
}
