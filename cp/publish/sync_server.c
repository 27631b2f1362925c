/* sync_server: see sync_server.h. */
#include "cp/publish/sync_server.h"

#include <event2/event.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <stdlib.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/sync/sp.h"
#include "cp/publish/nodes.h"
#include "cp/publish/orders.h"
#include "cp/publish/shared_counters.h"
#include "cp/publish/target_health.h"

enum {
	POLLS_PER_TURN = 256, /* then others on this loop get theirs */
	AHEAD_MS = 3000,      /* for so long a node may know a version that we have not read yet */
	/* Nodes that fetch something of several parts at the same time: each has at most a part on its way, so this
	 * bounds what waits to be sent. The others are told to try again. */
	FETCHERS_MAX = 32,
	FETCH_IDLE_MS = 3000, /* then its place is free */
	TRY_AFTER_MS = 500
};

struct fetcher {
	struct uuid node;
	uint64_t seen_ms; /* 0: free */
};

struct sync_server {
	int socket;
	struct event *event;
	struct history *history;
	uint64_t (*last_read_ms)(void *arg);
	void *arg;
	uint64_t process; /* names this one to data planes */
	struct fetcher fetchers[FETCHERS_MAX];
};

/* ---- envelopes ---- */

static size_t pack(const Gatehouse__Sync__Envelope *e, uint8_t **out)
{
	size_t len = gatehouse__sync__envelope__get_packed_size(e);
	*out = malloc(len + 1);
	if (!*out)
		abort();
	return gatehouse__sync__envelope__pack(e, *out);
}

static size_t pack_busy(const struct sync_server *s, uint8_t **out)
{
	Gatehouse__Sync__Envelope e = GATEHOUSE__SYNC__ENVELOPE__INIT;
	e.epoch = (char *)history_epoch(s->history);
	e.error = "many data planes fetch their configuration now, others wait a little";
	e.try_after_ms = TRY_AFTER_MS;
	return pack(&e, out);
}

static size_t pack_error(const struct sync_server *s, const char *why, uint8_t **out)
{
	Gatehouse__Sync__Envelope e = GATEHOUSE__SYNC__ENVELOPE__INIT;
	e.epoch = (char *)history_epoch(s->history);
	e.error = (char *)why;
	return pack(&e, out);
}

/* Nothing to send but, perhaps, orders, and what others have counted. */
static size_t pack_in_step(
        const struct sync_server *s, const struct uuid *node, const Gatehouse__Sync__Poll *p, uint8_t **out)
{
	Gatehouse__Sync__Envelope e = GATEHOUSE__SYNC__ENVELOPE__INIT;
	e.epoch = (char *)history_epoch(s->history);
	e.version = history_version(s->history);
	e.process = s->process;
	if (!p->leaving)
		orders_fill(&e, p);
	shared_counters_answer(node, p, &e, clock_mono_ms());
	size_t len = pack(&e, out);
	orders_release(&e);
	shared_counters_release(&e);
	return len;
}

/* ---- what a Poll says ---- */

static bool is_same_epoch(const struct sync_server *s, const Gatehouse__Sync__Poll *p)
{
	return p->epoch[0] && strcmp(p->epoch, history_epoch(s->history)) == 0;
}

/* Who is asking; false with *why when the node is not who it says. */
static bool identify(const Gatehouse__Sync__Poll *p, struct uuid *id, struct err *why)
{
	struct uuid peer;
	if (!uuid_parse(slice_cstr(p->node_id), id))
		return err_set(why, "node id '%.64s' is not a UUID", p->node_id);
	if (p->peer[0] && (!uuid_parse(slice_cstr(p->peer), &peer) || !uuid_eq(&peer, id)))
		return err_set(why, "node id '%.64s' is not that of the certificate, '%.64s'", p->node_id, p->peer);
	return true;
}

static uint64_t report(const struct sync_server *s, const Gatehouse__Sync__Poll *p, const struct uuid *id)
{
	bool is_same = is_same_epoch(s, p);
	return nodes_report(&(struct node_report){.id = *id,
	                            .hostname = slice_cstr(p->hostname),
	                            .release = slice_cstr(p->release),
	                            .error = slice_cstr(p->error),
	                            .held_back = slice_cstr(p->held_back),
	                            .has_config = is_same,
	                            .version = is_same ? p->version : 0,
	                            .error_version = p->error_version,
	                            .leaving = p->leaving,
	                            .poll = p},
	        slice_cstr(history_epoch(s->history)), history_version(s->history));
}

/* Another control plane on the same database may have been quicker than our feed. Only when the database has been
 * read since and we still know nothing of that version, the node's history is not ours. */
static bool is_ahead_for_now(const struct sync_server *s, uint64_t ahead_since_ms)
{
	if (ahead_since_ms == 0)
		return false;
	feed_nudge();
	return clock_mono_ms() - ahead_since_ms < AHEAD_MS || s->last_read_ms(s->arg) < ahead_since_ms + AHEAD_MS / 2;
}

/* ---- answering ---- */

static const struct packed_delta *choose(
        struct sync_server *s, const Gatehouse__Sync__Poll *p, uint64_t ahead_since_ms, uint32_t *part)
{
	*part = 0;
	if (p->want_part > 0) {
		const struct packed_delta *d = history_resume(
		        s->history, slice_cstr(history_epoch(s->history)), p->want_base, p->want_version);
		if (d && p->want_part < delta_parts(d)) {
			*part = p->want_part;
			return d;
		}
	}
	if (p->report_only || is_ahead_for_now(s, ahead_since_ms))
		return NULL;
	if (is_same_epoch(s, p) && p->error_version == history_version(s->history) && p->error[0])
		return NULL; /* it has just refused this one, and asks without error_version when it wants to try
		                again */
	return history_answer(s->history, slice_cstr(p->epoch), p->version);
}

/* A place among those that fetch; NULL: all are taken. */
static struct fetcher *place_of(struct sync_server *s, const struct uuid *node)
{
	struct fetcher *free_one = NULL;
	uint64_t now = clock_mono_ms();
	for (struct fetcher *f = s->fetchers; f < s->fetchers + FETCHERS_MAX; f++) {
		if (f->seen_ms && uuid_eq(&f->node, node))
			return f;
		if (f->seen_ms == 0 || now - f->seen_ms > FETCH_IDLE_MS)
			free_one = f;
	}
	return free_one;
}

static size_t send_part(
        struct sync_server *s, const struct uuid *node, const struct packed_delta *d, uint32_t part, uint8_t **out)
{
	uint32_t parts = delta_parts(d);
	struct fetcher *f = parts > 1 ? place_of(s, node) : NULL;
	if (parts > 1 && !f)
		return pack_busy(s, out);
	if (f)
		*f = (struct fetcher){*node, part + 1 == parts ? 0 : clock_mono_ms()};
	return delta_envelope(d, part, out);
}

static size_t answer_poll(struct sync_server *s, const Gatehouse__Sync__Poll *p, uint8_t **out)
{
	struct uuid id;
	struct err why;
	uint32_t part;
	if (!identify(p, &id, &why))
		return pack_error(s, why.message, out);
	uint64_t ahead_since_ms = report(s, p, &id);
	orders_take_results(&id, p);
	target_health_take(&id, p);
	if (p->leaving)
		return pack_in_step(s, &id, p, out);
	if (!history_has_begun(s->history))
		return pack_error(s, "the control plane has not read its configuration yet", out);
	const struct packed_delta *d = choose(s, p, ahead_since_ms, &part);
	return d ? send_part(s, &id, d, part, out) : pack_in_step(s, &id, p, out);
}

size_t sync_server_answer(struct sync_server *s, struct slice poll, uint8_t **out)
{
	Gatehouse__Sync__Poll *p = gatehouse__sync__poll__unpack(NULL, poll.len, (const uint8_t *)poll.ptr);
	if (!p)
		return pack_error(s, "message is not a Poll", out);
	size_t len = answer_poll(s, p, out);
	gatehouse__sync__poll__free_unpacked(p, NULL);
	return len;
}

/* False: nothing is waiting any more. */
static bool serve_one(struct sync_server *s)
{
	void *request;
	uint8_t *answer;
	int n = nn_recv(s->socket, &request, NN_MSG, NN_DONTWAIT);
	if (n < 0)
		return false;
	size_t len = sync_server_answer(s, slice_of(request, (size_t)n), &answer);
	nn_freemsg(request);
	if (nn_send(s->socket, answer, len, NN_DONTWAIT) < 0)
		log_warn("cannot answer a poll", LOG_STR("error", nn_strerror(nn_errno())), LOG_INT("bytes", len));
	free(answer);
	return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	for (int i = 0; i < POLLS_PER_TURN && serve_one(arg); i++)
		;
}

struct sync_server *sync_server_open(struct loop *l, const char *path, struct history *h,
        uint64_t (*last_read_ms)(void *arg), void *arg, struct err *e)
{
	struct sync_server *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->history = h;
	random_bytes(&s->process, sizeof s->process);
	s->process |= 1;
	s->last_read_ms = last_read_ms;
	s->arg = arg;
	s->socket = sp_bind(NN_REP, path, e);
	if (s->socket < 0) {
		free(s);
		return NULL;
	}
	s->event = event_new(l->base, sp_readable_fd(s->socket), EV_READ | EV_PERSIST, on_readable, s);
	event_add(s->event, NULL);
	return s;
}

void sync_server_close(struct sync_server *s)
{
	if (!s)
		return;
	event_free(s->event);
	nn_close(s->socket);
	free(s);
}
