/* health: row by row, 6.1 and 6.6. Threads: none. */
#include <check.h>
#include <stdlib.h>

#include "dp/upstream/health.h"
#include "tests/support/loading.h"

static health_word w;

static void fresh(void)
{
	atomic_store(&w, 0);
}

static void expect(enum health_state state, unsigned success, unsigned http, unsigned tcp, unsigned timeout)
{
	ck_assert_int_eq(health_state(&w), state);
	ck_assert_uint_eq(health_count(&w, HEALTH_SUCCESS), success);
	ck_assert_uint_eq(health_count(&w, HEALTH_HTTP), http);
	ck_assert_uint_eq(health_count(&w, HEALTH_TCP), tcp);
	ck_assert_uint_eq(health_count(&w, HEALTH_TIMEOUT), timeout);
	ck_assert(is_health_good(&w) == (state == HEALTHY || state == MOSTLY_HEALTHY));
}

static void report(enum health_counter counter, unsigned limit, enum health_change change)
{
	ck_assert_int_eq(health_report(&w, counter, limit), change);
}

START_TEST(new_addresses_are_healthy)
{
	expect(HEALTHY, 0, 0, 0, 0);
}
END_TEST

START_TEST(rule_1_a_limit_of_zero_counts_and_resets_nothing)
{
	report(HEALTH_HTTP, 3, HEALTH_SAME);
	report(HEALTH_SUCCESS, 0, HEALTH_SAME);
	report(HEALTH_TCP, 0, HEALTH_SAME);
	expect(MOSTLY_HEALTHY, 0, 1, 0, 0);
}
END_TEST

START_TEST(rule_2_what_says_what_is_known_is_ignored)
{
	report(HEALTH_SUCCESS, 5, HEALTH_SAME);
	expect(HEALTHY, 0, 0, 0, 0);
	report(HEALTH_TCP, 1, HEALTH_FALLEN);
	report(HEALTH_TCP, 1, HEALTH_SAME);
	report(HEALTH_HTTP, 2, HEALTH_SAME);
	report(HEALTH_TIMEOUT, 2, HEALTH_SAME);
	expect(UNHEALTHY, 0, 0, 1, 0);
}
END_TEST

START_TEST(rule_3_a_success_clears_all_failures)
{
	report(HEALTH_HTTP, 9, HEALTH_SAME);
	report(HEALTH_TCP, 9, HEALTH_SAME);
	report(HEALTH_TIMEOUT, 9, HEALTH_SAME);
	expect(MOSTLY_HEALTHY, 0, 1, 1, 1);
	report(HEALTH_SUCCESS, 9, HEALTH_SAME);
	expect(MOSTLY_HEALTHY, 1, 0, 0, 0);
}
END_TEST

START_TEST(rule_3_a_failure_clears_only_successes)
{
	report(HEALTH_HTTP, 9, HEALTH_SAME);
	report(HEALTH_SUCCESS, 9, HEALTH_SAME);
	report(HEALTH_TCP, 9, HEALTH_SAME);
	report(HEALTH_HTTP, 9, HEALTH_SAME);
	expect(MOSTLY_HEALTHY, 0, 1, 1, 0);
}
END_TEST

START_TEST(rule_4_the_limit_decides_and_counters_stay)
{
	report(HEALTH_TIMEOUT, 2, HEALTH_SAME);
	expect(MOSTLY_HEALTHY, 0, 0, 0, 1);
	report(HEALTH_TIMEOUT, 2, HEALTH_FALLEN);
	expect(UNHEALTHY, 0, 0, 0, 2);
	report(HEALTH_SUCCESS, 2, HEALTH_SAME);
	expect(MOSTLY_UNHEALTHY, 1, 0, 0, 0);
	report(HEALTH_SUCCESS, 2, HEALTH_RISEN);
	expect(HEALTHY, 2, 0, 0, 0);
}
END_TEST

START_TEST(a_failure_sends_the_mostly_unhealthy_back)
{
	report(HEALTH_HTTP, 2, HEALTH_SAME);
	report(HEALTH_HTTP, 2, HEALTH_FALLEN);
	report(HEALTH_SUCCESS, 3, HEALTH_SAME);
	report(HEALTH_HTTP, 2, HEALTH_SAME);
	expect(MOSTLY_UNHEALTHY, 0, 1, 0, 0);
	report(HEALTH_HTTP, 2, HEALTH_SAME);
	expect(UNHEALTHY, 0, 2, 0, 0);
}
END_TEST

START_TEST(a_success_may_make_the_mostly_healthy_healthy)
{
	report(HEALTH_HTTP, 3, HEALTH_SAME);
	report(HEALTH_SUCCESS, 1, HEALTH_SAME);
	expect(HEALTHY, 1, 0, 0, 0);
}
END_TEST

START_TEST(counters_are_separate)
{
	for (int i = 0; i < 2; i++) {
		report(HEALTH_HTTP, 3, HEALTH_SAME);
		report(HEALTH_TCP, 3, HEALTH_SAME);
		report(HEALTH_TIMEOUT, 3, HEALTH_SAME);
	}
	expect(MOSTLY_HEALTHY, 0, 2, 2, 2);
	report(HEALTH_TCP, 3, HEALTH_FALLEN);
}
END_TEST

START_TEST(counters_do_not_wrap)
{
	for (int i = 0; i < 254; i++)
		report(HEALTH_HTTP, 255, HEALTH_SAME);
	report(HEALTH_HTTP, 255, HEALTH_FALLEN);
	fresh();
	for (int i = 0; i < 600; i++)
		report(HEALTH_HTTP, 256, HEALTH_SAME); /* a limit that is never reached */
	expect(MOSTLY_HEALTHY, 0, 255, 0, 0);
}
END_TEST

static void run(const int *statuses, size_t n, unsigned successes, size_t *falls_at)
{
	*falls_at = 0;
	for (size_t i = 0; i < n; i++) {
		bool bad = statuses[i] == 500;
		if (health_report(&w, bad ? HEALTH_HTTP : HEALTH_SUCCESS, bad ? 3 : successes) == HEALTH_FALLEN)
			*falls_at = i + 1;
	}
}

START_TEST(example_104)
{
	static const int statuses[] = {500, 200, 200, 500, 200, 500};
	size_t falls_at;
	run(statuses, 6, 0, &falls_at);
	ck_assert_uint_eq(falls_at, 6);
	fresh();
	run(statuses, 6, 1, &falls_at);
	ck_assert_uint_eq(falls_at, 0);
	ck_assert_int_eq(health_state(&w), MOSTLY_HEALTHY);
}
END_TEST

START_TEST(a_mark_sets_the_state_and_zeroes_counters)
{
	report(HEALTH_HTTP, 3, HEALTH_SAME);
	ck_assert_int_eq(health_mark(&w, false), HEALTH_FALLEN);
	expect(UNHEALTHY, 0, 0, 0, 0);
	ck_assert_int_eq(health_mark(&w, false), HEALTH_SAME);
	ck_assert_int_eq(health_mark(&w, true), HEALTH_RISEN);
	expect(HEALTHY, 0, 0, 0, 0);
}
END_TEST

/* ---- rules ----------------------------------------------------------------------------------------------------- */

START_TEST(checks_are_in_use_when_one_of_five_is_set)
{
	struct healthchecks h = {0};
	ck_assert(!healthchecks_are_used(&h));
	h.passive.healthy.successes = 1;
	h.active.unhealthy.http_failures = h.active.healthy.successes = 1;
	ck_assert(!healthchecks_are_used(&h));
	ck_assert(healthchecks_are_used(&(struct healthchecks){.active.healthy.interval = 0.5}));
	ck_assert(healthchecks_are_used(&(struct healthchecks){.active.unhealthy.interval = 1}));
	ck_assert(healthchecks_are_used(&(struct healthchecks){.passive.unhealthy.tcp_failures = 1}));
	ck_assert(healthchecks_are_used(&(struct healthchecks){.passive.unhealthy.timeouts = 1}));
	ck_assert(healthchecks_are_used(&(struct healthchecks){.passive.unhealthy.http_failures = 1}));
}
END_TEST

START_TEST(a_status_is_good_bad_or_nothing)
{
	static const int64_t good[] = {200, 999}, bad[] = {100, 500};
	struct healthchecks h = {.active = {.healthy.http_statuses = {good, 2}, .unhealthy.http_statuses = {bad, 2}}};
	struct health_rules r;
	health_rules_init(&r, &h);
	ck_assert_int_eq(health_judge(&r.active, 200), HEALTH_SUCCESS);
	ck_assert_int_eq(health_judge(&r.active, 999), HEALTH_SUCCESS);
	ck_assert_int_eq(health_judge(&r.active, 100), HEALTH_HTTP);
	ck_assert_int_eq(health_judge(&r.active, 500), HEALTH_HTTP);
	ck_assert_int_eq(health_judge(&r.active, 426), HEALTH_COUNTERS);
	ck_assert_int_eq(health_judge(&r.active, -1), HEALTH_COUNTERS);
	ck_assert_int_eq(health_judge(&r.active, 5000), HEALTH_COUNTERS);
	ck_assert_int_eq(health_judge(&r.passive, 200), HEALTH_COUNTERS);
}
END_TEST

START_TEST(the_threshold_must_be_exceeded)
{
	struct health_rules none = {.threshold = 0}, half = {.threshold = 50}, all = {.threshold = 100};
	ck_assert(health_is_enough(&none, 1, 1000));
	ck_assert(!health_is_enough(&none, 0, 1000));
	ck_assert(!health_is_enough(&none, 0, 0));
	ck_assert(!health_is_enough(&half, 100, 200)); /* example 106 */
	ck_assert(health_is_enough(&half, 101, 200));
	ck_assert(!health_is_enough(&all, 200, 200));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("health");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, fresh, NULL);
	tcase_add_test(t, new_addresses_are_healthy);
	tcase_add_test(t, rule_1_a_limit_of_zero_counts_and_resets_nothing);
	tcase_add_test(t, rule_2_what_says_what_is_known_is_ignored);
	tcase_add_test(t, rule_3_a_success_clears_all_failures);
	tcase_add_test(t, rule_3_a_failure_clears_only_successes);
	tcase_add_test(t, rule_4_the_limit_decides_and_counters_stay);
	tcase_add_test(t, a_failure_sends_the_mostly_unhealthy_back);
	tcase_add_test(t, a_success_may_make_the_mostly_healthy_healthy);
	tcase_add_test(t, counters_are_separate);
	tcase_add_test(t, counters_do_not_wrap);
	tcase_add_test(t, example_104);
	tcase_add_test(t, a_mark_sets_the_state_and_zeroes_counters);
	tcase_add_test(t, checks_are_in_use_when_one_of_five_is_set);
	tcase_add_test(t, a_status_is_good_bad_or_nothing);
	tcase_add_test(t, the_threshold_must_be_exceeded);
	suite_add_tcase(s, t);
	return run_suite(s);
}
