/* response-transformer: plugins.md 4.2 and examples 114 and 115. */
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

static void answered(const char *conf, const char *headers, const char *body)
{
	char row[1024];
	snprintf(row, sizeof row, "{'name':'response-transformer','config':%s}", conf);
	rig_plugin(&rig, row);
	ck_assert_int_eq(rig_get(&rig, "GET /", ""), GO);
	ck_assert_int_eq(rig_upstream_answers(&rig, 200, headers, body), GO);
}

START_TEST(headers_are_added_removed_and_appended) /* 114 */
{
	size_t n;
	answered("{'add':{'headers':['x-n:1']},'remove':{'headers':['x-s']},'append':{'headers':['x-n:2']}}",
	        "x-s: 9", "");
	ck_assert_str_eq(rig_down(&rig, "x-n"), "1");
	call_response_header(&rig.instances[0].call, S("x-n"), &n);
	ck_assert_uint_eq(n, 2);
	ck_assert_ptr_null(rig_down(&rig, "x-s"));
}
END_TEST

START_TEST(comparisons_use_the_answer_as_it_was)
{
	answered("{'remove':{'headers':['x-a:ignored']},'rename':{'headers':['x-b:x-c','x-no:x-d']},"
	         "'replace':{'headers':['x-e:2','x-f:3']},'add':{'headers':['x-a:4','x-g:a:b']}}",
	        "x-a: 1\nx-b: 1\nx-e: 1", "");
	ck_assert_ptr_null(rig_down(&rig, "x-a"));
	ck_assert_ptr_null(rig_down(&rig, "x-b"));
	ck_assert_str_eq(rig_down(&rig, "x-c"), "1");
	ck_assert_ptr_null(rig_down(&rig, "x-d"));
	ck_assert_str_eq(rig_down(&rig, "x-e"), "2");
	ck_assert_ptr_null(rig_down(&rig, "x-f"));
	ck_assert_str_eq(rig_down(&rig, "x-g"), "a:b");
}
END_TEST

#define JSON_TYPE "Content-Type: application/json"

static const struct {
	const char *conf, *type, *body, *expected;
} bodies[] = {
        /* 115 */
        {"{'remove':{'json':['a']},'add':{'json':['b:2','c:true','d:x'],'json_types':['number','boolean','string']}}",
                JSON_TYPE, "{\"a\":1,\"n\":5,\"l\":[]}", "{\"n\":5,\"l\":[],\"b\":2,\"c\":true,\"d\":\"x\"}"},
        {"{'replace':{'json':['zz:1']}}", JSON_TYPE, "{\"n\":5}", "{\"n\":5}"},
        {"{'replace':{'json':['n:1']}}", "Content-Type: application/xml", "{\"n\":5}", "{\"n\":5}"},
        /* media types */
        {"{'replace':{'json':['n:1']}}", JSON_TYPE "; charset=utf-8", "{\"n\":5}", "{\"n\":\"1\"}"},
        {"{'replace':{'json':['n:1']}}", "Content-Type: text/x, Application/JSON", "{\"n\":5}", "{\"n\":\"1\"}"},
        {"{'replace':{'json':['n:1']}}", "Content-Type: application/jsonp", "{\"n\":5}", "{\"n\":5}"},
        {"{'replace':{'json':['n:1']}}", "", "{\"n\":5}", "{\"n\":5}"},
        /* false counts as absent */
        {"{'replace':{'json':['n:1']}}", JSON_TYPE, "{\"n\":false}", "{\"n\":false}"},
        {"{'add':{'json':['n:1']}}", JSON_TYPE, "{\"n\":false}", "{\"n\":\"1\"}"},
        {"{'add':{'json':['n:1']}}", JSON_TYPE, "{\"n\":0}", "{\"n\":0}"},
        {"{'rename':{'json':['n:m']}}", JSON_TYPE, "{\"n\":1}", "{\"m\":1}"},
        {"{'append':{'json':['n:2']}}", JSON_TYPE, "{\"n\":\"1\"}", "{\"n\":[\"1\",\"2\"]}"},
        {"{'append':{'json':['n:2','m:3']}}", JSON_TYPE, "{\"n\":[1]}", "{\"n\":[1,\"2\"],\"m\":[\"3\"]}"},
        {"{'add':{'json':['n:x','b:no'],'json_types':['number','boolean']}}", JSON_TYPE, "{}", "{\"b\":false}"},
        {"{'add':{'json':['n:1.5'],'json_types':['number']}}", JSON_TYPE, "{}", "{\"n\":1.5}"},
        /* what cannot be transformed */
        {"{'add':{'json':['n:1']}}", JSON_TYPE, "[1]", "[1]"},
        {"{'add':{'json':['n:1']}}", JSON_TYPE, "{\"n\":", "{\"n\":"},
        {"{'add':{'json':['n:1']}}", JSON_TYPE, "", ""},
};

START_TEST(bodies_are_transformed)
{
	answered(bodies[_i].conf, bodies[_i].type, bodies[_i].body);
	ck_assert_str_eq(rig_client_body(&rig), bodies[_i].expected);
}
END_TEST

START_TEST(answers_made_here_are_transformed_too)
{
	rig_plugin(&rig, "{'name':'response-transformer','config':{'add':{'json':['b:1'],'headers':['x-n:1']}}}");
	rig_plugin(&rig, "{'name':'request-termination'}");
	ck_assert_int_eq(rig_get(&rig, "GET /", ""), STOP);
	rig_upstream_answers(&rig, 0, "", "");
	ck_assert_str_eq(rig_client_body(&rig), "{\"message\":\"Service unavailable\",\"b\":\"1\"}");
	ck_assert_str_eq(rig_down(&rig, "x-n"), "1");
}
END_TEST

START_TEST(rules_are_checked)
{
	static const struct {
		const char *conf, *told;
	} bad_rows[] = {
	        {"{'add':{'headers':['x']}}", "invalid value: x"},
	        {"{'add':{'json':[':x']}}", "invalid value: :x"},
	        {"{'rename':{'headers':['a b:c']}}", "'a b' is not a valid header"},
	        {"{'add':{'json_types':['object']}}", "expected one of: boolean, number, string"},
	};
	for (size_t i = 0; i < sizeof bad_rows / sizeof bad_rows[0]; i++) {
		char row[256];
		snprintf(row, sizeof row, "{'name':'response-transformer','config':%s}", bad_rows[i].conf);
		const char *why = rig_refusal(&rig, "plugins", row);
		ck_assert_msg(why && strstr(why, bad_rows[i].told), "%s", why);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("response_transformer");
	TCase *t = tcase_create("all");
	log_set_level(LOG_CRIT);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, headers_are_added_removed_and_appended);
	tcase_add_test(t, comparisons_use_the_answer_as_it_was);
	tcase_add_loop_test(t, bodies_are_transformed, 0, sizeof bodies / sizeof bodies[0]);
	tcase_add_test(t, answers_made_here_are_transformed_too);
	tcase_add_test(t, rules_are_checked);
	suite_add_tcase(s, t);
	return run_suite(s);
}
