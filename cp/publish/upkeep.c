/* upkeep: see upkeep.h. Started by main. */
#include "cp/publish/upkeep.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/core/thread.h"
#include "cp/store/audit.h"
#include "cp/store/versions.h"

/* So much in one transaction, so that nobody waits long for the locks. */
enum { PURGE_STEP = 500, PRUNE_STEP = 200, FORGET_STEP = 1000, RETRY_S = 1 };

struct upkeep {
	const struct settings *settings;
	struct store *store; /* NULL: not connected */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stopping;
	bool is_away; /* the database, and we have said so */
};

static bool is_stopping(struct upkeep *u)
{
	pthread_mutex_lock(&u->lock);
	bool stopping = u->stopping;
	pthread_mutex_unlock(&u->lock);
	return stopping;
}

static bool purge(struct upkeep *u, struct fault *f)
{
	uint64_t version = 1;

	store_sign(u->store,
	        &(struct store_signature){.author = S("gatehouse"), .message = S("expired credentials removed")});
	while (version > 0 && !is_stopping(u)) {
		if (!store_purge_expired(u->store, PURGE_STEP, &version, f))
			return false;
		if (version > 0)
			log_info("expired credentials removed", LOG_INT("version", version));
	}
	return true;
}

static bool prune(struct upkeep *u, struct fault *f)
{
	const struct retention keep = {.versions = u->settings->history_versions, .days = u->settings->history_days};
	uint64_t dropped = PRUNE_STEP, all = 0;

	while (dropped == PRUNE_STEP && !is_stopping(u)) {
		if (!store_prune(u->store, &keep, PRUNE_STEP, &dropped, f))
			return false;
		all += dropped;
	}
	if (all > 0)
		log_info("old versions dropped", LOG_INT("versions", all));
	return true;
}

static bool forget_requests(struct upkeep *u, struct fault *f)
{
	uint64_t dropped = FORGET_STEP, all = 0;

	if (u->settings->audit_log_record_ttl == 0)
		return true;
	while (dropped == FORGET_STEP && !is_stopping(u)) {
		if (!store_audit_prune(u->store, u->settings->audit_log_record_ttl, FORGET_STEP, &dropped, f))
			return false;
		all += dropped;
	}
	if (all > 0)
		log_info("old records of admin requests dropped", LOG_INT("requests", all));
	return true;
}

static void note_failure(struct upkeep *u, const char *why)
{
	if (!u->is_away)
		log_warn("expired credentials and old versions stay for now", LOG_STR("error", why));
	u->is_away = true;
}

static void one_round(struct upkeep *u)
{
	struct fault f = {0};
	struct err e;

	if (!u->store && !(u->store = store_open(u->settings, &e))) {
		note_failure(u, e.message);
		return;
	}
	if (purge(u, &f) && prune(u, &f) && forget_requests(u, &f))
		u->is_away = false;
	else
		note_failure(u, f.message ? f.message : "unknown");
	fault_fini(&f);
}

static void wait_for_next(struct upkeep *u)
{
	uint64_t until_ms = clock_mono_ms() + (uint64_t)(u->is_away ? RETRY_S : u->settings->upkeep_interval) * 1000;
	bool in_time = true;

	pthread_mutex_lock(&u->lock);
	while (!u->stopping && in_time)
		in_time = thread_wait(&u->wake, &u->lock, until_ms);
	pthread_mutex_unlock(&u->lock);
}

static void *run(void *arg)
{
	struct upkeep *u = arg;

	while (!is_stopping(u)) {
		one_round(u);
		wait_for_next(u);
	}
	store_close(u->store);
	return NULL;
}

static void free_all(struct upkeep *u)
{
	pthread_cond_destroy(&u->wake);
	pthread_mutex_destroy(&u->lock);
	free(u);
}

struct upkeep *upkeep_start(const struct settings *s, struct err *e)
{
	struct upkeep *u = calloc(1, sizeof *u);

	if (!u)
		abort();
	u->settings = s;
	pthread_mutex_init(&u->lock, NULL);
	pthread_cond_init(&u->wake, NULL);
	int problem = thread_start(&u->thread, run, u);
	if (problem == 0)
		return u;
	err_set(e, "cannot start the upkeep of the database: %s", strerror(problem));
	free_all(u);
	return NULL;
}

void upkeep_stop(struct upkeep *u)
{
	if (!u)
		return;
	pthread_mutex_lock(&u->lock);
	u->stopping = true;
	pthread_cond_signal(&u->wake);
	pthread_mutex_unlock(&u->lock);
	pthread_join(u->thread, NULL);
	free_all(u);
}
