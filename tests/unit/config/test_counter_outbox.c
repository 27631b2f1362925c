/* counter_outbox: what a node has counted gets to the control plane, and what the others have gets here, also when
 * Polls are lost and control planes change (policy cluster). */
#include <check.h>
#include <stdio.h>

#include "dp/config/counter_outbox.h"

enum { KEYS = 20, LONG = 1000 };
static struct {
	const char *key;
	int64_t own, others;
	bool is_news;
} cells[KEYS];

static bool news(void *arg, bool (*fn)(void *, struct slice, int64_t, uint32_t), void *fn_arg)
{
	for (int i = 0; i < KEYS; i++) {
		if (!cells[i].key || !cells[i].is_news)
			continue;
		if (!fn(fn_arg, slice_cstr(cells[i].key), cells[i].own, 60))
			return true;
		cells[i].is_news = false;
	}
	return false;
}

static void tell_again(void *arg, struct slice key)
{
	for (int i = 0; i < KEYS; i++)
		if (cells[i].key && (!slice_is_set(key) || slice_eq(key, slice_cstr(cells[i].key))))
			cells[i].is_news = true;
}

static void learn(void *arg, struct slice key, int64_t others)
{
	for (int i = 0; i < KEYS; i++)
		if (slice_eq(key, slice_cstr(cells[i].key)))
			cells[i].others = others;
}

static const struct counter_source source = {news, tell_again, learn, NULL};
static struct counter_outbox outbox;
static char long_keys[KEYS][LONG + 1], too_long[COUNTER_KEY_MAX + 2];

static void setup(void)
{
	outbox = (struct counter_outbox){.source = &source};
	memset(cells, 0, sizeof cells);
	cells[0].key = "a";
	cells[1].key = "b";
}

static void teardown(void)
{
	counter_outbox_fini(&outbox);
}

static size_t poll(void)
{
	Gatehouse__Sync__Poll p = GATEHOUSE__SYNC__POLL__INIT;
	counter_outbox_fill(&outbox, &p);
	return p.n_counters;
}

/* Of the control plane `process`, about the first n of cells. */
static bool answer(uint64_t process, size_t n, bool *soon)
{
	Gatehouse__Sync__Envelope e = GATEHOUSE__SYNC__ENVELOPE__INIT;
	Gatehouse__Sync__CounterTotal totals[KEYS], *list[KEYS];
	for (size_t i = 0; i < n; i++) {
		gatehouse__sync__counter_total__init(&totals[i]);
		totals[i].key = (char *)cells[i].key;
		totals[i].others = 10 + i;
		list[i] = &totals[i];
	}
	e.process = process;
	e.counters = list;
	e.n_counters = n;
	return counter_outbox_take(&outbox, &e, soon);
}

START_TEST(counts_go_out_once_and_totals_come_in)
{
	bool soon = false;
	cells[0].is_news = cells[1].is_news = true;
	ck_assert_uint_eq(poll(), 2);
	ck_assert(!answer(1, 2, &soon));
	ck_assert(soon);
	ck_assert_int_eq(cells[1].others, 11);
	soon = false;
	ck_assert_uint_eq(poll(), 0);
	answer(1, 0, &soon);
	ck_assert(!soon);
}
END_TEST

START_TEST(what_nobody_answered_is_said_again)
{
	bool soon = false;
	cells[0].is_news = true;
	ck_assert_uint_eq(poll(), 1);
	ck_assert_uint_eq(poll(), 1);
	answer(1, 0, &soon); /* of another matter: a configuration */
	ck_assert_uint_eq(poll(), 1);
	answer(1, 1, &soon);
	ck_assert_uint_eq(poll(), 0);
}
END_TEST

START_TEST(another_control_plane_is_told_everything)
{
	bool soon = false;
	cells[0].is_news = true;
	poll();
	answer(1, 1, &soon);
	ck_assert_uint_eq(poll(), 0);
	answer(2, 0, &soon);
	ck_assert_uint_eq(poll(), 2);
}
END_TEST

START_TEST(what_has_no_room_follows)
{
	bool soon = false;
	for (int i = 0; i < KEYS; i++) {
		memset(long_keys[i], 'a' + i, LONG);
		cells[i].key = long_keys[i];
	}
	tell_again(NULL, slice_of(NULL, 0));
	size_t first = poll();
	ck_assert(first > 5 && first < KEYS);
	ck_assert(answer(1, first, &soon));
	ck_assert_uint_eq(poll(), KEYS - first);
	ck_assert(!answer(1, KEYS - first, &soon));
}
END_TEST

START_TEST(a_key_that_is_too_long_holds_nothing_up)
{
	bool soon = false;
	memset(too_long, 'x', sizeof too_long - 1);
	cells[2].key = too_long;
	tell_again(NULL, slice_of(NULL, 0));
	ck_assert_uint_eq(poll(), 2);
	ck_assert(!answer(1, 2, &soon));
	ck_assert_uint_eq(poll(), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("counter_outbox");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, counts_go_out_once_and_totals_come_in);
	tcase_add_test(t, what_nobody_answered_is_said_again);
	tcase_add_test(t, another_control_plane_is_told_everything);
	tcase_add_test(t, what_has_no_room_follows);
	tcase_add_test(t, a_key_that_is_too_long_holds_nothing_up);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
