/* subscriber: see subscriber.h.
 *
 * All that comes in is an envelope, from either socket, and is judged the same way: in step, news, or a part. What
 * differs: an answer to our Poll may replace everything (a snapshot), a published one may only lead on. While an
 * answer is being fetched in parts, published deltas are not applied: the fetched one would no longer fit. */
#include "dp/config/subscriber.h"

#include <errno.h>
#include <event2/event.h>
#include <nanomsg/nn.h>
#include <nanomsg/pubsub.h>
#include <nanomsg/reqrep.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/core/release.h"
#include "common/net/loop.h"
#include "common/sync/link.h"
#include "common/sync/sp.h"
#include "dp/config/disk_cache.h"
#include "dp/config/subscriber_private.h"

enum {
	POLL_MS = 1000,
	SILENT_POLLS = 3,
	RETRY_MIN_MS = 2000, /* after a version was refused, until it is asked for again; doubles */
	RETRY_MAX_MS = 60 * 1000,
	REOPEN_MAX_MS = 30 * 1000,
	FAREWELL_MS = 200,
	HEALTH_MS = 100,       /* what changes together is told together */
	MESSAGES_PER_TURN = 64 /* then the rest of the loop gets its turn */
};

struct channel { /* one of the two sockets; -1: closed */
	int socket;
	struct event *event;
};

struct subscriber {
	struct loop *loop;
	struct replica *replica;
	struct disk_cache *cache;
	struct uplink uplink;
	char hostname[256];
	struct channel sub, req;
	struct loop_timer *next_poll;

	bool is_awaiting;      /* a Poll is under way ... */
	bool wants_poll;       /* ... and another one is to follow when it is answered */
	unsigned silent;       /* Polls sent since the last answer */
	uint32_t reopen_ms;    /* present pause between two reopenings; 0: none was needed */
	uint64_t reopen_at_ms; /* not before */
	uint64_t started_ms, last_contact_ms;

	struct delta_assembly assembly; /* of the answer that comes in parts */
	uint32_t retry_ms;
	uint64_t retry_at_ms; /* the refused version may be asked for again */
	bool is_in_step;
	struct order_inbox orders;
	struct health_outbox health;
	struct counter_outbox counters;
	struct loop_timer *next_health; /* NULL: nothing has changed */
	char *complaint;                /* of the control plane: why it does not answer; "" */
};

static uint32_t jittered(uint32_t ms)
{
	unsigned char r;
	random_bytes(&r, sizeof r);
	return ms - ms / 8 + ms / 4 * r / 255;
}

/* ---- polling ---- */

static void on_poll_due(void *arg);

static void poll_in(struct subscriber *s, uint32_t ms)
{
	loop_timer_free(s->next_poll);
	s->next_poll = loop_timer_new(s->loop, ms, false, on_poll_due, s);
}

static bool is_fetching(const struct subscriber *s)
{
	return s->assembly.next > 0;
}

static void fill_poll(const struct subscriber *s, Gatehouse__Sync__Poll *p)
{
	gatehouse__sync__poll__init(p);
	p->node_id = (char *)s->uplink.node_id;
	p->hostname = (char *)s->hostname;
	p->release = (char *)GATEHOUSE_RELEASE;
	p->epoch = (char *)replica_epoch(s->replica).ptr;
	p->version = replica_version(s->replica);
	p->error = (char *)replica_error(s->replica);
	/* left out: we want to try it again */
	if (clock_mono_ms() < s->retry_at_ms)
		p->error_version = replica_error_version(s->replica);
	if (is_fetching(s)) {
		p->want_version = s->assembly.version;
		p->want_base = s->assembly.base;
		p->want_part = s->assembly.next;
	}
}

static void send_poll(struct subscriber *s, Gatehouse__Sync__Poll *p)
{
	order_inbox_fill(&s->orders, p);
	counter_outbox_fill(&s->counters, p);
	health_outbox_fill(&s->health, p);
	size_t len = gatehouse__sync__poll__get_packed_size(p);
	uint8_t *bytes = malloc(len);
	if (!bytes)
		abort();
	gatehouse__sync__poll__pack(p, bytes);
	if (nn_send(s->req.socket, bytes, len, NN_DONTWAIT) < 0 && nn_errno() != EAGAIN)
		log_warn("cannot poll", LOG_STR("error", nn_strerror(nn_errno())));
	free(bytes);
	order_inbox_release(p);
	health_outbox_release(&s->health);
}

/* An answer that nobody waits for any more. It must not stay in the socket: nanomsg 1.1.5 loses the memory of an
 * answer that is there, unread, when the next request is sent or the socket is closed. */
static void drop_answer(const struct subscriber *s)
{
	void *bytes;
	while (s->req.socket >= 0 && nn_recv(s->req.socket, &bytes, NN_MSG, NN_DONTWAIT) >= 0)
		nn_freemsg(bytes);
}

static void poll_always(struct subscriber *s)
{
	Gatehouse__Sync__Poll p;
	if (s->req.socket >= 0) {
		drop_answer(s);
		fill_poll(s, &p);
		send_poll(s, &p);
		s->is_awaiting = true;
		s->silent++;
	}
	s->wants_poll = false;
	poll_in(s, jittered(POLL_MS));
}

/* At once, or as soon as the Poll that is under way has been answered. */
static void poll_now(struct subscriber *s)
{
	if (s->is_awaiting)
		s->wants_poll = true;
	else
		poll_always(s);
}

static void reopen_if_silent(struct subscriber *s);

/* Whatever is under way takes too long. */
static void on_poll_due(void *arg)
{
	struct subscriber *s = arg;
	reopen_if_silent(s);
	poll_always(s);
}

/* ---- what comes in ---- */

static void note_refusal(struct subscriber *s)
{
	s->retry_ms = s->retry_ms == 0                 ? RETRY_MIN_MS
	              : s->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS
	                                               : s->retry_ms * 2;
	s->retry_at_ms = clock_mono_ms() + jittered(s->retry_ms);
}

/* True when a Poll should follow at once. */
static bool apply(struct subscriber *s, const Gatehouse__Sync__Delta *d, bool is_answer)
{
	switch (replica_apply(s->replica, d, is_answer)) {
	case REPLICA_APPLIED:
		s->retry_ms = 0;
		s->retry_at_ms = 0;
		if (s->cache)
			disk_cache_keep(s->cache, s->replica);
		return true;
	case REPLICA_REFUSED: note_refusal(s); return true;
	case REPLICA_GAP: return !is_answer;
	case REPLICA_STALE: return false;
	}
	return false;
}

static bool unpack_and_apply(struct subscriber *s, struct delta_assembly *a, bool is_answer)
{
	struct err e;
	Gatehouse__Sync__Delta *d = delta_assembly_unpack(a, &e);
	delta_assembly_reset(a);
	if (!d) {
		log_error("a delta cannot be read", LOG_STR("error", e.message));
		return false;
	}
	bool poll = apply(s, d, is_answer);
	gatehouse__sync__delta__free_unpacked(d, NULL);
	return poll;
}

/* A part of an answer; the first one of something else begins anew. */
static bool take_part(struct subscriber *s, const Gatehouse__Sync__Envelope *e)
{
	if (delta_assembly_add(&s->assembly, e) == ASSEMBLY_DONE)
		return unpack_and_apply(s, &s->assembly, true);
	return true; /* the next part, or from the start */
}

static void set_complaint(struct subscriber *s, const char *why)
{
	if (strcmp(s->complaint, why) == 0)
		return;
	if (why[0])
		log_warn("the control plane does not answer our poll", LOG_STR("reason", why));
	free(s->complaint);
	s->complaint = slice_strdup(slice_cstr(why));
}

static void note_contact(struct subscriber *s)
{
	s->last_contact_ms = clock_mono_ms();
	s->is_awaiting = false;
	s->silent = 0;
	s->reopen_ms = 0;
}

/* True when a Poll should follow at once. */
static bool take_answer(struct subscriber *s, const Gatehouse__Sync__Envelope *e)
{
	note_contact(s);
	set_complaint(s, e->error);
	bool has_results = order_inbox_take(&s->orders, e);
	bool soon = false;
	has_results |= counter_outbox_take(&s->counters, e, &soon);
	has_results |= health_outbox_take(&s->health, e);
	if (soon)
		subscriber_health_changed(s);
	if (e->error[0] || e->parts == 0) {
		delta_assembly_reset(&s->assembly);
		s->is_in_step = !e->error[0] && e->version == replica_version(s->replica);
		return has_results;
	}
	s->is_in_step = false;
	return take_part(s, e);
}

static bool is_news(const struct subscriber *s, const Gatehouse__Sync__Envelope *e)
{
	return !slice_eq(slice_cstr(e->epoch), replica_epoch(s->replica)) || e->version > replica_version(s->replica);
}

static bool is_refused(const struct subscriber *s, uint64_t version)
{
	return version == replica_error_version(s->replica) && clock_mono_ms() < s->retry_at_ms;
}

/* True when a Poll should follow at once. */
static bool take_published(struct subscriber *s, const Gatehouse__Sync__Envelope *e)
{
	bool has_orders = order_inbox_are_news(&s->orders, e);
	if (is_fetching(s) || !is_news(s, e) || is_refused(s, e->version))
		return has_orders;
	s->is_in_step = false;
	if (e->parts != 1)
		return true;
	struct delta_assembly whole = {0};
	bool poll = true;
	if (delta_assembly_add(&whole, e) == ASSEMBLY_DONE)
		poll = unpack_and_apply(s, &whole, false);
	delta_assembly_reset(&whole);
	return poll;
}

typedef bool (*envelope_fn)(struct subscriber *s, const Gatehouse__Sync__Envelope *e);

/* Takes what waits on a socket. Reading to the end matters: the descriptor only says that there is something. */
static void drain(struct subscriber *s, const struct channel *from, envelope_fn take)
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
		poll |= take(s, e);
		gatehouse__sync__envelope__free_unpacked(e, NULL);
	}
	if (poll || (s->wants_poll && !s->is_awaiting))
		poll_now(s);
}

static void on_sub(evutil_socket_t fd, short what, void *arg)
{
	struct subscriber *s = arg;
	drain(s, &s->sub, take_published);
}

static void on_req(evutil_socket_t fd, short what, void *arg)
{
	struct subscriber *s = arg;
	drain(s, &s->req, take_answer);
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
        struct subscriber *s, struct channel *c, int protocol, const char *path, event_callback_fn fn, struct err *e)
{
	c->socket = sp_connect(protocol, path, e);
	if (c->socket < 0)
		return false;
	c->event = event_new(s->loop->base, sp_readable_fd(c->socket), EV_READ | EV_PERSIST, fn, s);
	event_add(c->event, NULL);
	return true;
}

static bool open_channels(struct subscriber *s, struct err *e)
{
	if (open_channel(s, &s->sub, NN_SUB, s->uplink.pub_path, on_sub, e) &&
	        open_channel(s, &s->req, NN_REQ, s->uplink.rep_path, on_req, e))
		return true;
	close_channel(&s->sub);
	close_channel(&s->req);
	return false;
}

static void reopen_if_silent(struct subscriber *s)
{
	uint64_t now = clock_mono_ms();
	struct err e;
	if (s->silent < SILENT_POLLS || now < s->reopen_at_ms)
		return;
	s->reopen_ms = s->reopen_ms == 0                  ? SILENT_POLLS * POLL_MS
	               : s->reopen_ms * 2 > REOPEN_MAX_MS ? REOPEN_MAX_MS
	                                                  : s->reopen_ms * 2;
	s->reopen_at_ms = now + jittered(s->reopen_ms);
	log_info("the control plane is silent, connecting anew", LOG_INT("polls", s->silent));
	s->silent = 0;
	s->is_awaiting = false;
	s->is_in_step = false;
	delta_assembly_reset(&s->assembly);
	drop_answer(s);
	close_channel(&s->sub);
	close_channel(&s->req);
	if (!open_channels(s, &e))
		log_error("cannot connect anew", LOG_STR("error", e.message));
}

/* ---- beginning and end ---- */

static void load_cache(struct subscriber *s, const struct settings *settings)
{
	struct err e;
	s->cache = disk_cache_open(s->loop, settings->prefix, &e);
	if (!s->cache)
		log_error("the configuration will not be kept on disk", LOG_STR("error", e.message));
	else if (!replica_has_config(s->replica))
		disk_cache_load(s->cache, s->replica);
}

struct subscriber *subscriber_start(
        struct loop *main_loop, const struct settings *settings, struct replica *r, struct err *e)
{
	struct subscriber *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->loop = main_loop;
	s->replica = r;
	s->sub.socket = s->req.socket = -1;
	s->started_ms = clock_mono_ms();
	s->complaint = slice_strdup(S(""));
	if (gethostname(s->hostname, sizeof s->hostname - 1) < 0)
		s->hostname[0] = '\0';
	if (!uplink_open(&s->uplink, settings, e)) {
		free(s->complaint);
		free(s);
		return NULL;
	}
	load_cache(s, settings);
	if (open_channels(s, e)) {
		poll_now(s);
		return s;
	}
	subscriber_stop(s);
	return NULL;
}

static void await_answer(struct subscriber *s, int timeout_ms)
{
	void *answer;
	nn_setsockopt(s->req.socket, NN_SOL_SOCKET, NN_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
	if (nn_recv(s->req.socket, &answer, NN_MSG, 0) >= 0)
		nn_freemsg(answer);
}

/* So that no write at the control plane waits for us. */
static void say_goodbye(struct subscriber *s)
{
	Gatehouse__Sync__Poll p;
	if (s->req.socket < 0 || s->last_contact_ms == 0)
		return;
	if (s->is_awaiting)
		await_answer(s, FAREWELL_MS / 2);
	fill_poll(s, &p);
	p.leaving = true;
	send_poll(s, &p);
	await_answer(s, FAREWELL_MS / 2);
}

void subscriber_stop(struct subscriber *s)
{
	if (!s)
		return;
	say_goodbye(s);
	drop_answer(s);
	loop_timer_free(s->next_poll);
	close_channel(&s->sub);
	close_channel(&s->req);
	uplink_close(&s->uplink);
	disk_cache_close(s->cache);
	delta_assembly_reset(&s->assembly);
	order_inbox_fini(&s->orders);
	counter_outbox_fini(&s->counters);
	loop_timer_free(s->next_health);
	free(s->complaint);
	free(s);
}

void subscriber_carry_out(struct subscriber *s, const struct order_handler *handlers, void *arg)
{
	s->orders.handlers = handlers;
	s->orders.arg = arg;
}

static uint64_t down_since(const struct subscriber *s)
{
	uint64_t last = s->last_contact_ms ? s->last_contact_ms : s->started_ms;
	if (s->uplink.link && link_client_down_since(s->uplink.link))
		return link_client_down_since(s->uplink.link);
	return s->last_contact_ms && clock_mono_ms() - last < SILENT_POLLS * POLL_MS ? 0 : last;
}

void subscriber_status(const struct subscriber *s, struct subscriber_status *out)
{
	const char *error = replica_error(s->replica);
	*out = (struct subscriber_status){
	        .epoch = replica_epoch(s->replica),
	        .version = replica_version(s->replica),
	        .has_config = replica_has_config(s->replica),
	        .is_in_step = s->is_in_step,
	        .last_contact_ms = s->last_contact_ms,
	        .down_since_ms = down_since(s),
	        .error = error[0] ? error : s->complaint,
	};
	memcpy(out->node_id, s->uplink.node_id, sizeof out->node_id);
}

void subscriber_report_health(struct subscriber *s, health_fn fn, void *arg)
{
	s->health.fn = fn;
	s->health.arg = arg;
}

void subscriber_share_counters(struct subscriber *s, const struct counter_source *source)
{
	s->counters.source = source;
}

static void tell_health(void *arg)
{
	struct subscriber *s = arg;
	loop_timer_free(s->next_health);
	s->next_health = NULL;
	poll_now(s);
}

void subscriber_health_changed(struct subscriber *s)
{
	if (!s->next_health)
		s->next_health = loop_timer_new(s->loop, HEALTH_MS, false, tell_health, s);
}

void subscriber_use_certs(struct subscriber *s, const struct settings *settings)
{
	uplink_use_certs(&s->uplink, settings);
}
