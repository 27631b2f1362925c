/* login_limit: an address that shows wrong tokens waits longer each time. */
#include <check.h>

#include <stdio.h>

#include "cp/admin/login_limit.h"

static struct login_limit *limit;

static void setup(void)
{
	limit = login_limit_new();
}

static void teardown(void)
{
	login_limit_free(limit);
}

static void failures(const char *address, unsigned times, uint64_t now_ms)
{
	for (unsigned i = 0; i < times; i++)
		login_limit_failed(limit, slice_cstr(address), now_ms);
}

static uint64_t wait_of(const char *address, uint64_t now_ms)
{
	return login_limit_wait_ms(limit, slice_cstr(address), now_ms);
}

START_TEST(some_failures_cost_nothing)
{
	ck_assert_uint_eq(wait_of("192.0.2.1", 0), 0);
	failures("192.0.2.1", LOGIN_LIMIT_FREE, 1000);
	ck_assert_uint_eq(wait_of("192.0.2.1", 1000), 0);
}
END_TEST

START_TEST(then_the_wait_doubles_up_to_its_limit)
{
	failures("192.0.2.1", LOGIN_LIMIT_FREE + 1, 1000);
	ck_assert_uint_eq(wait_of("192.0.2.1", 1000), 1000);
	ck_assert_uint_eq(wait_of("192.0.2.1", 1400), 600);
	ck_assert_uint_eq(wait_of("192.0.2.1", 2000), 0);
	failures("192.0.2.1", 1, 2000);
	ck_assert_uint_eq(wait_of("192.0.2.1", 2000), 2000);
	failures("192.0.2.1", 1000, 2000);
	ck_assert_uint_eq(wait_of("192.0.2.1", 2000), LOGIN_LIMIT_WAIT_MS);
}
END_TEST

START_TEST(others_do_not_wait)
{
	failures("192.0.2.1", 50, 1000);
	ck_assert_uint_eq(wait_of("192.0.2.2", 1000), 0);
	ck_assert_uint_eq(wait_of("unix:", 1000), 0);
}
END_TEST

START_TEST(a_login_that_succeeds_forgets)
{
	failures("192.0.2.1", 50, 1000);
	login_limit_passed(limit, S("192.0.2.1"));
	ck_assert_uint_eq(wait_of("192.0.2.1", 1000), 0);
	failures("192.0.2.1", LOGIN_LIMIT_FREE, 1000);
	ck_assert_uint_eq(wait_of("192.0.2.1", 1000), 0);
}
END_TEST

START_TEST(time_forgets)
{
	failures("192.0.2.1", 50, 1000);
	failures("192.0.2.1", 1, 1000 + LOGIN_LIMIT_FORGET_MS + 1);
	ck_assert_uint_eq(wait_of("192.0.2.1", 1000 + LOGIN_LIMIT_FORGET_MS + 1), 0);
}
END_TEST

/* Whoever has one address of IPv6 has the whole /64. */
START_TEST(a_network_of_64_bits_is_one_address)
{
	failures("2001:db8:1:2::1", 50, 1000);
	ck_assert_uint_gt(wait_of("2001:db8:1:2:ffff::9", 1000), 0);
	ck_assert_uint_eq(wait_of("2001:db8:1:3::1", 1000), 0);
}
END_TEST

START_TEST(very_many_addresses_do_not_fill_it)
{
	char address[32];

	for (unsigned i = 0; i < 100000; i++) {
		snprintf(address, sizeof address, "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
		failures(address, 1, i);
	}
	failures("192.0.2.1", LOGIN_LIMIT_FREE + 1, 200000);
	ck_assert_uint_eq(wait_of("192.0.2.1", 200000), 1000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("login_limit");
	TCase *tc = tcase_create("login_limit");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, some_failures_cost_nothing);
	tcase_add_test(tc, then_the_wait_doubles_up_to_its_limit);
	tcase_add_test(tc, others_do_not_wait);
	tcase_add_test(tc, a_login_that_succeeds_forgets);
	tcase_add_test(tc, time_forgets);
	tcase_add_test(tc, a_network_of_64_bits_is_one_address);
	tcase_add_test(tc, very_many_addresses_do_not_fill_it);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
