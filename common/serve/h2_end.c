/* h2_end: how streams and connections end: resets, GOAWAY in two steps, deadlines (RFC 9113 5.4, 6.8). */
#include "common/serve/h2_private.h"

#include <stdlib.h>

/* ---- closing -------------------------------------------------------------------------------------------------- */

static void free_conn(void *arg)
{
	struct h2_conn *h = arg;
	nghttp2_session_del(h->session);
	free(h);
}

static void close_conn(struct h2_conn *h)
{
	h->state = H2_CLOSED;
	server_remove(&h->base);
	timeout_clear(&h->notice);
	timeout_clear(&h->cut);
	h2_out_fini(&h->out);
	conn_close(h->base.conn);
	loop_defer(h->base.server->loop, &h->grave, free_conn, h);
}

static void abort_all(struct h2_conn *h, enum stream_abort why)
{
	while (h->streams)
		h2_finish(h->streams, why);
}

void h2_end(struct h2_conn *h, enum stream_abort why)
{
	if (h->state == H2_CLOSED)
		return;
	abort_all(h, why);
	close_conn(h);
}

void h2_leave(struct h2_conn *h)
{
	struct conn *c = h->base.conn;
	h->state = H2_LINGER;
	abort_all(h, ABORT_CLIENT_GONE);
	if (c->in)
		iobuf_consume(c->in, iobuf_slice(c->in).len);
	if (c->eof)
		close_conn(h);
	else
		conn_shutdown(c);
}

bool h2_is_over(struct h2_conn *h)
{
	if (h->goaway == H2_GOAWAY_SENT && h->count == 0)
		return !nghttp2_session_want_write(h->session);
	return !nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session);
}

void h2_reset(struct h2_stream *hs, uint32_t code)
{
	nghttp2_submit_rst_stream(hs->conn->session, NGHTTP2_FLAG_NONE, hs->id, code);
}

static void on_cuts_due(void *arg)
{
	struct h2_conn *h = arg;
	for (uint32_t i = 0; i < h->cut_count; i++)
		nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, h->cuts[i], NGHTTP2_INTERNAL_ERROR);
	h->cut_count = 0;
	h2_wake(h);
}

/* Clients forget what they have not yet read of a stream when its reset is there as well (curl does), so that they
 * would not even see the status: what begins in this turn gets ahead. Only when nothing of it waits for a window:
 * nghttp2 must not ask for more of a body whose stream has gone. */
void h2_cut(struct h2_stream *hs)
{
	struct h2_conn *h = hs->conn;
	bool is_on_its_way = hs->stream->responded && h->out.buffer && hs->body.deferred && !hs->body.kept;

	if (!is_on_its_way || h->cut_count == H2_CUTS) {
		h2_reset(hs, NGHTTP2_INTERNAL_ERROR);
		return;
	}
	h->cuts[h->cut_count++] = hs->id;
	if (h->cut_count == 1)
		timeout_set(&h->base.conn->loop->timeouts, &h->cut, H2_CUT_MS, on_cuts_due, h);
}

/* ---- GOAWAY --------------------------------------------------------------------------------------------------- */

void h2_end_goaway(struct h2_conn *h)
{
	if (h->goaway == H2_GOAWAY_SENT)
		return;
	h->goaway = H2_GOAWAY_SENT;
	timeout_clear(&h->notice);
	nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(h->session),
	        NGHTTP2_NO_ERROR, NULL, 0);
	h2_wake(h);
}

static void on_notice_over(void *arg)
{
	h2_end_goaway(arg);
}

/* What the client sends before it has read the notice is still served: the answer to a PING behind the notice says
 * that it has. */
void h2_begin_goaway(struct h2_conn *h)
{
	if (h->goaway != H2_GOAWAY_NONE || h->state != H2_OPEN)
		return;
	h->goaway = H2_GOAWAY_NOTICE;
	nghttp2_submit_shutdown_notice(h->session); /* once it is out, h2_note_sent() sends the PING */
	timeout_set(&h->base.conn->loop->timeouts, &h->notice, H2_NOTICE_MS, on_notice_over, h);
	h2_wake(h);
}

/* ---- deadlines of a stream ------------------------------------------------------------------------------------ */

static uint64_t stream_progress(const struct h2_stream *hs, enum h2_wait wait)
{
	return wait == H2_WAIT_SEND ? hs->stream->sent : hs->received;
}

static void on_stream_timeout(void *arg)
{
	struct h2_stream *hs = arg;
	struct h2_conn *h = hs->conn;
	enum h2_wait was = hs->wait;
	bool moved = stream_progress(hs, was) != hs->wait_mark;

	hs->wait = H2_WAIT_NONE;
	h2_wait(hs);
	if (moved || hs->wait != was || was == H2_WAIT_NONE)
		return;
	if (was == H2_WAIT_BODY && !hs->stream->responded)
		h2_refuse(hs, 408, "request body timeout");
	else
		h2_reset(hs, NGHTTP2_CANCEL);
	h2_wake(h);
}

/* A deadline that is not needed any more is left to run out. */
void h2_wait(struct h2_stream *hs)
{
	const struct server *sv = hs->conn->base.server;
	enum h2_wait wait = hs->closed                  ? H2_WAIT_NONE
	                    : hs->body.kept             ? H2_WAIT_SEND
	                    : hs->reading && !hs->ended ? H2_WAIT_BODY
	                                                : H2_WAIT_NONE;
	if (wait == hs->wait)
		return;
	hs->wait = wait;
	hs->wait_mark = stream_progress(hs, wait);
	if (wait != H2_WAIT_NONE)
		timeout_set(&hs->conn->base.conn->loop->timeouts, &hs->timeout,
		        wait == H2_WAIT_SEND ? sv->send_timeout_ms : sv->body_timeout_ms, on_stream_timeout, hs);
}

/* ---- deadlines of a connection -------------------------------------------------------------------------------- */

static enum h2_timer timer_for(const struct h2_conn *h)
{
	if (h->base.conn->queued)
		return H2_TIMER_SEND;
	if (h->state == H2_LINGER)
		return H2_TIMER_LINGER;
	if (h->in_block)
		return H2_TIMER_HEAD;
	if (h->count)
		return H2_TIMER_NONE;
	return h->base.conn->requests ? H2_TIMER_IDLE : H2_TIMER_FIRST;
}

static uint32_t duration_of(const struct h2_conn *h, enum h2_timer timer)
{
	const struct server *sv = h->base.server;
	switch (timer) {
	case H2_TIMER_FIRST:
	case H2_TIMER_HEAD: return sv->header_timeout_ms;
	case H2_TIMER_IDLE: return sv->keepalive_timeout_ms;
	case H2_TIMER_SEND: return sv->send_timeout_ms;
	case H2_TIMER_LINGER: return H2_LINGER_MS;
	case H2_TIMER_NONE: break;
	}
	return 0;
}

static uint64_t progress_of(const struct h2_conn *h, enum h2_timer timer)
{
	return timer == H2_TIMER_SEND ? h->base.conn->bytes_out : timer == H2_TIMER_IDLE ? h->base.conn->requests : 0;
}

void h2_settle(struct h2_conn *h)
{
	if (h->state == H2_CLOSED)
		return;
	conn_release_input(h->base.conn);
	enum h2_timer timer = timer_for(h);
	uint64_t mark = progress_of(h, timer);
	if (timer == h->timer && mark == h->timer_mark)
		return;
	h->timer = timer;
	h->timer_mark = mark;
	if (timer != H2_TIMER_NONE)
		conn_set_timeout(h->base.conn, duration_of(h, timer));
}

void h2_on_timeout(struct conn *c)
{
	struct h2_conn *h = c->owner;
	if (h->timer == H2_TIMER_IDLE)
		h2_end_goaway(h);
	else if (h->timer != H2_TIMER_NONE && progress_of(h, h->timer) == h->timer_mark)
		h2_end(h, ABORT_CLIENT_GONE);
	h2_settle(h);
}
