/* disk_cache: see disk_cache.h. Small changes go to the log (disk_log.h); when most of the configuration is new, or
 * the log has grown to half the size of config.cache, that is written anew and the log begins again.
 *
 * Catalogs are copied and freed on the main thread only (their counts are plain integers); the writer thread reads
 * one catalog that does not change meanwhile, and hands it back when it is done. */
#include "common/core/thread.h"
#include "common/sync/disk_cache.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/file.h"
#include "common/core/log.h"
#include "common/model/kinds.h"
#include "common/sync/disk_log.h"

static const struct slice seal_label = SLICE("gatehouse config.cache 1");

/* One version on its way to the disk. */
struct keep {
	struct disk_cache *cache;
	struct catalog *catalog;
	char *epoch;
	/* What the writer has to say: */
	bool written, is_whole;
	size_t len;
	struct err why; /* not written */
};

struct disk_cache {
	struct loop *loop;
	char path[PATH_MAX], previous[PATH_MAX], log[PATH_MAX];
	struct seal_key key;
	struct keep *waiting; /* the newest that is not written yet, or NULL */
	struct keep *writing; /* with the writer, or NULL */
	struct keep *on_disk; /* what file and log hold; NULL: not known, the next write is a whole one */
	size_t file_len, log_len;
	bool is_failing;  /* the last write failed, and that was logged */
	pthread_t writer; /* valid while writing is set */
	int done;         /* eventfd: the writer has finished */
	struct event *done_event;
	uint64_t writing_since_ms;
	struct loop_timer *pause; /* set: it is not yet time for the next write */
	atomic_uint writes;
};

/* ---- reading ---- */

static struct catalog *decode(const struct disk_cache *d, struct slice sealed, struct text *epoch, struct err *e)
{
	struct text plain = {0};
	struct catalog *c = NULL;
	Gatehouse__Sync__Delta *delta = NULL;
	if (seal_open(&d->key, seal_label, sealed, &plain, e)) {
		delta = gatehouse__sync__delta__unpack(NULL, plain.len, (const uint8_t *)plain.ptr);
		if (!delta || !delta->snapshot)
			err_set(e, "the content is not a configuration");
		else
			c = delta_apply(NULL, delta, NULL, e);
	}
	if (c)
		text_puts(epoch, delta->epoch);
	if (delta)
		gatehouse__sync__delta__free_unpacked(delta, NULL);
	text_fini(&plain);
	return c;
}

static void set_aside(const char *path, const char *why)
{
	char aside[PATH_MAX];
	log_error("kept configuration cannot be used, it is set aside", LOG_STR("path", path), LOG_STR("error", why));
	if ((size_t)snprintf(aside, sizeof aside, "%s.damaged", path) < sizeof aside)
		rename(path, aside);
}

static bool load_file(struct disk_cache *d, const char *path, disk_cache_use_fn use, void *arg)
{
	struct arena a;
	struct slice sealed;
	struct text epoch = {0};
	struct err e;
	bool ok = false;

	if (access(path, F_OK) < 0)
		return false;
	arena_init(&a);
	struct catalog *c = file_read(&a, path, DELTA_MAX_SIZE, &sealed, &e) ? decode(d, sealed, &epoch, &e) : NULL;
	if (c)
		c = disk_log_replay(d->log, &d->key, text_slice(&epoch), c);
	uint64_t version = c ? catalog_version(c) : 0;
	if (c) {
		ok = use(c, text_slice(&epoch), arg, &e);
		if (!ok)
			catalog_free(c);
	}
	if (ok)
		log_notice("kept configuration loaded", LOG_STR("path", path), LOG_INT("version", version));
	else
		set_aside(path, e.message);
	text_fini(&epoch);
	arena_fini(&a);
	return ok;
}

bool disk_cache_load(struct disk_cache *d, disk_cache_use_fn use, void *arg)
{
	return load_file(d, d->path, use, arg) || load_file(d, d->previous, use, arg);
}

/* ---- writing ---- */

static void keep_free(struct keep *k)
{
	if (!k)
		return;
	catalog_free(k->catalog);
	free(k->epoch);
	free(k);
}

/* The present file becomes the previous one by a second link, so that at no moment there is none. */
static void keep_previous(const struct disk_cache *d)
{
	char tmp[PATH_MAX + 8];
	snprintf(tmp, sizeof tmp, "%s.new", d->previous);
	unlink(tmp);
	if (link(d->path, tmp) == 0)
		rename(tmp, d->previous);
}

/* config.cache anew. The log's frames are older than that then, so it does not matter when they go. */
static void write_whole(struct keep *k)
{
	struct disk_cache *d = k->cache;
	struct packed_delta *p = delta_pack_snapshot(k->epoch, k->catalog);
	struct text sealed = {0};

	seal(&d->key, seal_label, slice_of(p->bytes, p->len), &sealed);
	packed_delta_free(p);
	keep_previous(d);
	k->is_whole = true;
	k->len = sealed.len;
	k->written = file_replace(d->path, text_slice(&sealed), 0600, &k->why);
	if (k->written)
		unlink(d->log);
	text_fini(&sealed);
}

static bool count_change(struct record *was, struct record *is, void *arg)
{
	return --*(size_t *)arg > 0;
}

/* Does the change belong into the log? */
static bool is_small(const struct disk_cache *d, const struct keep *k)
{
	const struct keep *was = d->on_disk;
	size_t room = catalog_total(k->catalog) / 8;

	if (!was || strcmp(was->epoch, k->epoch) != 0 || d->log_len > d->file_len / 2 || room == 0 ||
	        catalog_version(k->catalog) <= catalog_version(was->catalog))
		return false;
	for (size_t i = 0; i < kinds_count(); i++)
		if (!catalog_diff(was->catalog, k->catalog, kinds_at(i), count_change, &room))
			return false;
	return true;
}

static void write_out(struct keep *k)
{
	struct disk_cache *d = k->cache;

	if (is_small(d, k))
		k->written = disk_log_append(
		        d->log, &d->key, k->epoch, d->on_disk->catalog, k->catalog, &k->len, &k->why);
	if (!k->written)
		write_whole(k);
	if (k->written)
		atomic_fetch_add(&d->writes, 1);
}

static void *writer(void *arg)
{
	struct keep *k = arg;
	write_out(k);
	eventfd_write(k->cache->done, 1);
	return NULL;
}

/* Starts the next write when there is something to write and nothing stands in the way. */
static void next_write(struct disk_cache *d)
{
	if (!d->waiting || d->writing || d->pause)
		return;
	d->writing = d->waiting;
	d->waiting = NULL;
	d->writing_since_ms = clock_mono_ms();
	int problem = thread_start(&d->writer, writer, d->writing);
	if (!problem)
		return;
	log_error("cannot start the thread that keeps the configuration", LOG_STR("error", strerror(problem)));
	keep_free(d->writing);
	d->writing = NULL;
}

static void pause_over(void *arg)
{
	struct disk_cache *d = arg;
	loop_timer_free(d->pause);
	d->pause = NULL;
	next_write(d);
}

/* The first of several failures is logged, and that they are over. */
static void tell(struct disk_cache *d, const struct keep *k)
{
	int64_t version = (int64_t)catalog_version(k->catalog);

	if (!k->written && !d->is_failing)
		log_error("cannot keep the configuration on disk, serving goes on from memory and it is tried again",
		        LOG_STR("error", k->why.message), LOG_INT("version", version));
	else if (k->written && d->is_failing)
		log_notice("the configuration is kept on disk again", LOG_INT("version", version));
	else if (k->written)
		log_debug("configuration kept", LOG_INT("version", version));
	d->is_failing = !k->written;
}

/* What was not written waits for its turn again, unless there is something newer. What is on disk is not known then.
 */
static void finish(struct disk_cache *d)
{
	struct keep *k = d->writing;

	pthread_join(d->writer, NULL);
	tell(d, k);
	d->writing = NULL;
	keep_free(d->on_disk);
	d->on_disk = NULL;
	if (!k->written) {
		if (d->waiting)
			keep_free(k);
		else
			d->waiting = k;
		return;
	}
	d->on_disk = k;
	d->file_len = k->is_whole ? k->len : d->file_len;
	d->log_len = k->is_whole ? 0 : d->log_len + k->len;
}

static uint32_t rest_ms(const struct disk_cache *d)
{
	uint64_t rest = (clock_mono_ms() - d->writing_since_ms) * DISK_CACHE_REST;
	uint32_t least = d->is_failing ? DISK_CACHE_RETRY_MS : DISK_CACHE_EVERY_MS;

	return rest < least ? least : rest > DISK_CACHE_REST_MAX_MS ? DISK_CACHE_REST_MAX_MS : (uint32_t)rest;
}

static void on_done(evutil_socket_t fd, short what, void *arg)
{
	struct disk_cache *d = arg;
	eventfd_t n;
	if (eventfd_read(fd, &n) < 0 || !d->writing)
		return;
	finish(d);
	d->pause = loop_timer_new(d->loop, rest_ms(d), false, pause_over, d);
}

void disk_cache_keep(struct disk_cache *d, const struct catalog *c, struct slice epoch)
{
	struct keep *k = malloc(sizeof *k);
	if (!k)
		abort();
	*k = (struct keep){.cache = d, .catalog = catalog_copy(c), .epoch = slice_strdup(epoch)};
	keep_free(d->waiting);
	d->waiting = k;
	next_write(d);
}

unsigned disk_cache_writes(const struct disk_cache *d)
{
	return atomic_load(&d->writes);
}

/* ---- opening and closing ---- */

static bool open_at(struct disk_cache *d, const char *folder, struct err *e)
{
	char key[PATH_MAX];
	snprintf(d->path, sizeof d->path, "%s/config.cache", folder);
	snprintf(d->previous, sizeof d->previous, "%s/config.cache.previous", folder);
	snprintf(d->log, sizeof d->log, "%s/config.cache.log", folder);
	snprintf(key, sizeof key, "%s/config.cache.key", folder);
	if (!file_make_dirs(folder, 0755, e) || !seal_key_file(key, &d->key, e))
		return false;
	d->done = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (d->done < 0)
		return err_set(e, "cannot make an eventfd: %s", strerror(errno));
	d->done_event = event_new(d->loop->base, d->done, EV_READ | EV_PERSIST, on_done, d);
	event_add(d->done_event, NULL);
	return true;
}

struct disk_cache *disk_cache_open(struct loop *loop, struct slice where, struct err *e)
{
	char folder[PATH_MAX - 32];
	struct disk_cache *d = calloc(1, sizeof *d);
	if (!d)
		abort();
	d->loop = loop;
	bool fits = (size_t)snprintf(folder, sizeof folder, "%.*s", SLICE_ARG(where)) < sizeof folder;
	if ((fits || err_set(e, "prefix is too long: '%.200s...'", folder)) && open_at(d, folder, e))
		return d;
	free(d);
	return NULL;
}

void disk_cache_close(struct disk_cache *d)
{
	if (!d)
		return;
	if (d->writing)
		finish(d);
	if (d->waiting) {
		write_out(d->waiting);
		tell(d, d->waiting);
	}
	keep_free(d->waiting);
	keep_free(d->on_disk);
	loop_timer_free(d->pause);
	event_free(d->done_event);
	close(d->done);
	free(d);
}
