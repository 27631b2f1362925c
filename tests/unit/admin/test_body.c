/* body: the gate of media types, and what bodies mean (admin-api.md 2). /schemas/.../validate reads bodies without a
 * database. */
#include "tests/unit/admin/fixture.h"

#include "cp/admin/body.h"

static struct api api;

static void setup(void)
{
	api_init(&api);
}

static void teardown(void)
{
	api_fini(&api);
}

#define VALIDATE "/schemas/services/validate"
#define OK       "schema validation successful"

static int post(const char *type, const char *body)
{
	return ask_with(&api, "POST", VALIDATE, type, body);
}

START_TEST(other_media_types_are_refused_without_a_body)
{
	const char *types[] = {"text/plain", "Application/JSON", "application/yaml", NULL};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		ck_assert_int_eq(post(types[i], "{}"), 415);
		ck_assert_ptr_null(api.json);
	}
}
END_TEST

START_TEST(no_body_and_no_type_is_an_empty_object)
{
	post(NULL, "");
	expect_message(&api, 400, "schema violation (host: required field missing)");
	expect(&api, "fields", "{'host':'required field missing'}");
	expect(&api, "code", "2");
	expect(&api, "name", "'schema violation'");
}
END_TEST

START_TEST(a_json_body_is_an_object)
{
	const char *bad[] = {"{\"a\":", "", "\"x\"", "5", "null", "[1]", "{} x", "{\"a\":1 \"b\":2}"};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		post("application/json", bad[i]);
		expect_message(&api, 400, "Cannot parse JSON body");
	}
	post("application/json; charset=utf-8", "{\"host\":\"h\"}");
	expect_message(&api, 200, OK);
	post("application/json", "[]");
	expect_message(&api, 400, "schema violation (host: required field missing)");
}
END_TEST

/* prefix, more commas than a body may have values, suffix. */
static void post_commas(const char *prefix, const char *suffix)
{
	size_t n = ADMIN_BODY_VALUES_MAX + 1;
	struct text body = {0};

	text_puts(&body, prefix);
	memset(text_reserve(&body, n + 1), ',', n);
	body.len += n;
	text_puts(&body, suffix);
	post("application/json", text_cstr(&body));
	text_fini(&body);
}

START_TEST(a_body_of_too_many_values_is_not_read)
{
	post_commas("{\"host\":[", "]}");
	expect_message(&api, 413, "more than 8000000 values in one body");
	post_commas("{\"host\":\"\\\"[{", "\"}"); /* one long text */
	ck_assert_int_eq(api.last.status, 400);
}
END_TEST

START_TEST(json_is_taken_as_it_is)
{
	ask(&api, "POST", VALIDATE, "{'host':'h','port':'80'}");
	expect_message(&api, 400, "schema violation (port: expected an integer)");
	ask(&api, "POST", VALIDATE, "{'host':'h','a.b':1}");
	expect_message(&api, 400, "schema violation (a.b: unknown field)");
}
END_TEST

START_TEST(the_leaves_of_a_form_get_the_types_of_the_schema)
{
	ask_form(&api, "POST", VALIDATE, "host=h&port=80&enabled=false&tags=a&tags=b&path=");
	expect_message(&api, 200, OK);
	ask_form(&api, "POST", VALIDATE, "host=h&retries=many");
	expect_message(&api, 400, "schema violation (retries: expected an integer)");
	ask_form(&api, "POST", VALIDATE, "host=h&retries=2.5");
	expect_message(&api, 400, "schema violation (retries: expected an integer)");
	ask_form(&api, "POST", VALIDATE, "host=h&enabled=yes");
	expect_message(&api, 400, "schema violation (enabled: expected a boolean)");
	ask_form(&api, "POST", VALIDATE, "host=h&enabled");
	expect_message(&api, 200, OK);
	ask_form(&api, "POST", VALIDATE, "host=h&tags[3]=x");
	expect_message(&api, 400, "schema violation (tags: expected a set)");
	ask_form(&api, "POST", VALIDATE, "url=http%3A%2F%2Fexample.org%3A8080%2Fv1");
	expect_message(&api, 200, OK);
}
END_TEST

START_TEST(a_plugin_s_config_is_inferred_by_its_own_schema)
{
	ask_form(&api, "POST", "/schemas/plugins/validate", "name=rate-limiting&config.minute=5&config.policy=local");
	expect_message(&api, 200, OK);
	ask_form(&api, "POST", "/schemas/plugins/validate", "name=key-auth&config.key_names=a&config.key_names=b");
	expect_message(&api, 200, OK);
	ask_form(&api, "POST", "/schemas/plugins/validate", "name=rate-limiting&config.minute=x");
	ck_assert_int_eq(api.last.status, 400);
	expect(&api, "fields", "{'config':{'minute':'expected a number'}}");
}
END_TEST

START_TEST(multipart_parts_are_fields)
{
	ask_with(&api, "POST", VALIDATE, "multipart/form-data; boundary=B",
	        "--B\r\nContent-Disposition: form-data; name=\"host\"; filename=\"h.txt\"\r\n"
	        "Content-Type: text/plain\r\n\r\nmp.test\r\n"
	        "--B\r\nContent-Disposition: form-data; name=\"retries\"\r\n\r\n3\r\n--B--\r\n");
	expect_message(&api, 200, OK);
}
END_TEST

START_TEST(a_form_has_at_most_1000_fields)
{
	struct text t = {0};

	for (int i = 0; i <= 1000; i++)
		text_printf(&t, "a%d=1&", i);
	ask_form(&api, "POST", VALIDATE, text_cstr(&t));
	expect_message(&api, 400, "Too many arguments");
	text_fini(&t);
}
END_TEST

START_TEST(the_method_is_looked_at_before_the_body)
{
	ask_with(&api, "PUT", "/services", "text/plain", "x");
	expect_message(&api, 405, "Method not allowed");
	ask_with(&api, "POST", "/nope", "text/plain", "x");
	expect_message(&api, 404, "Not found");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("body");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, other_media_types_are_refused_without_a_body);
	tcase_add_test(t, no_body_and_no_type_is_an_empty_object);
	tcase_add_test(t, a_json_body_is_an_object);
	tcase_add_test(t, a_body_of_too_many_values_is_not_read);
	tcase_add_test(t, json_is_taken_as_it_is);
	tcase_add_test(t, the_leaves_of_a_form_get_the_types_of_the_schema);
	tcase_add_test(t, a_plugin_s_config_is_inferred_by_its_own_schema);
	tcase_add_test(t, multipart_parts_are_fields);
	tcase_add_test(t, a_form_has_at_most_1000_fields);
	tcase_add_test(t, the_method_is_looked_at_before_the_body);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
