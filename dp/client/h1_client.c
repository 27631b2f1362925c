/* h1_client: see h1_client.h. Reading is driven by the conn's edges; `read_more` is the only place that reads. */
#include "dp/client/h1_client.h"

enum { INTERIM_MAX = 16, INTERIM_BYTES_MAX = 64 * 1024 }; /* proxy.md 4.1 */
enum { READS_PER_TURN = 16 };                             /* then other connections get their turn */

static void read_more(struct h1_client *x);

static void fail(struct h1_client *x, enum client_failure why)
{
	struct conn *c = x->conn;
	x->conn = NULL;
	if (c)
		conn_close(c);
	x->ops->on_fail(x, why);
}

static void fail_closed(struct h1_client *x)
{
	fail(x, x->head_done ? CLIENT_BAD_BODY : CLIENT_CLOSED);
}

static void arm(struct h1_client *x)
{
	struct conn *c = x->conn;
	uint32_t ms = 0;
	if (c->queued && !x->mute)
		ms = x->write_timeout_ms;
	else if (!x->paused && (x->request_sent || x->head_done))
		ms = x->read_timeout_ms;
	x->written = c->bytes_out;
	conn_set_timeout(c, ms);
}

/* An upstream may answer and close before it has read the whole request. */
static void on_broken(struct h1_client *x)
{
	x->mute = true;
	if (!x->paused)
		read_more(x);
}

static void on_readable(struct conn *c)
{
	struct h1_client *x = c->owner;
	if (!x->paused)
		read_more(x);
}

static void on_drained(struct conn *c)
{
	struct h1_client *x = c->owner;
	arm(x);
	x->ops->on_drained(x);
}

static void on_closed(struct conn *c)
{
	on_broken(c->owner);
}

static void on_timeout(struct conn *c)
{
	struct h1_client *x = c->owner;
	if (c->queued && !x->mute && c->bytes_out != x->written)
		arm(x); /* slow, but it goes on */
	else
		fail(x, CLIENT_TIMEOUT);
}

static const struct conn_ops conn_ops = {
        .on_readable = on_readable,
        .on_drained = on_drained,
        .on_closed = on_closed,
        .on_timeout = on_timeout,
};

void h1_client_start(struct h1_client *x, struct conn *c, struct arena *a, struct slice method,
        const struct h1_client_ops *ops, void *owner)
{
	x->conn = c;
	x->ops = ops;
	x->owner = owner;
	x->arena = a;
	x->method = method;
	x->left = 0;
	x->looked = 0;
	x->interim = 0;
	x->interim_bytes = 0;
	x->head_done = x->paused = x->request_sent = x->received_any = x->upgrade = x->mute = false;
	x->why = NULL;
	conn_adopt(c, &conn_ops, x);
}

void h1_client_write(struct h1_client *x, const struct iovec *parts, int n, bool last)
{
	if (x->mute)
		return;
	if (!conn_write(x->conn, parts, n)) {
		on_broken(x);
		return;
	}
	x->request_sent = last;
	arm(x);
}

/* The part of `in` that belongs to a body with a length. */
static struct slice take_length(struct h1_client *x, struct slice in, size_t *used)
{
	size_t n = in.len < x->left ? in.len : (size_t)x->left;
	x->left -= n;
	*used = n;
	return slice_of(in.ptr, n);
}

enum piece_result { PIECE, PIECE_LAST, PIECE_NONE, PIECE_BAD };

/* The next piece of a chunked body; sees whether the end follows directly, so that the last piece is known as such.
 */
static enum piece_result next_chunk(struct h1_client *x, struct slice in, size_t *used, struct slice *piece)
{
	size_t n = 0;
	enum h1_chunk_result r = h1_chunk_next(&x->chunk, in, &n, piece);
	*used = n;
	if (r == H1_CHUNK_END) {
		*piece = slice_of(in.ptr, 0);
		return PIECE_LAST;
	}
	if (r != H1_CHUNK_DATA)
		return r == H1_CHUNK_BAD ? PIECE_BAD : PIECE_NONE;
	if (x->chunk.left > 0)
		return PIECE;
	struct h1_chunk ahead = x->chunk;
	struct slice more;
	r = h1_chunk_next(&ahead, slice_from(in, n), &n, &more);
	if (r != H1_CHUNK_END)
		return PIECE;
	x->chunk = ahead;
	*used += n;
	return PIECE_LAST;
}

static enum piece_result next_piece(struct h1_client *x, size_t *used, struct slice *piece)
{
	struct iobuf *in = x->conn->in;
	struct slice have = in ? iobuf_slice(in) : slice_of("", 0);

	*used = 0;
	*piece = slice_of(have.ptr, 0);
	switch (x->body) {
	case H1_BODY_NONE: return PIECE_LAST;
	case H1_BODY_LENGTH:
		*piece = take_length(x, have, used);
		return x->left == 0 ? PIECE_LAST : piece->len ? PIECE : PIECE_NONE;
	case H1_BODY_CHUNKED: return next_chunk(x, have, used, piece);
	case H1_BODY_UNTIL_CLOSE:
		*piece = have;
		*used = have.len;
		return have.len ? PIECE : PIECE_NONE;
	}
	return PIECE_BAD;
}

/* The exchange is over: may the connection be used again? Bytes after the response are nobody's (pitfalls.md B5 93,
 * 94). */
static bool is_reusable(const struct h1_client *x, size_t used)
{
	const struct conn *c = x->conn;
	size_t have = c->in ? iobuf_slice(c->in).len : 0;
	return x->response.keep_alive && x->body != H1_BODY_UNTIL_CLOSE && have == used && x->request_sent &&
	       c->queued == 0 && !c->peer_closed;
}

/* The last callback. The connection goes first, without the buffer that the last piece still points into. */
static void deliver_last(struct h1_client *x, bool with_head, struct slice piece, size_t used)
{
	struct conn *c = x->conn;
	struct loop *loop = c->loop;
	bool reusable = is_reusable(x, used);
	struct iobuf *held = c->in;

	c->in = NULL;
	x->conn = NULL;
	if (reusable) {
		conn_set_timeout(c, 0);
		x->ops->on_reusable(x, c);
	} else {
		conn_close(c);
	}
	if (with_head)
		x->ops->on_head(x, &x->response, piece, true);
	else
		x->ops->on_piece(x, piece, true);
	iobuf_put(&loop->buffers, held);
}

/* Passes on one piece; false when there is none, or the exchange is over or paused. */
static bool deliver(struct h1_client *x, bool with_head)
{
	size_t used;
	struct slice piece;
	struct conn *c = x->conn;
	enum piece_result r = next_piece(x, &used, &piece);

	if (r == PIECE_BAD) {
		fail(x, with_head ? CLIENT_INVALID : CLIENT_BAD_BODY);
		return false;
	}
	if (r == PIECE_LAST) {
		deliver_last(x, with_head, piece, used);
		return false;
	}
	if (with_head)
		x->ops->on_head(x, &x->response, piece, false);
	else if (r == PIECE)
		x->ops->on_piece(x, piece, false);
	if (x->conn != c)
		return false;
	if (c->in)
		iobuf_consume(c->in, used);
	return r == PIECE;
}

/* A complete head is at the front of the buffer: skip it (1xx) or take it. False: wait for more, or over. */
static bool take_head(struct h1_client *x, size_t head_len)
{
	struct conn *c = x->conn;
	if (x->response.status < 200 && x->response.status != 101) {
		x->interim_bytes += head_len;
		if (++x->interim > INTERIM_MAX || x->interim_bytes > INTERIM_BYTES_MAX) {
			x->why = "too many interim responses";
			fail(x, CLIENT_INVALID);
			return false;
		}
		iobuf_consume(c->in, head_len);
		x->looked = 0;
		return true;
	}
	if (x->response.status == 101 && x->upgrade) {
		c->in->start += (uint32_t)head_len;
		x->conn = NULL;
		x->ops->on_upgrade(x, &x->response, c);
		return false;
	}
	if (x->response.status == 101) {
		x->why = "101 without an upgrade";
		fail(x, CLIENT_INVALID);
		return false;
	}
	x->head_done = true;
	x->body = h1_response_body(&x->response, x->method);
	x->left = x->body == H1_BODY_LENGTH ? (uint64_t)x->response.content_length : 0;
	h1_chunk_init(&x->chunk);
	/* The head stays in the buffer until the owner has seen it: only the start moves. */
	c->in->start += (uint32_t)head_len;
	return deliver(x, true);
}

/* Parses what is in the buffer. False: more bytes are needed, or the exchange is over. */
static bool parse_head(struct h1_client *x)
{
	struct slice have = iobuf_slice(x->conn->in);
	struct h1_error err;
	size_t head_len = 0;

	if (!h1_parse_ready(have.ptr, x->looked, have.len, x->limits))
		return false;
	head_init(&x->response, x->arena);
	switch (h1_parse_response(have.ptr, have.len, x->limits, x->method, &x->response, &head_len, &err)) {
	case H1_MORE: x->looked = have.len; return false;
	case H1_BAD:
		x->why = err.why;
		if (slice_is_set(err.second))
			x->why = arena_printf(x->arena, "%s: '%.*s' and '%.*s'", err.why, SLICE_ARG(err.first),
			        SLICE_ARG(err.second))
			                 .ptr;
		fail(x, CLIENT_INVALID);
		return false;
	case H1_DONE: break;
	}
	return take_head(x, head_len);
}

static bool has_input(const struct h1_client *x)
{
	return x->conn && x->conn->in && x->conn->in->end > x->conn->in->start;
}

/* Works through what has been read. True: everything used, read on. */
static bool process(struct h1_client *x)
{
	struct conn *c = x->conn;
	while (x->conn == c && has_input(x) && !x->paused)
		if (!(x->head_done ? deliver(x, false) : parse_head(x)))
			break;
	return x->conn == c && !x->paused;
}

static void at_eof(struct h1_client *x)
{
	/* once a write has failed, the end may be that of a reset: the kernel reports a reset only once */
	if (!x->head_done || x->body != H1_BODY_UNTIL_CLOSE || x->mute) {
		fail_closed(x);
		return;
	}
	deliver_last(x, false, slice_of("", 0), 0);
}

/* Nothing more is there for now. */
static void wait_for_more(struct h1_client *x)
{
	conn_release_input(x->conn);
	if (x->mute)
		fail_closed(x);
}

/* Reads once into what room there is. False: that is all for now, or the exchange is over.
 *
 * An answer that is not complete is read until the socket says that it is empty: a reset that came together with
 * bytes shows only behind them, and no edge announces it again. */
static bool read_once(struct h1_client *x)
{
	struct conn *c = x->conn;
	c->can_read = true;
	if (c->in && iobuf_room(c->in) == 0)
		iobuf_compact(c->in);
	switch (conn_read(c)) {
	case IO_OK: x->received_any = true; return true;
	case IO_AGAIN: wait_for_more(x); break;
	case IO_EOF: at_eof(x); break;
	case IO_ERROR: fail_closed(x); break;
	}
	return false;
}

static void read_more(struct h1_client *x)
{
	struct conn *c = x->conn;
	for (int reads = 0; reads < READS_PER_TURN; reads++) {
		if (!read_once(x) || !process(x))
			return;
		arm(x);
	}
	conn_wake(c);
}

void h1_client_pause(struct h1_client *x, bool paused)
{
	if (x->paused == paused)
		return;
	x->paused = paused;
	if (!x->conn)
		return;
	arm(x);
	if (!paused && process(x))
		read_more(x);
}

void h1_client_cancel(struct h1_client *x)
{
	struct conn *c = x->conn;
	x->conn = NULL;
	if (c)
		conn_close(c);
}
