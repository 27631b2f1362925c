/* h2_server: the HTTP/2 codec (RFC 9113): many streams at a time on a connection.
 *
 * pump() is the only place that reads and writes, and h2_dispatch() within it the only one that calls handlers; both
 * run from the event loop. A handler's call frames what it has to say and has the pump woken: all that one turn of
 * the loop has to say on a connection leaves with one write. */
#include <stdlib.h>

#include "common/serve/h2_private.h"

/* ---- streams -------------------------------------------------------------------------------------------------- */

void h2_due(struct h2_stream *hs)
{
	struct h2_conn *h = hs->conn;
	if (hs->is_due)
		return;
	hs->is_due = true;
	hs->due_next = NULL;
	hs->due_prev = h->due_last;
	*(h->due_last ? &h->due_last->due_next : &h->due) = hs;
	h->due_last = hs;
}

static void not_due(struct h2_stream *hs)
{
	struct h2_conn *h = hs->conn;
	if (!hs->is_due)
		return;
	hs->is_due = false;
	*(hs->due_prev ? &hs->due_prev->due_next : &h->due) = hs->due_next;
	*(hs->due_next ? &hs->due_next->due_prev : &h->due_last) = hs->due_prev;
}

void h2_wake(struct h2_conn *h)
{
	if (!h->pumping)
		conn_wake(h->base.conn);
}

void h2_release(struct h2_stream *hs)
{
	struct h2_conn *h = hs->conn;

	not_due(hs);
	*(hs->prev ? &hs->prev->next : &h->streams) = hs->next;
	if (hs->next)
		hs->next->prev = hs->prev;
	if (h->heading == hs)
		h->heading = NULL;
	nghttp2_session_set_stream_user_data(h->session, hs->id, NULL);
	timeout_clear(&hs->timeout);
	iobuf_put_all(&h->base.conn->loop->buffers, &hs->in, &hs->in_last);
	h2_body_fini(&h->out, &hs->body);
	h->growth -= hs->window - H2_WINDOW;
	hs->closed = true; /* who still holds it may look */
	if (--h->count == 0 && h->state == H2_OPEN)
		server_set_phase(&h->base, PHASE_WAITING);
	server_give_stream(hs->stream);
}

/* A request begins to be the handler's business. */
static void open_stream(struct h2_stream *hs)
{
	struct h2_conn *h = hs->conn;
	struct server *sv = h->base.server;

	STAT_ADD(sv->stats.requests, 1);
	hs->opened = true;
	server_set_phase(&h->base, PHASE_WRITING);
	if (++h->base.conn->requests == sv->max_requests)
		h2_begin_goaway(h);
}

void h2_finish(struct h2_stream *hs, enum stream_abort why)
{
	const struct stream_ops *ops = hs->conn->base.server->ops;
	bool is_complete = hs->stream->finished && (hs->end_sent || hs->cut);

	hs->closed = true;
	if (hs->opened && is_complete)
		ops->on_done(hs->stream);
	else if (hs->opened)
		ops->on_abort(hs->stream, why);
	h2_release(hs);
}

/* One of the things that have happened on a stream, the weightiest first; the others are due again. */
static void tell(struct h2_stream *hs)
{
	const struct stream_ops *ops = hs->conn->base.server->ops;

	if (hs->closed)
		h2_finish(hs, hs->malformed ? ABORT_BAD_BODY : ABORT_CLIENT_GONE);
	else if (hs->malformed)
		return; /* closed as soon as the reset is out */
	else if (hs->error.status) {
		struct h1_error error = hs->error;
		hs->error.status = 0;
		if (!hs->opened)
			open_stream(hs);
		ops->on_bad_request(hs->stream, &error);
	} else if (hs->ready && !hs->opened) {
		open_stream(hs);
		ops->on_request(hs->stream);
	} else if (hs->drained) {
		hs->drained = false;
		if (hs->reading)
			h2_due(hs);
		ops->on_drained(hs->stream);
	} else
		h2_deliver(hs);
}

static void dispatch(struct h2_conn *h)
{
	while (h->due && h->state == H2_OPEN) {
		struct h2_stream *hs = h->due;
		not_due(hs);
		tell(hs);
	}
}

/* ---- the pump ------------------------------------------------------------------------------------------------- */

static void feed(struct h2_conn *h)
{
	struct iobuf *in = h->base.conn->in;
	struct slice have = iobuf_slice(in);
	ssize_t used = (ssize_t)have.len;

	if (h->state == H2_LINGER && (h->dropped += have.len) > H2_LINGER_BYTES)
		h2_end(h, ABORT_CLIENT_GONE);
	if (h->state == H2_CLOSED)
		return;
	if (h->state == H2_OPEN && !h->deaf)
		used = nghttp2_session_mem_recv(h->session, (const uint8_t *)have.ptr, have.len);
	if (used == NGHTTP2_ERR_FLOODED)
		h2_calm_end(h, "too many frames that want an answer");
	else if (used < 0 && !h->deaf) {
		h->deaf = true;
		nghttp2_session_terminate_session(h->session, NGHTTP2_PROTOCOL_ERROR);
	}
	iobuf_consume(in, used < 0 ? have.len : (size_t)used);
}

static bool wants_input(const struct h2_conn *h)
{
	return h->state == H2_LINGER || (h->state == H2_OPEN && !h2_out_has_backlog(&h->out));
}

/* Reads once. False: that is all for now. */
static bool read_once(struct h2_conn *h)
{
	switch (conn_read(h->base.conn)) {
	case IO_OK: return true;
	case IO_AGAIN: break;
	case IO_EOF:
	case IO_ERROR: h2_end(h, ABORT_CLIENT_GONE); break;
	}
	return false;
}

static bool has_input(const struct h2_conn *h)
{
	return h->base.conn->in && h->base.conn->in->start < h->base.conn->in->end;
}

static void step(struct h2_conn *h)
{
	if (has_input(h))
		feed(h);
	dispatch(h);
	if (h->state != H2_OPEN)
		return;
	if (h->count == 0 && h->base.conn->requests && !h->base.server->keepalive_timeout_ms)
		h2_end_goaway(h); /* it is not to stay idle */
	h2_out_pull(&h->out, h->session);
	dispatch(h); /* streams that have ended with it */
}

static void pump(struct h2_conn *h)
{
	int reads = 0;
	h->pumping = true;
	do {
		step(h);
		if (reads++ == H2_READS_PER_TURN) {
			conn_wake(h->base.conn);
			break;
		}
	} while (wants_input(h) && read_once(h));
	if (h->state == H2_OPEN) {
		h2_out_flush(&h->out);
		if (h->out.broken)
			h2_end(h, ABORT_CLIENT_GONE);
		else if (h2_is_over(h))
			h2_leave(h);
	}
	h->pumping = false;
	h2_settle(h);
}

/* ---- events --------------------------------------------------------------------------------------------------- */

static void on_readable(struct conn *c)
{
	pump(c->owner);
}

static void on_drained(struct conn *c)
{
	struct h2_conn *h = c->owner;
	if (h->state == H2_OPEN) {
		h2_resume(h);
		pump(h);
	} else
		h2_settle(h);
}

static void on_closed(struct conn *c)
{
	h2_end(c->owner, ABORT_CLIENT_GONE);
}

/* ---- the codec ------------------------------------------------------------------------------------------------ */

static const struct conn_ops conn_ops = {
        .on_readable = on_readable,
        .on_drained = on_drained,
        .on_closed = on_closed,
        .on_timeout = h2_on_timeout,
};

static void accept_conn(struct server *sv, const struct listen_spec *listener, struct conn *c)
{
	struct h2_conn *h = calloc(1, sizeof *h);
	if (!h)
		abort();
	h->base = (struct server_conn){.codec = &h2_codec, .conn = c, .listener = listener};
	h->out.conn = c;
	h->credit = H2_CREDIT;
	server_add(sv, &h->base);
	h->session = h2_session_new(h);
	conn_adopt(c, &conn_ops, h);
	h2_settle(h);
	if (sv->draining)
		h2_begin_goaway(h);
	conn_wake(c);
}

static void drain_conn(struct server_conn *sc)
{
	h2_begin_goaway((struct h2_conn *)sc);
}

static void close_conn(struct server_conn *sc)
{
	h2_end((struct h2_conn *)sc, ABORT_SHUTDOWN);
}

static void abort_stream(struct stream *s)
{
	struct h2_stream *hs = h2_of(s);
	struct h2_conn *h = hs->conn;

	if (!hs->closed)
		h2_cut(hs);
	h2_release(hs);
	h2_wake(h);
}

static void close_after(struct stream *s)
{
}

const struct codec h2_codec = {
        .name = "HTTP/2",
        .accept = accept_conn,
        .drain = drain_conn,
        .close = close_conn,
        .read_body = h2_read_body,
        .respond = h2_respond,
        .send = h2_send,
        .send_trailers = h2_send_trailers,
        .queued = h2_queued,
        .abort = abort_stream,
        .close_after = close_after,
};
