/* h1_server: the HTTP/1.1 codec (RFC 9112): one stream at a time per connection, answered in order of arrival.
 *
 * pump() is the only place that reads and the only one that begins requests; it runs from the event loop, never from
 * inside a handler's call, so a handler that completes a response does not find itself in its next request. Heads are
 * parsed in the input buffer and then copied behind each other into the stream's arena: the buffer goes back to the
 * pool at once, and requests that wait for an upstream hold none. */
#include <stdlib.h>

#include "common/serve/h1_private.h"

/* ---- heads ---------------------------------------------------------------------------------------------------- */

static void rebase(struct slice *s, const char *from, size_t n, const char *to)
{
	if (s->ptr >= from && s->ptr < from + n)
		s->ptr = to + (s->ptr - from);
}

/* Moves what the head points to out of the input buffer. */
static void keep_head(struct stream *s, const char *from, size_t n)
{
	struct head *h = &s->request;
	char *to = arena_alloc(&s->arena, n);
	memcpy(to, from, n);
	rebase(&h->method, from, n, to);
	rebase(&h->target, from, n, to);
	for (uint32_t i = 0; i < h->count; i++) {
		rebase(&h->headers[i].name, from, n, to);
		rebase(&h->headers[i].value, from, n, to);
	}
}

/* A request begins to be the handler's business. */
static void open_stream(struct h1_conn *h)
{
	STAT_ADD(h->base.server->stats.requests, 1);
	h->base.conn->requests++;
	h->state = H1_BUSY;
	h->timer = TIMER_NONE;
	h->started_after_fin = h->base.conn->eof;
	h->close_after = h->reading = h->end_told = h->refused = h->aborted = h->tunnel = false;
	server_set_phase(&h->base, PHASE_WRITING);
}

void h1_refuse(struct h1_conn *h, int status, const char *why)
{
	struct h1_error error = {.status = status, .why = why};
	if (h->state == H1_HEAD) {
		open_stream(h);
		h->body = H1_BODY_NONE;
		h->body_done = false;
	}
	h->keep_alive = h->reading = h->continue_due = false;
	h->refused = true;
	h->base.server->ops->on_bad_request(h->stream, &error);
}

static void begin_request(struct h1_conn *h)
{
	struct stream *s = h->stream;

	open_stream(h);
	h->keep_alive = s->request.keep_alive;
	h1_begin_body(h);
	server_limit_body(s);
	if (s->max_body && h->body == H1_BODY_LENGTH && h->body_left > s->max_body)
		h1_refuse(h, 413, "request body too large");
	else
		h->base.server->ops->on_request(s);
}

/* More bytes are needed for the head: true when there is room for them. */
static bool wait_for_head(struct h1_conn *h, size_t have)
{
	h->parsed = have;
	if (have == IOBUF_SIZE)
		return false;
	server_set_phase(&h->base, PHASE_READING);
	return true;
}

/* Takes the next head from the input. False: there is none yet. */
static bool take_head(struct h1_conn *h)
{
	struct iobuf *in = h->base.conn->in;
	const struct h1_limits *limits = &h->base.server->limits;
	if (!h1_has_input(h))
		return false;
	if (!h->stream) {
		h->stream = server_take_stream(&h->base);
		h->state = H1_HEAD;
		h->parsed = 0;
	}
	struct slice have = iobuf_slice(in);
	struct h1_error error = {.status = 494, .why = "header block too large"};
	size_t used = 0;
	enum h1_result r = H1_MORE;
	if (h1_parse_ready(have.ptr, h->parsed, have.len, limits))
		r = h1_parse_request(have.ptr, have.len, limits, &h->stream->request, &used, &error);

	if (r == H1_MORE && wait_for_head(h, have.len))
		return false;
	if (r == H1_DONE) {
		keep_head(h->stream, have.ptr, used);
		iobuf_consume(in, used);
		begin_request(h);
	} else {
		keep_head(h->stream, have.ptr, have.len);
		iobuf_consume(in, have.len);
		h1_refuse(h, error.status, error.why);
	}
	return true;
}

/* ---- the pump ------------------------------------------------------------------------------------------------- */

/* Goes on with what has been read. False: nothing to be done with it for now. */
static bool step(struct h1_conn *h)
{
	switch (h->state) {
	case H1_IDLE:
	case H1_HEAD: return take_head(h);
	case H1_BUSY: return h1_deliver(h);
	case H1_DRAIN: return h1_drain(h);
	case H1_LINGER:
		if (h1_has_input(h))
			iobuf_consume(h->base.conn->in, iobuf_slice(h->base.conn->in).len);
		return false;
	case H1_CLOSED: return false;
	}
	return false;
}

/* The client's FIN, in its place behind the bytes that came before it. */
static void at_eof(struct h1_conn *h)
{
	struct stream *s = h->stream;
	if (h->state != H1_BUSY) {
		h1_close(h);
		return;
	}
	if (h1_has_input(h) || h->refused || h1_is_over(h))
		return;
	if (h->tunnel)
		h1_deliver(h);
	else if (!h->body_done)
		h1_bad_body(h); /* pitfalls.md B3 65 */
	else if (!h->started_after_fin && !s->answer_half_closed)
		h1_end(h, ABORT_CLIENT_GONE); /* B4 77 */
}

/* Is there room for more, and somebody to want it? Up to a buffer is read ahead, also to notice a client that leaves.
 */
static bool wants_input(struct h1_conn *h)
{
	struct iobuf *in = h->base.conn->in;
	if (h->state == H1_CLOSED || h->refused)
		return h->state == H1_LINGER;
	if (in && iobuf_room(in) == 0)
		iobuf_compact(in);
	return !in || iobuf_room(in) > 0;
}

/* Reads once. False: that is all for now. */
static bool read_once(struct h1_conn *h)
{
	switch (conn_read(h->base.conn)) {
	case IO_OK: return true;
	case IO_AGAIN: break;
	case IO_EOF: at_eof(h); break;
	case IO_ERROR: h1_end(h, ABORT_CLIENT_GONE); break;
	}
	return false;
}

static void pump(struct h1_conn *h)
{
	int reads = 0;
	h->pumping = true;
	do {
		while (step(h))
			;
		if (h->broken)
			h1_end(h, ABORT_CLIENT_GONE);
		if (reads++ == H1_READS_PER_TURN) {
			conn_wake(h->base.conn);
			break;
		}
	} while (wants_input(h) && read_once(h));
	h->pumping = false;
	h1_settle(h);
}

/* ---- events --------------------------------------------------------------------------------------------------- */

static void on_readable(struct conn *c)
{
	struct h1_conn *h = c->owner;
	bool is_full = c->in && c->in->end - c->in->start == IOBUF_SIZE;
	if (is_full && !h->reading && conn_is_reset(c))
		h1_end(h, ABORT_CLIENT_GONE); /* a paused request would not notice by reading */
	else
		pump(h);
}

static void on_drained(struct conn *c)
{
	struct h1_conn *h = c->owner;
	if (h->state == H1_BUSY && h1_is_over(h))
		h1_complete(h);
	else if (h1_is_live(h) && h->stream->responded && !h->stream->finished)
		h->base.server->ops->on_drained(h->stream);
	h1_settle(h);
}

static void on_closed(struct conn *c)
{
	h1_end(c->owner, ABORT_CLIENT_GONE);
}

void h1_complete(struct h1_conn *h)
{
	struct stream *s = h->stream;
	bool keep = h->keep_alive && !h->close_after && !h->base.server->draining;

	h->aborted = true; /* nothing may follow on_done */
	h->base.server->ops->on_done(s);
	if (h->state == H1_CLOSED)
		return;
	bool client_closes = !s->request.keep_alive && h->body_done && !h1_has_input(h) && !h->tunnel;
	h->stream = NULL;
	server_give_stream(s);
	if (keep && (h->body_done || h1_can_drain(h))) {
		h->drained = 0;
		h->state = h->body_done ? H1_IDLE : H1_DRAIN;
		server_set_phase(&h->base, PHASE_WAITING);
	} else if (client_closes)
		h1_close(h);
	else
		h1_linger(h);
	if (h->pumping || h->state == H1_CLOSED)
		return;
	if (h1_has_input(h) || h->base.conn->eof || h->base.conn->can_read)
		conn_wake(h->base.conn);
	h1_settle(h);
}

/* ---- the codec ------------------------------------------------------------------------------------------------ */

static const struct conn_ops conn_ops = {
        .on_readable = on_readable,
        .on_drained = on_drained,
        .on_closed = on_closed,
        .on_timeout = h1_on_timeout,
};

static void accept_conn(struct server *sv, const struct listen_spec *listener, struct conn *c)
{
	struct h1_conn *h = calloc(1, sizeof *h);
	if (!h)
		abort();
	h->base = (struct server_conn){.codec = &h1_codec, .conn = c, .listener = listener};
	server_add(sv, &h->base);
	conn_adopt(c, &conn_ops, h);
	h1_settle(h);
}

static void drain_conn(struct server_conn *sc)
{
	struct h1_conn *h = (struct h1_conn *)sc;
	if (h->state != H1_IDLE)
		return;
	sc->conn->can_read = true; /* a request may be on its way through the kernel: better answered than reset */
	pump(h);
	/* who has connected and not asked yet is waited for: its request may still be on the network */
	if (h->state == H1_IDLE && sc->conn->requests > 0)
		h1_close(h);
}

static void close_conn(struct server_conn *sc)
{
	h1_end((struct h1_conn *)sc, ABORT_SHUTDOWN);
}

static void abort_stream(struct stream *s)
{
	struct h1_conn *h = h1_of(s);
	if (h->state != H1_BUSY)
		return;
	if (s->responded && h->until_close) { /* only a reset tells that this is not the end of the body */
		struct linger now = {1, 0};
		setsockopt(s->conn->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	}
	h->aborted = true;
	h1_close(h);
}

static void close_after(struct stream *s)
{
	h1_of(s)->close_after = true;
}

const struct codec h1_codec = {
        .name = "HTTP/1.1",
        .accept = accept_conn,
        .drain = drain_conn,
        .close = close_conn,
        .read_body = h1_read_body,
        .respond = h1_respond,
        .send = h1_send,
        .send_trailers = h1_send_trailers,
        .queued = h1_queued,
        .abort = abort_stream,
        .close_after = close_after,
};
