/* errors: the shapes of answers that say what is wrong (admin-api.md 3). */
#include "tests/unit/admin/fixture.h"

#include "cp/admin/errors.h"
#include "cp/store/faults.h"

static struct api api;
static struct admin_request request = {.target = SLICE("/x")};
static struct admin_call call;

static void setup(void)
{
	api_init(&api);
	call = (struct admin_call){.arena = &api.arena, .env = &api.env, .request = &request, .response = &api.last};
}

static void teardown(void)
{
	api_fini(&api);
}

static void expect_body(int status, const char *body)
{
	char *text = json_dumps(api.last.json, JSON_COMPACT);

	for (char *at = text; *at; at++)
		if (*at == '"')
			*at = '\'';
	ck_assert_int_eq(api.last.status, status);
	ck_assert_str_eq(text, body);
	free(text);
	json_decref(api.last.json);
	api.last.json = NULL;
}

START_TEST(a_simple_error_is_a_message)
{
	admin_not_found(&call);
	expect_body(404, "{'message':'Not found'}");
	admin_not_allowed(&call);
	expect_body(405, "{'message':'Method not allowed'}");
}
END_TEST

START_TEST(a_typed_error_has_code_name_message_and_fields)
{
	struct fault f = {0};

	fault_primary_key(&f, "abc");
	admin_fault(&call, &f, NULL);
	expect_body(400,
	        "{'code':3,'name':'primary key violation','message':'primary key violation on key '{id=\\'abc\\'}''"
	        ",'fields':{'id':'abc'}}");
	ck_assert_ptr_null(f.message);
}
END_TEST

START_TEST(violations_are_counted_in_the_message)
{
	struct violations v = {0};

	violations_add(&v, "host", "required field missing");
	violations_add(&v, "path", "should start with: /");
	admin_violations(&call, &v);
	expect_body(400,
	        "{'code':2,'name':'schema violation','message':'2 schema violations (host: required field missing; path: "
	        "should start with: /)','fields':{'host':'required field missing','path':'should start with: /'}}");
}
END_TEST

START_TEST(what_is_missing_is_named_by_the_key_that_was_used)
{
	const struct schema *services = kinds_by_name(S("services"));

	admin_missing(&call, services, S(U0));
	expect_body(404, "{'code':6,'name':'not found','message':'could not find the entity with primary key "
	                 "'{id=\\'" U0 "\\'}'','fields':{'id':'" U0 "'}}");
	admin_missing(&call, services, S("none"));
	expect_body(404, "{'code':6,'name':'not found','message':'could not find the entity with "
	                 "'{name=\\'none\\'}'','fields':{'name':'none'}}");
}
END_TEST

START_TEST(an_invalid_unique_key_is_named_in_the_error_s_name)
{
	struct fault f = {0};

	fault_set(&f, 10, 400, NULL, "bad");
	admin_fault(&call, &f, kinds_by_name(S("plugins")));
	expect_body(400, "{'code':10,'name':'invalid unique instance_name','message':'bad'}");
}
END_TEST

START_TEST(bytes_that_are_no_text_are_replaced)
{
	struct fault f = {0};

	fault_set(&f, 10, 400, NULL, "invalid tag 'a\xff\xfe\xc3\xb6'");
	admin_fault(&call, &f, NULL);
	ck_assert_str_eq(json_string_value(json_object_get(api.last.json, "message")),
	        "invalid tag 'a\xef\xbf\xbd\xef\xbf\xbd\xc3\xb6'");
	json_decref(api.last.json);
	api.last.json = NULL;
}
END_TEST

START_TEST(what_went_wrong_inside_is_not_told)
{
	struct fault f = {0};

	/* admin-api 3.2: 8 | 15 | 16 | 17 | 18 */
	/* admin-api 3.3: internal */
	static const int codes[] = {8, 15, 16, 17, 18};
	fault_set(&f, codes[_i], 500, NULL, "relation \"x\" does not exist");
	admin_fault(&call, &f, NULL);
	expect_body(500, "{'message':'An unexpected error occurred'}");
}
END_TEST

START_TEST(a_database_that_is_away_is_told)
{
	struct fault f = {0};

	fault_set(&f, 8, 503, NULL, "cannot reach PostgreSQL at h:5432");
	admin_fault(&call, &f, NULL);
	expect_body(503, "{'message':'cannot reach PostgreSQL at h:5432'}");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("errors");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_simple_error_is_a_message);
	tcase_add_test(t, a_typed_error_has_code_name_message_and_fields);
	tcase_add_test(t, violations_are_counted_in_the_message);
	tcase_add_test(t, what_is_missing_is_named_by_the_key_that_was_used);
	tcase_add_test(t, an_invalid_unique_key_is_named_in_the_error_s_name);
	tcase_add_test(t, bytes_that_are_no_text_are_replaced);
	tcase_add_loop_test(t, what_went_wrong_inside_is_not_told, 0, 5);
	tcase_add_test(t, a_database_that_is_away_is_told);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
