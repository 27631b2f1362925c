/* h2_client: see h2_client.h. The first part is what nghttp2 tells about streams, the second what owners call. */
#include "common/http/h2_write.h"
#include "dp/client/h2_link_private.h"

#include <pthread.h>
#include <stdlib.h>

enum { STACK_FIELDS = 64 };

static struct h2_client *find(struct h2_link *link, int32_t id)
{
	return nghttp2_session_get_stream_user_data(link->session, id);
}

/* What the upstream said is no answer. */
static void spoil(struct h2_client *x, const char *why)
{
	x->failed = true;
	x->failure = x->head_told ? CLIENT_BAD_BODY : CLIENT_INVALID;
	x->why = why;
	nghttp2_submit_rst_stream(x->link->session, NGHTTP2_FLAG_NONE, x->id, NGHTTP2_PROTOCOL_ERROR);
	h2_link_due(x);
}

/* ---- heads ---------------------------------------------------------------------------------------------------- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct h2_link *link = user_data;
	struct h2_client *x = link->heading = find(link, frame->hd.stream_id);

	if (!x || x->failed)
		link->heading = NULL;
	else if (!x->head_done) {
		head_init(&x->response, x->arena);
		h2_reader_begin(&link->reader, H2_RESPONSE, x->limits, &x->response);
	} else {
		x->trailers = arena_new(x->arena, struct head);
		head_init(x->trailers, x->arena);
		h2_reader_begin(&link->reader, H2_TRAILERS, x->limits, x->trailers);
	}
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
        const uint8_t *value, size_t value_len, uint8_t flags, void *user_data)
{
	struct h2_link *link = user_data;
	if (!link->heading)
		return 0;
	switch (h2_reader_field(
	        &link->reader, slice_of((const char *)name, name_len), slice_of((const char *)value, value_len))) {
	case H2_FIELD_OK: return 0;
	case H2_FIELD_MALFORMED: spoil(link->heading, link->reader.why); break;
	case H2_FIELD_FLOOD: spoil(link->heading, "header list too large"); break;
	}
	link->heading = NULL;
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* Does what has come of the body agree with the length that was announced (RFC 9113 8.1.1)? */
static bool is_length_right(const struct h2_client *x)
{
	return h1_response_body(&x->response, x->method) != H1_BODY_LENGTH ||
	       x->received == (uint64_t)x->response.content_length;
}

static void end_response(struct h2_client *x)
{
	if (!is_length_right(x)) {
		spoil(x, "Content-Length is not that of the body (RFC 9113 8.1.1)");
		return;
	}
	x->ended = true;
	h2_link_due(x);
}

static void end_block(struct h2_link *link, const nghttp2_frame *frame)
{
	struct h2_client *x = link->heading;
	bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	struct h1_error err = {0};

	link->heading = NULL;
	if (!x)
		return;
	x->received_any = true;
	if (h2_reader_end(&link->reader, ends, &err) != H2_DONE) {
		spoil(x, err.why);
		return;
	}
	if (!x->head_done && x->response.status < 200) {
		if (ends || x->response.status == 101 || ++x->interim > H2_LINK_INTERIM_MAX)
			spoil(x, "interim responses that are too many, final or a 101");
		return;
	}
	if (!x->head_done) {
		x->head_done = true;
		h2_link_due(x);
	}
	if (ends)
		end_response(x);
}

/* ---- frames --------------------------------------------------------------------------------------------------- */

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct h2_link *link = user_data;
	struct h2_client *x;

	if (frame->hd.type == NGHTTP2_HEADERS)
		end_block(link, frame);
	else if (frame->hd.type == NGHTTP2_DATA && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
		x = find(link, frame->hd.stream_id);
		if (x && !x->failed)
			end_response(x);
	} else if (frame->hd.type == NGHTTP2_GOAWAY && !link->gone) {
		link->gone = true;
		link->on_gone(link, link->arg);
	}
	return 0;
}

static int on_data_chunk(
        nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len, void *user_data)
{
	struct h2_link *link = user_data;
	struct h2_client *x = find(link, id);

	nghttp2_session_consume_connection(session, len);
	if (!x || x->failed || x->ended) {
		nghttp2_session_consume_stream(session, id, len);
		return 0;
	}
	if (!x->head_done) {
		spoil(x, "DATA before the head (RFC 9113 8.1)");
		return 0;
	}
	x->received += len;
	if (!x->in)
		x->in = iobuf_get(&link->conn->loop->buffers);
	if (iobuf_room(x->in) < len) { /* beyond the window, which is smaller than the buffer */
		spoil(x, "more than the window allows (RFC 9113 5.2)");
		return 0;
	}
	memcpy(x->in->data + x->in->end, data, len);
	x->in->end += (uint32_t)len;
	if (!x->paused || !x->head_told)
		h2_link_due(x);
	return 0;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct h2_client *x;
	if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM) ||
	        (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
		return 0;
	x = find(user_data, frame->hd.stream_id);
	if (x)
		x->has_end = true;
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *user_data)
{
	struct h2_client *x = find(user_data, id);
	if (!x)
		return 0;
	x->closed = true;
	x->refused = error == NGHTTP2_REFUSED_STREAM;
	h2_link_due(x);
	return 0;
}

static ssize_t on_read_body(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length, uint32_t *flags,
        nghttp2_data_source *source, void *user_data)
{
	struct h2_link *link = user_data;
	struct h2_client *x = source->ptr;
	bool is_all;
	ssize_t n = h2_body_next(&link->out, &x->body, length, &is_all);

	if (n < 0)
		return n;
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (!is_all)
		return n;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (x->request_trailers) {
		nghttp2_nv *fields = arena_array(x->arena, nghttp2_nv, h2_write_bound(x->request_trailers));
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		nghttp2_submit_trailer(session, id, fields, h2_write_trailers(fields, x->request_trailers, 0));
	}
	return n;
}

static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t length,
        nghttp2_data_source *source, void *user_data)
{
	struct h2_link *link = user_data;
	struct h2_client *x = source->ptr;

	x->sent += length;
	if (h2_body_frame(&link->out, &x->body, head, length) && !x->body.ended) {
		x->drained = true;
		h2_link_due(x);
	}
	return 0;
}

static nghttp2_option *option;
static nghttp2_session_callbacks *callbacks;

static void prepare(void)
{
	if (nghttp2_option_new(&option) != 0 || nghttp2_session_callbacks_new(&callbacks) != 0)
		abort();
	nghttp2_option_set_no_auto_window_update(option, 1);
	nghttp2_option_set_no_http_messaging(option, 1);
	nghttp2_option_set_max_continuations(option, 1000); /* it counts reads, not frames */
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	nghttp2_session_callbacks_set_send_data_callback(callbacks, on_send_data);
}

nghttp2_session *h2_client_session(struct h2_link *link)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	static const nghttp2_settings_entry settings[] = {
	        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
	        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 32 * 1024},
	        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
	};
	nghttp2_session *session;

	pthread_once(&once, prepare);
	if (nghttp2_session_client_new2(&session, callbacks, link, option) != 0 ||
	        nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, sizeof settings / sizeof *settings) !=
	                0 ||
	        nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, H2_LINK_WINDOW) != 0)
		abort();
	return session;
}

/* ---- deadlines ------------------------------------------------------------------------------------------------ */

static void on_timeout(void *arg)
{
	struct h2_client *x = arg;

	if (x->sent + x->received != x->moved) {
		h2_client_arm(x); /* slow, but it goes on */
		return;
	}
	x->failed = true;
	x->failure = CLIENT_TIMEOUT;
	if (x->id)
		nghttp2_submit_rst_stream(x->link->session, NGHTTP2_FLAG_NONE, x->id, NGHTTP2_CANCEL);
	h2_link_due(x);
	h2_link_wake(x->link);
}

/* The write timeout while bytes wait, the read timeout once the request is complete or the response has begun; none
 * while we are the one who is waited for. */
void h2_client_arm(struct h2_client *x)
{
	uint32_t ms = x->body.kept                                               ? x->write_timeout_ms
	              : !x->paused && (x->request_sent || x->head_done) && x->id ? x->read_timeout_ms
	                                                                         : 0;
	x->moved = x->sent + x->received;
	if (ms)
		timeout_set(&x->link->conn->loop->timeouts, &x->timeout, ms, on_timeout, x);
	else
		timeout_clear(&x->timeout);
}

/* ---- telling -------------------------------------------------------------------------------------------------- */

static void fail(struct h2_client *x, enum client_failure why)
{
	h2_link_detach(x);
	x->ops->on_fail(x, why);
}

/* The last of it is about to be told. A request that the upstream has not read to its end is of no use to it. */
static void let_go(struct h2_client *x)
{
	if (!x->closed && !x->has_end)
		nghttp2_submit_rst_stream(x->link->session, NGHTTP2_FLAG_NONE, x->id, NGHTTP2_NO_ERROR);
	h2_link_detach(x);
}

static void deliver(struct h2_client *x)
{
	struct iobuf_pool *pool = &x->link->conn->loop->buffers;
	struct iobuf *b = x->in;
	struct slice piece = b ? iobuf_slice(b) : slice_of("", 0);
	bool last = x->ended, with_head = !x->head_told;

	if (!with_head && !b && !last)
		return;
	x->in = NULL;
	x->head_told = true;
	if (last)
		let_go(x);
	else {
		nghttp2_session_consume_stream(x->link->session, x->id, piece.len);
		h2_client_arm(x);
	}
	if (with_head)
		x->ops->on_head(x, &x->response, piece, last);
	else
		x->ops->on_piece(x, piece, last);
	iobuf_put(pool, b);
}

void h2_client_tell(struct h2_client *x)
{
	if (x->failed)
		fail(x, x->failure);
	else if (!x->ready) {
		x->ready = true;
		x->ops->on_ready(x);
	} else if (x->head_done && (!x->head_told || (!x->paused && (x->in || x->ended)))) {
		if (x->closed || x->drained) /* there is more to tell */
			h2_link_due(x);
		deliver(x);
	} else if (x->closed && !x->ended && !x->in)
		fail(x, x->head_told ? CLIENT_BAD_BODY : CLIENT_CLOSED);
	else if (x->drained) {
		x->drained = false;
		h2_client_arm(x);
		x->ops->on_drained(x);
	}
}

/* ---- what owners call ----------------------------------------------------------------------------------------- */

void h2_client_start(struct h2_client *x, struct h2_link *link, struct arena *a, struct slice method,
        const struct h2_client_ops *ops, void *owner)
{
	*x = (struct h2_client){
	        .link = link,
	        .ops = ops,
	        .owner = owner,
	        .arena = a,
	        .method = method,
	        .limits = x->limits,
	        .read_timeout_ms = x->read_timeout_ms,
	        .write_timeout_ms = x->write_timeout_ms,
	        .next = link->exchanges,
	        .ready = link->ready,
	};
	if (link->exchanges)
		link->exchanges->prev = x;
	link->exchanges = x;
	link->count++;
	link->carried++;
	if (link->ready)
		conn_set_timeout(link->conn, link->limits.ping_ms);
}

static void send_piece(struct h2_client *x, struct slice piece, bool last)
{
	struct h2_link *link = x->link;
	x->request_sent = last;
	h2_body_send(&link->out, &x->body, link->session, x->id, piece, last);
	h2_client_arm(x);
	h2_link_wake(link);
}

/* The fields are copied by nghttp2: the upstream's limit of streams may have them wait. */
void h2_client_send_head(
        struct h2_client *x, const struct head *request, struct slice scheme, struct slice piece, bool last)
{
	nghttp2_nv stack[STACK_FIELDS], *fields = stack;
	nghttp2_data_provider body = {.source.ptr = x, .read_callback = on_read_body};
	bool ends = last && piece.len == 0;

	if (h2_write_bound(request) > STACK_FIELDS)
		fields = arena_array(x->arena, nghttp2_nv, h2_write_bound(request));
	size_t n = h2_write_request(fields, request, scheme, NGHTTP2_NV_FLAG_NONE);
	x->id = nghttp2_submit_request(x->link->session, NULL, fields, n, ends ? NULL : &body, x);
	if (x->id < 0) { /* no numbers are left, or the upstream has said GOAWAY */
		x->id = 0;
		x->failed = x->refused = true;
		x->failure = CLIENT_CLOSED;
		h2_link_due(x);
		h2_link_wake(x->link);
		return;
	}
	send_piece(x, piece, last);
}

static struct head *copy_head(struct arena *a, const struct head *from)
{
	struct head *to = arena_new(a, struct head);
	head_init(to, a);
	for (uint32_t i = 0; i < from->count; i++)
		head_copy(to, &from->headers[i]);
	return to;
}

void h2_client_send(struct h2_client *x, struct slice piece, bool last, const struct head *trailers)
{
	if (!x->link || !x->id || x->failed || x->closed || x->request_sent)
		return;
	if (last && trailers && trailers->count)
		x->request_trailers = copy_head(x->arena, trailers);
	send_piece(x, piece, last);
}

void h2_client_pause(struct h2_client *x, bool paused)
{
	if (x->paused == paused)
		return;
	x->paused = paused;
	if (!x->link)
		return;
	h2_client_arm(x);
	if (!paused && (x->in || x->ended)) {
		h2_link_due(x);
		h2_link_wake(x->link);
	}
}

void h2_client_cancel(struct h2_client *x)
{
	if (!x->link)
		return;
	if (x->id && !x->closed)
		nghttp2_submit_rst_stream(x->link->session, NGHTTP2_FLAG_NONE, x->id, NGHTTP2_CANCEL);
	h2_link_detach(x);
}
