/* balancer: who gets which request, for each algorithm (proxy.md 5.4 to 5.9), and what stays over changes (6.5). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/log.h"
#include "dp/upstream/balancer_private.h"
#include "dp/upstream/pick.h"
#include "tests/support/balancing.h"
#include "tests/support/loading.h"
#include "tests/support/turns.h"

#define CHECKS "'healthchecks':{'passive':{'unhealthy':{'tcp_failures':1}}},"

static struct balancing b;

static void setup(void)
{
	log_set_level(LOG_ERROR);
	balancing_begin(&b, NULL);
}

static void teardown(void)
{
	balancing_end(&b);
}

/* What the thread does after a change of health. */
static void settle(void)
{
	turns_for(b.loop, 3);
}

static void expect_shares(int picks, int first_port, const int *shares, size_t n)
{
	int seen[16] = {0};
	for (int i = 0; i < picks; i++) {
		int port = balancing_pick(&b);
		ck_assert_int_ge(port, first_port);
		ck_assert_int_lt(port, first_port + (int)n);
		seen[port - first_port]++;
	}
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(seen[i] == shares[i], "port %d: %d of %d, expected %d", first_port + (int)i, seen[i],
		        picks, shares[i]);
}

/* ---- round-robin (5.4) ----------------------------------------------------------------------------------------- */

START_TEST(over_a_full_turn_each_gets_its_weight)
{
	balancing_set(&b, "", "10.0.0.1:1=7 10.0.0.2:2=3 10.0.0.3:3=1 10.0.0.4:4=13");
	for (int turn = 0; turn < 5; turn++)
		expect_shares(24, 1, (int[]){7, 3, 1, 13}, 4);
	balancing_set(&b, "", "10.0.0.1:1=65535 10.0.0.2:2=1");
	expect_shares(65536, 1, (int[]){65535, 1}, 2);
}
END_TEST

START_TEST(example_101_any_full_turn_wherever_it_begins)
{
	balancing_set(&b, "", "10.0.0.1:1=100 10.0.0.2:2=50");
	for (int from = 0; from < 4; from++) {
		expect_shares(300, 1, (int[]){200, 100}, 2);
		balancing_pick(&b);
	}
}
END_TEST

START_TEST(equal_targets_take_turns)
{
	balancing_set(&b, "", "10.0.0.1:1=100 10.0.0.2:2=100");
	for (int i = 0, last = 0; i < 10; i++) {
		int port = balancing_pick(&b);
		ck_assert_int_ne(port, last);
		last = port;
	}
}
END_TEST

START_TEST(what_is_unhealthy_is_skipped_at_once_and_shares_stay_exact)
{
	balancing_set(&b, CHECKS, "10.0.0.1:1=2 10.0.0.2:2=3 10.0.0.3:3=5");
	peer_report_failure(balancing_peer(&b, 2), false);
	for (int i = 0; i < 50; i++) /* before the view is built anew, too */
		ck_assert_int_ne(balancing_pick(&b), 2);
	settle();
	expect_shares(7, 1, (int[]){2, 0, 5}, 3);
	peer_mark(balancing_peer(&b, 2), true);
	settle();
	expect_shares(10, 1, (int[]){2, 3, 5}, 3);
}
END_TEST

START_TEST(example_107_without_weight_there_is_no_peer)
{
	balancing_set(&b, "", "10.0.0.1:1=0 10.0.0.2:2=0");
	ck_assert_int_eq(balancing_pick(&b), 0);
	balancing_set(&b, "", "10.0.0.1:1=0 10.0.0.2:2=5");
	expect_shares(10, 1, (int[]){0, 10}, 2);
	balancing_set(&b, "", "");
	ck_assert_int_eq(balancing_pick(&b), 0);
}
END_TEST

START_TEST(a_plain_host_is_picked_as_it_is)
{
	struct destination d = {.host = S("h.test"), .port = 81, .host_header = S("h.test:81")};
	struct balancer_query q = {0};
	struct pick p;
	ck_assert_int_eq(pick_next(&d, NULL, &q, &p), BALANCER_PICKED);
	ck_assert(slice_eq(p.host, S("h.test")) && p.port == 81 && p.address_len == 0 && !p.peer);
	ck_assert(slice_eq(p.host_header, S("h.test:81")));
}
END_TEST

/* ---- consistent-hashing (5.5): the expected answers were computed from the contract's text in another language - */

#define HASH "'algorithm':'consistent-hashing','hash_on':'ip',"

static const char *owners(char *out, int keys)
{
	char key[16];
	for (int i = 0; i < keys; i++) {
		snprintf(key, sizeof key, "key%d", i);
		out[i] = (char)('0' + balancing_pick_hash(&b, key) % 10);
	}
	out[keys] = '\0';
	return out;
}

START_TEST(hashes_are_xxh32)
{
	ck_assert_uint_eq(balancer_hash(S("")), 0x02cc5d05);
	ck_assert_uint_eq(balancer_hash(S("a")), 0x550d7456);
	ck_assert_uint_eq(balancer_hash(S("abcdefghijklmnopqrstuvwxyz")), 0x63a14d5f);
}
END_TEST

START_TEST(the_continuum_is_kongs)
{
	char got[64];
	balancing_set(&b, HASH "'slots':10,", "10.0.0.1:81=100 10.0.0.2:82=50 10.0.0.3:8083=1"); /* 10: 1000 */
	ck_assert_str_eq(owners(got, 60), "111111111121122121122112121232211211111211121112121122121212");
	balancing_set(&b, HASH, "10.0.0.1:81=100 10.0.0.2:82=50 10.0.0.3:8083=1");
	ck_assert_str_eq(owners(got, 60), "111121221122121122111122222111211111122312111122121112122212");
}
END_TEST

START_TEST(each_address_has_its_entries)
{
	balancing_set(&b, HASH "'slots':1000,", "10.0.0.1:81=100 10.0.0.2:82=50 10.0.0.3:8083=1");
	const struct view *v = atomic_load(&balancing_pool(&b)->balancer->view);
	unsigned seen[4] = {0};
	for (uint32_t i = 0; i < v->ring->points; i++)
		seen[v->ring->at[i]]++;
	ck_assert_uint_eq(seen[1], 317);
	ck_assert_uint_eq(seen[2], 158);
	ck_assert_uint_eq(seen[3], 3);
}
END_TEST

START_TEST(example_108_only_the_keys_of_what_goes_move)
{
	char before[301], after[301];
	balancing_set(&b, HASH, "10.0.0.1:1=100 10.0.0.2:2=100 10.0.0.3:3=100");
	owners(before, 300);
	balancing_set(&b, HASH, "10.0.0.1:1=100 10.0.0.2:2=100");
	owners(after, 300);
	for (int i = 0; i < 300; i++)
		ck_assert(before[i] == '3' || before[i] == after[i]);
	ck_assert(strchr(before, '1') && strchr(before, '2') && strchr(before, '3'));
}
END_TEST

START_TEST(what_is_unhealthy_gives_its_keys_away_and_gets_them_back)
{
	char before[201], during[201], after[201];
	balancing_set(&b, HASH CHECKS, "10.0.0.1:1=100 10.0.0.2:2=100 10.0.0.3:3=100");
	owners(before, 200);
	peer_mark(balancing_peer(&b, 2), false);
	owners(during, 200);
	settle();
	ck_assert_str_eq(owners(after, 200), during);
	for (int i = 0; i < 200; i++)
		ck_assert(before[i] == '2' ? during[i] != '2' : during[i] == before[i]);
	peer_mark(balancing_peer(&b, 2), true);
	settle();
	ck_assert_str_eq(owners(after, 200), before);
}
END_TEST

START_TEST(more_targets_than_points_fill_the_ring_and_no_more)
{
	struct text targets = {0};
	for (int i = 0; i < 400; i++)
		text_printf(&targets, "10.0.%d.%d:80=100 ", i / 250, i % 250 + 1);
	balancing_set(&b, HASH "'slots':1000,", text_cstr(&targets));
	text_fini(&targets);
	const struct view *v = atomic_load(&balancing_pool(&b)->balancer->view);
	ck_assert_uint_eq(v->ring->points, 1000);
	ck_assert_int_eq(balancing_pick_hash(&b, "x"), 80);
}
END_TEST

/* ---- least-connections (5.6) ----------------------------------------------------------------------------------- */

#define LEAST "'algorithm':'least-connections',"

START_TEST(example_111_the_idle_one_is_chosen)
{
	balancing_set(&b, LEAST, "10.0.0.1:1=1 10.0.0.2:2=1");
	struct balancer_pick busy = balancing_take(&b);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(balancing_pick(&b), 3 - balancing_port(&busy));
	peer_release(busy.peer);
}
END_TEST

START_TEST(connections_settle_by_weight)
{
	struct balancer_pick taken[60];
	int seen[5] = {0};
	balancing_set(&b, LEAST, "10.0.0.1:1=30 10.0.0.2:2=20 10.0.0.3:3=9 10.0.0.4:4=1");
	for (int i = 0; i < 60; i++) {
		taken[i] = balancing_take(&b);
		seen[balancing_port(&taken[i])]++;
	}
	ck_assert_int_eq(seen[1], 30);
	ck_assert_int_eq(seen[2], 20);
	ck_assert_int_eq(seen[3], 9);
	ck_assert_int_eq(seen[4], 1);
	for (int i = 0; i < 60; i++)
		peer_release(taken[i].peer);
}
END_TEST

START_TEST(equals_take_turns)
{
	balancing_set(&b, LEAST, "10.0.0.1:1=5 10.0.0.2:2=5 10.0.0.3:3=5");
	expect_shares(9, 1, (int[]){3, 3, 3}, 3);
}
END_TEST

static int pick_without(struct peer **failed, size_t n)
{
	struct balancer_query q = {.failed = failed, .failed_count = n};
	struct balancer_pick p;
	if (balancer_pick(balancing_pool(&b), &q, &p) != BALANCER_PICKED)
		return 0;
	peer_release(p.peer);
	return balancing_port(&p);
}

START_TEST(a_retry_passes_over_what_has_failed_until_all_have)
{
	balancing_set(&b, LEAST, "10.0.0.1:1=9 10.0.0.2:2=5 10.0.0.3:3=1");
	struct peer *failed[] = {balancing_peer(&b, 1), balancing_peer(&b, 2), balancing_peer(&b, 3)};
	ck_assert_int_eq(pick_without(failed, 1), 2);
	ck_assert_int_eq(pick_without(failed, 2), 3);
	ck_assert_int_eq(pick_without(failed, 3), 1); /* the list is forgotten */
}
END_TEST

START_TEST(active_counts_outlive_a_change)
{
	balancing_set(&b, LEAST, "10.0.0.1:1=1 10.0.0.2:2=1");
	struct balancer_pick busy = balancing_take(&b);
	int other = 3 - balancing_port(&busy);
	balancing_set(&b, LEAST "'slots':500,", "10.0.0.1:1=1 10.0.0.2:2=1");
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(balancing_pick(&b), other);
	peer_release(busy.peer);
	expect_shares(4, 1, (int[]){2, 2}, 2);
}
END_TEST

START_TEST(no_connections_go_to_the_unhealthy)
{
	balancing_set(&b, LEAST CHECKS, "10.0.0.1:1=100 10.0.0.2:2=1");
	peer_report_failure(balancing_peer(&b, 1), true); /* a time-out has no limit here */
	ck_assert_int_eq(balancing_pick(&b), 1);
	peer_report_failure(balancing_peer(&b, 1), false);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(balancing_pick(&b), 2);
}
END_TEST

/* ---- latency (5.7) --------------------------------------------------------------------------------------------- */

#define LATENCY "'algorithm':'latency',"
#define MS      UINT64_C(1000000)

START_TEST(the_quickest_for_its_weight_is_chosen)
{
	balancing_set(&b, LATENCY, "10.0.0.1:1=1 10.0.0.2:2=1 10.0.0.3:3=4");
	peer_measured(balancing_peer(&b, 1), 30 * MS);
	peer_measured(balancing_peer(&b, 2), 20 * MS);
	peer_measured(balancing_peer(&b, 3), 100 * MS);
	ck_assert_int_eq(balancing_pick(&b), 2);
	peer_measured(balancing_peer(&b, 3), 1 * MS); /* hardly any weight: it is just as old as the other */
	ck_assert_int_eq(balancing_pick(&b), 2);
}
END_TEST

START_TEST(what_was_never_measured_is_tried_first)
{
	balancing_set(&b, LATENCY, "10.0.0.1:1=1 10.0.0.2:2=1");
	peer_measured(balancing_peer(&b, 1), 1 * MS);
	ck_assert_int_eq(balancing_pick(&b), 2);
}
END_TEST

START_TEST(what_comes_later_starts_at_the_mean)
{
	balancing_set(&b, LATENCY, "10.0.0.1:1=1 10.0.0.2:2=1");
	peer_measured(balancing_peer(&b, 1), 10 * MS);
	peer_measured(balancing_peer(&b, 2), 30 * MS);
	balancing_set(&b, LATENCY, "10.0.0.1:1=1 10.0.0.2:2=1 10.0.0.3:3=1");
	double mean = balancing_peer(&b, 3)->ewma;
	ck_assert_double_gt(mean, 0.0199);
	ck_assert_double_le(mean, 0.0200001);
	ck_assert_int_eq(balancing_pick(&b), 1);
}
END_TEST

START_TEST(without_any_left_there_is_no_peer)
{
	balancing_set(&b, LATENCY, "10.0.0.1:1=1 10.0.0.2:2=1");
	struct peer *failed[] = {balancing_peer(&b, 1), balancing_peer(&b, 2)};
	ck_assert_int_eq(pick_without(failed, 1), 2);
	ck_assert_int_eq(pick_without(failed, 2), 0);
}
END_TEST

/* ---- health and what is remembered (6.5, 6.6) ------------------------------------------------------------------ */

START_TEST(example_106_the_threshold)
{
	balancing_set(&b, "'healthchecks':{'threshold':50,'passive':{'unhealthy':{'http_failures':1}}},",
	        "10.0.0.1:1=100 10.0.0.2:2=100");
	ck_assert_int_ne(balancing_pick(&b), 0);
	peer_report_status(balancing_peer(&b, 1), 500);
	ck_assert_int_eq(balancing_pick(&b), 0);
	settle();
	ck_assert_int_eq(balancing_pick(&b), 0);
	peer_mark(balancing_peer(&b, 1), true);
	ck_assert_int_ne(balancing_pick(&b), 0);
}
END_TEST

START_TEST(health_outlives_changes_of_the_upstream_and_its_targets)
{
	balancing_set(&b, CHECKS, "10.0.0.1:1=1 10.0.0.2:2=1");
	peer_report_failure(balancing_peer(&b, 1), false);
	balancing_set(&b, CHECKS "'slots':77,", "10.0.0.1:1=50 10.0.0.2:2=1");
	expect_shares(5, 1, (int[]){0, 5}, 2);
	balancing_set(&b, CHECKS, "10.0.0.2:2=1");                           /* it goes ... */
	balancing_set(&b, CHECKS, "10.0.0.1:1=1 10.0.0.2:2=1 10.0.0.3:3=1"); /* ... and comes back within 300 s */
	expect_shares(6, 1, (int[]){0, 3, 3}, 3);
	balancing_set(&b, NULL, NULL); /* even if the upstream itself was away */
	balancing_set(&b, CHECKS, "10.0.0.1:1=1 10.0.0.2:2=1");
	expect_shares(4, 1, (int[]){0, 4}, 2);
}
END_TEST

START_TEST(another_host_of_the_same_address_is_another_matter)
{
	balancing_set(&b, CHECKS, "10.0.0.1:1=1 10.0.0.1:2=1");
	peer_report_failure(balancing_peer(&b, 1), false);
	ck_assert(!is_health_good(&balancing_peer(&b, 1)->health));
	ck_assert(is_health_good(&balancing_peer(&b, 2)->health));
}
END_TEST

START_TEST(without_checks_nothing_is_counted_and_all_get_traffic)
{
	balancing_set(&b, CHECKS, "10.0.0.1:1=1 10.0.0.2:2=1");
	peer_report_failure(balancing_peer(&b, 1), false);
	balancing_set(&b, "", "10.0.0.1:1=1 10.0.0.2:2=1");
	expect_shares(4, 1, (int[]){2, 2}, 2);
	peer_report_failure(balancing_peer(&b, 2), false);
	expect_shares(4, 1, (int[]){2, 2}, 2);
}
END_TEST

START_TEST(a_request_outlives_its_upstream)
{
	balancing_set(&b, CHECKS, "10.0.0.1:1=1");
	struct balancer_pick p = balancing_take(&b);
	balancing_set(&b, NULL, NULL);
	settle();
	peer_report_failure(p.peer, false);
	peer_release(p.peer);
	ck_assert_int_eq(balancing_port(&p), 1); /* its view is kept while a snapshot may know it */
}
END_TEST

/* ---- slow start ------------------------------------------------------------------------------------------------ */

static void restart_with_slow_start(void)
{
	balancing_end(&b);
	balancing_begin(&b, &(struct balancers_options){.slow_start_ms = 3600 * 1000});
}

START_TEST(what_is_there_from_the_beginning_has_its_share)
{
	restart_with_slow_start();
	balancing_set(&b, "", "10.0.0.1:1=1 10.0.0.2:2=1");
	expect_shares(20, 1, (int[]){10, 10}, 2);
}
END_TEST

START_TEST(what_comes_gets_a_tenth_of_its_turns_at_first)
{
	restart_with_slow_start();
	balancing_set(&b, "", "10.0.0.1:1=1");
	balancing_set(&b, "", "10.0.0.1:1=1 10.0.0.2:2=1");
	int seen = 0;
	for (int i = 0; i < 110; i++)
		seen += balancing_pick(&b) == 2;
	ck_assert_int_eq(seen, 10); /* of 100 turns of its own in 110 picks */
}
END_TEST

START_TEST(what_recovers_starts_slowly_too)
{
	restart_with_slow_start();
	balancing_set(&b, CHECKS, "10.0.0.1:1=1 10.0.0.2:2=1");
	peer_mark(balancing_peer(&b, 2), false);
	settle();
	expect_shares(10, 1, (int[]){10, 0}, 2);
	peer_mark(balancing_peer(&b, 2), true);
	settle();
	int seen = 0;
	for (int i = 0; i < 110; i++)
		seen += balancing_pick(&b) == 2;
	ck_assert_int_eq(seen, 10);
}
END_TEST

START_TEST(who_is_alone_serves_all_the_same)
{
	restart_with_slow_start();
	balancing_set(&b, "", "10.0.0.1:1=1");
	balancing_set(&b, "", "10.0.0.2:2=1");
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(balancing_pick(&b), 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("balancer");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, over_a_full_turn_each_gets_its_weight);
	tcase_add_test(t, example_101_any_full_turn_wherever_it_begins);
	tcase_add_test(t, equal_targets_take_turns);
	tcase_add_test(t, what_is_unhealthy_is_skipped_at_once_and_shares_stay_exact);
	tcase_add_test(t, example_107_without_weight_there_is_no_peer);
	tcase_add_test(t, a_plain_host_is_picked_as_it_is);
	tcase_add_test(t, hashes_are_xxh32);
	tcase_add_test(t, the_continuum_is_kongs);
	tcase_add_test(t, each_address_has_its_entries);
	tcase_add_test(t, example_108_only_the_keys_of_what_goes_move);
	tcase_add_test(t, what_is_unhealthy_gives_its_keys_away_and_gets_them_back);
	tcase_add_test(t, more_targets_than_points_fill_the_ring_and_no_more);
	tcase_add_test(t, example_111_the_idle_one_is_chosen);
	tcase_add_test(t, connections_settle_by_weight);
	tcase_add_test(t, equals_take_turns);
	tcase_add_test(t, a_retry_passes_over_what_has_failed_until_all_have);
	tcase_add_test(t, active_counts_outlive_a_change);
	tcase_add_test(t, no_connections_go_to_the_unhealthy);
	tcase_add_test(t, the_quickest_for_its_weight_is_chosen);
	tcase_add_test(t, what_was_never_measured_is_tried_first);
	tcase_add_test(t, what_comes_later_starts_at_the_mean);
	tcase_add_test(t, without_any_left_there_is_no_peer);
	tcase_add_test(t, example_106_the_threshold);
	tcase_add_test(t, health_outlives_changes_of_the_upstream_and_its_targets);
	tcase_add_test(t, another_host_of_the_same_address_is_another_matter);
	tcase_add_test(t, without_checks_nothing_is_counted_and_all_get_traffic);
	tcase_add_test(t, a_request_outlives_its_upstream);
	tcase_add_test(t, what_is_there_from_the_beginning_has_its_share);
	tcase_add_test(t, what_comes_gets_a_tenth_of_its_turns_at_first);
	tcase_add_test(t, what_recovers_starts_slowly_too);
	tcase_add_test(t, who_is_alone_serves_all_the_same);
	suite_add_tcase(s, t);
	return run_suite(s);
}
