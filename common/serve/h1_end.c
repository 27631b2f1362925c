/* h1_end: how connections end: deadlines, aborts, and the lingering close that lets the client read its answer
 * (RFC 9112 9.6; pitfalls.md B4 79, 80). */
#include "common/serve/h1_private.h"

#include <stdlib.h>

/* ---- closing -------------------------------------------------------------------------------------------------- */

static void free_conn(void *arg)
{
	struct h1_conn *h = arg;
	if (h->stream)
		server_free_stream(h->stream);
	free(h);
}

/* The arena ends now, with the cleanups that cancel what is pending; the rest of the memory at the end of the turn,
 * for pump and handlers may still be on the stack. */
void h1_close(struct h1_conn *h)
{
	if (h->state == H1_CLOSED)
		return;
	h->state = H1_CLOSED;
	server_remove(&h->base);
	if (h->stream)
		arena_fini(&h->stream->arena);
	conn_close(h->base.conn);
	loop_defer(h->base.server->loop, &h->grave, free_conn, h);
}

static void tell_abort(struct h1_conn *h, enum stream_abort why)
{
	if (h->state != H1_BUSY || h->aborted)
		return;
	h->aborted = true;
	h->base.server->ops->on_abort(h->stream, why);
}

void h1_end(struct h1_conn *h, enum stream_abort why)
{
	tell_abort(h, why);
	h1_close(h);
}

void h1_linger(struct h1_conn *h)
{
	struct conn *c = h->base.conn;
	h->state = H1_LINGER;
	h->linger_until_ms = timeouts_now() + H1_LINGER_MS;
	server_set_phase(&h->base, PHASE_WAITING);
	if (h1_has_input(h))
		iobuf_consume(c->in, iobuf_slice(c->in).len);
	if (c->eof)
		h1_close(h);
	else
		conn_shutdown(c);
}

void h1_bad_body(struct h1_conn *h)
{
	if (h->stream->responded)
		h1_end(h, ABORT_BAD_BODY);
	else
		h1_refuse(h, 400, "malformed or incomplete body (RFC 9112 7.1, 8)");
}

/* ---- deadlines ------------------------------------------------------------------------------------------------ */

static enum h1_timer timer_for(const struct h1_conn *h)
{
	if (h->state == H1_LINGER)
		return TIMER_LINGER;
	if (h->base.conn->queued)
		return TIMER_SEND;
	switch (h->state) {
	case H1_IDLE: return h->base.conn->requests ? TIMER_IDLE : TIMER_FIRST;
	case H1_HEAD: return TIMER_HEAD;
	case H1_BUSY: return h->reading && !h->body_done && !h->tunnel ? TIMER_BODY : TIMER_NONE;
	case H1_DRAIN: return TIMER_DRAIN;
	default: return TIMER_NONE;
	}
}

static uint32_t duration_of(const struct h1_conn *h, enum h1_timer timer)
{
	const struct server *sv = h->base.server;
	switch (timer) {
	case TIMER_FIRST:
	case TIMER_HEAD: return sv->header_timeout_ms;
	case TIMER_IDLE: return sv->keepalive_timeout_ms;
	case TIMER_BODY: return sv->body_timeout_ms;
	case TIMER_SEND: return sv->send_timeout_ms;
	case TIMER_DRAIN: return H1_DRAIN_MS;
	case TIMER_LINGER: return H1_LINGER_STEP_MS;
	case TIMER_NONE: break;
	}
	return 0;
}

/* What counts as progress, for the deadlines that progress moves. */
static uint64_t progress_of(const struct h1_conn *h, enum h1_timer timer)
{
	const struct conn *c = h->base.conn;
	return timer == TIMER_SEND ? c->bytes_out : timer == TIMER_BODY || timer == TIMER_LINGER ? c->bytes_in : 0;
}

/* A deadline that is not needed any more is left to run out, which is cheaper than to clear it with every request. */
void h1_settle(struct h1_conn *h)
{
	if (h->state == H1_CLOSED)
		return;
	conn_release_input(h->base.conn);
	enum h1_timer timer = timer_for(h);
	uint64_t mark = progress_of(h, timer);
	if (timer == h->timer && mark == h->timer_mark)
		return;
	h->timer = timer;
	h->timer_mark = mark;
	if (timer != TIMER_NONE)
		conn_set_timeout(h->base.conn, duration_of(h, timer));
}

static bool has_progressed(const struct h1_conn *h)
{
	if (h->timer == TIMER_LINGER && timeouts_now() >= h->linger_until_ms)
		return false;
	return h->timer != TIMER_NONE && progress_of(h, h->timer) != h->timer_mark;
}

static void on_slow_body(struct h1_conn *h)
{
	if (h->stream->responded)
		h1_end(h, ABORT_CLIENT_GONE);
	else
		h1_refuse(h, 408, "request body timeout");
}

static void expire(struct h1_conn *h)
{
	switch (h->timer) {
	case TIMER_NONE: break;
	case TIMER_FIRST:
	case TIMER_IDLE:
	case TIMER_LINGER: h1_close(h); break;
	case TIMER_HEAD:
		head_init(&h->stream->request, &h->stream->arena); /* nothing of a half head is shown */
		h1_refuse(h, 408, "request header timeout");
		break;
	case TIMER_BODY: on_slow_body(h); break;
	case TIMER_SEND: h1_end(h, ABORT_CLIENT_GONE); break;
	case TIMER_DRAIN: h1_linger(h); break;
	}
}

void h1_on_timeout(struct conn *c)
{
	struct h1_conn *h = c->owner;
	if (!has_progressed(h))
		expire(h);
	h1_settle(h);
}
