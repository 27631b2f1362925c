/* request-termination: plugins.md 3.4 and examples 95 and 96. */
#include <check.h>

#include "tests/support/loading.h"
#include "tests/support/plugin_rig.h"

static struct rig rig;

static void setup(void)
{
	rig_init(&rig);
}

static void teardown(void)
{
	rig_fini(&rig);
}

static void with(const char *conf)
{
	char row[512];
	snprintf(row, sizeof row, "{'name':'request-termination','config':%s}", conf);
	rig_plugin(&rig, row);
}

static const char *answer(void)
{
	rig_upstream_answers(&rig, 200, "", "");
	return rig_client_body(&rig);
}

START_TEST(by_default_503_in_json) /* 95 */
{
	with("{}");
	ck_assert_int_eq(rig_get(&rig, "GET /", ""), STOP);
	ck_assert_str_eq(answer(), "{\"message\":\"Service unavailable\"}");
	ck_assert_int_eq(rig_status(&rig), 503);
	ck_assert_str_eq(rig_down(&rig, "Content-Type"), "application/json; charset=utf-8");
}
END_TEST

START_TEST(a_body_is_sent_as_it_is) /* 95 */
{
	with("{'status_code':200,'content_type':'text/x','body':'hi'}");
	rig_get(&rig, "GET /", "");
	ck_assert_str_eq(answer(), "hi");
	ck_assert_str_eq(rig_down(&rig, "Content-Type"), "text/x");
}
END_TEST

START_TEST(a_body_without_a_type_has_none)
{
	with("{'body':'hi'}");
	rig_get(&rig, "GET /", "");
	ck_assert_str_eq(answer(), "hi");
	ck_assert_ptr_null(rig_down(&rig, "Content-Type"));
}
END_TEST

static const struct {
	const char *conf, *body;
	int status;
} bodies[] = {
        {"{'status_code':204}", "", 204}, /* 95 */
        {"{'status_code':200}", "", 200},
        {"{'status_code':401}", "{\"message\":\"Unauthorized\"}", 401},
        {"{'status_code':404}", "{\"message\":\"Not found\"}", 404},
        {"{'status_code':405}", "{\"message\":\"Method not allowed\"}", 405},
        {"{'status_code':500}", "{\"message\":\"An unexpected error occurred\"}", 500},
        {"{'status_code':502}", "{\"message\":\"Bad Gateway\"}", 502},
        {"{'status_code':403}", "", 403},
        {"{'status_code':413}", "Payload too large\nrequest_id: 0123456789abcdef0123456789abcdef\n", 413}, /* 0.4 */
        {"{'status_code':504}", "The upstream server is timing out\nrequest_id: 0123456789abcdef0123456789abcdef\n",
                504},
        {"{'status_code':494}", "Request header or cookie too large\nrequest_id: 0123456789abcdef0123456789abcdef\n",
                400},
        {"{'status_code':400,'message':'no'}", "{\"message\":\"no\"}", 400},
};

START_TEST(bodies_by_status)
{
	with(bodies[_i].conf);
	rig_get(&rig, "GET /", "");
	ck_assert_str_eq(answer(), bodies[_i].body);
	ck_assert_int_eq(rig_status(&rig), bodies[_i].status);
}
END_TEST

START_TEST(some_statuses_hang_up) /* 0.4 */
{
	with("{'status_code':444}");
	ck_assert_int_eq(rig_get(&rig, "GET /", ""), STOP);
	ck_assert(rig.x.reply.hang_up);
}
END_TEST

START_TEST(a_trigger_is_a_header_or_an_argument) /* 96 */
{
	with("{'trigger':'x-stop'}");
	ck_assert_int_eq(rig_get(&rig, "GET /", ""), GO);
	ck_assert_int_eq(rig_get(&rig, "GET /", "X-Stop: 1"), STOP);
	ck_assert_int_eq(rig_get(&rig, "GET /?x-stop", ""), STOP);
}
END_TEST

START_TEST(echo_shows_the_request) /* 96 */
{
	with("{'echo':true}");
	const struct route *route = rig_entity(&rig, "routes", "{'paths':['/'],'name':'r'}");
	rig_request(&rig, "POST /a?b=1&b=2&c", "Host: h.test:81\nX-M: 1\nx-m: 2");
	rig_body(&rig, "application/x-www-form-urlencoded", "k=v");
	rig.x.route = route;
	ck_assert_int_eq(rig_run(&rig), STOP);
	json_t *shown = json_loads(answer(), 0, NULL), *request = json_object_get(shown, "request");
	is(json_object_get(shown, "message"), "'Service unavailable'");
	is(json_object_get(request, "method"), "'POST'");
	is(json_object_get(request, "path"), "'/a'");
	is(json_object_get(request, "host"), "'h.test'");
	is(json_object_get(request, "query"), "{'b':['1','2'],'c':true}");
	is(json_object_get(request, "body"), "{'k':'v'}");
	is(json_object_get(request, "raw_body"), "'k=v'");
	is(json_object_get(json_object_get(request, "headers"), "x-m"), "['1','2']");
	is(json_object_get(json_object_get(shown, "matched_route"), "name"), "'r'");
	is(json_object_get(shown, "matched_service"), "null");
	json_decref(shown);
}
END_TEST

static const struct {
	const char *conf, *told;
} bad_rows[] = {
        {"{'message':'m','body':'b'}", "message cannot be used with content_type or body"}, /* 95 */
        {"{'message':'m','content_type':'t'}", "message cannot be used with content_type or body"},
        {"{'content_type':'t'}", "content_type requires a body"},
        {"{'echo':true,'body':'b'}", "echo cannot be used with content_type and body"},
        {"{'status_code':99}", "value should be between 100 and 599"},
        {"{'trigger':'a b'}", "bad header name 'a b'"},
};

START_TEST(what_cannot_be)
{
	char row[256];
	snprintf(row, sizeof row, "{'name':'request-termination','config':%s}", bad_rows[_i].conf);
	const char *why = rig_refusal(&rig, "plugins", row);
	ck_assert_ptr_nonnull(why);
	ck_assert_msg(strstr(why, bad_rows[_i].told) != NULL, "%s", why);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("request_termination");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, by_default_503_in_json);
	tcase_add_test(t, a_body_is_sent_as_it_is);
	tcase_add_test(t, a_body_without_a_type_has_none);
	tcase_add_loop_test(t, bodies_by_status, 0, sizeof bodies / sizeof bodies[0]);
	tcase_add_test(t, some_statuses_hang_up);
	tcase_add_test(t, a_trigger_is_a_header_or_an_argument);
	tcase_add_test(t, echo_shows_the_request);
	tcase_add_loop_test(t, what_cannot_be, 0, sizeof bad_rows / sizeof bad_rows[0]);
	suite_add_tcase(s, t);
	return run_suite(s);
}
