/* diff: fields that differ, and secrets that stay secret (users.md 2.4, 2.5, 2.9). */
#include "common/model/diff.h"

#include <check.h>
#include <stdlib.h>

#include "common/model/kinds.h"

static const struct field entry_fields[] = {
        {.name = "user", .type = TYPE_STRING},
        {.name = "password", .type = TYPE_STRING, .flags = SECRET},
        {0},
};
static const struct schema entry = {.name = "entry", .fields = entry_fields};
static const struct field redis_fields[] = {
        {.name = "host", .type = TYPE_STRING},
        {.name = "password", .type = TYPE_STRING, .flags = SECRET},
        {0},
};
static const struct schema redis = {.name = "redis", .fields = redis_fields};
static const struct field fields[] = {
        {.name = "id", .type = TYPE_STRING},
        {.name = "name", .type = TYPE_STRING},
        {.name = "updated_at", .type = TYPE_INTEGER, .flags = AUTO | UPDATED},
        {.name = "hosts", .type = TYPE_ARRAY, STRINGS()},
        {.name = "keys", .type = TYPE_ARRAY, STRINGS(.flags = SECRET)},
        {.name = "redis", .type = TYPE_RECORD, .record = &redis},
        {.name = "entries", .type = TYPE_ARRAY, RECORDS(entry)},
        {.name = "headers", .type = TYPE_MAP, KEYS(), VALUES(.type = TYPE_STRING, .flags = SECRET)},
        {0},
};
static const struct schema kind = {.name = "things", .fields = fields};

static json_t *literal(const char *text)
{
	return text ? schema_literal(text) : NULL;
}

static char *differences(const struct schema *s, const char *from, const char *to, const char *salt)
{
	json_t *a = literal(from), *b = literal(to), *d = diff_fields(s, a, b, slice_cstr(salt));
	char *text = json_dumps(d, JSON_COMPACT);

	for (char *at = text; *at; at++)
		if (*at == '"')
			*at = '\'';
	json_decref(a);
	json_decref(b);
	json_decref(d);
	return text;
}

static void expect(const char *from, const char *to, const char *want)
{
	char *got = differences(&kind, from, to, "salt");
	ck_assert_str_eq(got, want);
	free(got);
}

START_TEST(fields_are_named_by_their_path)
{
	expect("{'id':'1','name':'a','redis':{'host':'h'}}", "{'id':'1','name':'b','redis':{'host':'i'}}",
	        "[{'field':'name','from':'a','to':'b'},{'field':'redis.host','from':'h','to':'i'}]");
	expect("{'hosts':['a','b']}", "{'hosts':['a']}", "[{'field':'hosts','from':['a','b'],'to':['a']}]");
}
END_TEST

START_TEST(what_is_no_news_is_left_out)
{
	expect("{'id':'1','name':'a','updated_at':1,'hosts':null}", "{'id':'1','name':'a','updated_at':2}", "[]");
}
END_TEST

START_TEST(a_new_record_comes_from_nothing_and_a_removed_one_goes_there)
{
	expect(NULL, "{'id':'1','name':'a','redis':{'host':'h','password':null}}",
	        "[{'field':'name','from':null,'to':'a'},{'field':'redis.host','from':null,'to':'h'}]");
	expect("{'id':'1','name':'a'}", NULL, "[{'field':'name','from':'a','to':null}]");
	expect("{'redis':null}", "{'redis':{'host':'h'}}", "[{'field':'redis.host','from':null,'to':'h'}]");
}
END_TEST

START_TEST(secrets_are_hashes_wherever_they_are)
{
	static const char from[] =
	        "{'redis':{'password':'hush1'},'keys':['hush1'],'entries':[{'user':'u','password':'hush1'}],"
	        "'headers':{'a':'hush1'}}";
	static const char to[] =
	        "{'redis':{'password':'hush2'},'keys':['hush2'],'entries':[{'user':'u','password':'hush2'}],"
	        "'headers':{'a':'hush2'}}";
	char *got = differences(&kind, from, to, "salt"), *salted = differences(&kind, from, to, "other");

	ck_assert_ptr_null(strstr(got, "hush"));
	json_t *lines = schema_literal(got);
	ck_assert_uint_eq(json_array_size(lines), 4);
	ck_assert_ptr_nonnull(strstr(got, "'user':'u','password':'*** ("));
	ck_assert_str_ne(got, salted);
	json_decref(lines);
	free(got);
	free(salted);
}
END_TEST

START_TEST(equal_secrets_have_equal_hashes)
{
	json_t *a = literal("{'redis':{'password':'x'}}"), *b = literal("{'redis':{'password':'y'}}");
	json_t *there = diff_fields(&kind, a, b, S("s")), *back = diff_fields(&kind, b, a, S("s"));
	json_t *first = json_array_get(there, 0), *second = json_array_get(back, 0);

	ck_assert_str_eq(
	        json_string_value(json_object_get(first, "from")), json_string_value(json_object_get(second, "to")));
	ck_assert_str_ne(
	        json_string_value(json_object_get(first, "from")), json_string_value(json_object_get(first, "to")));
	json_decref(there);
	json_decref(back);
	json_decref(a);
	json_decref(b);
}
END_TEST

START_TEST(a_plugins_config_is_looked_into_with_its_own_table)
{
	const struct schema *plugins = kinds_by_name(S("plugins"));
	char *got = differences(plugins, "{'name':'rate-limiting','config':{'minute':5,'redis':{'password':'a'}}}",
	        "{'name':'rate-limiting','config':{'minute':6,'redis':{'password':'b'}}}", "salt");

	ck_assert_ptr_nonnull(strstr(got, "{'field':'config.minute','from':5,'to':6}"));
	ck_assert_ptr_nonnull(strstr(got, "'field':'config.redis.password','from':'*** ("));
	free(got);
}
END_TEST

START_TEST(a_record_is_called_by_its_name_and_never_by_a_secret)
{
	json_t *r = literal("{'id':'1','name':'n','key':'hush','username':'u'}");
	json_t *nameless = literal("{'id':'1','key':'hush','username':'u'}");

	ck_assert_str_eq(diff_name(kinds_by_name(S("services")), r), "n");
	ck_assert_str_eq(diff_name(kinds_by_name(S("consumers")), nameless), "u");
	ck_assert_ptr_null(diff_name(kinds_by_name(S("keyauth_credentials")), nameless));
	ck_assert_ptr_null(diff_name(kinds_by_name(S("routes")), nameless));
	json_decref(r);
	json_decref(nameless);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("diff");
	TCase *t = tcase_create("diff");

	tcase_add_test(t, fields_are_named_by_their_path);
	tcase_add_test(t, what_is_no_news_is_left_out);
	tcase_add_test(t, a_new_record_comes_from_nothing_and_a_removed_one_goes_there);
	tcase_add_test(t, secrets_are_hashes_wherever_they_are);
	tcase_add_test(t, equal_secrets_have_equal_hashes);
	tcase_add_test(t, a_plugins_config_is_looked_into_with_its_own_table);
	tcase_add_test(t, a_record_is_called_by_its_name_and_never_by_a_secret);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
