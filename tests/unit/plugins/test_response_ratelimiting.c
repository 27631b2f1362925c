/* response-ratelimiting: plugins.md 3.2 and examples 92 and 93. */
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
	snprintf(row, sizeof row, "{'name':'response-ratelimiting','config':%s}", conf);
	rig_plugin(&rig, row);
}

static void used(const char *header)
{
	ck_assert_int_eq(rig_get(&rig, "GET /", ""), GO);
	ck_assert_int_eq(rig_upstream_answers(&rig, 200, header, "body"), GO);
}

START_TEST(what_answers_use_is_counted_and_told) /* 92 */
{
	configured("{'limits':{'video':{'minute':10}}}");
	used("x-kong-limit: video=3");
	ck_assert_str_eq(rig_down(&rig, "X-RateLimit-Limit-video-minute"), "10");
	ck_assert_str_eq(rig_down(&rig, "X-RateLimit-Remaining-video-minute"), "7");
	ck_assert_ptr_null(rig_down(&rig, "x-kong-limit"));
	ck_assert_str_eq(rig_client_body(&rig), "body");
	ck_assert_int_eq(rig_get(&rig, "GET /", ""), GO);
	ck_assert_str_eq(rig_up(&rig, "X-RateLimit-Remaining-video"), "7");
}
END_TEST

START_TEST(all_six_windows_count)
{
	static const char *const windows[] = {"1772532017000:video:second", "1772532000000:video:minute",
	        "1772532000000:video:hour", "1772496000000:video:day", "1772323200000:video:month",
	        "1767225600000:video:year"};
	configured("{'limits':{'video':{'minute':10}}}");
	used("x-kong-limit: video=3");
	for (size_t i = 0; i < 6; i++) {
		char key[256];
		snprintf(key, sizeof key,
		        "response-ratelimit:00000000-0000-0000-0000-000000000000:00000000-0000-0000-0000-000000000000:"
		        "127.0.0.1:%s",
		        windows[i]);
		ck_assert_msg(rig_counter(&rig, key) == 3, "%s", key);
	}
}
END_TEST

START_TEST(items_are_read_leniently)
{
	configured("{'limits':{'video':{'minute':100,'hour':1000},'image':{'day':50}},'header_name':'X-Used'}");
	used("X-Used:  video = 3 , image=2,other=9\nx-used: video=1,image=x,image,=4,video=-50");
	ck_assert_str_eq(rig_down(&rig, "X-RateLimit-Remaining-video-minute"), "96");
	ck_assert_str_eq(rig_down(&rig, "X-RateLimit-Remaining-video-hour"), "996");
	ck_assert_str_eq(rig_down(&rig, "X-RateLimit-Remaining-image-day"), "48");
	ck_assert_int_eq(rig_get(&rig, "GET /", "X-RateLimit-Remaining-video: 1000000"), GO);
	ck_assert_str_eq(
	        rig_up(&rig, "X-RateLimit-Remaining-video"), "96"); /* the smallest, and never the client's */
}
END_TEST

START_TEST(beyond_the_limit_the_answer_is_replaced) /* 93 */
{
	configured("{'limits':{'video':{'minute':2}}}");
	used("x-kong-limit: video=2");
	ck_assert_int_eq(rig_get(&rig, "GET /", ""), GO);
	ck_assert_int_eq(rig_upstream_answers(&rig, 200, "x-kong-limit: video=1", "body"), GO);
	ck_assert_int_eq(rig_status(&rig), 429);
	ck_assert_str_eq(rig_client_body(&rig), "");
	ck_assert_str_eq(rig_down(&rig, "X-RateLimit-Remaining-video-minute"), "0");
	ck_assert_int_eq(rig_get(&rig, "GET /", ""), GO);
	ck_assert_int_eq(rig_upstream_answers(&rig, 200, "", "body"), GO);
	ck_assert_int_eq(rig_status(&rig), 200);
}
END_TEST

START_TEST(blocked_on_the_first_violation) /* 93 */
{
	configured("{'limits':{'video':{'minute':2},'image':{'minute':5}},'block_on_first_violation':true}");
	used("x-kong-limit: video=3");
	ck_assert_int_eq(rig_get(&rig, "GET /", ""), STOP);
	ck_assert_int_eq(rig_status(&rig), 429);
	ck_assert_str_eq(rig_message(&rig), "API rate limit exceeded for 'video'");
}
END_TEST

START_TEST(nothing_is_told_when_hidden)
{
	configured("{'limits':{'video':{'minute':2}},'hide_client_headers':true}");
	used("x-kong-limit: video=1");
	ck_assert_ptr_null(rig_down(&rig, "X-RateLimit-Limit-video-minute"));
	ck_assert_ptr_null(rig_down(&rig, "x-kong-limit"));
}
END_TEST

#define MANY                                                                                           \
	"'limits':{'a':{'second':1,'minute':2,'hour':3,'day':4},'b':{'second':5,'minute':6,'hour':7}," \
	"'c':{'minute':9}}"

START_TEST(many_limits_are_read_some_at_a_time_and_in_redis)
{
	configured("{" MANY ",'policy':'redis','redis':{'host':'r.test'}}");
	ck_assert_int_eq(rig_get(&rig, "GET /", ""), GO);
	ck_assert_uint_eq(rig.counted, 2);
	ck_assert_ptr_nonnull(rig.counted_in);
	ck_assert_str_eq(rig_up(&rig, "X-RateLimit-Remaining-a"), "1");
	ck_assert_str_eq(rig_up(&rig, "X-RateLimit-Remaining-c"), "9");
	ck_assert_int_eq(rig_upstream_answers(&rig, 200, "x-kong-limit: b=2,c=1", ""), GO);
	ck_assert_uint_eq(rig.counted, 4);
	ck_assert(rig.counted_denied);
}
END_TEST

START_TEST(without_redis_requests_pass_or_fail)
{
	configured(_i ? "{" MANY ",'policy':'redis','redis':{'host':'r.test'},'fault_tolerant':false}"
	              : "{" MANY ",'policy':'redis','redis':{'host':'r.test'}}");
	rig.counters_fail = true;
	ck_assert_int_eq(rig_get(&rig, "GET /", ""), _i ? STOP : GO);
	ck_assert_int_eq(rig_status(&rig), _i ? 500 : 200);
	ck_assert_str_eq(text_cstr(&rig.metered),
	        "gatehouse_response_ratelimiting_store_errors_total{operation=\"read\"} 1\n");
	if (_i)
		return;
	ck_assert_int_eq(rig_upstream_answers(&rig, 200, "x-kong-limit: b=2", ""), GO);
	ck_assert_ptr_null(rig_down(&rig, "X-RateLimit-Limit-b-minute"));
}
END_TEST

START_TEST(counters_are_by_consumer_credential_or_address)
{
	rig_entity(&rig, "consumers", "{'id':'7f3c2b1a-4d5e-4f60-8a7b-9c0d1e2f3a4b','username':'tern'}");
	rig_entity(&rig, "keyauth_credentials",
	        "{'id':'6b9d2c8e-4f10-4a53-8e77-1c2d3e4f5a6b','key':'K-tern-1',"
	        "'consumer':{'id':'7f3c2b1a-4d5e-4f60-8a7b-9c0d1e2f3a4b'}}");
	rig_plugin(&rig, "{'name':'key-auth'}");
	static const char *const by[] = {"consumer", "credential", "ip"};
	static const char *const who[] = {
	        "7f3c2b1a-4d5e-4f60-8a7b-9c0d1e2f3a4b", "6b9d2c8e-4f10-4a53-8e77-1c2d3e4f5a6b", "127.0.0.1"};
	char conf[256], key[256];
	snprintf(conf, sizeof conf, "{'limits':{'v':{'minute':9}},'limit_by':'%s'}", by[_i]);
	configured(conf);
	ck_assert_int_eq(rig_get(&rig, "GET /", "apikey: K-tern-1"), GO);
	ck_assert_int_eq(rig_upstream_answers(&rig, 200, "x-kong-limit: v=1", ""), GO);
	snprintf(key, sizeof key,
	        "response-ratelimit:00000000-0000-0000-0000-000000000000:00000000-0000-0000-0000-000000000000:%s:"
	        "1772532000000:v:minute",
	        who[_i]);
	ck_assert_msg(rig_counter(&rig, key) == 1, "%s", key);
}
END_TEST

START_TEST(configurations_are_checked)
{
	static const struct {
		const char *conf, *told;
	} bad_rows[] = {
	        {"{}", "limits: required field missing"},
	        {"{'limits':{}}", "length must be at least 1"},
	        {"{'limits':{'v':{}}}", "at least one of these fields must be non-empty"},
	        {"{'limits':{'v':{'minute':20,'hour':10}}}",
	                "the limit for hour(10.0) cannot be lower than the limit for minute(20.0)"},
	        {"{'limits':{'v':{'minute':0}}}", "value must be greater than 0"},
	        {"{'limits':{'v':{'minute':1}},'policy':'redis'}", "required field missing"},
	        {"{'limits':{'v':{'minute':1}},'policy':'cluster'}", "expected one of: local, redis"},
	        {"{'limits':{'v':{'minute':1}},'limit_by':'path'}", "expected one of: consumer, credential, ip"},
	};
	for (size_t i = 0; i < sizeof bad_rows / sizeof bad_rows[0]; i++) {
		char row[256];
		snprintf(row, sizeof row, "{'name':'response-ratelimiting','config':%s}", bad_rows[i].conf);
		const char *why = rig_refusal(&rig, "plugins", row);
		ck_assert_msg(why && strstr(why, bad_rows[i].told), "%s: %s", bad_rows[i].conf, why);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("response_ratelimiting");
	TCase *t = tcase_create("all");
	log_set_level(LOG_EMERG);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_answers_use_is_counted_and_told);
	tcase_add_test(t, all_six_windows_count);
	tcase_add_test(t, items_are_read_leniently);
	tcase_add_test(t, beyond_the_limit_the_answer_is_replaced);
	tcase_add_test(t, blocked_on_the_first_violation);
	tcase_add_test(t, nothing_is_told_when_hidden);
	tcase_add_test(t, many_limits_are_read_some_at_a_time_and_in_redis);
	tcase_add_loop_test(t, without_redis_requests_pass_or_fail, 0, 2);
	tcase_add_loop_test(t, counters_are_by_consumer_credential_or_address, 0, 3);
	tcase_add_test(t, configurations_are_checked);
	suite_add_tcase(s, t);
	return run_suite(s);
}
