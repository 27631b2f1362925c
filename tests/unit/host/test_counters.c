/* counters: N allowed means N admitted, over all threads of a node (plugins.md 3.1, policy local).
 * Threads: several workers count the same keys. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "dp/host/counters.h"

enum { NOW_MS = 1700000000, WORKERS = 4, CALLS = 5000 };

static struct counters *counters;

static void fresh(void)
{
	counters = counters_new();
}

static void done(void)
{
	counters_free(counters);
}

static int64_t count(const char *key, int64_t limit, uint32_t window_s, bool denied, uint64_t now_ms)
{
	struct counter c = {.key = slice_cstr(key), .limit = limit, .window_s = window_s};
	counters_count(counters, &(struct count){.counters = &c, .n = 1, .count_denied = denied}, now_ms);
	return c.used;
}

START_TEST(used_is_what_was_counted_before)
{
	ck_assert_int_eq(count("k", 3, 60, false, NOW_MS), 0);
	ck_assert_int_eq(count("k", 3, 60, false, NOW_MS), 1);
	ck_assert_int_eq(count("other", 3, 60, false, NOW_MS), 0);
}
END_TEST

START_TEST(denied_requests_count_only_when_asked_for)
{
	for (int i = 0; i < 5; i++)
		count("local", 2, 60, false, NOW_MS);
	ck_assert_int_eq(count("local", 2, 60, false, NOW_MS), 2);
	for (int i = 0; i < 5; i++)
		count("redis", 2, 60, true, NOW_MS);
	ck_assert_int_eq(count("redis", 2, 60, true, NOW_MS), 5);
}
END_TEST

/* ---- shared by nodes ---- */

static struct {
	unsigned n, room;
	int64_t own;
	uint32_t seconds_left;
	char key[32];
} news;

static bool note_news(void *arg, struct slice key, int64_t own, uint32_t seconds_left)
{
	if (news.n == news.room)
		return false;
	news.n++;
	news.own = own;
	news.seconds_left = seconds_left;
	snprintf(news.key, sizeof news.key, "%.*s", SLICE_ARG(key));
	return true;
}

static bool tell(unsigned room, uint64_t now_ms)
{
	static unsigned shard;
	news.n = 0;
	news.room = room;
	return counters_news(counters, &shard, now_ms, note_news, NULL);
}

START_TEST(what_was_counted_is_told_once)
{
	count("k", 9, 60, false, NOW_MS);
	count("k", 9, 60, false, NOW_MS);
	ck_assert(!tell(10, NOW_MS));
	ck_assert_uint_eq(news.n, 1);
	ck_assert_str_eq(news.key, "k");
	ck_assert_int_eq(news.own, 2);
	ck_assert_uint_eq(news.seconds_left, 61);
	tell(10, NOW_MS);
	ck_assert_uint_eq(news.n, 0);
	count("k", 9, 60, false, NOW_MS);
	tell(10, NOW_MS);
	ck_assert_int_eq(news.own, 3);
	tell(10, NOW_MS);
	counters_tell_again(counters, S("k"));
	tell(10, NOW_MS);
	ck_assert_uint_eq(news.n, 1);
	counters_tell_again(counters, slice_of(NULL, 0));
	tell(10, NOW_MS + 61000); /* it is over */
	ck_assert_uint_eq(news.n, 0);
}
END_TEST

START_TEST(what_has_no_room_is_told_later)
{
	char key[16];
	unsigned told = 0;
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof key, "k%d", i);
		count(key, 9, 60, false, NOW_MS);
	}
	for (int i = 0; i < 20 && tell(7, NOW_MS); i++)
		told += news.n;
	ck_assert_uint_eq(told + news.n, 100);
}
END_TEST

START_TEST(others_count_too)
{
	count("k", 5, 60, false, NOW_MS);
	counters_learn(counters, S("k"), 3);
	counters_learn(counters, S("unknown"), 3);
	ck_assert_int_eq(count("k", 5, 60, false, NOW_MS), 4);
	ck_assert_int_eq(count("k", 5, 60, false, NOW_MS), 5); /* not counted: that is the limit */
	ck_assert_int_eq(count("k", 5, 60, false, NOW_MS), 5);
	ck_assert_int_eq(count("k", 5, 60, false, NOW_MS + 60000), 0); /* another window */
}
END_TEST

START_TEST(one_exhausted_window_keeps_the_others_as_they_are)
{
	struct counter list[2] = {
	        {.key = S("m"), .limit = 1, .window_s = 60}, {.key = S("h"), .limit = 9, .window_s = 3600}};
	for (int i = 0; i < 4; i++)
		counters_count(counters, &(struct count){.counters = list, .n = 2, .count_denied = false}, NOW_MS);
	ck_assert_int_eq(list[0].used, 1);
	ck_assert_int_eq(list[1].used, 1);
}
END_TEST

START_TEST(weights_count_and_a_look_does_not)
{
	struct counter c = {.key = S("w"), .limit = 10, .add = 4, .window_s = 60};
	struct count count = {.counters = &c, .n = 1}, look = {.counters = &c, .n = 1, .peek = true};
	counters_count(counters, &count, NOW_MS);
	counters_count(counters, &count, NOW_MS);
	counters_count(counters, &count, NOW_MS); /* 12 would be too many */
	ck_assert_int_eq(c.used, 8);
	counters_count(counters, &look, NOW_MS);
	ck_assert_int_eq(c.used, 8);
	c.add = -4; /* something that was counted while it lasted is over */
	counters_count(counters, &count, NOW_MS);
	counters_count(counters, &look, NOW_MS);
	ck_assert_int_eq(c.used, 4);
}
END_TEST

START_TEST(a_window_ends)
{
	count("k", 1, 60, false, NOW_MS);
	ck_assert_int_eq(count("k", 1, 60, false, NOW_MS + 59999), 1);
	ck_assert_int_eq(count("k", 1, 60, false, NOW_MS + 60000), 0);
}
END_TEST

START_TEST(keys_whose_window_is_over_make_room)
{
	char key[32];
	for (int i = 0; i < 300000; i++) {
		snprintf(key, sizeof key, "key-%d", i);
		count(key, 1, 60, false, NOW_MS + (uint64_t)i);
	}
	/* 60 s of keys are alive, and each shard sweeps at most every 10 s */
	ck_assert_uint_ge(counters_size(counters), 60000);
	ck_assert_uint_le(counters_size(counters), 75000);
}
END_TEST

/* Keys that fall into one shard, so that a limit is reached without filling all. */
START_TEST(more_keys_than_fit_are_dropped_by_their_end_and_counted)
{
	char key[32];
	int64_t kept = 0;
	for (int i = 0, n = 0; n < COUNTERS_MAX + 10; i++) {
		snprintf(key, sizeof key, "key-%d", i);
		if (slice_hash(slice_cstr(key)) >> 58 != 0)
			continue;
		count(key, 10, n < 100 ? 60 : 86400, false, NOW_MS);
		kept = n++;
	}
	ck_assert_uint_le(counters_size(counters), COUNTERS_MAX);
	ck_assert_uint_eq(counters_dropped(counters), 100); /* the ones that would have ended first */
	ck_assert_int_ge(kept, COUNTERS_MAX);
}
END_TEST

static void *work(void *arg)
{
	int *admitted = arg;
	for (int i = 0; i < CALLS; i++) {
		struct counter list[2] = {{.key = S("shared"), .limit = 1000, .window_s = 3600},
		        {.key = S("second"), .limit = 5000, .window_s = 3600}};
		counters_count(counters, &(struct count){.counters = list, .n = 2, .count_denied = false}, NOW_MS);
		*admitted += list[0].used < 1000 && list[1].used < 5000;
	}
	return NULL;
}

START_TEST(exactly_the_limit_is_admitted_over_all_threads)
{
	pthread_t threads[WORKERS];
	int admitted[WORKERS] = {0}, total = 0;
	for (int i = 0; i < WORKERS; i++)
		pthread_create(&threads[i], NULL, work, &admitted[i]);
	for (int i = 0; i < WORKERS; i++) {
		pthread_join(threads[i], NULL);
		total += admitted[i];
	}
	ck_assert_int_eq(total, 1000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("counters");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, fresh, done);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, used_is_what_was_counted_before);
	tcase_add_test(t, what_was_counted_is_told_once);
	tcase_add_test(t, what_has_no_room_is_told_later);
	tcase_add_test(t, others_count_too);
	tcase_add_test(t, denied_requests_count_only_when_asked_for);
	tcase_add_test(t, one_exhausted_window_keeps_the_others_as_they_are);
	tcase_add_test(t, weights_count_and_a_look_does_not);
	tcase_add_test(t, a_window_ends);
	tcase_add_test(t, keys_whose_window_is_over_make_room);
	tcase_add_test(t, more_keys_than_fit_are_dropped_by_their_end_and_counted);
	tcase_add_test(t, exactly_the_limit_is_admitted_over_all_threads);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
