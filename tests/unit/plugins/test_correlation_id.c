/* correlation-id: plugins.md 4.3 and examples 116 and 117. */
#include <check.h>
#include <regex.h>
#include <stdlib.h>

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

static bool looks_like(const char *text, const char *pattern)
{
	regex_t r;
	ck_assert_int_eq(regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB), 0);
	bool ok = text && regexec(&r, text, 0, NULL, 0) == 0;
	regfree(&r);
	return ok;
}

START_TEST(a_uuid_and_a_counter_by_default) /* 116 */
{
	rig_plugin(&rig, "{'name':'correlation-id'}");
	rig_get(&rig, "GET /", "");
	const char *first = rig_up(&rig, "Kong-Request-ID");
	ck_assert(looks_like(first, "^[0-9a-f-]{36}#[0-9]+$"));
	int n = atoi(strchr(first, '#') + 1);
	rig_get(&rig, "GET /", "");
	ck_assert_int_eq(atoi(strchr(rig_up(&rig, "Kong-Request-ID"), '#') + 1), n + 1);
	rig_upstream_answers(&rig, 200, "", "");
	ck_assert_ptr_null(rig_down(&rig, "Kong-Request-ID"));
}
END_TEST

START_TEST(a_uuid_that_is_echoed) /* 116 */
{
	rig_plugin(&rig,
	        "{'name':'correlation-id','config':{'generator':'uuid','echo_downstream':true,'header_name':'x-cid'}}");
	rig_get(&rig, "GET /", "");
	rig_upstream_answers(&rig, 200, "x-cid: of the upstream", "");
	ck_assert(looks_like(rig_up(&rig, "x-cid"), "^[0-9a-f-]{36}$"));
	ck_assert_str_eq(rig_up(&rig, "x-cid"), rig_down(&rig, "x-cid"));
	rig_get(&rig, "GET /", "x-cid: keep");
	rig_upstream_answers(&rig, 200, "", "");
	ck_assert_str_eq(rig_up(&rig, "x-cid"), "keep");
	ck_assert_str_eq(rig_down(&rig, "x-cid"), "keep");
	rig_get(&rig, "GET /", "x-cid: "); /* empty is none */
	ck_assert(looks_like(rig_up(&rig, "x-cid"), "^[0-9a-f-]{36}$"));
}
END_TEST

START_TEST(a_tracker)
{
	rig_plugin(&rig, "{'name':'correlation-id','config':{'generator':'tracker'}}");
	rig_get(&rig, "GET /", "");
	ck_assert(looks_like(
	        rig_up(&rig, "Kong-Request-ID"), "^127.0.0.1-[0-9]+-[0-9]+-[0-9]+-[0-9]+-[0-9]+\\.[0-9]{3}$"));
}
END_TEST

START_TEST(it_is_echoed_and_logged_for_refused_requests_too) /* 117 */
{
	rig_plugin(&rig,
	        "{'name':'correlation-id','config':{'generator':'uuid','echo_downstream':true,'header_name':'x-cid'}}");
	rig_plugin(&rig, "{'name':'key-auth'}");
	ck_assert_int_eq(rig_get(&rig, "GET /", ""), STOP);
	rig_upstream_answers(&rig, 0, "", "");
	ck_assert_int_eq(rig_status(&rig), 401);
	struct call c = {.x = &rig.x, .host = rig.instances[0].call.host, .owner = &rig};
	struct slice record = call_log_record(&c);
	json_t *r = json_loadb(record.ptr, record.len, 0, NULL);
	ck_assert_str_eq(json_string_value(json_object_get(r, "correlation_id")), rig_down(&rig, "x-cid"));
	json_decref(r);
}
END_TEST

START_TEST(without_access_an_id_is_made_for_the_answer)
{
	rig_plugin(&rig, "{'name':'correlation-id','config':{'generator':'uuid','echo_downstream':true}}");
	rig_request(&rig, "GET /", "");
	rig.instances[0].call.state = arena_zalloc(&rig.request_arena, rig.instances[0].plugin->state_size);
	rig.x.reply.status = 404;
	rig_upstream_answers(&rig, 0, "", "");
	ck_assert(looks_like(rig_down(&rig, "Kong-Request-ID"), "^[0-9a-f-]{36}$"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("correlation_id");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_uuid_and_a_counter_by_default);
	tcase_add_test(t, a_uuid_that_is_echoed);
	tcase_add_test(t, a_tracker);
	tcase_add_test(t, it_is_echoed_and_logged_for_refused_requests_too);
	tcase_add_test(t, without_access_an_id_is_made_for_the_answer);
	suite_add_tcase(s, t);
	return run_suite(s);
}
