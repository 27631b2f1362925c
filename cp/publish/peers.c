/* peers: see peers.h. Started by main. Plain blocking code, like feed.c. */
#include "cp/publish/peers.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/core/release.h"
#include "common/core/thread.h"
#include "common/settings/node_id.h"
#include "cp/publish/calls.h"
#include "cp/publish/nodes.h"
#include "cp/publish/orders.h"
#include "cp/publish/publish.h"
#include "cp/publish/shared_counters.h"
#include "cp/publish/target_health.h"
#include "cp/store/presence.h"

enum {
	LOOK_MS = 100,            /* how often we look whether there is something to say */
	READ_AT_LEAST_MS = 1000,  /* a bell may get lost */
	WRITE_AT_LEAST_MS = 5000, /* so that others know that we are there */
	REST = 9,                 /* after a write that took 1 ms, 9 ms without one: many nodes make a long row */
	ASKED_MS = 2 * WRITE_AT_LEAST_MS, /* who has been silent for longer is not waited for */
	RETRY_MS = 1000,
	FORGET_MS = 30000
};

struct peers {
	const struct settings *settings;
	uint64_t (*published)(void *arg);
	void *arg;
	pthread_t thread;
	int wake; /* eventfd: a question or an answer waits, or the end */
	atomic_bool stopping;

	/* of the thread */
	char id[UUID_TEXT + 1], hostname[256];
	struct store *store; /* NULL: not connected */
	int listen_fd;
	bool is_away; /* the database, and we have said so */
	uint64_t written_ms, write_again_ms, read_ms, forgot_ms, version;
	unsigned change; /* of the table of nodes, when it was written */
	bool has_news;   /* the bell has rung since we read */
};

/* What was read last; for any thread. */
static struct {
	pthread_mutex_t lock;
	json_t *others; /* NULL: nothing yet */
	uint64_t read_ms;
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void keep(json_t *others)
{
	pthread_mutex_lock(&known.lock);
	json_decref(known.others);
	known.others = others;
	known.read_ms = clock_mono_ms();
	pthread_mutex_unlock(&known.lock);
}

/* ---- what each knows of its data planes ------------------------------------------------------------------------ */

static bool is_time_to_write(const struct peers *p, uint64_t now, bool has_counters)
{
	if (now < p->write_again_ms)
		return false;
	return has_counters || p->written_ms == 0 || nodes_change() != p->change ||
	       p->published(p->arg) != p->version || now - p->written_ms >= WRITE_AT_LEAST_MS;
}

static bool write_presence(struct peers *p, struct fault *f)
{
	uint64_t now = clock_mono_ms();
	bool has_counters = shared_counters_have_news();

	if (!is_time_to_write(p, now, has_counters))
		return true;
	unsigned change = nodes_change();
	uint64_t version = p->published(p->arg);
	json_t *nodes = nodes_export(), *counters = has_counters ? shared_counters_export(now) : NULL;
	bool ok = store_be_present(p->store,
	        &(struct presence){.id = p->id,
	                .hostname = p->hostname,
	                .release = GATEHOUSE_RELEASE,
	                .version = version,
	                .nodes = nodes,
	                .counters = counters},
	        f);
	json_decref(nodes);
	json_decref(counters);
	uint64_t took_ms = clock_mono_ms() - now;
	p->write_again_ms = now + took_ms + (took_ms * REST > LOOK_MS ? took_ms * REST : LOOK_MS / 2);
	if (!ok)
		return false;
	p->written_ms = now;
	p->change = change;
	p->version = version;
	return true;
}

static uint64_t age_of(const json_t *other)
{
	return (uint64_t)json_integer_value(json_object_get(other, "age_ms"));
}

/* Those that can be expected to answer, for calls.h. */
static void name_peers(const json_t *others)
{
	struct slice ids[CALLS_PEERS_MAX];
	size_t n = 0, i;
	json_t *other;

	json_array_foreach((json_t *)others, i, other) if (age_of(other) <= ASKED_MS && n < CALLS_PEERS_MAX)
	        ids[n++] = slice_cstr(json_string_value(json_object_get(other, "id")));
	calls_set_peers(ids, n);
}

static bool read_presence(struct peers *p, struct fault *f)
{
	uint64_t now = clock_mono_ms();
	json_t *other;
	size_t i;

	if (now - p->read_ms < (p->has_news ? LOOK_MS / 2 : READ_AT_LEAST_MS))
		return true;
	p->has_news = false;
	json_t *others = store_others_present(p->store, p->id, f);
	if (!others)
		return false;
	p->read_ms = clock_mono_ms();
	json_array_foreach(others, i, other)
	{
		nodes_import(json_object_get(other, "nodes"), age_of(other));
		shared_counters_import(json_object_get(other, "counters"), age_of(other), now);
	}
	name_peers(others);
	keep(others);
	return true;
}

/* ---- questions and answers ------------------------------------------------------------------------------------- */

static bool send_questions(struct peers *p, struct fault *f)
{
	char *what, *payload;
	int64_t id;
	bool ok = true;

	while (ok && calls_next_question(&id, &what, &payload)) {
		ok = store_ask_peers(
		        p->store, p->id, &(struct peer_call){.id = id, .what = what, .payload = payload}, f);
		free(what);
		free(payload);
	}
	return ok;
}

static bool take_questions(struct peers *p, struct fault *f)
{
	json_t *asked = store_asked_by_peers(p->store, p->id, f), *one;
	size_t i;

	json_array_foreach(asked, i, one) calls_take_question(json_integer_value(json_object_get(one, "id")),
	        json_string_value(json_object_get(one, "what")), json_object_get(one, "payload"));
	json_decref(asked);
	return asked != NULL;
}

static bool send_answers(struct peers *p, struct fault *f)
{
	char *text;
	int64_t id;
	bool ok = true;

	while (ok && calls_next_answer(&id, &text)) {
		ok = store_answer_peer(p->store, p->id, id, text, f);
		free(text);
	}
	return ok;
}

static bool take_answers(struct peers *p, struct fault *f)
{
	json_t *answered, *one;
	size_t i;

	if (!calls_are_open())
		return true;
	if (!(answered = store_answered_by_peers(p->store, p->id, f)))
		return false;
	json_array_foreach(answered, i, one) calls_take_answer(json_integer_value(json_object_get(one, "id")),
	        json_string_value(json_object_get(one, "control_plane")), json_object_get(one, "answer"));
	json_decref(answered);
	return true;
}

static bool forget_old(struct peers *p, struct fault *f)
{
	uint64_t now = clock_mono_ms();

	if (now - p->forgot_ms < FORGET_MS)
		return true;
	p->forgot_ms = now;
	return store_forget_calls(p->store, f);
}

/* ---- the thread ------------------------------------------------------------------------------------------------ */

static void disconnect(struct peers *p)
{
	store_close(p->store);
	p->store = NULL;
	p->listen_fd = -1;
}

static bool connect_store(struct peers *p, struct err *e)
{
	if (p->store)
		return p->listen_fd >= 0;
	p->store = store_open(p->settings, e);
	if (p->store)
		p->listen_fd = store_listen_to_peers(p->store, e);
	return p->listen_fd >= 0;
}

static bool talk(struct peers *p, bool was_rung, struct fault *f)
{
	p->has_news |= was_rung;
	return send_questions(p, f) && send_answers(p, f) &&
	       (!was_rung || (take_questions(p, f) && take_answers(p, f))) && write_presence(p, f) &&
	       read_presence(p, f) && forget_old(p, f);
}

static void note_failure(struct peers *p, const char *why)
{
	if (!p->is_away)
		log_warn("other control planes cannot be asked for now", LOG_STR("error", why));
	p->is_away = true;
	calls_fail();
	disconnect(p);
}

static void step(struct peers *p, bool was_rung)
{
	struct fault f = {0};
	struct err e = {""};

	if (!connect_store(p, &e))
		note_failure(p, e.message);
	else if (!talk(p, was_rung || p->is_away, &f))
		note_failure(p, f.message ? f.message : "unknown");
	else
		p->is_away = false;
	fault_fini(&f);
}

/* True: others have written something. */
static bool wait_for_news(struct peers *p)
{
	struct pollfd fds[] = {{.fd = p->wake, .events = POLLIN}, {.fd = p->listen_fd, .events = POLLIN}};
	int n = poll(fds, 2, p->is_away ? RETRY_MS : LOOK_MS);
	uint64_t rings;

	if (n > 0 && fds[0].revents && read(p->wake, &rings, sizeof rings) < 0)
		log_debug("nothing to read from the wake-up");
	if (n <= 0 || !fds[1].revents)
		return false;
	if (!store_drain(p->store))
		disconnect(p);
	return true;
}

static void *run(void *arg)
{
	struct peers *p = arg;
	struct fault f = {0};
	bool was_rung = true;

	while (!atomic_load(&p->stopping)) {
		step(p, was_rung);
		was_rung = wait_for_news(p);
	}
	if (p->store)
		store_be_absent(p->store, p->id, &f); /* when that fails, it is seen to be lost soon */
	fault_fini(&f);
	disconnect(p);
	return NULL;
}

static void wake(void *arg)
{
	struct peers *p = arg;
	eventfd_write(p->wake, 1);
}

/* ---- beginning and end ----------------------------------------------------------------------------------------- */

struct peers *peers_start(const struct settings *s, uint64_t (*published)(void *arg), void *arg, struct err *e)
{
	struct peers *p = calloc(1, sizeof *p);

	if (!p)
		abort();
	p->settings = s;
	p->published = published;
	p->arg = arg;
	p->listen_fd = -1;
	gethostname(p->hostname, sizeof p->hostname - 1);
	p->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (p->wake < 0)
		err_set(e, "cannot make an eventfd: %s", strerror(errno));
	bool ok = p->wake >= 0 && node_id_load(s, p->id, e);
	if (ok) {
		calls_serve(ORDERS_CALL, orders_call, NULL);
		calls_serve(TARGET_HEALTH_CALL, target_health_call, NULL);
		calls_serve(PUBLISH_CONFIRM_CALL, publish_confirm_call, NULL);
		calls_connect(wake, p);
		int problem = thread_start(&p->thread, run, p);
		ok = !problem || err_set(e, "cannot start a thread: %s", strerror(problem));
	}
	if (ok)
		return p;
	calls_connect(NULL, NULL);
	if (p->wake >= 0)
		close(p->wake);
	free(p);
	return NULL;
}

void peers_stop(struct peers *p)
{
	if (!p)
		return;
	calls_connect(NULL, NULL);
	atomic_store(&p->stopping, true);
	eventfd_write(p->wake, 1);
	pthread_join(p->thread, NULL);
	close(p->wake);
	keep(NULL);
	free(p);
}

/* ---- showing --------------------------------------------------------------------------------------------------- */

static void describe(const json_t *other, uint64_t since_ms, json_t *array, json_t *problems)
{
	uint64_t age_ms = age_of(other) + since_ms;
	bool is_lost = age_ms > PEERS_LOST_MS;
	const char *hostname = json_string_value(json_object_get(other, "hostname"));

	json_array_append_new(
	        array, json_pack("{s:O, s:s, s:s, s:O, s:O, s:b, s:I}", "id", json_object_get(other, "id"), "name",
	                       hostname, "hostname", hostname, "release", json_object_get(other, "release"),
	                       "config_version", json_object_get(other, "version"), "reachable", !is_lost,
	                       "last_seen", (json_int_t)(clock_wall_s() - (int64_t)(age_ms / 1000))));
	if (is_lost)
		json_array_append_new(problems, json_sprintf("control plane %s: not heard of for %llu s", hostname,
		                                        (unsigned long long)(age_ms / 1000)));
}

void peers_overview(json_t *array, json_t *problems)
{
	json_t *other;
	size_t i;

	pthread_mutex_lock(&known.lock);
	json_array_foreach(known.others, i, other) describe(other, clock_mono_ms() - known.read_ms, array, problems);
	pthread_mutex_unlock(&known.lock);
}
