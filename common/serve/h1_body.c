/* h1_body: the body of a request on its way to the handler, or to nowhere (RFC 9112 6, 7.1; pitfalls.md B3). */
#include "common/serve/h1_private.h"

enum piece { PIECE_NONE, PIECE_SOME, PIECE_LAST, PIECE_BAD };

void h1_begin_body(struct h1_conn *h)
{
	const struct head *r = &h->stream->request;
	h->body = h1_request_body(r);
	h->body_left = h->body == H1_BODY_LENGTH ? (uint64_t)r->content_length : 0;
	h->body_done = h->body == H1_BODY_NONE;
	h->stream->body_done = h->body_done;
	h->continue_due = r->expect_continue && !h->body_done && r->version != HTTP_1_0;
	if (h->body == H1_BODY_CHUNKED)
		h1_chunk_init(&h->chunk);
}

/* Looks whether the end follows the piece directly, so that the last piece is known as such. */
static enum piece next_chunk(struct h1_chunk *c, struct slice in, size_t *used, struct slice *piece)
{
	struct slice more;
	size_t n;
	enum h1_chunk_result r = h1_chunk_next(c, in, used, piece);
	if (r != H1_CHUNK_DATA) {
		*piece = slice_of(in.ptr, 0);
		return r == H1_CHUNK_END ? PIECE_LAST : r == H1_CHUNK_MORE ? PIECE_NONE : PIECE_BAD;
	}
	if (c->left > 0)
		return PIECE_SOME;
	struct h1_chunk ahead = *c;
	if (h1_chunk_next(&ahead, slice_from(in, *used), &n, &more) != H1_CHUNK_END)
		return PIECE_SOME;
	*c = ahead;
	*used += n;
	return PIECE_LAST;
}

/* Decodes the next piece of what has been read; it stays in the buffer's memory until the next read. */
static enum piece take_piece(struct h1_conn *h, struct slice *piece)
{
	struct iobuf *in = h->base.conn->in;
	struct slice have = iobuf_slice(in);
	size_t used = have.len;
	enum piece r = PIECE_SOME;

	*piece = have;
	if (h->body == H1_BODY_LENGTH) {
		if (used > h->body_left)
			used = (size_t)h->body_left;
		piece->len = used;
		h->body_left -= used;
		r = h->body_left ? PIECE_SOME : PIECE_LAST;
	} else if (h->body == H1_BODY_CHUNKED)
		r = next_chunk(&h->chunk, have, &used, piece);
	iobuf_consume(in, used);
	h->body_done = r == PIECE_LAST;
	return r;
}

/* A body that is no body, or the end of a tunnel's direction. */
static bool deliver_end(struct h1_conn *h)
{
	h->reading = false;
	h->end_told = h->body_done = h->stream->body_done = true;
	h->base.server->ops->on_body(h->stream, slice_of("", 0), true);
	if (h1_is_live(h) && h1_is_over(h) && h->base.conn->queued == 0)
		h1_complete(h); /* of a tunnel whose other direction had ended before */
	return true;
}

bool h1_deliver(struct h1_conn *h)
{
	struct stream *s = h->stream;
	struct server *sv = h->base.server;
	struct slice piece;

	if (!h->reading || !h1_is_live(h) || h1_is_over(h))
		return false;
	if (h->body == H1_BODY_NONE || (h->tunnel && h->base.conn->eof && !h1_has_input(h)))
		return deliver_end(h);
	if (!h1_has_input(h))
		return false;
	enum piece r = take_piece(h, &piece);
	if (r == PIECE_BAD) {
		h1_bad_body(h);
		return true;
	}
	if (r == PIECE_NONE)
		return false;
	s->body_received += piece.len;
	if (s->max_body && s->body_received > s->max_body && !h->tunnel) {
		if (s->responded)
			h1_end(h, ABORT_BAD_BODY);
		else
			h1_refuse(h, 413, "request body too large");
		return true;
	}
	s->body_done = h->body_done;
	if (h->body_done) {
		h->reading = false;
		h->end_told = true;
	}
	sv->ops->on_body(s, piece, h->body_done);
	return true;
}

bool h1_can_drain(const struct h1_conn *h)
{
	if (h->refused)
		return false;
	if (h->body == H1_BODY_LENGTH)
		return h->body_left <= H1_DRAIN_BYTES;
	/* a client that waits for the 100 may take our answer for the end and begin its next request */
	return h->body == H1_BODY_CHUNKED && !h->continue_due;
}

bool h1_drain(struct h1_conn *h)
{
	struct slice piece;
	if (!h1_has_input(h))
		return false;
	enum piece r = take_piece(h, &piece);
	h->drained += piece.len;
	if (r == PIECE_LAST)
		h->state = H1_IDLE;
	else if (r == PIECE_BAD || h->drained > H1_DRAIN_BYTES)
		h1_linger(h);
	return r != PIECE_NONE;
}

static void send_continue(struct h1_conn *h)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	h->continue_due = false;
	if (!h->stream->responded && !h1_has_input(h))
		h1_write(h, &(struct iovec){(void *)text, sizeof text - 1}, 1);
}

void h1_read_body(struct stream *s, bool on)
{
	struct h1_conn *h = h1_of(s);
	if (!h1_is_live(h) || h->refused || h1_is_over(h))
		return;
	h->reading = on && !h->end_told;
	if (!h->reading)
		return;
	if (h->continue_due)
		send_continue(h);
	if (!h->pumping)
		conn_wake(s->conn);
}
