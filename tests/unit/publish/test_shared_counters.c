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

/* ---- other control planes ---- */

static json_t *from_another(const char *key, unsigned char who, int count)
{
	struct uuid id = node(who);
	char text[UUID_TEXT + 1];
	uuid_format(&id, text);
	return json_pack("{s:{s:i, s:{s:i}}}", key, "left", 60, "nodes", text, count);
}

static void import(const char *key, unsigned char who, int count)
{
	json_t *counters = from_another(key, who, count);
	shared_counters_import(counters, 100, NOW_MS);
	json_decref(counters);
}

START_TEST(what_another_control_plane_has_heard_counts_too_and_once)
{
	say(1, "k", 5, 60, NOW_MS);
	import("k", 9, 4);
	import("k", 9, 4);
	import("k", 9, 3); /* an older one, later */
	ck_assert_uint_eq(say(1, "k", 6, 60, NOW_MS), 4);
	import("k", 1, 6); /* it has heard of our own as well */
	ck_assert_uint_eq(say(1, "k", 6, 60, NOW_MS), 4);
	ck_assert_uint_eq(say(2, "k", 1, 60, NOW_MS), 10);
}
END_TEST

START_TEST(a_node_that_moves_over_goes_on_where_it_was)
{
	import("k", 1, 50); /* in two lives, of which the second had come to 3 */
	ck_assert_uint_eq(say(1, "k", 3, 60, NOW_MS), 47);
	ck_assert_uint_eq(say(1, "k", 10, 60, NOW_MS), 47);
	ck_assert_uint_eq(say(2, "k", 1, 60, NOW_MS), 57);
}
END_TEST

START_TEST(what_was_heard_here_is_told_to_others)
{
	say(1, "k", 5, 60, NOW_MS);
	import("k", 9, 4);
	ck_assert(shared_counters_have_news());
	json_t *told = shared_counters_export(NOW_MS + 1000), *k = json_object_get(told, "k");
	ck_assert(!shared_counters_have_news());
	ck_assert_int_eq(json_integer_value(json_object_get(k, "left")), 59);
	ck_assert_uint_eq(json_object_size(json_object_get(k, "nodes")), 1); /* not what others have told us */
	json_decref(told);
	told = shared_counters_export(NOW_MS + SHARED_COUNTERS_EXPORT_MS + 1);
	ck_assert_uint_eq(json_object_size(told), 0);
	json_decref(told);
}
END_TEST

START_TEST(nonsense_from_another_is_left_out)
{
	json_t *bad = json_pack("{s:i, s:{s:i}, s:{s:i, s:{s:i, s:s}}}", "a", 1, "b", "left", 60, "c", "left", 60,
	        "nodes", "no uuid", 5, "00000000-0000-4000-8000-000000000001", "x");
	shared_counters_import(bad, 0, NOW_MS);
	shared_counters_import(NULL, 0, NOW_MS);
	ck_assert_uint_eq(say(1, "c", 1, 60, NOW_MS), 0);
	json_decref(bad);
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
	tcase_add_test(t, what_another_control_plane_has_heard_counts_too_and_once);
	tcase_add_test(t, a_node_that_moves_over_goes_on_where_it_was);
	tcase_add_test(t, what_was_heard_here_is_told_to_others);
	tcase_add_test(t, nonsense_from_another_is_left_out);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
