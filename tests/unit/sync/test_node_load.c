/* node_load: buckets and what is read out of them. */
#include <check.h>
#include <stdlib.h>

#include "common/sync/node_load.h"

START_TEST(every_time_is_in_the_bucket_that_holds_it)
{
	for (uint64_t us = 0; us < 9000000; us += 1 + us / 50) {
		unsigned i = node_load_bucket(us);
		ck_assert_uint_lt(i, NODE_LOAD_BUCKETS);
		ck_assert_uint_le(node_load_begin_us(i), us);
		ck_assert(i == NODE_LOAD_BUCKETS - 1 || us < node_load_begin_us(i + 1));
	}
	ck_assert_uint_eq(node_load_bucket(UINT64_MAX), NODE_LOAD_BUCKETS - 1);
	ck_assert_uint_eq(node_load_begin_us(1), NODE_LOAD_FIRST_US);
	ck_assert_uint_eq(node_load_begin_us(2), 96);
	ck_assert_uint_eq(node_load_begin_us(3), 128);
}
END_TEST

START_TEST(quantiles_are_within_a_bucket_of_the_truth)
{
	uint64_t counts[NODE_LOAD_BUCKETS] = {0};

	ck_assert_double_eq(node_load_quantile_ms(counts, 0.99), 0);
	for (unsigned ms = 1; ms <= 100; ms++)
		counts[node_load_bucket(ms * 1000)]++;
	double p50 = node_load_quantile_ms(counts, 0.5), p99 = node_load_quantile_ms(counts, 0.99);
	ck_assert_msg(p50 > 40 && p50 < 60, "%f", p50);
	ck_assert_msg(p99 > 80 && p99 < 135, "%f", p99);
}
END_TEST

/* Another release may have more buckets, or fewer. */
START_TEST(what_is_told_is_taken)
{
	struct node_load is = {.requests = 7,
	                         .errors_4xx = 1,
	                         .errors_5xx = 2,
	                         .upstream_us = 300,
	                         .upstream_answers = 4},
	                 got;
	Gatehouse__Sync__NodeLoad told;
	uint64_t more[NODE_LOAD_BUCKETS + 2];

	is.latency[3] = 7;
	node_load_tell(&is, &told);
	node_load_take(&told, &got);
	ck_assert_mem_eq(&is, &got, sizeof is);
	for (unsigned i = 0; i < NODE_LOAD_BUCKETS + 2; i++)
		more[i] = 1;
	told.latency = more;
	told.n_latency = NODE_LOAD_BUCKETS + 2;
	node_load_take(&told, &got);
	ck_assert_uint_eq(got.latency[NODE_LOAD_BUCKETS - 1], 3);
	told.n_latency = 1;
	node_load_take(&told, &got);
	ck_assert_uint_eq(got.latency[0] + got.latency[1], 1);
	node_load_take(NULL, &got);
	ck_assert_uint_eq(got.requests, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("node_load");
	TCase *c = tcase_create("all");
	tcase_add_test(c, every_time_is_in_the_bucket_that_holds_it);
	tcase_add_test(c, quantiles_are_within_a_bucket_of_the_truth);
	tcase_add_test(c, what_is_told_is_taken);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
