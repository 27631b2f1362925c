/* lease: a publisher and workers in threads. Snapshots here are only marks that say whether they were freed; the
 * loops are queues that their thread empties. Worth most under MODE=tsan and MODE=asan.
 * Threads: workers take and give leases while a publisher supersedes them. */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "dp/config/lease.h"

/* ---- a loop that is only its inbox, and a snapshot that is only counted ------------------------------------- */

struct posted {
	loop_fn fn;
	void *arg;
	struct posted *next;
};

struct loop_inbox {
	pthread_mutex_t mutex;
	struct posted *first, **last;
};

void loop_post(struct loop *l, loop_fn fn, void *arg)
{
	struct posted *p = malloc(sizeof *p);

	*p = (struct posted){fn, arg, NULL};
	pthread_mutex_lock(&l->inbox->mutex);
	*l->inbox->last = p;
	l->inbox->last = &p->next;
	pthread_mutex_unlock(&l->inbox->mutex);
}

static void inbox_open(struct loop *l)
{
	l->inbox = calloc(1, sizeof *l->inbox);
	pthread_mutex_init(&l->inbox->mutex, NULL);
	l->inbox->last = &l->inbox->first;
}

static int run_posted(struct loop *l, bool drop)
{
	int n = 0;

	pthread_mutex_lock(&l->inbox->mutex);
	struct posted *p = l->inbox->first;
	l->inbox->first = NULL;
	l->inbox->last = &l->inbox->first;
	pthread_mutex_unlock(&l->inbox->mutex);
	for (struct posted *next; p; p = next, n++) {
		next = p->next;
		if (!drop)
			p->fn(p->arg);
		free(p);
	}
	return n;
}

static void inbox_close(struct loop *l)
{
	run_posted(l, true);
	pthread_mutex_destroy(&l->inbox->mutex);
	free(l->inbox);
}

enum { ALIVE = 0x5eed };
static atomic_int freed, live;
static pthread_t main_thread;

static struct snapshot *new_snapshot(uint64_t version)
{
	struct snapshot *s = calloc(1, sizeof *s);

	s->version = version;
	s->state_size = ALIVE;
	atomic_fetch_add(&live, 1);
	return s;
}

void snapshot_free(struct snapshot *s)
{
	if (!pthread_equal(pthread_self(), main_thread) || s->state_size != ALIVE)
		abort();
	s->state_size = 0;
	atomic_fetch_add(&freed, 1);
	atomic_fetch_sub(&live, 1);
	free(s);
}

/* ---- one thread --------------------------------------------------------------------------------------------- */

static struct loop main_loop, worker_loop;
static struct lease_board *board;
static struct leases *leases;

static void setup(void)
{
	main_thread = pthread_self();
	inbox_open(&main_loop);
	inbox_open(&worker_loop);
	board = lease_board_new(&main_loop);
	leases = leases_new(board, &worker_loop);
}

static void end_worker(void)
{
	leases_free(leases);
	leases = NULL;
}

static void teardown(void)
{
	leases_free(leases);
	lease_board_free(board);
	inbox_close(&worker_loop);
	inbox_close(&main_loop);
	ck_assert_int_eq(live, 0);
}

START_TEST(nothing_to_take_before_the_first_snapshot)
{
	ck_assert_ptr_null(lease_take(leases));
	ck_assert_ptr_null(lease_board_current(board));
}
END_TEST

START_TEST(requests_of_one_snapshot_share_a_lease)
{
	lease_board_publish(board, new_snapshot(1));
	struct lease *a = lease_take(leases), *b = lease_take(leases);
	ck_assert_ptr_eq(a, b);
	ck_assert_uint_eq(a->snapshot->version, 1);
	lease_give(a);
	lease_give(b);
	ck_assert_int_eq(freed, 0);
}
END_TEST

START_TEST(a_request_keeps_the_snapshot_it_began_with)
{
	lease_board_publish(board, new_snapshot(1));
	struct lease *old = lease_take(leases);
	lease_board_publish(board, new_snapshot(2));
	struct lease *young = lease_take(leases);
	ck_assert_uint_eq(old->snapshot->version, 1);
	ck_assert_uint_eq(young->snapshot->version, 2);
	ck_assert_uint_eq(lease_board_current(board)->version, 2);
	run_posted(&main_loop, false);
	ck_assert_int_eq(freed, 0);
	lease_give(old);
	ck_assert_int_eq(freed, 0); /* only on the main thread */
	run_posted(&main_loop, false);
	ck_assert_int_eq(freed, 1);
	lease_give(young);
}
END_TEST

START_TEST(an_idle_worker_lets_go_of_an_old_snapshot)
{
	lease_board_publish(board, new_snapshot(1));
	lease_give(lease_take(leases));
	lease_board_publish(board, new_snapshot(2));
	ck_assert_int_eq(freed, 0);
	run_posted(&worker_loop, false);
	run_posted(&main_loop, false);
	ck_assert_int_eq(freed, 1);
	ck_assert_uint_eq(lease_take(leases)->snapshot->version, 2);
}
END_TEST

START_TEST(a_snapshot_that_nobody_took_is_freed_by_the_next)
{
	for (uint64_t v = 1; v <= 5; v++)
		lease_board_publish(board, new_snapshot(v));
	ck_assert_int_eq(freed, 4);
	ck_assert_int_eq(run_posted(&worker_loop, false), 1); /* one wake-up is enough */
}
END_TEST

START_TEST(a_worker_that_ends_gives_everything_back)
{
	lease_board_publish(board, new_snapshot(1));
	lease_take(leases);
	lease_board_publish(board, new_snapshot(2));
	lease_take(leases);
	end_worker();
	run_posted(&main_loop, false);
	ck_assert_int_eq(freed, 1);
	ck_assert_uint_eq(lease_board_current(board)->version, 2);
	lease_board_publish(board, new_snapshot(3)); /* wakes nobody */
	ck_assert_int_eq(freed, 2);
}
END_TEST

/* ---- threads ------------------------------------------------------------------------------------------------ */

enum { WORKERS = 4, SNAPSHOTS = 10000, HELD = 16 };
static atomic_bool is_over;
static atomic_ulong newest; /* published */

struct worker {
	pthread_t thread;
	struct loop loop;
	struct leases *leases;
	unsigned long taken;
};

/* Requests come and go in no order; some outlive many snapshots. */
static void *serve(void *arg)
{
	struct worker *w = arg;
	struct lease *held[HELD] = {NULL};
	uint32_t random = (uint32_t)(uintptr_t)w | 1;

	while (!atomic_load(&is_over)) {
		random = random * 1664525 + 1013904223;
		struct lease **slot = &held[random >> 16 & (HELD - 1)];
		if (*slot) {
			if ((*slot)->snapshot->state_size != ALIVE)
				abort();
			lease_give(*slot);
			*slot = NULL;
		} else {
			uint64_t least = atomic_load(&newest);
			*slot = lease_take(w->leases);
			if (*slot && (*slot)->snapshot->version < least)
				abort(); /* older than what was published before the request began */
			w->taken += *slot != NULL;
		}
		if ((random >> 20) % 64 == 0) {
			run_posted(&w->loop, false);
			sched_yield();
		}
	}
	for (int i = 0; i < HELD; i++)
		if (held[i])
			lease_give(held[i]);
	leases_free(w->leases);
	return NULL;
}

START_TEST(publisher_and_workers_free_every_snapshot_once)
{
	static struct worker workers[WORKERS];

	for (int i = 0; i < WORKERS; i++) {
		inbox_open(&workers[i].loop);
		workers[i].leases = leases_new(board, &workers[i].loop);
		pthread_create(&workers[i].thread, NULL, serve, &workers[i]);
	}
	for (uint64_t v = 1; v <= SNAPSHOTS; v++) {
		lease_board_publish(board, new_snapshot(v));
		atomic_store(&newest, v);
		run_posted(&main_loop, false);
		if (v % 2 == 0)
			sched_yield();
	}
	atomic_store(&is_over, true);
	for (int i = 0; i < WORKERS; i++) {
		pthread_join(workers[i].thread, NULL);
		inbox_close(&workers[i].loop);
		ck_assert_uint_gt(workers[i].taken, 0);
	}
	run_posted(&main_loop, false);
	ck_assert_int_eq(freed, SNAPSHOTS - 1); /* all but the current one */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lease");
	TCase *c = tcase_create("one thread"), *t = tcase_create("threads");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, nothing_to_take_before_the_first_snapshot);
	tcase_add_test(c, requests_of_one_snapshot_share_a_lease);
	tcase_add_test(c, a_request_keeps_the_snapshot_it_began_with);
	tcase_add_test(c, an_idle_worker_lets_go_of_an_old_snapshot);
	tcase_add_test(c, a_snapshot_that_nobody_took_is_freed_by_the_next);
	tcase_add_test(c, a_worker_that_ends_gives_everything_back);
	suite_add_tcase(suite, c);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, publisher_and_workers_free_every_snapshot_once);
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
