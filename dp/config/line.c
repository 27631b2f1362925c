/* line: see line.h.
 *
 * One Poll is under way at a time, and none follows before it has been answered or its socket closed: an answer to a
 * request that another one has replaced leaves nanomsg 1.1.5 with a message that it has freed, and then the closing
 * of the socket aborts the process. When an answer takes LINE_SILENT_POLLS intervals, both sockets are opened anew,
 * after pauses that grow. */
#include "dp/config/line.h"

#include <event2/event.h>
#include <nanomsg/nn.h>
#include <nanomsg/pubsub.h>
#include <nanomsg/reqrep.h>
#include <stdlib.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/net/loop.h"
#include "common/sync/link.h"
#include "common/sync/sp.h"

enum { REOPEN_MAX_MS = 30 * 1000, MESSAGES_PER_TURN = 64 /* then the rest of the loop gets its turn */ };

uint32_t line_jittered(uint32_t ms)
{
	return ms - ms / 8 + random_below(ms / 4 + 1);
}

/* ---- polling ---- */

static void on_poll_due(void *arg);

static void poll_in(struct line *l, uint32_t ms)
{
	loop_timer_free(l->next_poll);
	l->next_poll = loop_timer_new(l->loop, ms, false, on_poll_due, l);
}

static void send_poll(struct line *l, Gatehouse__Sync__Poll *p)
{
	order_inbox_fill(&l->orders, p);
	l->ops->fill(l, p, l->arg);
	health_outbox_fill(&l->health, p);
	size_t len = gatehouse__sync__poll__get_packed_size(p);
	uint8_t *bytes = malloc(len);
	if (!bytes)
		abort();
	gatehouse__sync__poll__pack(p, bytes);
	if (nn_send(l->req.socket, bytes, len, NN_DONTWAIT) < 0 && nn_errno() != EAGAIN)
		log_warn("cannot poll", LOG_STR("error", nn_strerror(nn_errno())));
	free(bytes);
	order_inbox_release(p);
	health_outbox_release(&l->health);
}

/* An answer that nobody waits for any more. nanomsg 1.1.5 loses the memory of one that is there, unread, when the
 * socket is closed. */
static void drop_answer(const struct line *l)
{
	void *bytes;
	while (l->req.socket >= 0 && nn_recv(l->req.socket, &bytes, NN_MSG, NN_DONTWAIT) >= 0)
		nn_freemsg(bytes);
}

void line_poll(struct line *l)
{
	Gatehouse__Sync__Poll p = GATEHOUSE__SYNC__POLL__INIT;
	l->wants_poll = l->is_awaiting;
	if (l->is_awaiting)
		return;
	if (l->req.socket >= 0) {
		send_poll(l, &p);
		l->is_awaiting = true;
		l->sent_ms = clock_mono_ms();
	}
	poll_in(l, line_jittered(LINE_POLL_MS));
}

static void reopen_if_silent(struct line *l);

static void on_poll_due(void *arg)
{
	struct line *l = arg;
	if (l->is_awaiting)
		l->silent++;
	reopen_if_silent(l);
	if (l->is_awaiting)
		poll_in(l, line_jittered(LINE_POLL_MS));
	else
		line_poll(l);
}

/* ---- what comes in ---- */

static void set_complaint(struct line *l, const char *why)
{
	if (strcmp(l->complaint, why) == 0)
		return;
	if (why[0])
		log_warn("the control plane does not answer our poll", LOG_STR("reason", why));
	free(l->complaint);
	l->complaint = slice_strdup(slice_cstr(why));
}

static bool take_answer(struct line *l, const Gatehouse__Sync__Envelope *e)
{
	l->last_contact_ms = clock_mono_ms();
	l->is_awaiting = false;
	l->silent = 0;
	l->reopen_ms = 0;
	set_complaint(l, e->try_after_ms ? "" : e->error);
	bool poll = order_inbox_take(&l->orders, e);
	poll |= health_outbox_take(&l->health, e);
	poll |= l->ops->take_answer(l, e, l->arg);
	if (e->try_after_ms) {
		l->wants_poll = false;
		poll_in(l, line_jittered(e->try_after_ms < LINE_POLL_MS ? e->try_after_ms : LINE_POLL_MS));
	}
	return poll && !e->try_after_ms;
}

static bool take_published(struct line *l, const Gatehouse__Sync__Envelope *e)
{
	bool has_orders = order_inbox_are_news(&l->orders, e);
	return l->ops->take_published(l, e, l->arg) || has_orders;
}

typedef bool (*envelope_fn)(struct line *l, const Gatehouse__Sync__Envelope *e);

/* Takes what waits on a socket. Reading to the end matters: the descriptor only says that there is something. */
static void drain(struct line *l, const struct channel *from, envelope_fn take)
{
	bool poll = false;
	for (int i = 0; i < MESSAGES_PER_TURN; i++) {
		void *bytes;
		int n = nn_recv(from->socket, &bytes, NN_MSG, NN_DONTWAIT);
		if (n < 0)
			break;
		Gatehouse__Sync__Envelope *e = gatehouse__sync__envelope__unpack(NULL, (size_t)n, bytes);
		nn_freemsg(bytes);
		if (!e) {
			log_warn("a message of the control plane is no envelope", LOG_INT("bytes", n));
			continue;
		}
		poll |= take(l, e);
		gatehouse__sync__envelope__free_unpacked(e, NULL);
	}
	if (poll || (l->wants_poll && !l->is_awaiting))
		line_poll(l);
	l->ops->on_drained(l->arg);
}

static void on_sub(evutil_socket_t fd, short what, void *arg)
{
	struct line *l = arg;
	drain(l, &l->sub, take_published);
}

static void on_req(evutil_socket_t fd, short what, void *arg)
{
	struct line *l = arg;
	drain(l, &l->req, take_answer);
}

/* ---- sockets ---- */

static void close_channel(struct channel *c)
{
	if (c->event)
		event_free(c->event);
	if (c->socket >= 0)
		nn_close(c->socket);
	*c = (struct channel){.socket = -1};
}

static bool open_channel(
        struct line *l, struct channel *c, int protocol, const char *path, event_callback_fn fn, struct err *e)
{
	c->socket = sp_connect(protocol, path, e);
	if (c->socket < 0)
		return false;
	c->event = event_new(l->loop->base, sp_readable_fd(c->socket), EV_READ | EV_PERSIST, fn, l);
	event_add(c->event, NULL);
	return true;
}

static bool open_channels(struct line *l, struct err *e)
{
	if (open_channel(l, &l->sub, NN_SUB, l->uplink.pub_path, on_sub, e) &&
	        open_channel(l, &l->req, NN_REQ, l->uplink.rep_path, on_req, e))
		return true;
	close_channel(&l->sub);
	close_channel(&l->req);
	return false;
}

static void reopen_if_silent(struct line *l)
{
	uint64_t now = clock_mono_ms();
	struct err e;
	if (l->silent < LINE_SILENT_POLLS || now < l->reopen_at_ms)
		return;
	l->reopen_ms = l->reopen_ms == 0                  ? LINE_SILENT_POLLS * LINE_POLL_MS
	               : l->reopen_ms * 2 > REOPEN_MAX_MS ? REOPEN_MAX_MS
	                                                  : l->reopen_ms * 2;
	l->reopen_at_ms = now + line_jittered(l->reopen_ms);
	log_info("the control plane is silent, connecting anew", LOG_INT("seconds", l->silent));
	l->silent = LINE_SILENT_POLLS - 1; /* it is not well before it answers */
	l->is_awaiting = false;
	l->ops->on_silence(l, l->arg);
	drop_answer(l);
	close_channel(&l->sub);
	close_channel(&l->req);
	if (!open_channels(l, &e))
		log_error("cannot connect anew", LOG_STR("error", e.message));
}

/* ---- beginning and end ---- */

bool line_open(struct line *l, struct loop *loop, const struct settings *s, struct slice address, unsigned index,
        struct err *e)
{
	l->loop = loop;
	l->sub.socket = l->req.socket = -1;
	l->started_ms = clock_mono_ms();
	l->complaint = slice_strdup(S(""));
	return uplink_open(&l->uplink, s, address, index, e) && open_channels(l, e);
}

static bool await_answer(struct line *l, int timeout_ms)
{
	void *answer;
	nn_setsockopt(l->req.socket, NN_SOL_SOCKET, NN_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
	if (nn_recv(l->req.socket, &answer, NN_MSG, 0) < 0)
		return false;
	nn_freemsg(answer);
	return true;
}

void line_say_goodbye(struct line *l, int timeout_ms)
{
	Gatehouse__Sync__Poll p = GATEHOUSE__SYNC__POLL__INIT;
	if (l->req.socket < 0 || !line_is_well(l))
		return;
	if (l->is_awaiting && !await_answer(l, timeout_ms))
		return;
	p.leaving = true;
	send_poll(l, &p);
	l->is_awaiting = true;
}

void line_await_goodbye(struct line *l, int timeout_ms)
{
	if (l->req.socket >= 0 && line_is_well(l))
		await_answer(l, timeout_ms);
}

void line_close(struct line *l)
{
	drop_answer(l);
	loop_timer_free(l->next_poll);
	close_channel(&l->sub);
	close_channel(&l->req);
	uplink_close(&l->uplink);
	order_inbox_fini(&l->orders);
	free(l->complaint);
}

bool line_is_well(const struct line *l)
{
	return l->last_contact_ms > 0 && l->silent < LINE_SILENT_POLLS - 1;
}

uint64_t line_down_since(const struct line *l)
{
	uint64_t last = l->last_contact_ms ? l->last_contact_ms : l->started_ms;
	if (l->uplink.link && link_client_down_since(l->uplink.link))
		return link_client_down_since(l->uplink.link);
	return l->last_contact_ms && clock_mono_ms() - last < LINE_SILENT_POLLS * LINE_POLL_MS ? 0 : last;
}
