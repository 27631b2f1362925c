/* h2_session: what nghttp2 tells us, passed on to whoever handles it. Nothing is decided here, and no handler is
 * called from here: nghttp2 must not be entered again from its own callbacks.
 *
 * nghttp2's own rules for HTTP messages are off: h2_head.c has all of them and knows which broken requests get an
 * answer (pitfalls.md B6). Its limits stay in force: CONTINUATION frames per block, ACKs that wait, SETTINGS entries.
 */
#include <pthread.h>
#include <stdlib.h>

#include "common/serve/h2_private.h"

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	return h2_begin_block(user_data, frame);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
        const uint8_t *value, size_t value_len, uint8_t flags, void *user_data)
{
	return h2_take_field(user_data, frame->hd.stream_id, slice_of((const char *)name, name_len),
	        slice_of((const char *)value, value_len));
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user_data)
{
	struct h2_conn *h = user_data;
	if (hd->type == NGHTTP2_PRIORITY && hd->stream_id == 0) /* 6.3 */
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (hd->type == NGHTTP2_CONTINUATION && ++h->continuations > H2_CONTINUATIONS)
		return h2_calm_end(h, "a header block in too many frames");
	if (hd->type == NGHTTP2_PRIORITY || hd->type > NGHTTP2_CONTINUATION) /* which mean nothing here */
		return h2_calm_idle(h);
	return 0;
}

/* Frames of types that nobody knows are passed over, but counted: without this nghttp2 would not mention them. */
static int on_unknown(nghttp2_session *session, void **payload, const nghttp2_frame_hd *hd, void *user_data)
{
	return NGHTTP2_ERR_CANCEL;
}

/* What nghttp2 refuses by itself: above all streams beyond the limit, of which a client that has not yet read our
 * SETTINGS may open some. */
static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error, void *user_data)
{
	return h2_calm_idle(user_data);
}

static int on_data_frame(struct h2_conn *h, const nghttp2_frame *frame)
{
	struct h2_stream *hs = h2_find(h, frame->hd.stream_id);
	bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

	if (frame->hd.length > 0 || ends)
		h2_calm_useful(h, 1);
	else if (h2_calm_idle(h) != 0)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	return hs && ends ? h2_end_request(hs) : 0;
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct h2_conn *h = user_data;

	switch (frame->hd.type) {
	case NGHTTP2_HEADERS: return h2_end_block(h, frame);
	case NGHTTP2_DATA: return on_data_frame(h, frame);
	case NGHTTP2_RST_STREAM: return h2_calm_reset(h);
	case NGHTTP2_PRIORITY: return 0;
	case NGHTTP2_PING:
		if ((frame->hd.flags & NGHTTP2_FLAG_ACK) && h->goaway == H2_GOAWAY_NOTICE)
			h2_end_goaway(h);
		return h2_calm_idle(h);
	default: return h2_calm_idle(h);
	}
}

static int on_data_chunk(
        nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len, void *user_data)
{
	struct h2_conn *h = user_data;
	nghttp2_session_consume_connection(session, len);
	return h2_take_data(h, h2_find(h, id), slice_of((const char *)data, len));
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	h2_note_sent(user_data, frame);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error_code, void *user_data)
{
	struct h2_stream *hs = h2_find(user_data, id);
	if (hs) {
		hs->closed = true;
		h2_due(hs);
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
	nghttp2_option_set_no_closed_streams(option, 1);
	nghttp2_option_set_max_continuations(option, SIZE_MAX); /* it counts reads, not frames */
	for (int type = NGHTTP2_CONTINUATION + 1; type < 256; type++)
		nghttp2_option_set_user_recv_extension_type(option, (uint8_t)type);
	nghttp2_session_callbacks_set_unpack_extension_callback(callbacks, on_unknown);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	nghttp2_session_callbacks_set_send_data_callback(callbacks, h2_put_data);
}

nghttp2_session *h2_session_new(struct h2_conn *h)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const struct server *sv = h->base.server;
	nghttp2_settings_entry settings[] = {
	        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, sv->max_streams},
	        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)sv->limits.block},
	        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
	};
	nghttp2_session *session;

	pthread_once(&once, prepare);
	if (nghttp2_session_server_new2(&session, callbacks, h, option) != 0 ||
	        nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, sizeof settings / sizeof *settings) !=
	                0 ||
	        nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, H2_CONN_WINDOW) != 0)
		abort();
	return session;
}
