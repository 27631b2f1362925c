/* cors: plugins.md 2.3; the numbers are those of its appendix B. */
#include "tests/unit/plugins/auth_fixture.h"

#define ORIGIN      "Access-Control-Allow-Origin"
#define METHODS     "Access-Control-Allow-Methods"
#define HEADERS     "Access-Control-Allow-Headers"
#define CREDENTIALS "Access-Control-Allow-Credentials"
#define MAX_AGE     "Access-Control-Max-Age"
#define EXPOSE      "Access-Control-Expose-Headers"
#define PRIVATE     "Access-Control-Allow-Private-Network"
#define ALL         "GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT"

static void use(const char *config)
{
	use_plugin("cors", config);
}

static void get_with(const char *headers, const char *upstream)
{
	ck_assert_int_eq(rig_get(&rig, "GET /a", headers), GO);
	rig_upstream_answers(&rig, 200, upstream, "");
}

/* origin NULL: none */
static void get_from(const char *origin)
{
	char header[300] = "";
	if (origin)
		snprintf(header, sizeof header, "Origin: %s", origin);
	get_with(header, "");
}

static void preflight(const char *more)
{
	char headers[400];
	snprintf(headers, sizeof headers, "Origin: https://a.test\nAccess-Control-Request-Method: PUT%s", more);
	rig_get(&rig, "OPTIONS /a", headers);
	rig_upstream_answers(&rig, 200, "", "");
}

/* NULL: not there */
static void says(const char *name, const char *value)
{
	const char *is = rig_down(&rig, name);
	ck_assert_msg(is && value ? strcmp(is, value) == 0 : is == value, "%s: %s", name, is ? is : "not there");
}

START_TEST(ex69_a_preflight_is_answered_here)
{
	use("");
	preflight("");
	ck_assert_int_eq(rig_status(&rig), 200);
	ck_assert_str_eq(rig_client_body(&rig), "");
	ck_assert(!slice_is_set(rig.x.reply.type) && slice_is_set(rig.x.reply.body));
	says(ORIGIN, "*");
	says(METHODS, ALL);
	says(HEADERS, NULL);
	says(MAX_AGE, NULL);
	says(CREDENTIALS, NULL);
	says("Vary", NULL);
}
END_TEST

START_TEST(without_either_header_it_is_no_preflight)
{
	static const char *const headers[] = {"", "Origin: https://a.test", "Access-Control-Request-Method: PUT"};
	use("");
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(rig_get(&rig, "OPTIONS /a", headers[i]), GO);
	ck_assert_int_eq(rig_get(&rig, "GET /a", "Origin: https://a.test\nAccess-Control-Request-Method: PUT"), GO);
}
END_TEST

START_TEST(ex70_an_origin_of_the_list_is_named_in_its_normal_form)
{
	use("'origins':['https://a.test','https://b.test']");
	get_from("https://b.test:443");
	says(ORIGIN, "https://b.test");
	says("Vary", "Origin");
	get_from("https://c.test");
	says(ORIGIN, NULL);
	says("Vary", "Origin");
	get_from(NULL);
	says(ORIGIN, NULL);
	says("Vary", "Origin");
}
END_TEST

START_TEST(origins_are_compared_whole_and_without_their_own_port)
{
	use("'origins':['http://a.test:80','https://b.test:8443','c.test','https://d.test/path']");
	static const char *const same[][2] = {{"http://a.test", "http://a.test"},
	        {"http://a.test:80", "http://a.test"}, {"https://b.test:8443", "https://b.test:8443"},
	        {"https://d.test", "https://d.test"}, {"http://a.test/x", "http://a.test"}, {"c.test", "c.test"}};
	static const char *const other[] = {"https://a.test", "http://a.test:443", "http://a.test:8080",
	        "https://b.test", "http://xa.test", "http://a.testx", "http://A.test", "https://c.test", "null",
	        "http://", "://a.test", "", "https://a.test, http://a.test"};
	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
		get_from(same[i][0]);
		says(ORIGIN, same[i][1]);
	}
	for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
		get_from(other[i]);
		says(ORIGIN, NULL);
	}
}
END_TEST

START_TEST(ex71_a_single_literal_is_always_named)
{
	use("'origins':['https://a.test']"); /* a quirk that is kept */
	get_from("https://zzz.test");
	says(ORIGIN, "https://a.test");
	says("Vary", "Origin");
	get_from(NULL);
	says(ORIGIN, "https://a.test");
}
END_TEST

START_TEST(ex72_a_regex_is_about_the_whole_host)
{
	use("'origins':['.*\\\\.sea\\\\.test']");
	get_from("https://x.sea.test");
	says(ORIGIN, "https://x.sea.test");
	get_from("https://x.sea.test:8443");
	says(ORIGIN, "https://x.sea.test:8443");
	static const char *const other[] = {
	        "https://x.sea.test.evil", "https://sea.test", "https://x.seaxtest", "https://evil/x.sea.test"};
	for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
		get_from(other[i]);
		says(ORIGIN, NULL);
	}
}
END_TEST

START_TEST(a_regex_with_a_colon_is_about_the_whole_origin)
{
	use("'origins':['https?://(a|b)\\\\.test','http://c\\\\.test|http://d\\\\.test']");
	static const char *const same[] = {"http://a.test", "https://b.test", "http://c.test", "http://d.test"};
	static const char *const other[] = {"ftp://a.test", "https://a.test:8443", "xhttp://c.test", "http://d.testx",
	        "http://c.testhttp://d.test"};
	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
		get_from(same[i]);
		says(ORIGIN, same[i]);
	}
	for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
		get_from(other[i]);
		says(ORIGIN, NULL);
	}
}
END_TEST

START_TEST(a_star_in_a_longer_list_allows_all_that_come_to_it)
{
	use("'origins':['https://a.test','*']");
	get_from("https://a.test");
	says(ORIGIN, "https://a.test");
	get_from("https://z.test");
	says(ORIGIN, "*");
	get_from(NULL);
	says(ORIGIN, NULL);
	says("Vary", "Origin");
}
END_TEST

START_TEST(ex73_with_credentials_an_origin_is_named)
{
	use("'credentials':true");
	get_from("https://q.test");
	says(ORIGIN, "https://q.test");
	says(CREDENTIALS, "true");
	says("Vary", "Origin");
	get_from(NULL);
	says(ORIGIN, "*");
	says(CREDENTIALS, NULL);
	says("Vary", NULL);
	preflight("");
	says(ORIGIN, "https://a.test");
	says(CREDENTIALS, "true");
}
END_TEST

START_TEST(with_a_list_credentials_are_told_to_all)
{
	use("'credentials':true,'origins':['https://a.test','https://b.test']"); /* a quirk that is kept */
	get_from("https://b.test");
	says(ORIGIN, "https://b.test");
	says(CREDENTIALS, "true");
	get_from("https://c.test");
	says(ORIGIN, NULL);
	says(CREDENTIALS, "true");
}
END_TEST

START_TEST(ex74_a_preflight_says_what_is_configured)
{
	use("'headers':['x-a','x-b'],'max_age':23,'methods':['GET']");
	preflight("\nAccess-Control-Request-Headers: x-q");
	says(HEADERS, "x-a,x-b");
	says(MAX_AGE, "23");
	says(METHODS, "GET");
}
END_TEST

START_TEST(ex74_or_what_was_asked_for)
{
	use("'max_age':1.5,'methods':null");
	preflight("\nAccess-Control-Request-Headers: x-q, x-r");
	says(HEADERS, "x-q, x-r");
	says(MAX_AGE, "1.5");
	says(METHODS, ALL);
}
END_TEST

START_TEST(ex75_exposed_headers_are_for_answers_not_preflights)
{
	use("'exposed_headers':['x-t','x-u']");
	get_from("https://a.test");
	says(EXPOSE, "x-t,x-u");
	says(METHODS, NULL);
	preflight("");
	says(EXPOSE, NULL);
}
END_TEST

START_TEST(ex75_preflights_can_be_left_to_the_upstream)
{
	use("'exposed_headers':['x-t'],'preflight_continue':true,'credentials':true");
	preflight("");
	ck_assert_int_eq(rig.x.reply.status, 0);
	says(ORIGIN, NULL);
	says(METHODS, NULL);
	says(EXPOSE, NULL);
	get_from("https://a.test");
	says(ORIGIN, "https://a.test");
	says(EXPOSE, "x-t");
}
END_TEST

START_TEST(ex76_refusals_can_be_read_too)
{
	use("");
	use_plugin("key-auth", "");
	preflight("");
	ck_assert_int_eq(rig_status(&rig), 200);
	ck_assert_int_eq(rig_get(&rig, "GET /a", "Origin: https://a.test"), STOP);
	rig_upstream_answers(&rig, 0, "", "");
	ck_assert_int_eq(rig_status(&rig), 401);
	says(ORIGIN, "*");
}
END_TEST

START_TEST(what_the_upstream_says_is_overwritten)
{
	use("'origins':['https://a.test','https://b.test'],'exposed_headers':['x-t']");
	get_with("Origin: https://a.test", ORIGIN ": *\n" ORIGIN ": x\n" EXPOSE ": y");
	says(ORIGIN, "https://a.test");
	says(EXPOSE, "x-t");
	get_with("Origin: https://c.test", ORIGIN ": *");
	says(ORIGIN, NULL);
}
END_TEST

START_TEST(vary_is_added_to_what_the_upstream_says)
{
	use("'origins':['https://a.test','https://b.test']");
	get_with("Origin: https://a.test", "Vary: Accept");
	size_t n = 0;
	for (const struct header *h = NULL; (h = head_next(rig.x.response, h, HEADER_VARY, S("Vary")));)
		n++;
	ck_assert_uint_eq(n, 2);
	ck_assert(head_has_token(rig.x.response, HEADER_VARY, S("Origin")) &&
	          head_has_token(rig.x.response, HEADER_VARY, S("Accept")));
	get_with("Origin: https://a.test", "Vary: Accept, origin");
	says("Vary", "Accept, origin");
}
END_TEST

START_TEST(private_networks_must_be_configured_and_asked_for)
{
	use("'private_network':true");
	preflight("\nAccess-Control-Request-Private-Network: true");
	says(PRIVATE, "true");
	preflight("");
	says(PRIVATE, NULL);
	preflight("\nAccess-Control-Request-Private-Network: false");
	says(PRIVATE, NULL);
}
END_TEST

START_TEST(private_networks_are_not_named_otherwise)
{
	use("");
	preflight("\nAccess-Control-Request-Private-Network: true");
	says(PRIVATE, NULL);
}
END_TEST

START_TEST(the_schema_says_what_kong_says)
{
	config_reads("cors", "",
	        "\"config\":{\"origins\":null,\"headers\":null,\"exposed_headers\":null,\"methods\":[\"GET\",\"HEAD\",\"PUT\","
	        "\"PATCH\",\"POST\",\"DELETE\",\"OPTIONS\",\"TRACE\",\"CONNECT\"],\"max_age\":null,\"credentials\":false,"
	        "\"private_network\":false,\"preflight_continue\":false}");
	config_refused("cors", "'origins':['a(']", "'a(' is not a valid regex");
	config_refused("cors", "'methods':['get']", "expected one of: GET, HEAD, PUT");
	ck_assert_ptr_null(rig_refusal(&rig, "plugins", "{'name':'cors','config':{'origins':['*']}}"));
	ck_assert_ptr_null(rig_refusal(&rig, "plugins", "{'name':'cors','config':{'origins':[]}}"));
	ck_assert_ptr_nonnull(rig_refusal(&rig, "plugins", "{'name':'cors','consumer':{'id':'" TERN "'}}"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cors");
	TCase *t = tcase_create("cors");

	tcase_add_checked_fixture(t, setup_consumers, teardown);
	tcase_add_test(t, ex69_a_preflight_is_answered_here);
	tcase_add_test(t, without_either_header_it_is_no_preflight);
	tcase_add_test(t, ex70_an_origin_of_the_list_is_named_in_its_normal_form);
	tcase_add_test(t, origins_are_compared_whole_and_without_their_own_port);
	tcase_add_test(t, ex71_a_single_literal_is_always_named);
	tcase_add_test(t, ex72_a_regex_is_about_the_whole_host);
	tcase_add_test(t, a_regex_with_a_colon_is_about_the_whole_origin);
	tcase_add_test(t, a_star_in_a_longer_list_allows_all_that_come_to_it);
	tcase_add_test(t, ex73_with_credentials_an_origin_is_named);
	tcase_add_test(t, with_a_list_credentials_are_told_to_all);
	tcase_add_test(t, ex74_a_preflight_says_what_is_configured);
	tcase_add_test(t, ex74_or_what_was_asked_for);
	tcase_add_test(t, ex75_exposed_headers_are_for_answers_not_preflights);
	tcase_add_test(t, ex75_preflights_can_be_left_to_the_upstream);
	tcase_add_test(t, ex76_refusals_can_be_read_too);
	tcase_add_test(t, what_the_upstream_says_is_overwritten);
	tcase_add_test(t, vary_is_added_to_what_the_upstream_says);
	tcase_add_test(t, private_networks_must_be_configured_and_asked_for);
	tcase_add_test(t, private_networks_are_not_named_otherwise);
	tcase_add_test(t, the_schema_says_what_kong_says);
	suite_add_tcase(s, t);
	return run_tests(s);
}
