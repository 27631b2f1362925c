/* request-size-limiting: plugins.md 3.3; the numbers are those of its appendix B. */
#include "tests/unit/plugins/auth_fixture.h"

#define TOO_LARGE "Request size limit exceeded"

static void use(const char *config)
{
	use_plugin("request-size-limiting", config);
}

/* length -1: none is announced */
static enum verdict post(int64_t length, bool chunked, bool expects)
{
	rig_request(&rig, "POST /a", "");
	rig.x.request->content_length = length;
	rig.x.request->chunked = chunked;
	rig.x.request->expect_continue = expects;
	return rig_run(&rig);
}

static void passes(int64_t length)
{
	ck_assert_int_eq(post(length, false, false), GO);
}

static void is_too_large(int64_t length)
{
	ck_assert_int_eq(post(length, false, false), STOP);
	is_answered(413, TOO_LARGE);
}

START_TEST(ex94_an_announced_length_is_looked_at_at_once)
{
	use("'allowed_payload_size':1,'size_unit':'kilobytes'");
	passes(0);
	passes(1024);
	is_too_large(1025);
	is_too_large(INT64_MAX);
}
END_TEST

START_TEST(ex94_who_waits_for_100_continue_gets_417)
{
	use("'allowed_payload_size':1,'size_unit':'kilobytes'");
	ck_assert_int_eq(post(1024, false, true), GO);
	ck_assert_int_eq(post(1025, false, true), STOP);
	is_answered(417, TOO_LARGE);
}
END_TEST

START_TEST(units_are_powers_of_two)
{
	use("");
	passes(128 * 1048576);
	is_too_large(128 * 1048576 + 1);
}
END_TEST

START_TEST(bytes_can_be_counted_too)
{
	use("'allowed_payload_size':10,'size_unit':'bytes'");
	passes(10);
	is_too_large(11);
}
END_TEST

START_TEST(a_limit_beyond_all_numbers_lets_everything_pass)
{
	use("'allowed_payload_size':9007199254740992");
	passes(INT64_MAX);
}
END_TEST

START_TEST(ex94_a_length_can_be_asked_for)
{
	use("'require_content_length':true,'allowed_payload_size':1,'size_unit':'bytes'");
	ck_assert_int_eq(post(-1, false, false), STOP);
	is_answered(411, "A valid Content-Length header is required");
	ck_assert_int_eq(post(-1, true, false), GO); /* its length is found out */
	ck_assert_int_eq(rig_send_body(&rig, "12"), STOP);
	is_answered(413, TOO_LARGE);
}
END_TEST

START_TEST(a_body_without_a_length_is_counted_on_its_way)
{
	use("'allowed_payload_size':10,'size_unit':'bytes'");
	for (rig.piece_size = 1; rig.piece_size < 12; rig.piece_size += 3) {
		ck_assert_int_eq(post(-1, true, false), GO);
		ck_assert_int_eq(rig_send_body(&rig, "0123456789"), GO);
		ck_assert_str_eq(rig_up_body(&rig), "0123456789");
		ck_assert_int_eq(post(-1, true, false), GO);
		ck_assert_int_eq(rig_send_body(&rig, "0123456789a"), STOP);
		is_answered(413, TOO_LARGE);
	}
}
END_TEST

START_TEST(a_body_that_was_announced_is_not_counted_again)
{
	use("'allowed_payload_size':1,'size_unit':'bytes'");
	ck_assert_int_eq(post(1, false, false), GO);
	ck_assert_int_eq(rig.instances[0].call.request_use, USE_NOTHING);
}
END_TEST

START_TEST(no_body_is_no_length_either)
{
	use("'allowed_payload_size':0");
	ck_assert_int_eq(rig_get(&rig, "GET /a", ""), GO);
	ck_assert_int_eq(rig_send_body(&rig, ""), GO);
}
END_TEST

START_TEST(the_schema_says_what_kong_says)
{
	config_reads("request-size-limiting", "",
	        "\"config\":{\"allowed_payload_size\":128,\"size_unit\":\"megabytes\",\"require_content_length\":false}");
	config_refused("request-size-limiting", "'size_unit':'mb'", "expected one of: megabytes, kilobytes, bytes");
	config_refused("request-size-limiting", "'size_unit':null", "size_unit: required field missing");
	ck_assert_ptr_null(
	        rig_refusal(&rig, "plugins", "{'name':'request-size-limiting','consumer':{'id':'" TERN "'}}"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("request_size_limiting");
	TCase *t = tcase_create("request_size_limiting");

	tcase_add_checked_fixture(t, setup_consumers, teardown);
	tcase_add_test(t, ex94_an_announced_length_is_looked_at_at_once);
	tcase_add_test(t, ex94_who_waits_for_100_continue_gets_417);
	tcase_add_test(t, units_are_powers_of_two);
	tcase_add_test(t, bytes_can_be_counted_too);
	tcase_add_test(t, a_limit_beyond_all_numbers_lets_everything_pass);
	tcase_add_test(t, ex94_a_length_can_be_asked_for);
	tcase_add_test(t, a_body_without_a_length_is_counted_on_its_way);
	tcase_add_test(t, a_body_that_was_announced_is_not_counted_again);
	tcase_add_test(t, no_body_is_no_length_either);
	tcase_add_test(t, the_schema_says_what_kong_says);
	suite_add_tcase(s, t);
	return run_tests(s);
}
