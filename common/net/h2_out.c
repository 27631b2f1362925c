/* h2_out: see h2_out.h. */
#include "common/net/h2_out.h"

enum { FRAME_HEAD = 9 };

static struct iobuf_pool *pool_of(const struct h2_out *o)
{
	return &o->conn->loop->buffers;
}

/* ---- the connection ------------------------------------------------------------------------------------------- */

void h2_out_put(struct h2_out *o, const struct iovec *parts, int n)
{
	size_t size = 0;

	for (int i = 0; i < n; i++)
		size += parts[i].iov_len;
	if (o->buffer && iobuf_room(o->buffer) < size)
		h2_out_flush(o);
	if (size > IOBUF_SIZE) {
		o->broken |= !conn_write(o->conn, parts, n);
		return;
	}
	if (!o->buffer)
		o->buffer = iobuf_get(pool_of(o));
	for (int i = 0; i < n; i++) {
		if (parts[i].iov_len)
			memcpy(o->buffer->data + o->buffer->end, parts[i].iov_base, parts[i].iov_len);
		o->buffer->end += (uint32_t)parts[i].iov_len;
	}
}

void h2_out_pull(struct h2_out *o, nghttp2_session *session)
{
	const uint8_t *bytes;
	ssize_t n;

	while (!o->broken && (n = nghttp2_session_mem_send(session, &bytes)) > 0)
		h2_out_put(o, &(struct iovec){(void *)bytes, (size_t)n}, 1);
}

void h2_out_flush(struct h2_out *o)
{
	struct iobuf *b = o->buffer;
	if (!b)
		return;
	o->buffer = NULL;
	o->broken |= !conn_write_slice(o->conn, iobuf_slice(b));
	iobuf_put(pool_of(o), b);
}

void h2_out_fini(struct h2_out *o)
{
	iobuf_put(pool_of(o), o->buffer);
	o->buffer = NULL;
}

/* ---- bodies --------------------------------------------------------------------------------------------------- */

ssize_t h2_body_next(struct h2_out *o, struct h2_body *b, size_t most, bool *is_all)
{
	size_t have = b->kept + b->piece.len, n = have < most ? have : most;

	*is_all = n == have && b->ended;
	if ((n == 0 && !*is_all) || h2_out_has_backlog(o)) {
		b->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	return (ssize_t)n;
}

bool h2_body_frame(struct h2_out *o, struct h2_body *b, const uint8_t *head, size_t length)
{
	bool kept = b->kept > 0;

	h2_out_put(o, &(struct iovec){(void *)head, FRAME_HEAD}, 1); /* no padding is ever asked for */
	for (size_t n; length && b->kept; length -= n) {
		struct slice next = iobuf_slice(b->first);
		n = next.len < length ? next.len : length;
		h2_out_put(o, &(struct iovec){(void *)next.ptr, n}, 1);
		iobuf_drop(pool_of(o), &b->first, &b->last, n);
		b->kept -= n;
		o->kept -= n;
	}
	if (length)
		h2_out_put(o, &(struct iovec){(void *)b->piece.ptr, length}, 1);
	b->piece = slice_from(b->piece, length);
	return kept && b->kept == 0;
}

void h2_body_send(
        struct h2_out *o, struct h2_body *b, nghttp2_session *session, int32_t id, struct slice piece, bool last)
{
	b->piece = piece;
	b->ended = last;
	if (b->deferred) {
		b->deferred = false;
		nghttp2_session_resume_data(session, id);
	}
	h2_out_pull(o, session);
	if (b->piece.len) {
		iobuf_append(pool_of(o), &b->first, &b->last, b->piece.ptr, b->piece.len);
		b->kept += b->piece.len;
		o->kept += b->piece.len;
	}
	b->piece = slice_of(NULL, 0);
}

void h2_body_resume(struct h2_body *b, nghttp2_session *session, int32_t id)
{
	if (!b->deferred || (!b->kept && !b->ended))
		return;
	b->deferred = false;
	nghttp2_session_resume_data(session, id);
}

void h2_body_fini(struct h2_out *o, struct h2_body *b)
{
	iobuf_put_all(pool_of(o), &b->first, &b->last);
	o->kept -= b->kept;
	b->kept = 0;
	b->piece = slice_of(NULL, 0);
}
