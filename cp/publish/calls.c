/* calls: see calls.h. Questions wait in a list until peers.c has sent them and answers have come; questions of others
 * run on threads of their own, a bounded number of them, and leave their answers in another list. */
#include "cp/publish/calls.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/core/thread.h"
#include "common/core/uuid.h"

enum { SERVING_MAX = 16, SEEN_MAX = 1024, HANDLERS_MAX = 8 };

struct call {
	struct call *next;
	int64_t id;
	char *what, *payload;
	uint64_t until_ms;
	bool is_sent;
	char awaited[CALLS_PEERS_MAX][UUID_TEXT + 1]; /* "": has answered */
	size_t count;
	json_t *answers;
};

struct answer {
	struct answer *next;
	int64_t id;
	char *text;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	void (*wake)(void *arg);
	void *wake_arg;
	char peers[CALLS_PEERS_MAX][UUID_TEXT + 1];
	size_t peers_count;
	struct call *calls;
	struct answer *answers;
	int64_t seen[SEEN_MAX];
	size_t seen_next;
	unsigned serving;
	struct {
		const char *what;
		call_fn fn;
		void *arg;
	} handlers[HANDLERS_MAX];
} table = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void enter(void)
{
	pthread_mutex_lock(&table.lock);
}

static void leave(void)
{
	pthread_mutex_unlock(&table.lock);
}

static void wake(void)
{
	if (table.wake)
		table.wake(table.wake_arg);
}

/* ---- asking ---------------------------------------------------------------------------------------------------- */

int64_t calls_new_id(void)
{
	uint64_t id;
	random_bytes((unsigned char *)&id, sizeof id);
	return (int64_t)(id & INT64_MAX) | 1;
}

struct call *calls_begin(const char *what, const json_t *payload, int timeout_ms)
{
	struct call *c = calloc(1, sizeof *c);

	if (!c)
		abort();
	c->id = calls_new_id();
	c->what = slice_strdup(slice_cstr(what));
	c->payload = json_dumps(payload, JSON_COMPACT | JSON_ENCODE_ANY);
	c->until_ms = clock_mono_ms() + (uint64_t)timeout_ms;
	c->answers = json_array();
	enter();
	if (table.wake && c->payload) {
		c->count = table.peers_count;
		memcpy(c->awaited, table.peers, sizeof c->awaited);
	}
	if (c->count > 0) {
		c->next = table.calls;
		table.calls = c;
		wake();
	}
	leave();
	return c;
}

static bool is_awaiting(const struct call *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->awaited[i][0])
			return true;
	return false;
}

json_t *calls_end(struct call *c)
{
	json_t *answers = c->answers;
	bool in_time = true;

	enter();
	while (is_awaiting(c) && in_time)
		in_time = thread_wait(&table.changed, &table.lock, c->until_ms);
	for (struct call **at = &table.calls; *at; at = &(*at)->next)
		if (*at == c) {
			*at = c->next;
			break;
		}
	leave();
	free(c->what);
	free(c->payload);
	free(c);
	return answers;
}

json_t *calls_ask(const char *what, const json_t *payload, int timeout_ms)
{
	return calls_end(calls_begin(what, payload, timeout_ms));
}

/* ---- on the way ------------------------------------------------------------------------------------------------ */

static void stop_waiting(void)
{
	for (struct call *c = table.calls; c; c = c->next)
		c->count = 0;
	pthread_cond_broadcast(&table.changed);
}

static void drop_answers(void)
{
	while (table.answers) {
		struct answer *a = table.answers;
		table.answers = a->next;
		free(a->text);
		free(a);
	}
}

void calls_connect(void (*fn)(void *arg), void *arg)
{
	enter();
	table.wake = fn;
	table.wake_arg = arg;
	table.peers_count = 0;
	if (!fn) {
		stop_waiting();
		while (table.serving > 0)
			pthread_cond_wait(&table.changed, &table.lock);
		drop_answers();
	}
	leave();
}

void calls_set_peers(const struct slice *ids, size_t count)
{
	enter();
	table.peers_count = 0;
	for (size_t i = 0; i < count && table.peers_count < CALLS_PEERS_MAX; i++)
		if (ids[i].len == UUID_TEXT) {
			memcpy(table.peers[table.peers_count], ids[i].ptr, UUID_TEXT);
			table.peers[table.peers_count++][UUID_TEXT] = '\0';
		}
	leave();
}

bool calls_next_question(int64_t *id, char **what, char **payload)
{
	struct call *c;

	enter();
	for (c = table.calls; c && c->is_sent; c = c->next)
		;
	if (c) {
		c->is_sent = true;
		*id = c->id;
		*what = slice_strdup(slice_cstr(c->what));
		*payload = slice_strdup(slice_cstr(c->payload));
	}
	leave();
	return c != NULL;
}

void calls_fail(void)
{
	enter();
	stop_waiting();
	leave();
}

bool calls_are_open(void)
{
	enter();
	bool open = table.calls != NULL;
	leave();
	return open;
}

void calls_take_answer(int64_t id, const char *peer, json_t *answer)
{
	enter();
	struct call *c = table.calls;
	while (c && c->id != id)
		c = c->next;
	for (size_t i = 0; c && i < c->count; i++)
		if (strcmp(c->awaited[i], peer) == 0)
			c->awaited[i][0] = '\0';
	if (c)
		json_array_append_new(c->answers, json_deep_copy(answer));
	pthread_cond_broadcast(&table.changed);
	leave();
}

/* ---- serving --------------------------------------------------------------------------------------------------- */

void calls_serve(const char *what, call_fn fn, void *arg)
{
	enter();
	size_t i = 0;
	while (i < HANDLERS_MAX - 1 && table.handlers[i].what && strcmp(table.handlers[i].what, what) != 0)
		i++;
	table.handlers[i].what = what;
	table.handlers[i].fn = fn;
	table.handlers[i].arg = arg;
	while (!fn && table.serving > 0) /* what arg points to may go now */
		pthread_cond_wait(&table.changed, &table.lock);
	leave();
}

struct service {
	int64_t id;
	call_fn fn;
	void *arg;
	json_t *payload;
};

static void *serve(void *arg)
{
	struct service *s = arg;
	struct answer *a = calloc(1, sizeof *a);
	json_t *result = s->fn(s->payload, s->arg);

	if (!a)
		abort();
	a->id = s->id;
	a->text = json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(result);
	json_decref(s->payload);
	free(s);
	enter();
	if (!a->text)
		a->text = slice_strdup(S("null"));
	a->next = table.answers;
	table.answers = a;
	table.serving--;
	pthread_cond_broadcast(&table.changed);
	wake();
	leave();
	return NULL;
}

static bool is_new(int64_t id)
{
	for (size_t i = 0; i < SEEN_MAX; i++)
		if (table.seen[i] == id)
			return false;
	table.seen[table.seen_next++ % SEEN_MAX] = id;
	return true;
}

/* Who asks and gets no answer waits for the end of its time, as for a control plane that is gone. */
static struct service *admit(int64_t id, const char *what)
{
	if (!is_new(id) || table.serving == SERVING_MAX || !table.wake)
		return NULL;
	for (size_t i = 0; i < HANDLERS_MAX && table.handlers[i].what; i++) {
		if (strcmp(table.handlers[i].what, what) != 0 || !table.handlers[i].fn)
			continue;
		struct service *s = calloc(1, sizeof *s);
		if (!s)
			abort();
		*s = (struct service){.id = id, .fn = table.handlers[i].fn, .arg = table.handlers[i].arg};
		table.serving++;
		return s;
	}
	return NULL;
}

void calls_take_question(int64_t id, const char *what, const json_t *payload)
{
	enter();
	struct service *s = admit(id, what);
	leave();
	if (!s)
		return;
	s->payload = json_deep_copy(payload);
	if (thread_start_detached(serve, s) == 0)
		return;
	log_error("cannot start a thread to answer another control plane", LOG_STR("question", what));
	json_decref(s->payload);
	free(s);
	enter();
	table.serving--;
	pthread_cond_broadcast(&table.changed);
	leave();
}

bool calls_next_answer(int64_t *id, char **text)
{
	enter();
	struct answer *a = table.answers;
	if (a) {
		table.answers = a->next;
		*id = a->id;
		*text = a->text;
	}
	leave();
	free(a);
	return a != NULL;
}
