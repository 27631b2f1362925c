/* shared_counters: what data planes count together (plugins.md 3.1, policy cluster). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "cp/publish/shared_counters.h"

enum { NOW_MS = 1000000 };

static struct uuid node(unsigned char n)
{
	return (struct uuid){{n}};
}

/* One report in a Poll; what the others have. */
static uint64_t say(unsigned char who, const char *key, uint64_t count, uint32_t seconds_left, uint64_t now_ms)
{
	Gatehouse__Sync__Poll p = GATEHOUSE__SYNC__POLL__INIT;
	Gatehouse__Sync__Envelope e = GATEHOUSE__SYNC__ENVELOPE__INIT;
	Gatehouse__Sync__CounterReport r = GATEHOUSE__SYNC__COUNTER_REPORT__INIT, *list[] = {&r};
	struct uuid id = node(who);

	r.key = (char *)key;
	r.count = count;
	r.seconds_left = seconds_left;
	p.counters = list;
	p.n_counters = 1;
	shared_counters_answer(&id, &p, &e, now_ms);
	ck_assert_uint_le(e.n_counters, 1);
	uint64_t others = e.n_counters ? e.counters[0]->others : UINT64_MAX;
	ck_assert(!e.n_counters || strcmp(e.counters[0]->key, key) == 0);
	shared_counters_release(&e);
	return others;
}

START_TEST(each_hears_what_the_others_have)
{
	ck_assert_uint_eq(say(1, "k", 5, 60, NOW_MS), 0);
	ck_assert_uint_eq(say(2, "k", 3, 60, NOW_MS), 5);
	ck_assert_uint_eq(say(3, "other", 9, 60, NOW_MS), 0);
	ck_assert_uint_eq(say(1, "k", 7, 60, NOW_MS), 3);
	ck_assert_uint_eq(say(2, "k", 3, 60, NOW_MS), 7);
}
END_TEST

START_TEST(what_is_said_twice_counts_once)
{
	say(1, "k", 5, 60, NOW_MS);
	say(1, "k", 5, 60, NOW_MS);
	ck_assert_uint_eq(say(2, "k", 1, 60, NOW_MS), 5);
}
END_TEST

START_TEST(what_a_node_counted_before_it_began_anew_is_kept)
{
	say(1, "k", 5, 60, NOW_MS);
	ck_assert_uint_eq(say(1, "k", 2, 60, NOW_MS), 5); /* its own, of another life */
	ck_assert_uint_eq(say(2, "k", 1, 60, NOW_MS), 7);
}
END_TEST

START_TEST(windows_end)
{
	say(1, "k", 5, 10, NOW_MS);
	ck_assert_uint_eq(say(2, "k", 1, 10, NOW_MS + 10000), 0);
	say(1, "gone", 5, 1, NOW_MS + 10000);
	ck_assert_uint_eq(shared_counters_size(), 2);
	say(1, "new", 5, 60, NOW_MS + 60000);
	ck_assert_uint_eq(shared_counters_size(), 1);
}
END_TEST

START_TEST(long_keys_are_passed_over)
{
	static char key[SHARED_COUNTERS_KEY + 2];
	memset(key, 'k', sizeof key - 1);
	ck_assert(say(1, key, 5, 60, NOW_MS) == UINT64_MAX);
	ck_assert_uint_eq(shared_counters_size(), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("shared_counters");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, NULL, shared_counters_clear);
	tcase_add_test(t, each_hears_what_the_others_have);
	tcase_add_test(t, what_is_said_twice_counts_once);
	tcase_add_test(t, what_a_node_counted_before_it_began_anew_is_kept);
	tcase_add_test(t, windows_end);
	tcase_add_test(t, long_keys_are_passed_over);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
