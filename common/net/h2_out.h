/* h2_out: the sending half of an HTTP/2 connection, of a server or a client. Frames of all streams gather in one
 * buffer, which is written when the owner says so; bodies are framed straight from the caller's memory as far as
 * windows and socket allow, and what they do not allow is kept. nghttp2 does the framing and calls back for the
 * bytes.
 *
 * Invariant: nothing of a body is copied that could leave at once, but into the buffer of the next write. */
#ifndef COMMON_NET_H2_OUT_H
#define COMMON_NET_H2_OUT_H

#include <nghttp2/nghttp2.h>

#include "common/net/conn.h"

/* Bytes that wait for the socket: above that no more DATA is made. */
enum { H2_OUT_BACKLOG = 128 * 1024 };

/* Of a connection. */
struct h2_out {
	struct conn *conn;
	struct iobuf *buffer; /* frames for the next write */
	size_t kept;          /* bytes of all bodies that wait */
	bool broken;          /* writing failed */
};

void h2_out_put(struct h2_out *o, const struct iovec *parts, int n);
/* Frames what the session has to say. */
void h2_out_pull(struct h2_out *o, nghttp2_session *session);
void h2_out_flush(struct h2_out *o);
void h2_out_fini(struct h2_out *o);
static inline bool h2_out_has_backlog(const struct h2_out *o)
{
	return o->conn->queued > H2_OUT_BACKLOG;
}

/* Of a stream: its body on the way out. */
struct h2_body {
	struct slice piece;         /* of the call under way, not yet framed */
	struct iobuf *first, *last; /* what comes before it */
	size_t kept;                /* bytes in there */
	bool ended;                 /* nothing follows */
	bool deferred;              /* nghttp2 has been told to wait */
};

/* For nghttp2's read callback: how many bytes the next DATA frame has, with *is_all when nothing is left behind them;
 * or NGHTTP2_ERR_DEFERRED: nothing to send for now. The caller sets NGHTTP2_DATA_FLAG_NO_COPY. */
ssize_t h2_body_next(struct h2_out *o, struct h2_body *b, size_t most, bool *is_all);
/* For nghttp2's send_data callback. True: what was kept has been framed by it. */
bool h2_body_frame(struct h2_out *o, struct h2_body *b, const uint8_t *head, size_t length);
/* Sends a piece: frames what can be framed, keeps the rest. nghttp2 may call back from inside. */
void h2_body_send(
        struct h2_out *o, struct h2_body *b, nghttp2_session *session, int32_t id, struct slice piece, bool last);
/* The socket has room again. */
void h2_body_resume(struct h2_body *b, nghttp2_session *session, int32_t id);
void h2_body_fini(struct h2_out *o, struct h2_body *b);

#endif
