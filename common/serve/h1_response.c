/* h1_response: puts a response on the wire: framing, Connection, Date (RFC 9112 6, RFC 9110 6.6.1). */
#include "common/serve/h1_private.h"

#include "common/http/date.h"
#include "common/http/error_body.h"
#include "common/http/h1_write.h"

/* A body up to SMALL_BODY is copied behind the head: that is less work than two parts are for the kernel. */
enum { STACK_HEAD = 4096, DATE_LINE = 6 + HTTP_DATE_LEN + 2, CHUNK_HEAD = 20, SMALL_BODY = 512 };

/* ---- deciding ------------------------------------------------------------------------------------------------- */

static bool is_head_request(const struct stream *s)
{
	return slice_eq(s->request.method, S("HEAD"));
}

/* How the body will end, for out as for h. piece and last: a complete body needs no chunks. */
static void choose_framing(struct h1_conn *h, struct head *out, size_t piece, bool last)
{
	const struct stream *s = h->stream;
	bool is_old = s->request.version == HTTP_1_0;

	h->chunked = h->has_length = h->until_close = false;
	h->tunnel = out->status == 101;
	h->no_body = is_head_request(s) || out->status == 204 || out->status == 304;
	if (h->no_body || out->status < 200) {
		out->chunked = false;
		if (out->status < 200 || out->status == 204)
			out->content_length = -1;
		return;
	}
	if (out->content_length < 0 && last && (!out->chunked || is_old)) {
		out->content_length = (int64_t)piece;
		out->chunked = false;
	}
	h->has_length = out->content_length >= 0;
	h->left = h->has_length ? (uint64_t)out->content_length : 0;
	if (h->has_length)
		out->chunked = false;
	else if (is_old) {
		h->until_close = true;
		out->chunked = false;
	} else
		out->chunked = h->chunked = true;
}

static bool may_keep_alive(const struct h1_conn *h)
{
	const struct server *sv = h->base.server;
	return h->keep_alive && !h->close_after && !sv->draining && !h->until_close && !h->tunnel &&
	       sv->keepalive_timeout_ms && (!sv->max_requests || h->base.conn->requests < sv->max_requests) &&
	       (!h->base.conn->eof || h1_has_input(h)) && (h->body_done || h1_can_drain(h));
}

/* ---- writing -------------------------------------------------------------------------------------------------- */

void h1_write(struct h1_conn *h, const struct iovec *parts, int n)
{
	struct conn *c = h->base.conn;
	for (int i = 0; i < n; i++)
		h->stream->sent += parts[i].iov_len;
	if (!conn_write(c, parts, n)) {
		h->broken = true;
		conn_wake(c);
	}
}

/* What of the piece may follow the head that was announced. */
static struct slice clip(struct h1_conn *h, struct slice piece, bool last)
{
	if (h->no_body)
		return slice_of(piece.ptr, 0);
	if (!h->has_length)
		return piece;
	if (piece.len > h->left)
		piece.len = (size_t)h->left;
	h->left -= piece.len;
	if (last && h->left)
		h->keep_alive = false; /* the client notices by the close */
	return piece;
}

/* head has room for SMALL_BODY bytes behind its length. */
static bool join_small(const struct h1_conn *h, struct iovec *head, struct slice piece)
{
	if (h->chunked || piece.len > SMALL_BODY)
		return false;
	if (piece.len)
		memcpy((char *)head->iov_base + head->iov_len, piece.ptr, piece.len);
	head->iov_len += piece.len;
	return true;
}

/* Adds a piece of the body to parts; head has room for CHUNK_HEAD bytes behind its length. */
static int add_piece(const struct h1_conn *h, struct iovec *parts, struct slice piece, bool last)
{
	static const char ends[] = "\r\n0\r\n\r\n"; /* the end of a chunk, the last chunk */
	struct iovec *head = &parts[0];
	int n = 1;

	if (!h->chunked) {
		if (piece.len)
			parts[n++] = (struct iovec){(void *)piece.ptr, piece.len};
		return n;
	}
	if (piece.len) {
		head->iov_len += h1_chunk_head((char *)head->iov_base + head->iov_len, piece.len);
		parts[n++] = (struct iovec){(void *)piece.ptr, piece.len};
		parts[n++] = (struct iovec){(void *)ends, last ? 7 : 2};
	} else if (last)
		parts[n++] = (struct iovec){(void *)(ends + 2), 5};
	return n;
}

/* Everything is written: complete now, or when the queue is empty. */
static void after_write(struct h1_conn *h, bool last)
{
	struct stream *s = h->stream;
	if (last) {
		s->finished = true;
		if (!h1_is_over(h)) {
			conn_shutdown(h->base.conn); /* of a tunnel: the client may still have something to say */
			return;
		}
		h->reading = false;
		if (!h->broken && h->base.conn->queued == 0) {
			h1_complete(h);
			return;
		}
	}
	if (!h->pumping)
		h1_settle(h);
}

static size_t put_date(char *out, size_t n)
{
	struct slice date = http_date_now();
	n -= 2; /* before the empty line */
	memcpy(out + n, "Date: ", 6);
	memcpy(out + n + 6, date.ptr, HTTP_DATE_LEN);
	memcpy(out + n + 6 + HTTP_DATE_LEN, "\r\n\r\n", 4);
	return n + DATE_LINE + 2;
}

static struct slice connection_of(const struct h1_conn *h, const struct head *out)
{
	if (h->tunnel)
		return S("upgrade");
	if (out->status == 426 && head_find(out, HEADER_UPGRADE)) /* RFC 9110 7.8, 15.5.22 */
		return h->keep_alive ? S("keep-alive, Upgrade") : S("close, Upgrade");
	return h->keep_alive ? S("keep-alive") : S("close");
}

static size_t write_head(const struct h1_conn *h, char *to, const struct head *out)
{
	struct slice connection = connection_of(h, out);
	size_t n = h1_write_response(to, out, connection);
	return head_find(out, HEADER_DATE) ? n : put_date(to, n);
}

void h1_respond(struct stream *s, const struct head *response, struct slice piece, bool last)
{
	struct h1_conn *h = h1_of(s);
	struct head out = *response;
	char stack[STACK_HEAD];
	struct iovec parts[3];

	if (!h1_is_live(h) || s->responded)
		return;
	choose_framing(h, &out, piece.len, last);
	h->keep_alive = may_keep_alive(h);
	s->responded = true;
	s->status = out.status;
	if (h->tunnel) {
		h->body = H1_BODY_UNTIL_CLOSE;
		h->body_done = s->body_done = h->end_told = false;
	}
	h->continue_due = false;

	size_t bound = h1_write_bound(&out) + DATE_LINE + CHUNK_HEAD + SMALL_BODY;
	char *to = bound <= sizeof stack ? stack : arena_alloc(&s->arena, bound);
	parts[0] = (struct iovec){to, write_head(h, to, &out)};
	s->head_sent = s->sent + parts[0].iov_len;
	piece = clip(h, piece, last);
	h1_write(h, parts, join_small(h, parts, piece) ? 1 : add_piece(h, parts, piece, last));
	after_write(h, last);
}

void h1_send(struct stream *s, struct slice piece, bool last)
{
	struct h1_conn *h = h1_of(s);
	char chunk[CHUNK_HEAD];
	struct iovec parts[3] = {{chunk, 0}};

	if (!h1_is_live(h) || !s->responded || s->finished)
		return;
	piece = clip(h, piece, last);
	int n = add_piece(h, parts, piece, last), skip = parts[0].iov_len == 0;
	if (n > skip)
		h1_write(h, parts + skip, n - skip);
	after_write(h, last);
}

void h1_send_trailers(struct stream *s, const struct head *trailers)
{
	h1_send(s, slice_of("", 0), true);
}

size_t h1_queued(const struct stream *s)
{
	return h1_is_live(h1_of(s)) ? s->conn->queued : 0;
}

void h1_answer_plain(struct conn *c)
{
	char out[1024];
	struct arena a;
	struct head h;
	arena_init(&a);
	struct slice body = error_body(
	        &a, ERROR_JSON, S("The plain HTTP request was sent to HTTPS port"), (struct slice){0});

	head_init(&h, &a);
	h.status = 400;
	h.content_length = (int64_t)body.len;
	head_add_id(&h, HEADER_CONTENT_TYPE, error_body_type(ERROR_JSON));
	size_t n = put_date(out, h1_write_response(out, &h, S("close")));
	memcpy(out + n, body.ptr, body.len);
	conn_send_plain(c, slice_of(out, n + body.len));
	arena_fini(&a);
}
