/* disk_cache: the last good version survives restarts, damage falls back, and many changes do not mean many writes.
 */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/sync/disk_cache.h"
#include "dp/config/replica.h"
#include "tests/support/batches.h"
#include "tests/support/tmp.h"

static struct loop *loop;
static struct err e;
static const char *prefix;

static bool accept_all(struct catalog *c, struct slice epoch, void *arg, struct err *why)
{
	catalog_free(c); /* taken */
	return true;
}

static void setup(void)
{
	log_set_level(LOG_EMERG);
	prefix = tmp_make();
	loop = loop_new(&e);
}

static void teardown(void)
{
	loop_free(loop);
	tmp_remove();
}

static struct disk_cache *open_cache(void)
{
	struct disk_cache *d = disk_cache_open(loop, slice_cstr(prefix), &e);
	ck_assert_msg(d != NULL, "%s", e.message);
	return d;
}

static bool use(struct catalog *c, struct slice epoch, void *arg, struct err *why)
{
	return replica_set(arg, c, epoch, why);
}

/* Brings a version with this many consumers into the replica. */
static void set(struct replica *r, uint64_t version, unsigned n)
{
	struct catalog *c = catalog_new();
	struct feed_batch *b = batches_snapshot("e", version, n, "a", 0);
	for (size_t i = 0; i < b->n; i++) {
		struct record *record = record_parse(b->changes[i].kind, b->changes[i].json, version, &e);
		ck_assert_msg(record != NULL, "%s", e.message);
		catalog_put(c, record);
		record_unref(record);
	}
	catalog_set_version(c, version);
	ck_assert(replica_set(r, c, S("e"), &e));
	feed_batch_free(b);
}

static void run_for(int ms)
{
	uint64_t until = clock_mono_ms() + (uint64_t)ms;
	while (clock_mono_ms() < until) {
		event_base_loop(loop->base, EVLOOP_NONBLOCK);
		usleep(2000);
	}
}

static void await_writes(const struct disk_cache *d, unsigned writes)
{
	for (int i = 0; i < 2000 && disk_cache_writes(d) < writes; i++)
		run_for(5);
	ck_assert_uint_ge(disk_cache_writes(d), writes);
}

/* Keeps versions from .. to and closes. */
static void keep(uint64_t from, uint64_t to)
{
	struct disk_cache *d = open_cache();
	struct replica *r = replica_new(accept_all, NULL);
	for (uint64_t v = from; v <= to; v++) {
		set(r, v, (unsigned)v);
		disk_cache_keep(d, replica_catalog(r), replica_epoch(r));
	}
	disk_cache_close(d);
	replica_free(r);
}

/* The version that a restart finds; 0: none. */
static uint64_t found(void)
{
	struct disk_cache *d = open_cache();
	struct replica *r = replica_new(accept_all, NULL);
	bool ok = disk_cache_load(d, use, r);
	uint64_t version = replica_version(r);
	ck_assert_int_eq(ok, version > 0);
	if (ok) {
		ck_assert_uint_eq(batches_count(replica_catalog(r)), version);
		ck_assert(slice_eq(replica_epoch(r), S("e")));
	}
	disk_cache_close(d);
	replica_free(r);
	return version;
}

static void damage(const char *name)
{
	int fd = open(tmp_path(name), O_RDWR);
	char byte;
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, &byte, 1, 40), 1);
	byte ^= 1; /* whatever it was, it is another one now */
	ck_assert_int_eq(pwrite(fd, &byte, 1, 40), 1);
	close(fd);
}

START_TEST(the_last_version_is_found_after_a_restart)
{
	ck_assert_uint_eq(found(), 0);
	keep(3, 3);
	ck_assert_uint_eq(found(), 3);
	keep(4, 9);
	ck_assert_uint_eq(found(), 9);
}
END_TEST

START_TEST(files_are_private_and_show_nothing)
{
	struct stat st;
	char buf[65536];
	keep(3, 3);
	ck_assert_int_eq(stat(tmp_path("config.cache"), &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(stat(tmp_path("config.cache.key"), &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	int fd = open(tmp_path("config.cache"), O_RDONLY);
	ssize_t n = read(fd, buf, sizeof buf);
	close(fd);
	ck_assert_ptr_null(memmem(buf, (size_t)n, "username", 8));
	ck_assert_ptr_null(memmem(buf, (size_t)n, "consumers", 9));
}
END_TEST

START_TEST(a_damaged_file_falls_back_to_the_one_before)
{
	keep(3, 3);
	keep(4, 4);
	damage("config.cache");
	ck_assert_uint_eq(found(), 3);
	/* it was set aside: it does not take the place of the good one */
	ck_assert_int_eq(access(tmp_path("config.cache.damaged"), F_OK), 0);
	keep(5, 5);
	ck_assert_uint_eq(found(), 5);
}
END_TEST

START_TEST(two_damaged_files_mean_none_and_no_failure)
{
	keep(3, 3);
	keep(4, 4);
	damage("config.cache");
	damage("config.cache.previous");
	ck_assert_uint_eq(found(), 0);
	keep(5, 5);
	ck_assert_uint_eq(found(), 5);
}
END_TEST

START_TEST(cut_empty_and_foreign_files_are_no_configuration)
{
	keep(3, 3);
	ck_assert_int_eq(truncate(tmp_path("config.cache"), 20), 0);
	ck_assert_uint_eq(found(), 0);
	keep(3, 3);
	ck_assert_int_eq(truncate(tmp_path("config.cache"), 0), 0);
	ck_assert_uint_eq(found(), 0);
	keep(3, 3);
	ck_assert_int_eq(unlink(tmp_path("config.cache.key")), 0);
	ck_assert_uint_eq(found(), 0);
}
END_TEST

START_TEST(two_thousand_changes_are_a_handful_of_writes_and_the_last_one_counts)
{
	struct disk_cache *d = open_cache();
	struct replica *r = replica_new(accept_all, NULL);
	uint64_t from = clock_mono_ms();
	for (uint64_t v = 1; v <= 2000; v++) {
		set(r, v, v == 2000 ? 2000 : 1);
		disk_cache_keep(d, replica_catalog(r), replica_epoch(r));
		if (v % 10 == 0)
			event_base_loop(loop->base, EVLOOP_NONBLOCK);
	}
	uint64_t took = clock_mono_ms() - from;
	ck_assert_uint_le(disk_cache_writes(d), 2 + took / DISK_CACHE_EVERY_MS);
	run_for(DISK_CACHE_EVERY_MS * 3);
	unsigned writes = disk_cache_writes(d);
	run_for(DISK_CACHE_EVERY_MS * 2);
	ck_assert_uint_eq(disk_cache_writes(d), writes); /* the last is there, nothing more to write */
	disk_cache_close(d);
	replica_free(r);
	ck_assert_uint_eq(found(), 2000);
}
END_TEST

/* Files cannot grow beyond this; as on a full disk, write() fails. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(what_found_no_room_is_written_when_there_is_some)
{
	keep(3, 3);
	struct disk_cache *d = open_cache();
	struct replica *r = replica_new(accept_all, NULL);
	limit_files(100);
	for (uint64_t v = 4; v <= 5; v++) {
		set(r, v, (unsigned)v);
		disk_cache_keep(d, replica_catalog(r), replica_epoch(r));
		run_for(50);
	}
	ck_assert_uint_eq(disk_cache_writes(d), 0);
	ck_assert_uint_eq(found(), 3);
	limit_files(RLIM_INFINITY);
	await_writes(d, 1); /* nothing new has come */
	ck_assert_uint_eq(found(), 5);
	disk_cache_close(d);
	replica_free(r);
}
END_TEST

START_TEST(a_folder_that_cannot_be_used_is_named)
{
	ck_assert_ptr_null(disk_cache_open(loop, S("/proc/no/such"), &e));
	ck_assert_ptr_nonnull(strstr(e.message, "/proc/no"));
}
END_TEST

/* ---- small changes --------------------------------------------------------------------------------------------- */

/* One consumer more than the replica has. */
static void grow(struct replica *r)
{
	struct catalog *c = catalog_copy(replica_catalog(r));
	uint64_t version = catalog_version(c) + 1;
	struct feed_batch *b = batches_snapshot("e", version, (unsigned)version, "a", 0);
	struct record *record = record_parse(b->changes[b->n - 1].kind, b->changes[b->n - 1].json, version, &e);

	ck_assert_msg(record != NULL, "%s", e.message);
	catalog_put(c, record);
	record_unref(record);
	catalog_set_version(c, version);
	ck_assert(replica_set(r, c, S("e"), &e));
	feed_batch_free(b);
}

static off_t size_of(const char *name)
{
	struct stat st;
	return stat(tmp_path(name), &st) == 0 ? st.st_size : 0;
}

/* A whole file of version 40 and a log with one change for each version to `last`. */
static void keep_and_grow(uint64_t last)
{
	struct disk_cache *d = open_cache();
	struct replica *r = replica_new(accept_all, NULL);

	set(r, 40, 40);
	disk_cache_keep(d, replica_catalog(r), replica_epoch(r));
	await_writes(d, 1);
	off_t whole = size_of("config.cache");
	for (unsigned writes = 2; replica_version(r) < last; writes++) {
		grow(r);
		disk_cache_keep(d, replica_catalog(r), replica_epoch(r));
		await_writes(d, writes);
		ck_assert_int_eq(size_of("config.cache"), whole);
	}
	disk_cache_close(d);
	replica_free(r);
}

START_TEST(a_small_change_is_appended)
{
	keep_and_grow(42);
	ck_assert_int_gt(size_of("config.cache.log"), 0);
	ck_assert_int_lt(size_of("config.cache.log"), size_of("config.cache") / 2);
	ck_assert_uint_eq(found(), 42);
}
END_TEST

START_TEST(a_torn_or_damaged_end_of_the_log_does_not_count)
{
	keep_and_grow(42);
	off_t end = size_of("config.cache.log");
	ck_assert_int_eq(truncate(tmp_path("config.cache.log"), end - 1), 0);
	ck_assert_uint_eq(found(), 41);
	damage("config.cache.log");
	ck_assert_uint_eq(found(), 40);
}
END_TEST

START_TEST(after_a_restart_the_file_is_whole_again)
{
	keep_and_grow(42);
	keep(43, 43);
	ck_assert_int_eq(size_of("config.cache.log"), 0);
	ck_assert_uint_eq(found(), 43);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("disk_cache");
	TCase *t = tcase_create("disk_cache");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, the_last_version_is_found_after_a_restart);
	tcase_add_test(t, a_small_change_is_appended);
	tcase_add_test(t, a_torn_or_damaged_end_of_the_log_does_not_count);
	tcase_add_test(t, after_a_restart_the_file_is_whole_again);
	tcase_add_test(t, files_are_private_and_show_nothing);
	tcase_add_test(t, a_damaged_file_falls_back_to_the_one_before);
	tcase_add_test(t, two_damaged_files_mean_none_and_no_failure);
	tcase_add_test(t, cut_empty_and_foreign_files_are_no_configuration);
	tcase_add_test(t, two_thousand_changes_are_a_handful_of_writes_and_the_last_one_counts);
	tcase_add_test(t, what_found_no_room_is_written_when_there_is_some);
	tcase_add_test(t, a_folder_that_cannot_be_used_is_named);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
