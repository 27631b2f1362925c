/* key-auth: plugins.md 1.1; the numbers are those of its appendix B. */
#include <check.h>

#include "tests/support/plugin_rig.h"

#define TERN       "7f3c2b1a-4d5e-4f60-8a7b-9c0d1e2f3a4b"
#define CREDENTIAL "11111111-1111-4111-8111-111111111111"

static struct rig rig;

static void setup(void)
{
	rig_init(&rig);
	rig_entity(&rig, "consumers", "{'id':'" TERN "','username':'tern','custom_id':'c-77'}");
	rig_entity(&rig, "consumers", "{'username':'guest'}");
	rig_entity(
	        &rig, "keyauth_credentials", "{'id':'" CREDENTIAL "','consumer':{'id':'" TERN "'},'key':'K-tern-1'}");
}

static void teardown(void)
{
	rig_fini(&rig);
}

static void use(const char *config)
{
	char row[400];
	snprintf(row, sizeof row, "{'name':'key-auth','config':{%s}}", config);
	rig_plugin(&rig, row);
}

static void is_refused(const char *message)
{
	ck_assert_int_eq(rig_status(&rig), 401);
	ck_assert_str_eq(rig_message(&rig), message);
}

static void is_tern(void)
{
	ck_assert_int_eq(rig_status(&rig), 200);
	ck_assert_pstr_eq(rig_up(&rig, "X-Consumer-Username"), "tern");
}

START_TEST(ex01_without_a_key_there_is_a_challenge)
{
	use("");
	ck_assert_int_eq(rig_get(&rig, "GET /a", ""), STOP);
	is_refused("No API key found in request");
	ck_assert_str_eq(rig_down(&rig, "WWW-Authenticate"), "Key");
}
END_TEST

START_TEST(ex02_a_good_key_tells_the_upstream_who_calls)
{
	use("");
	ck_assert_int_eq(rig_get(&rig, "GET /a", "apikey: K-tern-1\nX-Anonymous-Consumer: true"), GO);
	ck_assert_str_eq(rig_up(&rig, "X-Consumer-ID"), TERN);
	ck_assert_str_eq(rig_up(&rig, "X-Consumer-Username"), "tern");
	ck_assert_str_eq(rig_up(&rig, "X-Consumer-Custom-ID"), "c-77");
	ck_assert_str_eq(rig_up(&rig, "X-Credential-Identifier"), CREDENTIAL);
	ck_assert_ptr_null(rig_up(&rig, "X-Anonymous-Consumer"));
	ck_assert_str_eq(rig_up(&rig, "apikey"), "K-tern-1");
	ck_assert_ptr_null(rig_down(&rig, "WWW-Authenticate"));
}
END_TEST

START_TEST(ex03_the_key_may_be_in_the_query)
{
	use("");
	rig_get(&rig, "GET /a?apikey=K-tern-1&z=1", "");
	is_tern();
	ck_assert_str_eq(rig_query(&rig), "apikey=K-tern-1&z=1");
}
END_TEST

START_TEST(ex04_a_wrong_key_is_refused_with_a_challenge)
{
	use("");
	rig_get(&rig, "GET /a", "apikey: nope");
	is_refused("Unauthorized");
	ck_assert_str_eq(rig_down(&rig, "WWW-Authenticate"), "Key");
	rig_get(&rig, "GET /a", "apikey: k-TERN-1");
	is_refused("Unauthorized"); /* exact, case-sensitive */
}
END_TEST

START_TEST(ex05_a_repeated_key_is_refused)
{
	use("");
	rig_get(&rig, "GET /a?apikey=K-tern-1&apikey=K2", "");
	is_refused("Duplicate API key found");
	rig_get(&rig, "GET /a", "apikey: K-tern-1\nAPIKEY: K-tern-1");
	is_refused("Duplicate API key found");
	rig_get(&rig, "GET /a?apikey=K-tern-1&apikey", "");
	is_refused("Duplicate API key found");
}
END_TEST

START_TEST(ex06_a_bare_name_is_no_key)
{
	use("");
	rig_get(&rig, "GET /a?apikey", "");
	is_refused("No API key found in request");
	rig_get(&rig, "GET /a?apikey=", "");
	is_refused("No API key found in request");
	rig_get(&rig, "GET /a?apikey[]=K-tern-1&apikey[1]=K-tern-1", "");
	is_refused("No API key found in request"); /* other names */
}
END_TEST

START_TEST(ex07_a_hidden_key_leaves_the_query_as_it_was_otherwise)
{
	use("'hide_credentials':true");
	rig_get(&rig, "GET /a?b=2&apikey=K-tern-1&c=3", "");
	is_tern();
	ck_assert_str_eq(rig_query(&rig), "b=2&c=3");
	rig_get(&rig, "GET /a?b=%7e&ap%69key=K%2dtern%2D1&c=a+b", "");
	is_tern();
	ck_assert_str_eq(rig_query(&rig), "b=%7e&c=a+b");
	rig_get(&rig, "GET /a?apikey=K-tern-1", "");
	is_tern();
	ck_assert_ptr_null(rig_query(&rig));
}
END_TEST

START_TEST(a_hidden_key_is_taken_from_every_place_of_its_name)
{
	use("'hide_credentials':true");
	rig_get(&rig, "GET /a?apikey=other&c=3", "apikey: K-tern-1\nx: y");
	is_tern();
	ck_assert_ptr_null(rig_up(&rig, "apikey"));
	ck_assert_str_eq(rig_query(&rig), "c=3");
	ck_assert_str_eq(rig_up(&rig, "x"), "y");
}
END_TEST

static void post(const char *type, const char *body)
{
	rig_request(&rig, "POST /a", "");
	rig_body(&rig, type, body);
	rig_run(&rig);
}

START_TEST(ex08_a_key_in_a_json_body_is_found_and_hidden)
{
	use("'hide_credentials':true,'key_in_body':true");
	post("application/json", "{\"apikey\":\"K-tern-1\",\"x\":1}");
	is_tern();
	ck_assert_str_eq(rig_up_body(&rig), "{\"x\":1}");
}
END_TEST

START_TEST(a_key_in_a_form_is_found_and_hidden)
{
	use("'hide_credentials':true,'key_in_body':true");
	post("application/x-www-form-urlencoded; charset=utf-8", "a=%31&apikey=K-tern-1&b=+");
	is_tern();
	ck_assert_str_eq(rig_up_body(&rig), "a=%31&b=+");
	post("multipart/form-data; boundary=x",
	        "--x\r\nContent-Disposition: form-data; name=\"apikey\"\r\n\r\nK-tern-1\r\n"
	        "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\nhello\r\n--x--\r\n");
	is_tern();
	ck_assert_ptr_null(strstr(rig_up_body(&rig), "K-tern-1"));
	ck_assert_ptr_nonnull(strstr(rig_up_body(&rig), "name=\"f\"; filename=\"a.txt\"\r\n\r\nhello\r\n"));
	ck_assert_ptr_nonnull(strstr(rig_up_body(&rig), strstr(rig_up(&rig, "Content-Type"), "boundary=") + 9));
}
END_TEST

START_TEST(without_hiding_the_body_stays_byte_for_byte)
{
	use("'key_in_body':true");
	post("application/json", "{ \"apikey\" : \"K-tern-1\", \"x\":1.0 }");
	is_tern();
	ck_assert(!rig.x.body_replaced);
}
END_TEST

START_TEST(bodies_that_hold_no_key_are_no_error)
{
	static const char *const bodies[] = {"", "{", "[]", "[\"apikey\"]", "{\"apikey\":null}", "{\"apikey\":5}",
	        "\"apikey\"", "{\"a\":{\"apikey\":\"K-tern-1\"}}"};
	use("'key_in_body':true,'hide_credentials':true");
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		post("application/json", bodies[i]);
		is_refused("No API key found in request");
	}
	post("text/plain", "apikey=K-tern-1");
	is_refused("No API key found in request");
	post("application/json", "{\"apikey\":[\"K-tern-1\"]}");
	is_refused("Duplicate API key found");
}
END_TEST

START_TEST(bodies_are_not_asked_for_unless_configured)
{
	use("");
	post("application/x-www-form-urlencoded", "apikey=K-tern-1");
	is_refused("No API key found in request");
	ck_assert(!slice_is_set(rig.x.body));
}
END_TEST

START_TEST(ex09_headers_can_be_left_out)
{
	use("'key_in_header':false");
	rig_get(&rig, "GET /a", "apikey: K-tern-1");
	is_refused("No API key found in request");
	rig_get(&rig, "GET /a?apikey=K-tern-1", "apikey: nope");
	is_tern();
}
END_TEST

START_TEST(the_query_can_be_left_out)
{
	use("'key_in_query':false");
	rig_get(&rig, "GET /a?apikey=K-tern-1", "");
	is_refused("No API key found in request");
}
END_TEST

START_TEST(ex10_the_first_name_that_is_found_decides)
{
	use("'key_names':['x-k','k2']");
	rig_get(&rig, "GET /a", "k2: K-tern-1");
	is_tern();
	rig_get(&rig, "GET /a", "x-k: bad\nk2: K-tern-1");
	is_refused("Unauthorized");
}
END_TEST

START_TEST(ex11_preflights_can_pass_without_a_key)
{
	use("'run_on_preflight':false");
	ck_assert_int_eq(rig_get(&rig, "OPTIONS /a", ""), GO);
	ck_assert_ptr_null(rig_up(&rig, "X-Consumer-ID"));
	ck_assert_ptr_null(rig_up(&rig, "X-Anonymous-Consumer"));
	ck_assert_int_eq(rig_get(&rig, "GET /a", ""), STOP);
}
END_TEST

START_TEST(preflights_need_a_key_by_default)
{
	use("");
	ck_assert_int_eq(rig_get(&rig, "OPTIONS /a", ""), STOP);
}
END_TEST

START_TEST(ex12_the_challenge_names_the_realm)
{
	use("'realm':'bay'");
	rig_get(&rig, "GET /a", "");
	ck_assert_str_eq(rig_down(&rig, "WWW-Authenticate"), "Key realm=\"bay\"");
}
END_TEST

START_TEST(ex13_who_has_no_key_becomes_the_anonymous_consumer)
{
	use("'anonymous':'guest'");
	ck_assert_int_eq(rig_get(&rig, "GET /a", "X-Consumer-Custom-ID: c-1\nX-Credential-Identifier: me"), GO);
	ck_assert_str_eq(rig_up(&rig, "X-Consumer-Username"), "guest");
	ck_assert_str_eq(rig_up(&rig, "X-Anonymous-Consumer"), "true");
	ck_assert_ptr_null(rig_up(&rig, "X-Credential-Identifier"));
	ck_assert_ptr_null(rig_up(&rig, "X-Consumer-Custom-ID"));
	ck_assert_ptr_null(rig_down(&rig, "WWW-Authenticate"));
	ck_assert(!rig.x.has_credential);
}
END_TEST

START_TEST(the_anonymous_consumer_may_be_named_by_its_id)
{
	use("'anonymous':'" TERN "'");
	rig_get(&rig, "GET /a", "apikey: wrong");
	is_tern();
	ck_assert_str_eq(rig_up(&rig, "X-Anonymous-Consumer"), "true");
}
END_TEST

START_TEST(ex14_what_the_client_says_about_itself_does_not_get_through)
{
	use("'anonymous':'guest'");
	rig_get(&rig, "GET /a", "X-Consumer-Username: root\nx-consumer-username: admin\napikey: K-tern-1");
	is_tern();
	size_t n = 0;
	for (const struct header *h = NULL;
	        (h = head_next(rig.x.request, h, HEADER_X_CONSUMER_USERNAME, (struct slice){0}));)
		n++;
	ck_assert_uint_eq(n, 1);
}
END_TEST

START_TEST(ex15_keys_are_made_up_and_end_with_their_ttl)
{
	const char *made = rig_rendered(&rig, "keyauth_credentials", "{'consumer':{'id':'" TERN "'}}");
	const char *key = strstr(made, "\"key\":\"");
	ck_assert_ptr_nonnull(key);
	ck_assert_uint_eq(strcspn(key + 7, "\""), 32);

	use("");
	rig_entity(&rig, "keyauth_credentials", "{'consumer':{'id':'" TERN "'},'key':'short','ttl':2}");
	rig_get(&rig, "GET /a", "apikey: short");
	is_tern();
	rig.now_ms += 3000;
	rig_get(&rig, "GET /a", "apikey: short");
	is_refused("Unauthorized");
	rig_get(&rig, "GET /a", "apikey: K-tern-1");
	is_tern();
}
END_TEST

START_TEST(ex16_ex17_the_refusal_is_negotiated)
{
	use("");
	rig_get(&rig, "GET /a", "Accept: text/plain");
	ck_assert_str_eq(
	        rig_client_body(&rig), "No API key found in request\nrequest_id: 0123456789abcdef0123456789abcdef\n");
	rig_get(&rig, "GET /a", "Accept: text/html;q=0.3, application/xml");
	ck_assert_ptr_nonnull(strstr(rig_client_body(&rig), "<message>No API key found in request</message>"));
}
END_TEST

START_TEST(ex28_an_anonymous_consumer_that_is_not_there_is_a_fault)
{
	use("'anonymous':'no-such'");
	rig_get(&rig, "GET /a", "");
	ck_assert_int_eq(rig_status(&rig), 500);
	ck_assert_str_eq(rig_message(&rig), "anonymous consumer no-such is configured but doesn't exist");
}
END_TEST

START_TEST(with_anonymous_an_earlier_credential_is_enough)
{
	use("'anonymous':'guest'");
	rig_request(&rig, "GET /a", "apikey: K-tern-1"); /* plugins.md 0.6, OR */
	rig.x.has_credential = true;
	ck_assert_int_eq(rig_run(&rig), GO);
	ck_assert_ptr_null(rig.x.consumer);
}
END_TEST

START_TEST(a_key_whose_consumer_is_missing_is_a_fault)
{
	use("");
	rig_entity(&rig, "keyauth_credentials",
	        "{'consumer':{'id':'22222222-2222-4222-8222-222222222222'},'key':'orphan'}");
	rig_get(&rig, "GET /a", "apikey: orphan");
	ck_assert_int_eq(rig_status(&rig), 500);
	ck_assert_str_eq(rig_message(&rig), "An unexpected error occurred");
}
END_TEST

START_TEST(the_schema_says_what_kong_says)
{
	const char *why = rig_refusal(&rig, "plugins", "{'name':'key-auth','config':{'key_names':['a b']}}");
	ck_assert_ptr_nonnull(
	        strstr(why, "bad header name 'a b', allowed characters are A-Z, a-z, 0-9, '_', and '-'"));
	ck_assert_ptr_nonnull(rig_refusal(&rig, "plugins", "{'name':'key-auth','consumer':{'id':'" TERN "'}}"));
	ck_assert_ptr_nonnull(rig_refusal(&rig, "plugins", "{'name':'key-auth','protocols':['tcp']}"));
	ck_assert_ptr_nonnull(rig_refusal(&rig, "keyauth_credentials", "{'key':'x'}"));
	const char *shown = rig_rendered(&rig, "plugins", "{'name':'key-auth'}");
	ck_assert_msg(
	        strstr(shown, "\"config\":{\"key_names\":[\"apikey\"],\"hide_credentials\":false,\"anonymous\":null,"
	                      "\"key_in_header\":true,\"key_in_query\":true,\"key_in_body\":false,"
	                      "\"run_on_preflight\":true,\"realm\":null}") != NULL,
	        "%s", shown);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("key_auth");
	TCase *t = tcase_create("key_auth");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, ex01_without_a_key_there_is_a_challenge);
	tcase_add_test(t, ex02_a_good_key_tells_the_upstream_who_calls);
	tcase_add_test(t, ex03_the_key_may_be_in_the_query);
	tcase_add_test(t, ex04_a_wrong_key_is_refused_with_a_challenge);
	tcase_add_test(t, ex05_a_repeated_key_is_refused);
	tcase_add_test(t, ex06_a_bare_name_is_no_key);
	tcase_add_test(t, ex07_a_hidden_key_leaves_the_query_as_it_was_otherwise);
	tcase_add_test(t, a_hidden_key_is_taken_from_every_place_of_its_name);
	tcase_add_test(t, ex08_a_key_in_a_json_body_is_found_and_hidden);
	tcase_add_test(t, a_key_in_a_form_is_found_and_hidden);
	tcase_add_test(t, without_hiding_the_body_stays_byte_for_byte);
	tcase_add_test(t, bodies_that_hold_no_key_are_no_error);
	tcase_add_test(t, bodies_are_not_asked_for_unless_configured);
	tcase_add_test(t, ex09_headers_can_be_left_out);
	tcase_add_test(t, the_query_can_be_left_out);
	tcase_add_test(t, ex10_the_first_name_that_is_found_decides);
	tcase_add_test(t, ex11_preflights_can_pass_without_a_key);
	tcase_add_test(t, preflights_need_a_key_by_default);
	tcase_add_test(t, ex12_the_challenge_names_the_realm);
	tcase_add_test(t, ex13_who_has_no_key_becomes_the_anonymous_consumer);
	tcase_add_test(t, the_anonymous_consumer_may_be_named_by_its_id);
	tcase_add_test(t, ex14_what_the_client_says_about_itself_does_not_get_through);
	tcase_add_test(t, ex15_keys_are_made_up_and_end_with_their_ttl);
	tcase_add_test(t, ex16_ex17_the_refusal_is_negotiated);
	tcase_add_test(t, ex28_an_anonymous_consumer_that_is_not_there_is_a_fault);
	tcase_add_test(t, with_anonymous_an_earlier_credential_is_enough);
	tcase_add_test(t, a_key_whose_consumer_is_missing_is_a_fault);
	tcase_add_test(t, the_schema_says_what_kong_says);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
