/* feed: every version that the database commits comes out once, in order, at once; whatever happens to the database
 * in between. And the whole way: a commit until a data plane has it.
 * Threads: a data plane in one, and those of the feed. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/schema/load.h"
#include "cp/publish/applied.h"
#include "cp/publish/feed.h"
#include "cp/publish/publish.h"
#include "cp/store/migrate.h"
#include "dp/config/subscriber.h"
#include "tests/support/batches.h"
#include "tests/support/in_step.h"
#include "tests/support/pg.h"
#include "tests/support/tmp.h"

static struct settings settings;
static struct store *store;
static struct feed *feed;
static struct err e;

/* What came out: "=4:3;" is a snapshot of version 4 with 3 records, "4>5:2;" a delta with 2 changes. */
static struct {
	pthread_mutex_t lock;
	struct text log;
	uint64_t version;
	char epoch[64];
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void note(struct feed_batch *b, void *arg)
{
	pthread_mutex_lock(&seen.lock);
	if (b->snapshot)
		text_printf(&seen.log, "=%d:%zu;", (int)b->version, b->n);
	else
		text_printf(&seen.log, "%d>%d:%zu;", (int)b->base, (int)b->version, b->n);
	seen.version = b->version;
	snprintf(seen.epoch, sizeof seen.epoch, "%s", b->epoch);
	pthread_mutex_unlock(&seen.lock);
	feed_batch_free(b);
}

static bool has_seen(const char *want)
{
	pthread_mutex_lock(&seen.lock);
	bool is = strcmp(text_cstr(&seen.log), want) == 0;
	pthread_mutex_unlock(&seen.lock);
	return is;
}

/* How many ms until exactly this has come out. */
static uint64_t expect(const char *want)
{
	uint64_t from = clock_mono_ms();
	while (!has_seen(want) && clock_mono_ms() - from < 15000)
		usleep(500);
	ck_assert_msg(has_seen(want), "got '%s', expected '%s'", text_cstr(&seen.log), want);
	return clock_mono_ms() - from;
}

static void add(const char *name, uint64_t *version)
{
	json_t *input = json_pack("{s:s}", "username", name), *record;
	struct violations v = {0};
	struct fault fault = {0};
	ck_assert(schema_load(batches_kind(), input,
	        &(struct load_options){.op = LOAD_CREATE, .now_ms = clock_wall_ms()}, &record, &v));
	ck_assert_msg(store_insert(store, batches_kind(), record, version, &fault), "%s", fault.message);
	json_decref(record);
	json_decref(input);
}

static void setup(void)
{
	log_set_level(LOG_EMERG);
	settings = test_pg_database();
	settings.prefix = slice_cstr(tmp_make());
	store = store_open(&settings, &e);
	ck_assert_msg(store && migrate_run(store, NULL, NULL, &e), "%s", e.message);
}

static void teardown(void)
{
	feed_stop(feed);
	feed_free(feed);
	store_close(store);
	tmp_remove();
}

static void start(void)
{
	feed = feed_start(&settings, note, NULL, &e);
	ck_assert_msg(feed != NULL, "%s", e.message);
	expect("=0:0;");
}

START_TEST(each_commit_comes_out_at_once_by_notification_alone)
{
	uint64_t v, slowest = 0;
	start();
	text_clear(&seen.log);
	for (int i = 1; i <= 20; i++) {
		char name[16], want[32];
		snprintf(name, sizeof name, "n%d", i);
		snprintf(want, sizeof want, "%d>%d:1;", i - 1, i);
		add(name, &v);
		uint64_t ms = expect(want);
		slowest = ms > slowest ? ms : slowest;
		pthread_mutex_lock(&seen.lock);
		text_clear(&seen.log);
		pthread_mutex_unlock(&seen.lock);
	}
	ck_assert_uint_lt(slowest, 500); /* the timer would need a second */
	ck_assert_uint_ne(feed_last_read_ms(feed), 0);
}
END_TEST

START_TEST(one_transaction_is_one_batch)
{
	struct fault fault = {0};
	uint64_t v;
	start();
	ck_assert(store_begin(store, &fault));
	add("a", &v);
	add("b", &v);
	add("c", &v);
	ck_assert(store_commit(store, &v, &fault));
	expect("=0:0;0>1:3;");
}
END_TEST

START_TEST(versions_that_were_there_before_come_as_a_snapshot)
{
	uint64_t v;
	add("a", &v);
	add("b", &v);
	feed = feed_start(&settings, note, NULL, &e);
	expect("=2:2;");
	add("c", &v);
	expect("=2:2;2>3:1;");
}
END_TEST

START_TEST(after_the_database_was_away_nothing_is_missing_and_nothing_comes_twice)
{
	uint64_t v;
	if (!test_pg_is_private())
		return;
	start();
	add("a", &v);
	expect("=0:0;0>1:1;");
	test_pg_halt();
	usleep(700 * 1000);
	test_pg_resume();
	store_close(store);
	store = store_open(&settings, &e);
	add("b", &v);
	expect("=0:0;0>1:1;1>2:1;");
	add("c", &v);
	ck_assert_uint_lt(expect("=0:0;0>1:1;1>2:1;2>3:1;"), 500); /* it listens again */
}
END_TEST

START_TEST(a_database_that_is_away_at_the_start_is_tried_again)
{
	struct settings away = settings;
	if (!test_pg_is_private())
		return;
	test_pg_halt();
	feed = feed_start(&away, note, NULL, &e);
	ck_assert_ptr_nonnull(feed);
	usleep(500 * 1000);
	ck_assert_uint_eq(feed_last_read_ms(feed), 0);
	test_pg_resume();
	expect("=0:0;");
}
END_TEST

START_TEST(another_epoch_means_a_snapshot)
{
	uint64_t v;
	start();
	add("a", &v);
	expect("=0:0;0>1:1;");
	test_pg_exec(&settings, "UPDATE gatehouse_meta SET epoch = 'aaaaaaaa-0000-4000-8000-000000000001'");
	expect("=0:0;0>1:1;=1:1;");
	ck_assert_str_eq(seen.epoch, "aaaaaaaa-0000-4000-8000-000000000001");
}
END_TEST

START_TEST(a_version_that_went_back_means_a_snapshot_under_another_epoch)
{
	char before[64];
	uint64_t v;
	start();
	add("a", &v);
	add("b", &v);
	expect("=0:0;0>1:1;1>2:1;");
	snprintf(before, sizeof before, "%s", seen.epoch);
	test_pg_exec(&settings, "UPDATE config_version SET version = 1");
	expect("=0:0;0>1:1;1>2:1;=1:2;");
	ck_assert_str_ne(seen.epoch, before);
}
END_TEST

/* A standby that lacked version 2 has taken over, and somebody has made another version 2. */
START_TEST(another_version_of_the_same_number_is_noticed_on_a_new_connection)
{
	char before[64];
	uint64_t v;
	start();
	add("a", &v);
	add("b", &v);
	expect("=0:0;0>1:1;1>2:1;");
	snprintf(before, sizeof before, "%s", seen.epoch);
	usleep(50 * 1000); /* the stamp has been read */
	test_pg_exec(&settings, "UPDATE versions SET at = at + interval '1 s' WHERE version = 2;"
	                        " SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
	                        "  WHERE datname = current_database() AND pid <> pg_backend_pid()");
	expect("=0:0;0>1:1;1>2:1;=2:2;");
	ck_assert_str_ne(seen.epoch, before);
}
END_TEST

START_TEST(a_changelog_that_does_not_reach_back_means_a_snapshot)
{
	uint64_t v;
	start();
	add("a", &v);
	expect("=0:0;0>1:1;");
	test_pg_exec(&settings, "UPDATE config_version SET version = 9");
	expect("=0:0;0>1:1;=9:1;");
	add("b", &v);
	expect("=0:0;0>1:1;=9:1;9>10:1;");
}
END_TEST

/* ---- the whole way ---- */

static bool take(struct catalog *c, struct slice epoch, void *arg, struct err *why)
{
	atomic_store((atomic_uint_fast64_t *)arg, catalog_version(c));
	catalog_free(c);
	return true;
}

static atomic_uint_fast64_t applied_version;

static void tick(void *arg)
{
}

static void *data_plane(void *arg)
{
	atomic_bool *stop = arg;
	struct settings s = settings;
	struct err why;
	s.cluster_control_plane = S("ipc");
	s.node_id = S("dddddddd-0000-4000-8000-000000000001");
	struct loop *l = loop_new(&why);
	struct loop_timer *ticker = loop_timer_new(l, 10, true, tick, NULL);
	struct replica *r = replica_new(take, &applied_version);
	struct subscriber *sub = subscriber_start(l, &s, r, &why);
	while (!atomic_load(stop))
		event_base_loop(l->base, EVLOOP_ONCE);
	subscriber_stop(sub);
	replica_free(r);
	loop_timer_free(ticker);
	loop_free(l);
	return NULL;
}

START_TEST(a_commit_reaches_the_data_plane_and_the_writer_knows)
{
	atomic_bool stop = false;
	pthread_t t;
	unsigned applied = 0, connected = 0;
	uint64_t v, total_ns = 0, longest_ns = 0;
	settings.cluster_listen = S("off");
	struct publish *p = publish_start(NULL, &settings, &e);
	ck_assert_msg(p != NULL, "%s", e.message);
	pthread_create(&t, NULL, data_plane, &stop);
	for (int i = 0; i < 5000 && !applied; i++) {
		usleep(1000);
		applied_wait(0, 0, &applied, &connected);
	}
	ck_assert_uint_eq(applied, 1);
	usleep(300 * 1000);
	for (int i = 0; i < 1000 && !is_known_in_step(); i++)
		usleep(10 * 1000);
	ck_assert(is_known_in_step());
	enum { WRITES = 50 };
	for (int i = 0; i < WRITES; i++) {
		char name[16];
		snprintf(name, sizeof name, "n%d", i);
		add(name, &v);
		uint64_t from = clock_mono_ns();
		applied_wait(v, 20000, &applied, &connected);
		uint64_t took_ns = clock_mono_ns() - from;
		total_ns += took_ns;
		longest_ns = took_ns > longest_ns ? took_ns : longest_ns;
		ck_assert_uint_eq(applied, 1);
		ck_assert_uint_eq(atomic_load(&applied_version), v);
	}
	printf("commit to applied and known: %.2f ms on average, %.2f at most\n", (double)total_ns / WRITES / 1e6,
	        (double)longest_ns / 1e6);
	atomic_store(&stop, true);
	pthread_join(t, NULL);
	publish_stop(p);
}
END_TEST

int main(void)
{
	test_pg_start();
	Suite *s = suite_create("feed");
	TCase *t = tcase_create("feed");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, each_commit_comes_out_at_once_by_notification_alone);
	tcase_add_test(t, one_transaction_is_one_batch);
	tcase_add_test(t, versions_that_were_there_before_come_as_a_snapshot);
	tcase_add_test(t, after_the_database_was_away_nothing_is_missing_and_nothing_comes_twice);
	tcase_add_test(t, a_database_that_is_away_at_the_start_is_tried_again);
	tcase_add_test(t, another_epoch_means_a_snapshot);
	tcase_add_test(t, a_version_that_went_back_means_a_snapshot_under_another_epoch);
	tcase_add_test(t, another_version_of_the_same_number_is_noticed_on_a_new_connection);
	tcase_add_test(t, a_changelog_that_does_not_reach_back_means_a_snapshot);
	tcase_add_test(t, a_commit_reaches_the_data_plane_and_the_writer_knows);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	test_pg_stop();
	return failed != 0;
}
