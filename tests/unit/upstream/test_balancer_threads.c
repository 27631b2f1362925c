/* Threads: workers pick, report and release without locks while the balance thread builds views and drops targets.
 * What this shows under TSan and ASan: no view or peer is freed while somebody looks at it, no report is lost. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/core/log.h"
#include "common/sync/side_loop.h"
#include "dp/upstream/balancer_private.h"
#include "tests/support/balancing.h"
#include "tests/support/loading.h"
#include "tests/support/turns.h"

enum { WORKERS = 3, PICKS = 500, CHANGES = 60 };

#define CHECKS "'healthchecks':{'passive':{'healthy':{'successes':1},'unhealthy':{'http_failures':1}}},"

static struct balancing b;

struct worker {
	struct side_loop *side;
	const struct upstream_def *pool; /* of the first version, which outlives them */
	unsigned number, done;           /* picks */
};

/* One turn: picks some (while all are down there is nothing to pick), and comes back until it has had enough. */
static void work(void *arg)
{
	struct worker *w = arg;
	for (int i = 0; i < 20; i++) {
		struct balancer_query q = {.hash = w->done * 2654435761u};
		struct balancer_pick p;
		if (balancer_pick(w->pool, &q, &p) != BALANCER_PICKED)
			continue;
		ck_assert_int_ge(balancing_port(&p), 1);
		ck_assert_uint_gt(p.host.len, 0);
		peer_report_status(p.peer, (w->done + w->number) % 7 == 0 ? 500 : 200);
		peer_measured(p.peer, 1000 + w->done);
		peer_release(p.peer);
		__atomic_fetch_add(&w->done, 1, __ATOMIC_RELAXED);
	}
	if (w->done < PICKS)
		loop_post(side_loop_loop(w->side), work, w);
}

static bool are_done(void *arg)
{
	const struct worker *w = arg;
	for (int i = 0; i < WORKERS; i++)
		if (__atomic_load_n(&w[i].done, __ATOMIC_RELAXED) < PICKS)
			return false;
	return true;
}

static void nothing(void *arg)
{
}

/* Who has fallen would never be asked again. */
static void revive(void)
{
	for (int port = 1; port <= 6; port++) {
		struct peer *p = balancing_peer(&b, port);
		if (p)
			peer_mark(p, true);
	}
}

static void change_all_the_time(const char *algorithm, struct worker *workers)
{
	static const char *const targets[] = {"10.0.0.1:1=1 10.0.0.2:2=2 10.0.0.3:3=3", "10.0.0.2:2=5 10.0.0.3:3=1",
	        "10.0.0.1:1=1 10.0.0.4:4=9 10.0.0.5:5=2 10.0.0.6:6=7"};
	char upstream[256];
	snprintf(upstream, sizeof upstream, "%s%s", algorithm, CHECKS);
	for (int i = 0; i < CHANGES || !are_done(workers); i++) {
		balancing_set(&b, upstream, targets[i % 3]);
		turns_for(b.loop, 2);
		revive();
	}
}

static void run(const char *algorithm)
{
	struct worker workers[WORKERS] = {0};
	char upstream[256];
	struct err e;
	log_set_level(LOG_ERROR);
	balancing_begin(&b, NULL);
	snprintf(upstream, sizeof upstream, "%s%s", algorithm, CHECKS);
	balancing_set(&b, upstream, "10.0.0.1:1=1 10.0.0.2:2=2");
	struct upstream_def *first = part_ref((struct upstream_def *)balancing_pool(&b));
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.side = side_loop_start("worker", &e), .pool = first, .number = i};
		balancers_join(b.all, side_loop_loop(workers[i].side));
		loop_post(side_loop_loop(workers[i].side), work, &workers[i]);
	}
	change_all_the_time(algorithm, workers);
	for (unsigned i = 0; i < WORKERS; i++) {
		balancers_leave(b.all, side_loop_loop(workers[i].side));
		side_loop_call(workers[i].side, nothing, NULL);
		side_loop_stop(workers[i].side);
	}
	struct slice key;
	void *value;
	for (size_t at = 0; map_next(&first->balancer->peers, &at, &key, &value);)
		ck_assert_uint_eq(atomic_load(&((struct peer *)value)->active), 0);
	part_unref(first);
	balancing_end(&b);
}

START_TEST(round_robin)
{
	run("");
}
END_TEST

START_TEST(consistent_hashing)
{
	run("'algorithm':'consistent-hashing','hash_on':'ip','slots':1000,");
}
END_TEST

START_TEST(least_connections)
{
	run("'algorithm':'least-connections',");
}
END_TEST

START_TEST(latency)
{
	run("'algorithm':'latency',");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("balancer threads");
	TCase *t = tcase_create("all");
	tcase_set_timeout(t, 120);
	tcase_add_test(t, round_robin);
	tcase_add_test(t, consistent_hashing);
	tcase_add_test(t, least_connections);
	tcase_add_test(t, latency);
	suite_add_tcase(s, t);
	return run_suite(s);
}
