/* request-transformer: plugins.md 4.1 and examples 107 to 113. */
#include <check.h>

#include "common/core/log.h"
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

static void configured(const char *conf)
{
	char row[1024];
	snprintf(row, sizeof row, "{'name':'request-transformer','config':%s}", conf);
	rig_plugin(&rig, row);
}

static size_t count_up(const char *name)
{
	size_t n;
	call_header(&rig.instances[0].call, slice_cstr(name), &n);
	return n;
}

/* ---- headers ---- */

START_TEST(headers_are_removed_renamed_replaced_added_and_appended) /* 107 */
{
	configured(
	        "{'remove':{'headers':['x-a']},'rename':{'headers':['x-b:x-c']},'replace':{'headers':['x-d:4','x-no:1']},"
	        "'add':{'headers':['x-e:5']},'append':{'headers':['x-f:6']}}");
	ck_assert_int_eq(rig_get(&rig, "GET /", "x-a: 1\nX-B: 2\nx-d: 3\nx-e: 0\nx-f: 5"), GO);
	ck_assert_ptr_null(rig_up(&rig, "x-a"));
	ck_assert_ptr_null(rig_up(&rig, "x-b"));
	ck_assert_str_eq(rig_up(&rig, "x-c"), "2");
	ck_assert_str_eq(rig_up(&rig, "x-d"), "4");
	ck_assert_ptr_null(rig_up(&rig, "x-no"));
	ck_assert_str_eq(rig_up(&rig, "x-e"), "0");
	ck_assert_uint_eq(count_up("x-f"), 2);
}
END_TEST

START_TEST(renamed_headers_keep_all_values_and_overwrite) /* 113 */
{
	configured(
	        "{'add':{'headers':['x-url:http://h:80/p','x-empty:']},'rename':{'headers':['x-a:x-b','x-c:X-C','x-no:x-d','x-d:x-d']}}");
	ck_assert_int_eq(rig_get(&rig, "GET /", "x-a: 1\nx-b: 2\nx-a: 3\nx-c: 4\nx-d: 5"), GO);
	ck_assert_str_eq(rig_up(&rig, "x-url"), "http://h:80/p");
	ck_assert_str_eq(rig_up(&rig, "x-b"), "1");
	ck_assert_uint_eq(count_up("x-b"), 2);
	ck_assert_uint_eq(count_up("x-a"), 0);
	ck_assert_str_eq(rig_up(&rig, "x-d"), "5");
	ck_assert_ptr_null(rig_up(&rig, "x-empty"));
	const struct header *h = head_find_name(rig.x.request, S("x-c"));
	ck_assert(slice_eq(h->name, S("X-C")));
}
END_TEST

START_TEST(host_can_only_be_replaced) /* 112 */
{
	configured("{'replace':{'headers':['Host:other.test']}}");
	ck_assert_int_eq(rig_get(&rig, "GET /", "Host: ex.test"), GO);
	ck_assert(slice_eq(rig.x.upstream.host, S("other.test")));
}
END_TEST

START_TEST(host_is_left_alone_otherwise)
{
	configured(
	        "{'add':{'headers':['host:a']},'append':{'headers':['host:b']},'remove':{'headers':['host']},'rename':{'headers':['host:x-h','x-a:host']}}");
	ck_assert_int_eq(rig_get(&rig, "GET /", "Host: ex.test\nx-a: 1"), GO);
	ck_assert(!slice_is_set(rig.x.upstream.host));
	ck_assert_str_eq(rig_up(&rig, "host"), "ex.test");
	ck_assert_ptr_null(rig_up(&rig, "x-h"));
	ck_assert_str_eq(rig_up(&rig, "x-a"), "1");
}
END_TEST

/* ---- templates, method, path ---- */

START_TEST(templates_see_the_request_as_it_came) /* 110 */
{
	configured(
	        "{'remove':{'headers':['x-t']},'add':{'headers':['x-u:$(headers.x_t)','x-v:$(headers.x_u or 7)']}}");
	ck_assert_int_eq(rig_get(&rig, "GET /", "x-t: hey"), GO);
	ck_assert_ptr_null(rig_up(&rig, "x-t"));
	ck_assert_str_eq(rig_up(&rig, "x-u"), "hey");
	ck_assert_str_eq(rig_up(&rig, "x-v"), "7");
}
END_TEST

static void with_capture(const char *line)
{
	static const struct slice_pair captures[] = {{SLICE("user"), SLICE("ann")}, {SLICE("1"), SLICE("ann")}};
	rig_request(&rig, line, "");
	rig.x.captures = captures;
	rig.x.captures_count = 2;
}

START_TEST(query_and_path_from_captures) /* 108, 109 */
{
	configured(
	        "{'add':{'querystring':['u:$(uri_captures.user)','q:$(query_params.z or 7)']},'replace':{'uri':'/v2/./$(uri_captures.user)'}}");
	with_capture("GET /u/ann");
	ck_assert_int_eq(rig_run(&rig), GO);
	ck_assert_str_eq(rig_query(&rig), "u=ann&q=7");
	ck_assert(slice_eq(rig.x.upstream.path, S("/v2/ann")));
}
END_TEST

START_TEST(an_expression_that_fails_stops_the_request) /* 109 */
{
	static const char *const confs[] = {"{'replace':{'uri':'/$(10 * uri_captures.user)'}}",
	        "{'add':{'headers':['x-a:$(a b)']}}", "{'add':{'querystring':['a:$(headers.no.no)']}}",
	        "{'replace':{'uri':'no-slash'}}", "{'replace':{'uri':'/../..'}}"};
	configured(confs[_i]);
	with_capture("GET /u/ann");
	ck_assert_int_eq(rig_run(&rig), STOP);
	ck_assert_int_eq(rig_status(&rig), 500);
	ck_assert_str_eq(rig_message(&rig), "An unexpected error occurred");
}
END_TEST

static const struct {
	const char *conf, *query, *expected;
} queries[] = {
        {"{'remove':{'querystring':['a']}}", "a=1&b=2&a=3", "b=2"},
        {"{'remove':{'querystring':['a']}}", "a=1", NULL},
        {"{'remove':{'querystring':['A']}}", "a=%31", "a=%31"},
        {"{'rename':{'querystring':['a:b']}}", "a=1&b=2&a=3", "b=1&b=3"},
        {"{'rename':{'querystring':['a:b']}}", "b=2", "b=2"},
        {"{'rename':{'querystring':['a:a']}}", "a=2", "a=2"},
        {"{'replace':{'querystring':['a:9','c:1']}}", "a=1&b=2&a=3", "a=9&b=2"},
        {"{'add':{'querystring':['a:9','c:x y']}}", "a=1", "a=1&c=x%20y"},
        {"{'append':{'querystring':['a:9']}}", "a&b=", "a&b=&a=9"},
        {"{'append':{'querystring':['a:9']}}", NULL, "a=9"},
};

START_TEST(queries_are_changed)
{
	char line[128];
	configured(queries[_i].conf);
	snprintf(line, sizeof line, "GET /%s%s", queries[_i].query ? "?" : "",
	        queries[_i].query ? queries[_i].query : "");
	ck_assert_int_eq(rig_get(&rig, line, ""), GO);
	if (queries[_i].expected)
		ck_assert_str_eq(rig_query(&rig), queries[_i].expected);
	else
		ck_assert_ptr_null(rig_query(&rig));
}
END_TEST

START_TEST(a_form_goes_into_the_query_of_a_method_without_body) /* 112 */
{
	configured("{'http_method':'GET'}");
	rig_request(&rig, "POST /?a=1", "");
	rig_body(&rig, "application/x-www-form-urlencoded", "k=v&a=2");
	ck_assert_int_eq(rig_run(&rig), GO);
	ck_assert(slice_eq(rig.x.upstream.method, S("GET")));
	ck_assert_str_eq(rig_query(&rig), "a=1&k=v&a=2");
	ck_assert_str_eq(rig_up_body(&rig), "k=v&a=2");
}
END_TEST

/* ---- bodies ---- */

#define JSON "application/json"
#define FORM "application/x-www-form-urlencoded"

static const struct {
	const char *conf, *type, *body, *expected;
} bodies[] = {
        /* 111 */
        {"{'add':{'body':['p:1']}}", JSON, "{\"p\":9,\"e\":[]}", "{\"p\":9,\"e\":[]}"},
        {"{'add':{'body':['p:1']}}", JSON, "{}", "{\"p\":\"1\"}"},
        {"{'add':{'body':['p:1']}}", JSON, "{\"p\":", "{\"p\":"},
        {"{'append':{'body':['p:2']}}", JSON, "{\"p\":\"1\"}", "{\"p\":[\"1\",\"2\"]}"},
        /* JSON */
        {"{'remove':{'body':['p']}}", JSON "; charset=utf-8", "{\"p\":1,\"e\":[]}", "{\"e\":[]}"},
        {"{'remove':{'body':['p']}}", "text/x, Application/JSON", "{\"p\":1}", "{}"},
        {"{'rename':{'body':['p:q']}}", JSON, "{\"p\":false,\"q\":1}", "{\"q\":false}"},
        {"{'rename':{'body':['p:q']}}", JSON, "{\"q\":1}", "{\"q\":1}"},
        {"{'rename':{'body':['p:p']}}", JSON, "{\"p\": 1}", "{\"p\": 1}"},
        {"{'replace':{'body':['p:1','n:2','x:3']}}", JSON, "{\"p\":false,\"n\":null}", "{\"p\":false,\"n\":\"2\"}"},
        {"{'add':{'body':['p:1','n:2']}}", JSON, "{\"p\":false,\"n\":null}", "{\"p\":\"1\",\"n\":null}"},
        {"{'append':{'body':['p:2']}}", JSON, "{\"p\":[1]}", "{\"p\":[1,\"2\"]}"},
        {"{'append':{'body':['p:2']}}", JSON, "{\"p\":7}", "{\"p\":[\"2\"]}"},
        {"{'append':{'body':['p:2']}}", JSON, "{\"p\":{\"a\":1}}", "{\"p\":{\"a\":1}}"},
        {"{'append':{'body':['p:2']}}", JSON, "", "{\"p\":[\"2\"]}"},
        {"{'add':{'body':['a:1']},'replace':{'body':['b:1']},'remove':{'body':['c']}}", JSON, "", "{\"a\":\"1\"}"},
        {"{'add':{'body':['a:1']}}", JSON, "[1]", "[1]"},
        {"{'add':{'body':['a:1']}}", "text/plain", "{}", "{}"},
        {"{'add':{'body':['a:$(query_params.z)']}}", JSON, "{}", "{\"a\":\"7\"}"},
        /* forms */
        {"{'remove':{'body':['a']},'rename':{'body':['b:c']},'replace':{'body':['d:4']},'add':{'body':['e:5']},'append':{'body':['f:6']}}",
                FORM, "a=1&b=2&d=3&e=0&f=5", "c=2&d=4&e=0&f=5&f=6"},
        {"{'add':{'body':['a:1']}}", FORM, "", "a=1"},
        {"{'replace':{'body':['a:1']}}", FORM, "b=%31", "b=%31"},
};

START_TEST(bodies_are_transformed)
{
	configured(bodies[_i].conf);
	rig_request(&rig, "POST /?z=7", "");
	rig_body(&rig, bodies[_i].type, bodies[_i].body);
	ck_assert_int_eq(rig_run(&rig), GO);
	ck_assert_str_eq(rig_up_body(&rig), bodies[_i].expected);
}
END_TEST

static const char parts[] = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"
                            "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.txt\"\r\n"
                            "Content-Type: text/x\r\n\r\nhello\r\n--b--\r\n";

START_TEST(multipart_bodies_are_transformed)
{
	configured(
	        "{'remove':{'body':['a']},'rename':{'body':['f:g']},'add':{'body':['n:2']},'append':{'body':['z:3']}}");
	rig_request(&rig, "POST /", "");
	rig_body(&rig, "multipart/form-data; boundary=b", parts);
	ck_assert_int_eq(rig_run(&rig), GO);
	const char *body = rig_up_body(&rig), *type = rig_up(&rig, "Content-Type");
	ck_assert_ptr_nonnull(
	        strstr(body, "name=\"g\"; filename=\"x.txt\"\r\nContent-Type: text/x\r\n\r\nhello\r\n"));
	ck_assert_ptr_nonnull(strstr(body, "name=\"n\"\r\n\r\n2\r\n"));
	ck_assert_ptr_null(strstr(body, "name=\"a\""));
	ck_assert_ptr_null(strstr(body, "name=\"z\""));
	ck_assert_ptr_nonnull(strstr(body, strstr(type, "boundary=") + strlen("boundary=")));
}
END_TEST

/* Many bytes, deep nesting: an answer, and not too late. */
START_TEST(evil_bodies_are_refused)
{
	static const struct {
		const char *unit;
		size_t n;
		const char *type, *message;
		int status;
	} evil[] = {
	        {"[", 100000, JSON, "JSON body is nested too deeply", 413},
	        {"{\"a\":", 100000, JSON, "JSON body is nested too deeply", 413},
	        {"[],", 3000000, JSON, "JSON body has too many values", 413},
	        {"a=1&", 100000, FORM, "Too many arguments", 400},
	};
	struct text body = {0};
	for (size_t i = 0; i < evil[_i].n; i++)
		text_puts(&body, evil[_i].unit);
	configured("{'remove':{'body':['secret']}}");
	rig_request(&rig, "POST /", "");
	rig_body(&rig, evil[_i].type, text_cstr(&body));
	ck_assert_int_eq(rig_run(&rig), STOP);
	ck_assert_int_eq(rig_status(&rig), evil[_i].status);
	ck_assert_str_eq(rig_message(&rig), evil[_i].message);
	text_fini(&body);
}
END_TEST

START_TEST(rules_are_checked)
{
	static const struct {
		const char *conf, *told;
	} bad_rows[] = {
	        {"{'add':{'headers':['bad name:1']}}", "'bad name' is not a valid header"},
	        {"{'add':{'headers':['x']}}", "invalid value: x"},
	        {"{'remove':{'headers':['a b']}}", "'a b' is not a valid header"},
	        {"{'rename':{'headers':['a:b c']}}", "'b c' is not a valid header"},
	        {"{'add':{'body':['x']}}", "key 'x' has no value"},
	        {"{'add':{'querystring':['x:']}}", "key 'x' has no value"},
	        {"{'http_method':'get'}", "invalid value: get"},
	};
	for (size_t i = 0; i < sizeof bad_rows / sizeof bad_rows[0]; i++) {
		char row[256];
		snprintf(row, sizeof row, "{'name':'request-transformer','config':%s}", bad_rows[i].conf);
		const char *why = rig_refusal(&rig, "plugins", row);
		ck_assert_msg(why && strstr(why, bad_rows[i].told), "%s: %s", bad_rows[i].conf, why);
	}
	/* templates are not checked */
	ck_assert_ptr_null(rig_refusal(
	        &rig, "plugins", "{'name':'request-transformer','config':{'add':{'headers':['x:$(a b)']}}}"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("request_transformer");
	TCase *t = tcase_create("all");
	log_set_level(LOG_CRIT);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, headers_are_removed_renamed_replaced_added_and_appended);
	tcase_add_test(t, renamed_headers_keep_all_values_and_overwrite);
	tcase_add_test(t, host_can_only_be_replaced);
	tcase_add_test(t, host_is_left_alone_otherwise);
	tcase_add_test(t, templates_see_the_request_as_it_came);
	tcase_add_test(t, query_and_path_from_captures);
	tcase_add_loop_test(t, an_expression_that_fails_stops_the_request, 0, 5);
	tcase_add_loop_test(t, queries_are_changed, 0, sizeof queries / sizeof queries[0]);
	tcase_add_test(t, a_form_goes_into_the_query_of_a_method_without_body);
	tcase_add_loop_test(t, bodies_are_transformed, 0, sizeof bodies / sizeof bodies[0]);
	tcase_add_test(t, multipart_bodies_are_transformed);
	tcase_add_loop_test(t, evil_bodies_are_refused, 0, 4);
	tcase_add_test(t, rules_are_checked);
	suite_add_tcase(s, t);
	return run_suite(s);
}
