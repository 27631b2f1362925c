/* redis: counting in a real server; what happens when it is slow, away or refuses us (plugins.md 3.1, policy redis).
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/log.h"
#include "dp/host/redis.h"
#include "tests/support/loading.h"
#include "tests/support/redis.h"
#include "tests/support/turns.h"

static struct loop *loop;
static struct redis_set *set;
static struct redis_conf conf;

struct answer {
	int calls;
	bool ok;
};

static void on_count(void *arg, bool ok)
{
	struct answer *a = arg;
	a->calls++;
	a->ok = ok;
}

static bool was_called(void *arg)
{
	return ((struct answer *)arg)->calls > 0;
}

static struct counter *counter(const char *name, int64_t limit)
{
	static char keys[8][64];
	static struct counter counters[8];
	static unsigned next;
	unsigned i = next++ % 8;
	snprintf(keys[i], sizeof keys[i], "%d:%s", getpid(), name); /* one process per test */
	counters[i] = (struct counter){.key = slice_cstr(keys[i]), .limit = limit, .window_s = 60, .used = -1};
	return &counters[i];
}

/* One decision about n counters; lives until the test ends. */
static struct count *decision(struct counter *list, size_t n, bool count_denied)
{
	static struct count counts[4096];
	static unsigned next;
	struct count *c = &counts[next++ % 4096];
	*c = (struct count){.redis = &conf, .counters = list, .n = n, .count_denied = count_denied};
	return c;
}

/* What was used before; -1: the store did not answer. */
static int64_t count(const char *name, int64_t limit, bool count_denied)
{
	struct answer a = {0};
	struct counter *c = counter(name, limit);
	if (!redis_count(set, decision(c, 1, count_denied), on_count, &a))
		return -1;
	ck_assert_int_eq(a.calls, 0); /* never from inside */
	ck_assert(turns_until(loop, 5000, was_called, &a));
	ck_assert_int_eq(a.calls, 1);
	return a.ok ? c->used : -1;
}

static void setup(void)
{
	loop = turns_loop();
	set = redis_set_new(&(struct dialer){.loop = loop});
	conf = (struct redis_conf){.host = S("127.0.0.1"), .port = test_redis_port(), .timeout = 2000};
}

static void teardown(void)
{
	redis_set_free(set);
	loop_free(loop);
}

START_TEST(used_is_what_was_counted_before)
{
	for (int64_t i = 0; i < 4; i++)
		ck_assert_int_eq(count("k", 10, false), i);
	ck_assert_int_eq(count("other", 10, false), 0);
}
END_TEST

START_TEST(denied_requests_count_only_when_asked_for)
{
	for (int i = 0; i < 5; i++)
		count("not", 2, false);
	ck_assert_int_eq(count("not", 2, false), 2);
	for (int i = 0; i < 5; i++)
		count("yes", 2, true);
	ck_assert_int_eq(count("yes", 2, true), 5);
}
END_TEST

START_TEST(one_exhausted_counter_keeps_the_others_as_they_are)
{
	struct counter list[2] = {*counter("first", 1), *counter("second", 9)};
	for (int i = 0; i < 3; i++) {
		struct answer a = {0};
		redis_count(set, decision(list, 2, false), on_count, &a);
		ck_assert(turns_until(loop, 5000, was_called, &a));
	}
	ck_assert_int_eq(list[0].used, 1);
	ck_assert_int_eq(list[1].used, 1);
}
END_TEST

START_TEST(many_calls_at_once_are_answered_in_one_order)
{
	enum { N = 100 };
	static struct answer answers[N];
	static struct counter counters[N];
	for (int i = 0; i < N; i++) {
		counters[i] = *counter("many", N / 2);
		ck_assert_ptr_nonnull(redis_count(set, decision(&counters[i], 1, false), on_count, &answers[i]));
	}
	ck_assert(turns_until(loop, 5000, was_called, &answers[N - 1]));
	for (int i = 0; i < N; i++) {
		ck_assert(answers[i].calls == 1 && answers[i].ok);
		ck_assert_int_eq(counters[i].used, i < N / 2 ? i : N / 2);
	}
}
END_TEST

START_TEST(databases_are_apart)
{
	count("k", 10, false);
	conf.database = 2;
	ck_assert_int_eq(count("k", 10, false), 0);
}
END_TEST

START_TEST(a_database_that_is_not_there_is_a_failure)
{
	count("k", 10, false);
	conf.database = 99;
	ck_assert_int_eq(count("k", 10, false), -1);
}
END_TEST

START_TEST(a_password_that_is_refused_is_a_failure)
{
	conf.username = S("nobody");
	conf.password = S("wrong");
	ck_assert_int_eq(count("k", 10, false), -1);
}
END_TEST

START_TEST(what_is_meant_for_tls_never_goes_in_the_clear)
{
	conf.ssl = true;
	ck_assert_int_eq(count("k", 10, false), -1);
}
END_TEST

START_TEST(a_server_that_is_away_fails_at_once_until_it_is_tried_again)
{
	conf.port = 1;
	ck_assert_int_eq(count("k", 10, false), -1);
	ck_assert_ptr_null(redis_count(set, decision(counter("k", 10), 1, false), on_count, NULL));
}
END_TEST

START_TEST(a_silent_server_fails_in_time_and_comes_back)
{
	struct answer a = {0};
	conf.timeout = 50;
	ck_assert_int_eq(count("k", 10, false), 0);
	test_redis_hold(true);
	uint64_t began = clock_mono_ms();
	struct redis_call *call = redis_count(set, decision(counter("k", 10), 1, false), on_count, &a);
	ck_assert_ptr_nonnull(call);
	bool told = turns_until(loop, 1500, was_called, &a);
	uint64_t took = clock_mono_ms() - began;
	ck_assert_ptr_null(redis_count(set, decision(counter("k", 10), 1, false), on_count, &a));
	test_redis_hold(false);
	ck_assert(told && !a.ok);
	ck_assert_uint_lt(took, 1000);
	turns_for(loop, 200);
	conf.timeout = 2000; /* another identity: another connection */
	ck_assert_int_ge(count("k", 10, false), 1);
}
END_TEST

START_TEST(a_cancelled_call_hears_nothing)
{
	struct answer a = {0}, b = {0};
	struct redis_call *call = redis_count(set, decision(counter("k", 10), 1, false), on_count, &a);
	redis_count(set, decision(counter("k", 10), 1, false), on_count, &b);
	redis_cancel(call);
	ck_assert(turns_until(loop, 5000, was_called, &b));
	ck_assert_int_eq(a.calls, 0);
}
END_TEST

START_TEST(the_end_of_the_set_drops_what_is_pending)
{
	struct answer a = {0};
	ck_assert_ptr_nonnull(redis_count(set, decision(counter("k", 10), 1, false), on_count, &a));
	redis_set_free(set);
	ck_assert_int_eq(a.calls, 0);
	set = redis_set_new(&(struct dialer){.loop = loop});
}
END_TEST

int main(void)
{
	Suite *s = suite_create("redis");
	TCase *t = tcase_create("all");
	log_set_level(LOG_CRIT);
	test_redis_start();
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, used_is_what_was_counted_before);
	tcase_add_test(t, denied_requests_count_only_when_asked_for);
	tcase_add_test(t, one_exhausted_counter_keeps_the_others_as_they_are);
	tcase_add_test(t, many_calls_at_once_are_answered_in_one_order);
	tcase_add_test(t, databases_are_apart);
	tcase_add_test(t, a_database_that_is_not_there_is_a_failure);
	tcase_add_test(t, a_password_that_is_refused_is_a_failure);
	tcase_add_test(t, what_is_meant_for_tls_never_goes_in_the_clear);
	tcase_add_test(t, a_server_that_is_away_fails_at_once_until_it_is_tried_again);
	tcase_add_test(t, a_silent_server_fails_in_time_and_comes_back);
	tcase_add_test(t, a_cancelled_call_hears_nothing);
	tcase_add_test(t, the_end_of_the_set_drops_what_is_pending);
	suite_add_tcase(s, t);
	int code = run_suite(s);
	test_redis_stop();
	return code;
}
