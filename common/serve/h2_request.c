/* h2_request: header blocks become requests, DATA becomes bodies (RFC 9113 8.1, 5.2).
 *
 * A body is buffered until its handler wants it, up to the stream's window, and the window opens again by what the
 * handler has been given: a slow upstream slows its own stream only. It doubles whenever the handler has taken as
 * much as it has, within limits, so that a long way to the client does not slow an upload. The connection's window
 * opens at once. */
#include "common/serve/h2_private.h"

/* A malformed message (8.1.1). */
static int malformed(struct h2_stream *hs)
{
	hs->malformed = true;
	h2_reset(hs, NGHTTP2_PROTOCOL_ERROR);
	return h2_calm_reset(hs->conn);
}

/* ---- heads ---------------------------------------------------------------------------------------------------- */

static struct h2_stream *new_stream(struct h2_conn *h, int32_t id)
{
	struct stream *s = server_take_stream(&h->base);
	struct h2_stream *hs = h2_of(s);

	*hs = (struct h2_stream){.conn = h, .stream = s, .id = id, .window = H2_WINDOW, .next = h->streams};
	if (h->streams)
		h->streams->prev = hs;
	h->streams = hs;
	if (h->count++ == 0)
		server_set_phase(&h->base, PHASE_READING);
	nghttp2_session_set_stream_user_data(h->session, id, hs);
	return hs;
}

int h2_begin_block(struct h2_conn *h, const nghttp2_frame *frame)
{
	const struct h1_limits *limits = &h->base.server->limits;
	struct h2_stream *hs;

	h->in_block = true;
	h->continuations = 0;
	if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
		hs = new_stream(h, frame->hd.stream_id);
		h2_reader_begin(&h->reader, H2_REQUEST, limits, &hs->stream->request);
	} else {
		hs = h2_find(h, frame->hd.stream_id);
		if (hs && !hs->malformed) {
			struct arena *a = &hs->stream->arena;
			hs->stream->trailers = arena_new(a, struct head);
			head_init(hs->stream->trailers, a);
			h2_reader_begin(&h->reader, H2_TRAILERS, limits, hs->stream->trailers);
		} else
			hs = NULL;
	}
	h->heading = hs;
	return 0;
}

int h2_take_field(struct h2_conn *h, int32_t id, struct slice name, struct slice value)
{
	struct h2_stream *hs = h->heading;
	int r;

	if (!hs)
		return 0;
	switch (h2_reader_field(&h->reader, name, value)) {
	case H2_FIELD_OK: return 0;
	case H2_FIELD_FLOOD: return h2_calm_end(h, "a header list several times as large as the limit");
	case H2_FIELD_MALFORMED: break;
	}
	h->in_block = false;
	h->heading = NULL;
	r = malformed(hs);
	return r ? r : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* the rest is decoded, but not told */
}

static void check_size(struct h2_stream *hs)
{
	struct stream *s = hs->stream;

	server_limit_body(s);
	if (s->max_body && s->request.content_length > 0 && (uint64_t)s->request.content_length > s->max_body)
		h2_refuse(hs, 413, "request body too large");
}

int h2_end_block(struct h2_conn *h, const nghttp2_frame *frame)
{
	struct h2_stream *hs = h->heading;
	bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	struct h1_error error = {0};

	h->in_block = false;
	h->heading = NULL;
	h2_calm_useful(h, 1);
	if (!hs)
		return 0;
	enum h2_result result = h2_reader_end(&h->reader, ends, &error);
	if (result == H2_MALFORMED)
		return malformed(hs);
	if (!hs->ready) {
		hs->ready = true;
		hs->continue_due = hs->stream->request.expect_continue && !ends;
		if (result == H2_BAD)
			h2_refuse(hs, error.status, error.why);
		else
			check_size(hs);
		h2_due(hs);
	}
	return ends ? h2_end_request(hs) : 0;
}

/* ---- bodies --------------------------------------------------------------------------------------------------- */

void h2_refuse(struct h2_stream *hs, int status, const char *why)
{
	if (hs->refused)
		return;
	hs->refused = true;
	hs->reading = hs->continue_due = false;
	hs->error = (struct h1_error){.status = status, .why = why};
	h2_due(hs);
}

/* Is the body still somebody's business? */
static bool is_wanted(const struct h2_stream *hs)
{
	return hs && !hs->malformed && !hs->refused && !hs->closed && !hs->stream->finished;
}

/* Too much of it: more than it said, or than is allowed. */
static int check_received(struct h2_stream *hs)
{
	int64_t length = hs->stream->request.content_length;
	uint64_t most = hs->stream->max_body;

	if (length >= 0 && hs->received > (uint64_t)length)
		return malformed(hs);
	if (!most || hs->received <= most)
		return 0;
	if (hs->stream->responded) {
		hs->malformed = true;
		h2_reset(hs, NGHTTP2_CANCEL);
	} else
		h2_refuse(hs, 413, "request body too large");
	return 0;
}

int h2_take_data(struct h2_conn *h, struct h2_stream *hs, struct slice data)
{
	if (!is_wanted(hs)) {
		if (hs)
			nghttp2_session_consume_stream(h->session, hs->id, data.len);
		return 0;
	}
	hs->received += data.len;
	int r = check_received(hs);
	if (r || !is_wanted(hs))
		return r;
	if (hs->held + data.len > hs->window) { /* nghttp2 resets */
		hs->malformed = true;
		return h2_calm_reset(h);
	}
	iobuf_append(&h->base.conn->loop->buffers, &hs->in, &hs->in_last, data.ptr, data.len);
	hs->held += (uint32_t)data.len;
	if (hs->reading)
		h2_due(hs);
	return 0;
}

int h2_end_request(struct h2_stream *hs)
{
	int64_t length = hs->stream->request.content_length;

	if (hs->malformed)
		return 0;
	hs->ended = true;
	if (length >= 0 && hs->received != (uint64_t)length && !hs->refused)
		return malformed(hs);
	if (hs->received == 0 && hs->ready && !hs->stream->trailers)
		hs->stream->body_done = true;
	if (hs->reading)
		h2_due(hs);
	return 0;
}

/* The handler keeps up: the client may have more under way. */
static void grow_window(struct h2_stream *hs)
{
	struct h2_conn *h = hs->conn;
	uint32_t more = hs->window;

	if (hs->stream->body_received - hs->grown_at < hs->window)
		return;
	hs->grown_at = hs->stream->body_received;
	if (hs->window + more > H2_WINDOW_MAX || h->growth + more > H2_GROWTH_MAX)
		return;
	hs->window += more;
	h->growth += more;
	nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, hs->id, (int32_t)hs->window);
}

static struct iobuf *take_first(struct h2_stream *hs)
{
	struct iobuf *b = hs->in;
	if (!b)
		return NULL;
	hs->in = b->next;
	if (!hs->in)
		hs->in_last = NULL;
	hs->held -= (uint32_t)iobuf_slice(b).len;
	return b;
}

void h2_deliver(struct h2_stream *hs)
{
	struct h2_conn *h = hs->conn;
	struct stream *s = hs->stream;

	if (!hs->reading || (!hs->in && !hs->ended))
		return;
	struct iobuf *b = take_first(hs);
	struct slice piece = b ? iobuf_slice(b) : slice_of("", 0);
	bool last = hs->ended && !hs->in;
	s->body_received += piece.len;
	if (last) {
		hs->reading = false;
		hs->end_told = s->body_done = true;
	} else {
		nghttp2_session_consume_stream(h->session, hs->id, piece.len);
		grow_window(hs);
	}
	if (hs->in)
		h2_due(hs);
	h->base.server->ops->on_body(s, piece, last);
	iobuf_put(&h->base.conn->loop->buffers, b);
}

void h2_read_body(struct stream *s, bool on)
{
	struct h2_stream *hs = h2_of(s);
	if (!is_wanted(hs))
		return;
	hs->reading = on && !hs->end_told;
	if (!hs->reading)
		return;
	if (hs->continue_due)
		h2_send_continue(hs);
	if (hs->in || hs->ended)
		h2_due(hs);
	h2_wait(hs);
	h2_wake(hs->conn);
}
