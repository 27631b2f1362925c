/* rules: types, rules and their exact texts, in the order of entities.md 1.1 and 1.2; what hostile input does. */
#include <check.h>
#include <stdlib.h>

#include "tests/support/loading.h"

struct inner {
	struct slice a;
	struct opt_int b;
};
struct all {
	struct slice text, empty_ok, word, id, regex, path, vault, message;
	int64_t integer;
	struct opt_num number, positive, when;
	struct opt_bool flag;
	struct slice_list array, set, groups, three, some;
	struct int_list statuses;
	struct slice_map map;
	struct inner inner;
	struct record_list inners;
	struct ref service, closed;
	json_t *json;
};

static const struct field inner_fields[] = {
        FIELD(struct inner, a, .flags = REQUIRED),
        FIELD(struct inner, b, BETWEEN(1, 2)),
        {0},
};
static const struct entity_check inner_checks[] = {DISTINCT("a", "b"), {0}};
static const struct schema inner = {
        .name = "inner", .size = sizeof(struct inner), .fields = inner_fields, .checks = inner_checks};

/* Refuses "bad", turns "old" into "new". */
static bool check_message(const struct field *f, json_t **value, struct err *e)
{
	const char *text = json_string_value(*value);
	if (strcmp(text, "bad") == 0)
		return err_set(e, "%s must not be bad", f->name);
	if (strcmp(text, "old") == 0) {
		json_decref(*value);
		*value = json_string("new");
	}
	return true;
}

static const struct field fields[] = {
        FIELD(struct all, text, LEN_MAX(5)),
        FIELD(struct all, empty_ok, .flags = EMPTY_OK),
        FIELD(struct all, word, .one_of = ONE_OF("b", "a"), .not_one_of = NOT_ONE_OF("x", "y"), .err = NULL),
        FIELD(struct all, id, .format = FORMAT_UUID, LEN_MIN(40)),
        FIELD(struct all, regex, .format = FORMAT_REGEX),
        FIELD(struct all, path, .starts_with = "/", .format = FORMAT_HTTP_METHOD, .err = "that is no path"),
        FIELD(struct all, vault, .flags = REFERENCEABLE, .one_of = ONE_OF("a")),
        FIELD(struct all, message, .check = check_message),
        FIELD(struct all, integer, .dflt = "5", BETWEEN(-2, 2147483648.0), .one_of = ONE_OF("5", "7", "99999999999")),
        FIELD(struct all, number, BETWEEN(0.5, 10)),
        FIELD(struct all, positive, GT(0)),
        FIELD(struct all, when, .flags = TIMESTAMP),
        FIELD(struct all, flag),
        FIELD(struct all, array, STRINGS(LEN_MAX(3))),
        FIELD(struct all, set, .flags = AS_SET, STRINGS()),
        FIELD(struct all, groups, .flags = AS_SET, LEN_MIN(1), STRINGS(),
                .exclusive = EXCLUSIVE(FIELDS("a", "b"), FIELDS("c"))),
        FIELD(struct all, three, LEN_EQ(3), STRINGS()),
        FIELD(struct all, some, LEN_MIN(1), LEN_MAX(2), STRINGS()),
        FIELD(struct all, statuses, INTEGERS(BETWEEN(100, 999))),
        FIELD(struct all, map, KEYS(.format = FORMAT_HEADER_NAME), VALUES(.type = TYPE_STRING)),
        FIELD(struct all, inner, .record = &inner, .dflt = "null"),
        FIELD(struct all, inners, RECORDS(inner)),
        FIELD(struct all, service, .ref = "services"),
        FIELD(struct all, closed, .ref = "services", .eq = "null"),
        FIELD(struct all, json),
        {0},
};
static const struct schema all = {.name = "all", .size = sizeof(struct all), .fields = fields};

struct example {
	const char *input, *fields; /* fields NULL: accepted */
};

static const struct example examples[] = {
        /* types */
        {"{'text':5}", "{'text':'expected a string'}"},
        {"{'number':'5'}", "{'number':'expected a number'}"},
        {"{'integer':'5'}", "{'integer':'expected an integer'}"},
        {"{'integer':5.5}", "{'integer':'expected an integer'}"},
        {"{'integer':1e300}", "{'integer':'expected an integer'}"},
        {"{'integer':5.0}", NULL},
        {"{'flag':'true'}", "{'flag':'expected a boolean'}"},
        {"{'flag':0}", "{'flag':'expected a boolean'}"},
        {"{'array':'a'}", "{'array':'expected an array'}"},
        {"{'array':{}}", "{'array':'expected an array'}"},
        {"{'set':{}}", "{'set':'expected a set'}"},
        {"{'map':[]}", "{'map':'expected a map'}"},
        {"{'inner':[]}", "{'inner':'expected a record'}"},
        {"{'json':[{'a':null}]}", NULL}, /* entities 1.1: json */
        {"{'what':null}", "{'what':'unknown field'}"},
        {"{'a.b':1,'text.c':2}", "{'a.b':'unknown field','text.c':'unknown field'}"},
        /* null and empty */
        {"{'text':null,'array':null,'map':null,'inner':null,'service':null,'closed':null}", NULL},
        {"{'integer':null}", NULL},
        {"{'text':''}", "{'text':'length must be at least 1'}"},
        {"{'empty_ok':''}", NULL},
        {"{'array':[],'set':[],'map':{}}", NULL},
        /* rules */
        {"{'word':'c'}", "{'word':'expected one of: b, a'}"},
        {"{'word':'x'}", "{'word':'must not be one of: x, y'}"},
        {"{'word':'A'}", "{'word':'expected one of: b, a'}"},
        {"{'integer':6}", "{'integer':'expected one of: 5, 7, 99999999999'}"},
        {"{'integer':99999999999}", "{'integer':'value should be between -2 and 2147483648'}"},
        {"{'number':0.4}", "{'number':'value should be between 0.5 and 10'}"},
        {"{'number':10}", NULL},
        {"{'positive':0}", "{'positive':'value must be greater than 0'}"},
        {"{'positive':0.001}", NULL},
        {"{'when':0}", "{'when':'expected a valid timestamp'}"},
        {"{'id':'11111111-2222-4333-8444-55555555555'}", "{'id':'expected a valid UUID'}"},
        {"{'id':''}", "{'id':'expected a valid UUID'}"}, /* before the length */
        {"{'id':'11111111-2222-4333-8444-555555555555'}", "{'id':'length must be at least 40'}"},
        {"{'regex':'(a'}", "{'regex':'not a valid regex: (a'}"},
        {"{'regex':'(a)'}", NULL},
        {"{'text':'123456'}", "{'text':'length must be at most 5'}"},
        {"{'three':['a','b']}", "{'three':'length must be 3'}"},
        {"{'some':[]}", "{'some':'length must be at least 1'}"},
        {"{'some':['a','b','c']}", "{'some':'length must be at most 2'}"},
        {"{'path':'x'}", "{'path':'that is no path'}"},
        {"{'path':5}", "{'path':'expected a string'}"}, /* the own text is for rules, not for the type */
        {"{'message':'bad'}", "{'message':'message must not be bad'}"},
        {"{'groups':['a','b','z']}", NULL},
        {"{'groups':['a','c']}", "{'groups':'these sets are mutually exclusive: (|a|, |b|), (|c|)'}"},
        {"{'closed':{'id':'11111111-2222-4333-8444-555555555555'}}", "{'closed':'value must be null'}"},
        {"{'closed':'x'}", "{'closed':'value must be null'}"},
        /* vault references: only where they may be */
        {"{'vault':'{vault://env/x}'}", NULL},
        {"{'vault':'{vault://env/x'}", "{'vault':'expected one of: a'}"},
        {"{'word':'{vault://env/x}'}", "{'word':'expected one of: b, a'}"},
        /* lists: errors stand where the elements stand */
        {"{'array':['a','long',null,'b',5]}",
                "{'array':[null,'length must be at most 3','required field missing',null,'expected a string']}"},
        {"{'statuses':[200,99]}", "{'statuses':[null,'value should be between 100 and 999']}"},
        {"{'inners':[{'a':'x'},{}]}", "{'inners':[null,{'a':'required field missing'}]}"},
        {"{'inners':[5]}", "{'inners':['expected a record']}"},
        /* maps: the first bad entry, at the map itself */
        {"{'map':{'a':'x','b':5}}", "{'map':'expected a string'}"},
        {"{'map':{'a b':'x'}}",
                "{'map':'bad header name |a b|, allowed characters are A-Z, a-z, 0-9, |_|, and |-|'}"},
        {"{'map':{'a':null}}", "{'map':'required field missing'}"},
        /* records */
        {"{'inner':{}}", "{'inner':{'a':'required field missing'}}"},
        {"{'inner':{'a':'x','b':3,'c':1}}", "{'inner':{'b':'value should be between 1 and 2','c':'unknown field'}}"},
        /* references */
        {"{'service':'x'}", "{'service':{'id':'missing primary key'}}"},
        {"{'service':5}", "{'service':{'id':'missing primary key'}}"},
        {"{'service':{}}", "{'service':{'id':'missing primary key'}}"},
        {"{'service':{'id':null}}", "{'service':{'id':'missing primary key'}}"},
        {"{'service':{'id':'x'}}", "{'service':{'id':'expected a valid UUID'}}"},
        {"{'service':{'id':5}}", "{'service':{'id':'expected a string'}}"},
        {"{'service':{'id':'11111111-2222-4333-8444-555555555555','name':5}}", NULL},
};

START_TEST(a_value_is_refused_with_kongs_text_or_accepted)
{
	const struct example *e = &examples[_i];
	if (e->fields)
		refused(&all, LOAD_CREATE, NULL, e->input, e->fields);
	else
		json_decref(created(&all, e->input));
}
END_TEST

START_TEST(values_are_stored_in_their_normal_form)
{
	json_t *r = created(&all, "{'integer':5.0,'number':2.0,'set':['b','a','b','a','c'],'message':'old',"
	                          "'service':{'id':'AAAAAAAA-2222-4333-8444-555555555555','name':'x'}}");
	has(r, "integer", "5");
	has(r, "number", "2");
	has(r, "set", "['b','a','c']");
	has(r, "message", "'new'");
	has(r, "service", "{'id':'aaaaaaaa-2222-4333-8444-555555555555'}");
	json_decref(r);
}
END_TEST

static const struct field set_fields[] = {FIELD(struct all, inners, .flags = AS_SET, RECORDS(inner)), {0}};
static const struct schema set = {.name = "set", .size = sizeof(struct all), .fields = set_fields};

START_TEST(the_same_record_twice_in_a_set_is_one)
{
	json_t *r = created(&set, "{'inners':[{'a':'x','b':1},{'b':1,'a':'x'},{'a':'y'}]}");
	has(r, "inners", "[{'a':'x','b':1},{'a':'y','b':null}]");
	json_decref(r);
}
END_TEST

START_TEST(integers_up_to_2_to_the_53_survive_exactly)
{
	json_t *r = created(&all, "{'json':[9007199254740993,9007199254740992.0],'when':9007199254740991}");
	has(r, "when", "9007199254740991");
	has(r, "json", "[9007199254740993,9007199254740992.0]");
	json_decref(r);
}
END_TEST

/* A form can carry any bytes (admin-api.md 2.3). */
static void refuse_bytes(const char *bytes, size_t len, const char *message)
{
	const struct load_options options = {.op = LOAD_CREATE, .now_ms = 1};
	struct violations v = {0};
	json_t *input = json_object(), *out;

	json_object_set_new(input, "text", json_stringn_nocheck(bytes, len));
	json_object_set_new(
	        input, "set", json_pack("[o,o]", json_stringn_nocheck(bytes, len), json_stringn_nocheck(bytes, len)));
	ck_assert(!schema_load(&all, input, &options, &out, &v));
	ck_assert_str_eq(json_string_value(json_object_get(v.fields, "text")), message);
	char *dumped = json_dumps(v.fields, 0);
	ck_assert_ptr_nonnull(dumped);
	free(dumped);
	violations_fini(&v);
	json_decref(input);
}

START_TEST(strings_are_utf8_without_nul)
{
	refuse_bytes("ab\xff", 3, "invalid utf-8 character sequence detected at position 3");
	refuse_bytes("a\0b", 3, "invalid utf-8 character sequence detected at position 2");
}
END_TEST

START_TEST(a_message_that_is_cut_stays_valid_utf8)
{
	const struct load_options options = {.op = LOAD_CREATE, .now_ms = 1};
	struct violations v = {0};
	struct text long_name = {0};
	for (int i = 0; i < 3000; i++)
		text_puts(&long_name, "\xe2\x82\xac");
	json_t *input = json_pack("{s:{s:s}}", "map", text_cstr(&long_name), "x"), *out;
	ck_assert(!schema_load(&all, input, &options, &out, &v));
	char *dumped = json_dumps(v.fields, 0);
	ck_assert_ptr_nonnull(dumped);
	free(dumped);
	violations_fini(&v);
	json_decref(input);
	text_fini(&long_name);
}
END_TEST

START_TEST(a_large_set_costs_no_more_than_its_size)
{
	const struct load_options options = {.op = LOAD_CREATE, .now_ms = 1};
	struct violations v = {0};
	json_t *tags = json_array(), *input = json_pack("{s:o}", "set", tags), *out;
	for (int i = 0; i < 200000; i++)
		json_array_append_new(tags, json_sprintf("tag-%d", i / 2));
	ck_assert(schema_load(&all, input, &options, &out, &v)); /* quadratic work would run into Check's timeout */
	ck_assert_uint_eq(json_array_size(json_object_get(out, "set")), 100000);
	json_decref(out);
	json_decref(input);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rules");
	TCase *t = tcase_create("rules");
	tcase_add_loop_test(
	        t, a_value_is_refused_with_kongs_text_or_accepted, 0, sizeof examples / sizeof examples[0]);
	tcase_add_test(t, values_are_stored_in_their_normal_form);
	tcase_add_test(t, the_same_record_twice_in_a_set_is_one);
	tcase_add_test(t, integers_up_to_2_to_the_53_survive_exactly);
	tcase_add_test(t, strings_are_utf8_without_nul);
	tcase_add_test(t, a_message_that_is_cut_stays_valid_utf8);
	tcase_add_test(t, a_large_set_costs_no_more_than_its_size);
	suite_add_tcase(s, t);
	return run_suite(s);
}
