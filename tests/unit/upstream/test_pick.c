/* pick: shares by weight, exactly (proxy.md 5.4). */
#include <check.h>
#include <stdlib.h>

#include "dp/upstream/pick.h"

enum { TARGETS_MAX = 8 };

static struct picker picker;
static struct upstream upstream;
static struct target_def targets[TARGETS_MAX];

static const struct destination named; /* by an upstream: nothing of its own counts */

static struct upstream_def targets_of(const int *weights, size_t n)
{
	for (size_t i = 0; i < n; i++)
		targets[i] = (struct target_def){.port = (int)i, .weight = weights[i]};
	return (struct upstream_def){.upstream = &upstream, .targets = targets, .targets_count = n};
}

static void fresh(void)
{
	picker = (struct picker){0};
	upstream.id = uuid_v4();
}

static void done(void)
{
	picker_fini(&picker);
}

static void expect_shares(const int *weights, size_t n, int turns)
{
	struct upstream_def u = targets_of(weights, n);
	int total = 0, seen[TARGETS_MAX] = {0};
	for (size_t i = 0; i < n; i++)
		total += weights[i];
	for (int i = 0; i < total * turns; i++) {
		struct pick p;
		ck_assert(pick_next(&picker, &named, &u, &p));
		seen[p.port]++;
	}
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(seen[i], weights[i] * turns);
}

START_TEST(every_target_gets_its_weight_in_a_full_turn)
{
	expect_shares((const int[]){1, 1, 1}, 3, 5);
	expect_shares((const int[]){100, 50}, 2, 3);
	expect_shares((const int[]){7, 3, 1, 13}, 4, 4);
	expect_shares((const int[]){65535, 1}, 2, 1);
}
END_TEST

START_TEST(a_weight_of_zero_gets_nothing)
{
	expect_shares((const int[]){5, 0, 5}, 3, 2);
}
END_TEST

START_TEST(equal_targets_take_turns)
{
	const int weights[] = {100, 100};
	struct upstream_def u = targets_of(weights, 2);
	int last = -1;
	for (int i = 0; i < 10; i++) {
		struct pick p;
		ck_assert(pick_next(&picker, &named, &u, &p));
		ck_assert_int_ne(p.port, last);
		last = p.port;
	}
}
END_TEST

START_TEST(without_weight_there_is_no_peer)
{
	const int weights[] = {0, 0};
	struct upstream_def none = targets_of(weights, 0), zero = targets_of(weights, 2);
	struct pick p;
	ck_assert(!pick_next(&picker, &named, &none, &p));
	ck_assert(!pick_next(&picker, &named, &zero, &p));
}
END_TEST

START_TEST(a_plain_host_is_picked_as_it_is)
{
	struct destination d = {.host = S("h.test"), .port = 81, .host_header = S("h.test:81")};
	struct pick p;
	ck_assert(pick_next(&picker, &d, NULL, &p));
	ck_assert(slice_eq(p.host, S("h.test")) && p.port == 81 && p.address_len == 0);
	ck_assert(slice_eq(p.host_header, S("h.test:81")));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pick");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, fresh, done);
	tcase_add_test(t, every_target_gets_its_weight_in_a_full_turn);
	tcase_add_test(t, a_weight_of_zero_gets_nothing);
	tcase_add_test(t, equal_targets_take_turns);
	tcase_add_test(t, without_weight_there_is_no_peer);
	tcase_add_test(t, a_plain_host_is_picked_as_it_is);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
