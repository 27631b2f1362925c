/* h2_response: responses become frames (RFC 9113 8.1, 5.2).
 *
 * A piece is framed at once as far as the windows and the socket allow, straight from the handler's memory; the rest
 * is kept. Frames of all streams gather in one buffer, which is written at the end of the turn. */
#include "common/http/h2_write.h"
#include "common/serve/h2_private.h"

enum { STACK_FIELDS = 64 };

/* ---- framing -------------------------------------------------------------------------------------------------- */

/* The next DATA frame has the last of the body. */
static void end_body(struct h2_stream *hs, uint32_t *flags)
{
	nghttp2_session *session = hs->conn->session;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (!hs->trailers)
		return;
	nghttp2_nv *fields = arena_array(&hs->stream->arena, nghttp2_nv, h2_write_bound(hs->trailers));
	*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
	nghttp2_submit_trailer(session, hs->id, fields, h2_write_trailers(fields, hs->trailers, 0));
}

ssize_t h2_read_piece(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length, uint32_t *flags,
        nghttp2_data_source *source, void *user_data)
{
	struct h2_conn *h = user_data;
	struct h2_stream *hs = source->ptr;
	bool is_all;
	ssize_t n = h2_body_next(&h->out, &hs->body, length, &is_all);

	if (n < 0)
		return n;
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (is_all && hs->cut) { /* shorter than it said: the client must not take it for complete */
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_INTERNAL_ERROR);
		if (n == 0)
			return NGHTTP2_ERR_DEFERRED;
	} else if (is_all)
		end_body(hs, flags);
	return n;
}

int h2_put_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t length,
        nghttp2_data_source *source, void *user_data)
{
	struct h2_conn *h = user_data;
	struct h2_stream *hs = source->ptr;

	hs->stream->sent += length;
	if (h2_body_frame(&h->out, &hs->body, head, length) && !hs->stream->finished) {
		hs->drained = true;
		h2_due(hs);
	}
	return 0;
}

void h2_note_sent(struct h2_conn *h, const nghttp2_frame *frame)
{
	struct h2_stream *hs;

	if (frame->hd.type == NGHTTP2_GOAWAY && h->goaway == H2_GOAWAY_NOTICE)
		nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, (const uint8_t *)"goodbye.");
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return;
	hs = h2_find(h, frame->hd.stream_id);
	if (!hs)
		return;
	if (frame->hd.type == NGHTTP2_HEADERS) {
		hs->stream->sent += frame->hd.length;
		hs->stream->head_sent += frame->hd.length;
	} else
		h2_calm_useful(h, 2); /* is answered by WINDOW_UPDATE of stream and connection */
	if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return;
	hs->end_sent = true;
	if (!hs->ended) /* nobody wants the rest of the request (8.1) */
		nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, hs->id, NGHTTP2_NO_ERROR);
}

void h2_resume(struct h2_conn *h)
{
	for (struct h2_stream *hs = h->streams; hs; hs = hs->next)
		h2_body_resume(&hs->body, h->session, hs->id);
}

/* ---- what handlers call --------------------------------------------------------------------------------------- */

static bool can_answer(const struct h2_stream *hs)
{
	return hs->opened && !hs->closed && !hs->malformed;
}

/* What of the piece may follow the head that was announced. */
static struct slice clip(struct h2_stream *hs, struct slice piece, bool last)
{
	if (hs->no_body)
		return slice_of(piece.ptr, 0);
	if (!hs->has_length)
		return piece;
	if (piece.len > hs->left)
		piece.len = (size_t)hs->left;
	hs->left -= piece.len;
	hs->cut = last && hs->left > 0;
	return piece;
}

static void choose_framing(struct h2_stream *hs, struct head *out, size_t piece, bool last)
{
	hs->no_body = slice_eq(hs->stream->request.method, S("HEAD")) || out->status == 204 || out->status == 304;
	if (out->status == 204)
		out->content_length = -1;
	if (hs->no_body)
		return;
	if (out->content_length < 0 && last && !out->chunked)
		out->content_length = (int64_t)piece;
	hs->has_length = out->content_length >= 0;
	hs->left = hs->has_length ? (uint64_t)out->content_length : 0;
}

static void frame_piece(struct h2_stream *hs, struct slice piece, bool last)
{
	struct h2_conn *h = hs->conn;

	hs->stream->finished = last;
	h2_body_send(&h->out, &hs->body, h->session, hs->id, piece, last);
	h2_wait(hs);
	h2_wake(h);
}

/* The fields are not copied by nghttp2: frame_piece() encodes them before anybody else can touch them. */
void h2_respond(struct stream *s, const struct head *response, struct slice piece, bool last)
{
	struct h2_stream *hs = h2_of(s);
	struct head out = *response;
	nghttp2_nv stack[STACK_FIELDS], *fields = stack;
	nghttp2_data_provider body = {.source.ptr = hs, .read_callback = h2_read_piece};

	if (!can_answer(hs) || s->responded)
		return;
	choose_framing(hs, &out, piece.len, last);
	piece = clip(hs, piece, last);
	s->responded = true;
	s->status = out.status;
	hs->continue_due = false;
	out.arena = &s->arena;
	if (h2_write_bound(&out) > STACK_FIELDS)
		fields = arena_array(&s->arena, nghttp2_nv, h2_write_bound(&out));
	size_t n = h2_write_response(fields, &out, NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE);
	bool ends = last && piece.len == 0 && !hs->cut;
	nghttp2_submit_response(hs->conn->session, hs->id, fields, n, ends ? NULL : &body);
	frame_piece(hs, piece, last);
}

void h2_send(struct stream *s, struct slice piece, bool last)
{
	struct h2_stream *hs = h2_of(s);
	if (!can_answer(hs) || !s->responded || s->finished)
		return;
	piece = clip(hs, piece, last);
	if (piece.len || last)
		frame_piece(hs, piece, last);
}

static struct head *copy_trailers(struct arena *a, const struct head *from)
{
	struct head *to = arena_new(a, struct head);
	head_init(to, a);
	for (uint32_t i = 0; i < from->count; i++) {
		struct header f = from->headers[i];
		f.name = arena_dup(a, f.name);
		f.value = arena_dup(a, f.value);
		head_copy(to, &f);
	}
	return to;
}

void h2_send_trailers(struct stream *s, const struct head *trailers)
{
	struct h2_stream *hs = h2_of(s);
	if (!can_answer(hs) || !s->responded || s->finished)
		return;
	if (trailers->count)
		hs->trailers = copy_trailers(&s->arena, trailers);
	frame_piece(hs, clip(hs, slice_of("", 0), true), true);
}

size_t h2_queued(const struct stream *s)
{
	const struct h2_stream *hs = h2_of((struct stream *)s);
	if (hs->body.kept && hs->conn->out.kept > H2_QUEUE_MAX)
		return hs->body.kept + STREAM_HIGH_WATER;
	return hs->body.kept;
}

void h2_send_continue(struct h2_stream *hs)
{
	static const nghttp2_nv status = {(uint8_t *)":status", (uint8_t *)"100", 7, 3, NGHTTP2_NV_FLAG_NONE};
	hs->continue_due = false;
	if (!hs->in && !hs->ended && !hs->stream->responded)
		nghttp2_submit_headers(hs->conn->session, NGHTTP2_FLAG_NONE, hs->id, NULL, &status, 1, NULL);
}
