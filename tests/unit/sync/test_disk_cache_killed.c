/* disk_cache, killed at each step of its writing: a restart finds the last version whose keeping was complete, or the
 * one that was on its way, and never a part of one.
 *
 * A child keeps versions, whole ones and changes by turns, and tells when each is kept. The calls of libc that change
 * files are counted here; at the given one, half of a write is done, or nothing of another call, and the child is
 * gone as by kill -9. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/core/log.h"
#include "common/sync/disk_cache.h"
#include "dp/config/replica.h"
#include "tests/support/batches.h"
#include "tests/support/tmp.h"

enum { FIRST = 40, SESSIONS = 3 };

/* ---- the calls that change files ------------------------------------------------------------------------------- */

static bool is_counting;
static int calls, last_call; /* written by one thread at a time: the cache's writer, or the one that waits for it */

static void die(void)
{
	kill(getpid(), SIGKILL);
	pause();
}

static bool is_last(void)
{
	return is_counting && ++calls == last_call;
}

static void step(void)
{
	if (is_last())
		die();
}

ssize_t write(int fd, const void *bytes, size_t n)
{
	if (fd > 2 && n > 8 && is_last()) { /* shorter ones are bells */
		syscall(SYS_write, fd, bytes, n / 2);
		die();
	}
	return syscall(SYS_write, fd, bytes, n);
}

int fsync(int fd)
{
	step();
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	step();
	return (int)syscall(SYS_fdatasync, fd);
}

int rename(const char *from, const char *to)
{
	step();
	return (int)syscall(SYS_renameat2, -100 /* AT_FDCWD */, from, -100, to, 0);
}

int link(const char *from, const char *to)
{
	step();
	return (int)syscall(SYS_linkat, -100, from, -100, to, 0);
}

int unlink(const char *path)
{
	step();
	return (int)syscall(SYS_unlinkat, -100, path, 0);
}

/* ---- a node that keeps what it is given ------------------------------------------------------------------------ */

static struct err e;

static bool accept_all(struct catalog *c, struct slice epoch, void *arg, struct err *why)
{
	catalog_free(c); /* taken */
	return true;
}

static bool use(struct catalog *c, struct slice epoch, void *arg, struct err *why)
{
	return replica_set(arg, c, epoch, why);
}

/* One consumer more than version v-1 has. */
static void set(struct replica *r, uint64_t v)
{
	bool is_first = replica_version(r) == 0;
	struct catalog *c = is_first ? catalog_new() : catalog_copy(replica_catalog(r));
	struct feed_batch *b = batches_snapshot("e", v, (unsigned)v, "a", 0);

	for (size_t i = is_first ? 0 : b->n - 1; i < b->n; i++) {
		struct record *record = record_parse(b->changes[i].kind, b->changes[i].json, v, &e);
		ck_assert_msg(record != NULL, "%s", e.message);
		catalog_put(c, record);
		record_unref(record);
	}
	catalog_set_version(c, v);
	ck_assert(replica_set(r, c, S("e"), &e));
	feed_batch_free(b);
}

static void keep(struct disk_cache *d, struct replica *r)
{
	set(r, replica_version(r) ? replica_version(r) + 1 : FIRST);
	disk_cache_keep(d, replica_catalog(r), replica_epoch(r));
}

static void kept(int to, uint64_t version)
{
	ck_assert_int_eq(syscall(SYS_write, to, &version, sizeof version), sizeof version);
}

/* As a process from its start to its end: a whole file, and a change behind it that is written when it closes. */
static void session(struct loop *loop, int to)
{
	struct replica *r = replica_new(accept_all, NULL);
	struct disk_cache *d = disk_cache_open(loop, slice_cstr(tmp_path("")), &e);

	ck_assert_msg(d != NULL, "%s", e.message);
	disk_cache_load(d, use, r);
	keep(d, r);
	while (disk_cache_writes(d) == 0)
		usleep(1000);
	kept(to, replica_version(r));
	keep(d, r);
	disk_cache_close(d);
	kept(to, replica_version(r));
	replica_free(r);
}

/* The child: never returns. */
static void keep_until(int call, int to)
{
	struct loop *loop = loop_new(&e);

	last_call = call;
	is_counting = true;
	for (int i = 0; i < SESSIONS; i++)
		session(loop, to);
	loop_free(loop);
	_exit(0);
}

/* ---- what a restart finds -------------------------------------------------------------------------------------- */

static uint64_t last_kept(int from)
{
	uint64_t version = 0;
	while (read(from, &version, sizeof version) == sizeof version)
		;
	return version;
}

/* 0: nothing. */
static uint64_t found(void)
{
	struct loop *loop = loop_new(&e);
	struct disk_cache *d = disk_cache_open(loop, slice_cstr(tmp_path("")), &e);
	struct replica *r = replica_new(accept_all, NULL);

	ck_assert_msg(d != NULL, "%s", e.message);
	disk_cache_load(d, use, r);
	uint64_t version = replica_version(r);
	ck_assert_uint_eq(version ? batches_count(replica_catalog(r)) : 0, version); /* whole */
	disk_cache_close(d);
	replica_free(r);
	loop_free(loop);
	return version;
}

/* False: there are not so many calls. */
static bool die_at(int call)
{
	int ends[2], status;

	tmp_make();
	ck_assert_int_eq(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0)
		keep_until(call, ends[1]);
	close(ends[1]);
	uint64_t least = last_kept(ends[0]);
	close(ends[0]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
	uint64_t now = found();
	uint64_t most = least ? least + 1 : FIRST;
	ck_assert_msg(now >= least && now <= most, "killed at call %d: %d was kept, %d is found", call, (int)least,
	        (int)now);
	tmp_remove();
	return WIFSIGNALED(status);
}

START_TEST(what_was_kept_is_found_wherever_it_is_killed)
{
	int call = 1;

	log_set_level(LOG_EMERG);
	while (die_at(call))
		call++;
	ck_assert_int_gt(
	        call, 30); /* write, fsync, rename, fsync, unlink, append, fdatasync, ... of three sessions */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("disk_cache_killed");
	TCase *t = tcase_create("disk_cache_killed");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, what_was_kept_is_found_wherever_it_is_killed);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
