/* The loop: posting from threads, deferring, timers, stopping.
 * Threads: work is posted from others. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/net/loop.h"

static struct loop *l;

static void set_up(void)
{
	struct err e;
	l = loop_new(&e);
	ck_assert_ptr_nonnull(l);
}

static void tear_down(void)
{
	loop_free(l);
}

static void stop(void *arg)
{
	loop_stop(l);
}

/* ---- posting -------------------------------------------------------------------------------------------------- */

enum { THREADS = 4, POSTS = 5000 };

struct poster {
	pthread_t id;
	int sent, received; /* received: the loop's */
	bool disorder;
};

struct note {
	struct poster *from;
	int number;
};

static int finished;

static void on_note(void *arg)
{
	struct note *n = arg;
	n->from->disorder |= n->number != n->from->received;
	if (++n->from->received == POSTS && ++finished == THREADS)
		loop_stop(l);
	free(n);
}

static void *post_many(void *arg)
{
	struct poster *p = arg;
	for (; p->sent < POSTS; p->sent++) {
		struct note *n = malloc(sizeof *n);
		*n = (struct note){p, p->sent};
		loop_post(l, on_note, n);
	}
	return NULL;
}

START_TEST(posts_from_threads_all_arrive_each_threads_in_order)
{
	struct poster posters[THREADS] = {0};
	finished = 0;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&posters[i].id, NULL, post_many, &posters[i]);
	loop_run(l);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(posters[i].id, NULL);
		ck_assert_int_eq(posters[i].received, POSTS);
		ck_assert(!posters[i].disorder);
	}
}
END_TEST

static void count(void *arg)
{
	++*(int *)arg;
}

static void post_again(void *arg)
{
	int *n = arg;
	if (++*n < 3)
		loop_post(l, post_again, n);
	else
		loop_stop(l);
}

START_TEST(a_posted_call_may_post)
{
	int n = 0;
	loop_post(l, post_again, &n);
	loop_run(l);
	ck_assert_int_eq(n, 3);
}
END_TEST

START_TEST(posts_that_have_not_run_are_dropped_with_the_loop)
{
	int n = 0;
	loop_post(l, count, &n);
	loop_free(l);
	ck_assert_int_eq(n, 0);
	set_up();
}
END_TEST

static void *stop_from_thread(void *arg)
{
	loop_stop(l);
	return NULL;
}

START_TEST(stop_works_from_any_thread_and_before_run)
{
	pthread_t id;
	loop_stop(l);
	loop_run(l);
	pthread_create(&id, NULL, stop_from_thread, NULL);
	loop_run(l);
	pthread_join(id, NULL);
}
END_TEST

/* ---- deferring ------------------------------------------------------------------------------------------------ */

static struct loop_deferred first, second;
static int turns;

static void again(void *arg)
{
	if (++turns == 5)
		loop_stop(l);
	else
		loop_defer(l, &first, again, NULL);
}

static void defer_two(void *arg)
{
	loop_defer(l, &first, again, NULL);
	loop_defer(l, &second, count, arg);
	ck_assert_int_eq(*(int *)arg, 0);
}

START_TEST(what_is_deferred_runs_after_the_turn_and_keeps_the_loop_awake)
{
	int n = 0;
	turns = 0;
	loop_post(l, defer_two, &n);
	loop_run(l); /* would hang if it slept between two turns */
	ck_assert_int_eq(turns, 5);
	ck_assert_int_eq(n, 1);
}
END_TEST

START_TEST(what_is_deferred_runs_when_the_loop_is_freed)
{
	int n = 0;
	loop_defer(l, &second, count, &n);
	loop_free(l);
	ck_assert_int_eq(n, 1);
	set_up();
}
END_TEST

/* ---- timers --------------------------------------------------------------------------------------------------- */

static struct loop_timer *repeating;
static int ticks;

static void on_tick(void *arg)
{
	if (++ticks < 3)
		return;
	loop_timer_free(repeating); /* inside its own callback */
	repeating = NULL;
	loop_stop(l);
}

START_TEST(a_timer_repeats_and_may_be_freed_in_its_callback)
{
	ticks = 0;
	uint64_t start = clock_mono_ms();
	repeating = loop_timer_new(l, 20, true, on_tick, NULL);
	loop_run(l);
	ck_assert_int_eq(ticks, 3);
	ck_assert_uint_ge(clock_mono_ms() - start, 50);
}
END_TEST

START_TEST(a_timer_that_does_not_repeat_fires_once)
{
	int n = 0;
	struct loop_timer *once = loop_timer_new(l, 1, false, count, &n);
	struct loop_timer *end = loop_timer_new(l, 60, false, stop, NULL);
	struct loop_timer *never = loop_timer_new(l, 10, false, count, &n);
	loop_timer_free(never);
	loop_timer_free(NULL);
	loop_run(l);
	ck_assert_int_eq(n, 1);
	loop_timer_free(once);
	loop_timer_free(end);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("loop");
	TCase *c = tcase_create("loop");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, posts_from_threads_all_arrive_each_threads_in_order);
	tcase_add_test(c, a_posted_call_may_post);
	tcase_add_test(c, posts_that_have_not_run_are_dropped_with_the_loop);
	tcase_add_test(c, stop_works_from_any_thread_and_before_run);
	tcase_add_test(c, what_is_deferred_runs_after_the_turn_and_keeps_the_loop_awake);
	tcase_add_test(c, what_is_deferred_runs_when_the_loop_is_freed);
	tcase_add_test(c, a_timer_repeats_and_may_be_freed_in_its_callback);
	tcase_add_test(c, a_timer_that_does_not_repeat_fires_once);
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
