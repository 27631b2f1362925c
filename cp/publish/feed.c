/* feed: see feed.h. Plain blocking code. The store listens on a connection apart from the one it reads with, so no
 * notification is swallowed by a query's answer. */
#include "cp/publish/feed.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/core/thread.h"
#include "cp/store/memory.h"
#include "cp/store/migrate.h"

enum { INTERVAL_MS = 1000, RETRY_MIN_MS = 200, RETRY_MAX_MS = 5000 };

struct feed {
	const struct settings *settings;
	feed_fn fn;
	void *arg;
	pthread_t thread;
	int wake; /* eventfd: a nudge, or the end */
	atomic_bool stopping;
	atomic_uint_fast64_t last_read_ms;

	/* of the thread */
	struct store *store; /* NULL: not connected */
	int listen_fd;
	struct text epoch; /* of what has been handed on */
	uint64_t version;
	bool has_begun;    /* epoch and version are set */
	struct text stamp; /* of the version that it names, or empty */
	uint64_t stamp_version;
	bool is_new_connection; /* the database may not be what it was */
	bool is_away;           /* the database, and we have said so */
	int retry_ms;
};

/* ---- batches ---- */

struct feed_batch *feed_batch_new(struct slice epoch, uint64_t base, uint64_t version, bool snapshot)
{
	struct feed_batch *b = calloc(1, sizeof *b);
	if (!b)
		abort();
	arena_init(&b->arena);
	b->epoch = slice_strdup(epoch);
	b->base = base;
	b->version = version;
	b->snapshot = snapshot;
	return b;
}

void feed_batch_add(struct feed_batch *b, const struct schema *kind, const struct uuid *id, struct slice json)
{
	if (b->n == b->cap) {
		b->cap = b->cap ? b->cap * 2 : 8;
		b->changes = realloc(b->changes, b->cap * sizeof *b->changes);
		if (!b->changes)
			abort();
	}
	b->changes[b->n++] = (struct change){.kind = kind, .id = *id, .json = arena_dup(&b->arena, json)};
}

static struct record *parse(const struct feed_batch *b, const struct change *c, struct text *held_back)
{
	struct err e;
	if (!slice_is_set(c->json))
		return NULL;
	struct record *r = record_parse_newer(c->kind, c->json, b->version, held_back, &e);
	if (!r)
		/* Data planes will refuse it as well, and say so; a snapshot is better without it than not at all. */
		log_error("a stored record does not load, snapshots go without it", LOG_STR("kind", c->kind->name),
		        LOG_STR("error", e.message));
	return r;
}

void feed_batch_parse(struct feed_batch *b)
{
	if (b->records)
		return;
	b->records = calloc(b->n + 1, sizeof(struct record *));
	if (!b->records)
		abort();
	struct text held_back = {0};
	for (size_t i = 0; i < b->n; i++)
		b->records[i] = parse(b, &b->changes[i], &held_back);
	if (held_back.len > 0)
		log_warn("a newer release has written what this one does not know, it is passed on as it is",
		        LOG_SLICE("fields", text_slice(&held_back)), LOG_INT("version", b->version));
	text_fini(&held_back);
}

void feed_batch_free(struct feed_batch *b)
{
	if (!b)
		return;
	for (size_t i = 0; b->records && i < b->n; i++)
		if (b->records[i])
			record_unref(b->records[i]);
	free(b->records);
	arena_fini(&b->arena);
	free(b->changes);
	free(b->epoch);
	free(b);
}

/* ---- reading ---- */

static void hand_on(struct feed *f, struct feed_batch *b)
{
	text_clear(&f->epoch);
	text_puts(&f->epoch, b->epoch);
	f->version = b->version;
	f->has_begun = true;
	f->fn(b, f->arg);
}

static bool row_id(struct slice json, struct uuid *out)
{
	json_t *row = json_loadb(json.ptr, json.len, 0, NULL);
	bool ok = uuid_parse(slice_cstr(json_string_value(json_object_get(row, "id"))), out);
	json_decref(row);
	return ok;
}

static bool add_row(const struct schema *kind, struct slice json, void *arg, struct err *e)
{
	struct uuid id;
	if (!row_id(json, &id))
		return err_set(e, "a row has no id: '%.*s'", (int)(json.len < 200 ? json.len : 200), json.ptr);
	feed_batch_add(arg, kind, &id, json);
	return true;
}

static bool read_snapshot(struct feed *f, struct slice epoch, struct err *e)
{
	struct feed_batch *b = feed_batch_new(epoch, 0, 0, true);
	if (!store_snapshot(f->store, &b->version, add_row, b, e)) {
		feed_batch_free(b);
		return false;
	}
	log_info("configuration read", LOG_INT("version", b->version), LOG_INT("records", b->n));
	hand_on(f, b);
	return true;
}

struct reading {
	struct feed *feed;
	struct feed_batch *batch; /* of the version that is being read */
};

static bool add_change(uint64_t version, const struct schema *kind, const struct uuid *id, struct slice json,
        void *arg, struct err *e)
{
	struct reading *r = arg;
	if (r->batch && r->batch->version != version) {
		hand_on(r->feed, r->batch);
		r->batch = NULL;
	}
	if (!r->batch)
		r->batch = feed_batch_new(text_slice(&r->feed->epoch), r->feed->version, version, false);
	feed_batch_add(r->batch, kind, id, json);
	return true;
}

/* What has been committed since; `reached` is where the database was a moment ago. */
static bool read_changes(struct feed *f, uint64_t reached, struct err *e)
{
	struct reading r = {.feed = f};
	if (!store_changes(f->store, f->version, add_change, &r, e)) {
		feed_batch_free(r.batch); /* perhaps not all of it */
		return false;
	}
	if (r.batch)
		hand_on(f, r.batch);
	if (f->version < reached) /* a version without changes */
		hand_on(f, feed_batch_new(text_slice(&f->epoch), f->version, reached, false));
	return true;
}

static bool is_new_history(const struct feed *f, const struct text *epoch, uint64_t version)
{
	return !f->has_begun || !slice_eq(text_slice(epoch), text_slice(&f->epoch)) || version < f->version;
}

/* Has this database lost what was published? */
static bool has_lost(struct feed *f, const struct text *epoch, uint64_t version, bool *lost, struct err *e)
{
	struct text stamp = {0};
	bool is_same = f->has_begun && slice_eq(text_slice(epoch), text_slice(&f->epoch));

	*lost = is_same && version < f->version;
	bool ask = is_same && !*lost && f->is_new_connection && f->stamp.len > 0 && f->stamp_version == f->version;
	bool ok = !ask || store_stamp(f->store, f->version, &stamp, e);
	if (ok && ask && !slice_eq(text_slice(&stamp), text_slice(&f->stamp)))
		*lost = true;
	text_fini(&stamp);
	return ok;
}

/* The epoch and version of the history that is there, which is another one when it has lost something. */
static bool read_position(struct feed *f, struct text *epoch, uint64_t *version, struct err *e)
{
	bool lost;
	if (!store_position(f->store, epoch, version, e) || !has_lost(f, epoch, *version, &lost, e))
		return false;
	f->is_new_connection = false;
	if (!lost)
		return true;
	log_error("the database lacks versions that have been published, its history goes on under another epoch",
	        LOG_INT("published", f->version), LOG_INT("there", *version));
	return store_renew_epoch(f->store, text_slice(&f->epoch), e) && store_position(f->store, epoch, version, e);
}

static bool read_from(struct feed *f, struct text *epoch, struct err *e)
{
	uint64_t version;
	if (!read_position(f, epoch, &version, e))
		return false;
	if (is_new_history(f, epoch, version))
		return read_snapshot(f, text_slice(epoch), e);
	if (version == f->version || read_changes(f, version, e))
		return true;
	/* The database is there, so the log does not reach back far enough. */
	return store_ping(f->store) && read_snapshot(f, text_slice(epoch), e);
}

static bool read_news(struct feed *f, struct err *e)
{
	struct text epoch = {0};
	bool ok = read_from(f, &epoch, e);
	text_fini(&epoch);
	if (ok && f->stamp_version != f->version) {
		ok = store_stamp(f->store, f->version, &f->stamp, e);
		f->stamp_version = f->version;
	}
	if (ok)
		atomic_store(&f->last_read_ms, clock_mono_ms());
	return ok;
}

/* ---- the connections ---- */

static void disconnect(struct feed *f)
{
	if (f->store)
		store_close(f->store);
	f->store = NULL;
	f->listen_fd = -1;
}

static bool is_ready(struct feed *f, struct err *e)
{
	enum migrate_state state = MIGRATE_CURRENT;
	if (is_without_database(f->settings))
		return true;
	if (!migrate_status(f->store, &state, e))
		return false;
	return state == MIGRATE_CURRENT || state == MIGRATE_NEWER ||
	       err_set(e, "the database lacks migrations of this release");
}

static bool connect_store(struct feed *f, struct err *e)
{
	if (f->store)
		return true;
	f->store = store_open(f->settings, e);
	f->is_new_connection = true;
	if (f->store && !is_ready(f, e)) /* an empty database would be published as an empty configuration */
		disconnect(f);
	if (f->store)
		f->listen_fd = store_listen(f->store, e);
	return f->listen_fd >= 0;
}

static void step(struct feed *f)
{
	struct err e = {""};
	if (connect_store(f, &e) && read_news(f, &e)) {
		if (f->is_away)
			log_notice("database is back");
		f->is_away = false;
		f->retry_ms = 0;
		return;
	}
	if (!f->is_away)
		log_error("cannot read the configuration, what is published stays", LOG_STR("error", e.message));
	f->is_away = true;
	f->retry_ms = f->retry_ms == 0                 ? RETRY_MIN_MS
	              : f->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS
	                                               : f->retry_ms * 2;
	disconnect(f);
}

static void wait_for_news(struct feed *f)
{
	struct pollfd fds[] = {{.fd = f->wake, .events = POLLIN}, {.fd = f->listen_fd, .events = POLLIN}};
	int n = poll(fds, 2, f->is_away ? f->retry_ms : INTERVAL_MS);
	uint64_t nudges;
	if (n > 0 && fds[0].revents && read(f->wake, &nudges, sizeof nudges) < 0)
		log_debug("nothing to read from the wake-up");
	if (n > 0 && fds[1].revents && !store_drain(f->store))
		disconnect(f);
}

static void *run(void *arg)
{
	struct feed *f = arg;
	while (!atomic_load(&f->stopping)) {
		step(f);
		wait_for_news(f);
	}
	disconnect(f);
	return NULL;
}

/* ---- from other threads ---- */

static pthread_mutex_t nudge_lock = PTHREAD_MUTEX_INITIALIZER;
static int nudge_fd = -1; /* of the running feed */

static void set_nudge_fd(int fd)
{
	pthread_mutex_lock(&nudge_lock);
	nudge_fd = fd;
	pthread_mutex_unlock(&nudge_lock);
}

void feed_nudge(void)
{
	pthread_mutex_lock(&nudge_lock);
	if (nudge_fd >= 0)
		eventfd_write(nudge_fd, 1);
	pthread_mutex_unlock(&nudge_lock);
}

uint64_t feed_last_read_ms(const struct feed *f)
{
	return atomic_load(&f->last_read_ms);
}

void feed_free(struct feed *f)
{
	if (!f)
		return;
	if (f->wake >= 0)
		close(f->wake);
	text_fini(&f->epoch);
	text_fini(&f->stamp);
	free(f);
}

struct feed *feed_start(const struct settings *s, feed_fn fn, void *arg, struct err *e)
{
	struct feed *f = calloc(1, sizeof *f);
	if (!f)
		abort();
	f->settings = s;
	f->fn = fn;
	f->arg = arg;
	f->listen_fd = -1;
	f->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int problem = f->wake < 0 ? errno : thread_start(&f->thread, run, f);
	if (problem) {
		err_set(e, "cannot start reading the configuration: %s", strerror(problem));
		feed_free(f);
		return NULL;
	}
	set_nudge_fd(f->wake);
	return f;
}

void feed_stop(struct feed *f)
{
	if (!f)
		return;
	set_nudge_fd(-1);
	atomic_store(&f->stopping, true);
	eventfd_write(f->wake, 1);
	pthread_join(f->thread, NULL);
}
