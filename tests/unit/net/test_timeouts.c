/* Deadlines: in order, never early, cheap to move, and cleared ones do not fire. */
#include <check.h>
#include <stdlib.h>

#include "common/net/loop.h"

static struct loop *l;
static int fired[16], fired_count;
static uint64_t fired_at[16];

static void set_up(void)
{
	struct err e;
	l = loop_new(&e);
	fired_count = 0;
}

static void tear_down(void)
{
	loop_free(l);
}

static void stop(void *arg)
{
	loop_stop(l);
}

static void run_for(uint32_t ms)
{
	struct loop_timer *t = loop_timer_new(l, ms, false, stop, NULL);
	loop_run(l);
	loop_timer_free(t);
}

static void note(void *arg)
{
	fired_at[fired_count] = clock_mono_ms();
	fired[fired_count++] = (int)(intptr_t)arg;
}

static void set(struct timeout *t, uint32_t ms, int number)
{
	timeout_set(&l->timeouts, t, ms, note, (void *)(intptr_t)number);
}

START_TEST(deadlines_of_different_durations_fire_in_order_and_never_early)
{
	static const uint32_t durations[] = {80, 20, 120, 1, 40};
	static const int order[] = {3, 1, 4, 0, 2};
	struct timeout t[5] = {0};
	uint64_t start = clock_mono_ms();
	for (int i = 0; i < 5; i++)
		set(&t[i], durations[i], i);
	run_for(200);
	ck_assert_int_eq(fired_count, 5);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(fired[i], order[i]);
		ck_assert_uint_ge(fired_at[i] - start, durations[order[i]]);
		ck_assert(!is_timeout_set(&t[i]));
	}
}
END_TEST

START_TEST(setting_again_moves_the_deadline)
{
	struct timeout a = {0}, b = {0};
	uint64_t start = clock_mono_ms();
	set(&a, 60, 1);
	set(&b, 60, 2);
	run_for(30);
	set(&a, 60, 1);
	run_for(100);
	ck_assert_int_eq(fired_count, 2);
	ck_assert_int_eq(fired[0], 2);
	ck_assert_int_eq(fired[1], 1);
	ck_assert_uint_ge(fired_at[1] - start, 90);
}
END_TEST

START_TEST(another_duration_takes_it_to_another_queue)
{
	struct timeout a = {0};
	set(&a, 5000, 1);
	set(&a, 20, 2);
	run_for(60);
	ck_assert_int_eq(fired_count, 1);
	ck_assert_int_eq(fired[0], 2);
	set(&a, 20, 1);
	set(&a, 5000, 2);
	run_for(60);
	ck_assert_int_eq(fired_count, 1);
	timeout_clear(&a);
}
END_TEST

START_TEST(a_cleared_deadline_does_not_fire)
{
	struct timeout a = {0}, b = {0}, c = {0};
	set(&a, 10, 1);
	set(&b, 10, 2);
	set(&c, 10, 3);
	timeout_clear(&b);
	timeout_clear(&b);
	ck_assert(!is_timeout_set(&b));
	run_for(50);
	ck_assert_int_eq(fired_count, 2);
	ck_assert_int_eq(fired[1], 3);
}
END_TEST

static struct timeout chain[2];

static void clear_other(void *arg)
{
	note(arg);
	timeout_clear(&chain[1]);
	if (fired_count < 3)
		timeout_set(&l->timeouts, &chain[0], 10, clear_other, arg);
}

START_TEST(a_callback_may_clear_others_and_set_itself)
{
	timeout_set(&l->timeouts, &chain[0], 10, clear_other, (void *)1);
	set(&chain[1], 10, 2);
	run_for(100);
	ck_assert_int_eq(fired_count, 3);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(fired[i], 1);
}
END_TEST

/* Every request sets and clears: the libevent timer must not be touched each time. */
START_TEST(setting_and_clearing_in_steady_state_does_not_arm_the_timer)
{
	struct timeout a = {0}, b = {0};
	set(&a, 60000, 1);
	uint64_t armed = l->timeouts.armed_ms;
	ck_assert_uint_ne(armed, 0);
	for (int i = 0; i < 1000; i++) {
		set(&a, 60000, 1);
		set(&b, 75000, 2);
		timeout_clear(&b);
	}
	ck_assert_uint_eq(l->timeouts.armed_ms, armed);
	set(&b, 100, 2);
	ck_assert_uint_lt(l->timeouts.armed_ms, armed);
	timeout_clear(&a);
	timeout_clear(&b);
}
END_TEST

START_TEST(very_many_deadlines_and_durations)
{
	enum { MANY = 20000 };
	struct timeout *t = calloc(MANY, sizeof *t);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < MANY; i++)
			set(&t[i], 1000 + (uint32_t)(i % 300), i);
	for (int i = 0; i < MANY; i++)
		if (i != 7)
			timeout_clear(&t[i]);
	run_for(1200);
	ck_assert_int_eq(fired_count, 1);
	ck_assert_int_eq(fired[0], 7);
	free(t);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("timeouts");
	TCase *c = tcase_create("timeouts");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, deadlines_of_different_durations_fire_in_order_and_never_early);
	tcase_add_test(c, setting_again_moves_the_deadline);
	tcase_add_test(c, another_duration_takes_it_to_another_queue);
	tcase_add_test(c, a_cleared_deadline_does_not_fire);
	tcase_add_test(c, a_callback_may_clear_others_and_set_itself);
	tcase_add_test(c, setting_and_clearing_in_steady_state_does_not_arm_the_timer);
	tcase_add_test(c, very_many_deadlines_and_durations);
	tcase_set_timeout(c, 60);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
