/* report: what is told of balancers, in pieces that fit, and marks (proxy.md 6.7). */
#include <check.h>
#include <stdlib.h>

#include "common/core/log.h"
#include "dp/upstream/balancer_private.h"
#include "dp/upstream/report.h"
#include "tests/support/balancing.h"
#include "tests/support/loading.h"
#include "tests/support/records.h"
#include "tests/support/turns.h"

#define CHECKS "'healthchecks':{'passive':{'unhealthy':{'tcp_failures':1}}},"

static struct balancing b;
static struct arena arena;

static void setup(void)
{
	log_set_level(LOG_ERROR);
	arena_init(&arena);
	balancing_begin(&b, NULL);
}

static void teardown(void)
{
	balancing_end(&b);
	arena_fini(&arena);
}

static struct health_batch since(uint64_t after, size_t room)
{
	struct health_batch batch;
	balancers_report(b.all, after, room, &arena, &batch);
	return batch;
}

START_TEST(an_upstream_is_told_whole)
{
	balancing_set(&b, CHECKS, "10.0.0.1:1=10 [2001:db8::1]:2=5");
	struct health_batch batch = since(0, 10000);
	ck_assert_uint_eq(batch.count, 1);
	const Gatehouse__Sync__UpstreamHealth *u = batch.items[0];
	ck_assert_str_eq(u->name, "pool");
	ck_assert(u->checked && u->healthy && !u->gone && u->n_targets == 2);
	const Gatehouse__Sync__TargetHealth *first = u->targets[0], *second = u->targets[1];
	ck_assert_str_eq(first->dns, "A");
	ck_assert_str_eq(first->addresses[0]->ip, "10.0.0.1");
	ck_assert(
	        first->addresses[0]->port == 1 && first->addresses[0]->weight == 10 && first->addresses[0]->healthy);
	ck_assert_str_eq(second->dns, "AAAA");
	ck_assert_str_eq(second->addresses[0]->ip, "[2001:0db8:0000:0000:0000:0000:0000:0001]");
}
END_TEST

START_TEST(only_what_has_changed_is_told)
{
	balancing_set(&b, CHECKS, "10.0.0.1:1=10 10.0.0.2:2=5");
	uint64_t heard = since(0, 10000).upto;
	ck_assert_uint_eq(since(heard, 10000).count, 0);
	peer_report_failure(balancing_peer(&b, 2), false);
	turns_for(b.loop, 3);
	struct health_batch batch = since(heard, 10000);
	ck_assert_uint_eq(batch.count, 1);
	ck_assert(!batch.items[0]->targets[1]->addresses[0]->healthy);
	ck_assert_uint_eq(since(batch.upto, 10000).count, 0);
	balancing_set(&b, NULL, NULL);
	batch = since(batch.upto, 10000);
	ck_assert(batch.count == 1 && batch.items[0]->gone && batch.items[0]->n_targets == 0);
}
END_TEST

START_TEST(what_has_no_room_comes_next_time)
{
	balancing_set(&b, CHECKS, "10.0.0.1:1=10");
	struct health_batch batch = since(0, 10);
	ck_assert(batch.count == 0 && batch.more && batch.upto == 0);
	batch = since(0, 1000);
	ck_assert(batch.count == 1 && !batch.more);
}
END_TEST

START_TEST(of_too_many_addresses_the_unhealthy_are_told)
{
	struct text targets = {0};
	for (int i = 0; i < 399; i++)
		text_printf(&targets, "10.0.0.%d:%d=1 ", i % 250 + 1, i + 1);
	text_puts(&targets, "10.1.0.1:5000=1 10.1.0.2:5001=1");
	balancing_set(&b, CHECKS, text_cstr(&targets));
	text_fini(&targets);
	struct health_batch batch = since(0, 1 << 20);
	ck_assert_uint_eq(batch.items[0]->n_targets, 400);
	ck_assert_uint_eq(batch.items[0]->left_out, 1);
	ck_assert_uint_lt(gatehouse__sync__upstream_health__get_packed_size(batch.items[0]), HEALTH_ROOM);
}
END_TEST

static bool mark(const char *address, bool healthy)
{
	const struct upstream_def *u = balancing_pool(&b);
	struct target_mark m = {.upstream = u->upstream->id,
	        .target = u->targets[0].id,
	        .address = slice_cstr(address),
	        .healthy = healthy};
	return balancers_mark(b.all, &m);
}

START_TEST(a_mark_reaches_the_targets_addresses_and_is_told_at_once)
{
	balancing_set(&b, CHECKS, "10.0.0.1:1=10 10.0.0.2:2=5");
	uint64_t heard = since(0, 10000).upto;
	ck_assert(mark(NULL, false));
	ck_assert_int_eq(health_state(&balancing_peer(&b, 1)->health), UNHEALTHY);
	ck_assert_int_eq(health_state(&balancing_peer(&b, 2)->health), HEALTHY);
	ck_assert_uint_eq(since(heard, 10000).count, 1);
	ck_assert(mark("10.0.0.1:1", true));
	ck_assert_int_eq(health_state(&balancing_peer(&b, 1)->health), HEALTHY);
	ck_assert(mark("10.0.0.9:1", false)); /* none of its addresses */
	ck_assert_int_eq(health_state(&balancing_peer(&b, 1)->health), HEALTHY);
}
END_TEST

START_TEST(what_is_not_there_cannot_be_marked)
{
	balancing_set(&b, CHECKS, "10.0.0.1:1=10");
	struct target_mark m = {.upstream = test_uuid(1), .target = test_uuid(2)};
	ck_assert(!balancers_mark(b.all, &m));
	m.upstream = balancing_pool(&b)->upstream->id;
	ck_assert(!balancers_mark(b.all, &m));
}
END_TEST

START_TEST(one_upstream_by_name)
{
	balancing_set(&b, "", "10.0.0.1:1=10");
	ck_assert(!balancers_describe(b.all, S("pool"), &arena)->checked);
	ck_assert_ptr_null(balancers_describe(b.all, S("other"), &arena));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("report");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_upstream_is_told_whole);
	tcase_add_test(t, only_what_has_changed_is_told);
	tcase_add_test(t, what_has_no_room_comes_next_time);
	tcase_add_test(t, of_too_many_addresses_the_unhealthy_are_told);
	tcase_add_test(t, a_mark_reaches_the_targets_addresses_and_is_told_at_once);
	tcase_add_test(t, what_is_not_there_cannot_be_marked);
	tcase_add_test(t, one_upstream_by_name);
	suite_add_tcase(s, t);
	return run_suite(s);
}
