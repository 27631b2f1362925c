/* h2_private: what the files of the HTTP/2 codec share: h2_server.c (life of a connection), h2_session.c (what
 * nghttp2 tells), h2_request.c (requests and their bodies), h2_response.c (responses), h2_end.c (draining, closing,
 * deadlines), h2_calm.c (clients that only make work).
 *
 * nghttp2 does frames, HPACK and windows; what a message is, common/http/h2_head.c decides. Two rules keep this
 * simple. nghttp2's callbacks never call a handler: they note on the stream what has happened, and dispatch()
 * (h2_server.c) tells it afterwards. And nothing is written but at the end of pump(): frames gather in `out`. */
#ifndef COMMON_SERVE_H2_PRIVATE_H
#define COMMON_SERVE_H2_PRIVATE_H

#include "common/http/h2_head.h"
#include "common/net/h2_out.h"
#include "common/serve/server_private.h"

enum {
	H2_QUEUE_MAX = 1024 * 1024,   /* bytes that wait for windows, of all streams: handlers are to stop */
	H2_CONN_WINDOW = 1024 * 1024, /* what clients may send on a connection ... */
	H2_WINDOW = 65535,            /* ... and on a stream at first, ... */
	H2_WINDOW_MAX = 512 * 1024,   /* ... which grows up to this while its handler takes what comes, ... */
	H2_GROWTH_MAX = 1024 * 1024,  /* ... and by so much for all streams of a connection */
	H2_READS_PER_TURN = 16,
	H2_NOTICE_MS = 1000, /* between the two steps of a graceful GOAWAY, at most */
	H2_CUT_MS = 20,      /* before the reset of an answer that had only just begun ... */
	H2_CUTS = 8,         /* ... of as many at a time */
	H2_LINGER_MS = 5000,
	H2_LINGER_BYTES = 64 * 1024,
	H2_RESETS = 100, /* streams that end in a reset, in ... */
	H2_RESETS_MS = 10000,
	H2_CONTINUATIONS = 8, /* per header block */
	H2_CREDIT = 1000,     /* frames that move nothing, ahead of those that do */
};

enum h2_state { H2_OPEN, H2_LINGER, H2_CLOSED };
enum h2_timer { H2_TIMER_NONE, H2_TIMER_FIRST, H2_TIMER_IDLE, H2_TIMER_HEAD, H2_TIMER_SEND, H2_TIMER_LINGER };
enum h2_goaway { H2_GOAWAY_NONE, H2_GOAWAY_NOTICE, H2_GOAWAY_SENT };
enum h2_wait { H2_WAIT_NONE, H2_WAIT_BODY, H2_WAIT_SEND };

struct h2_stream; /* behind its stream: stream_codec_state() */

struct h2_conn {
	struct server_conn base;
	nghttp2_session *session;
	enum h2_state state;
	enum h2_goaway goaway;
	struct timeout notice; /* until the second GOAWAY */
	struct timeout cut;    /* until these are reset: */
	int32_t cuts[H2_CUTS];
	uint32_t cut_count;
	enum h2_timer timer;
	uint64_t timer_mark;

	struct h2_reader reader;   /* of the header block that is being received ... */
	struct h2_stream *heading; /* ... and whose it is; NULL: nobody's */
	struct h2_stream *streams; /* open ones */
	uint32_t count;            /* of them */
	struct h2_stream *due, *due_last;
	uint32_t growth; /* what their windows have beyond the first 64 KiB */

	struct h2_out out;
	bool in_block; /* a header block is being received */
	bool pumping;
	bool deaf; /* nothing is read any more: the session has failed */

	size_t dropped; /* while lingering */
	uint64_t resets_since_ms;
	uint32_t resets, continuations;
	int32_t credit;
	struct loop_deferred grave;
};

struct h2_stream {
	struct h2_conn *conn;
	struct stream *stream;
	struct h2_stream *prev, *next;         /* in conn->streams */
	struct h2_stream *due_prev, *due_next; /* in conn->due, when is_due */
	int32_t id;

	/* the request */
	struct iobuf *in, *in_last; /* of the body, not yet delivered: never more than the window */
	uint32_t held;              /* bytes in there */
	uint32_t window;
	uint64_t grown_at;     /* bytes that had been delivered when the window had this size */
	uint64_t received;     /* of the body */
	struct h1_error error; /* it is refused with this status */
	/* the response */
	struct h2_body body;
	uint64_t left; /* of Content-Length, when has_length */
	struct head *trailers;

	struct timeout timeout;
	enum h2_wait wait;
	uint64_t wait_mark;

	bool is_due, ready, opened, refused, closed, malformed; /* see h2_dispatch() */
	bool reading, ended, end_told, continue_due;            /* ended: END_STREAM was received */
	bool has_length, no_body, drained, end_sent;
	bool cut; /* shorter than it said: reset instead of ended */
};
_Static_assert(sizeof(struct h2_stream) <= STREAM_CODEC_BYTES, "the room behind a stream is too small");

static inline struct h2_stream *h2_of(struct stream *s)
{
	return stream_codec_state(s);
}
static inline struct h2_stream *h2_find(struct h2_conn *h, int32_t id)
{
	return nghttp2_session_get_stream_user_data(h->session, id);
}

/* ---- h2_server.c ---- */

/* The stream has something to be told. */
void h2_due(struct h2_stream *hs);
/* Soon: pump, from a handler's call. */
void h2_wake(struct h2_conn *h);
/* Tells its handler that it has ended, if it is to know, and releases it. */
void h2_finish(struct h2_stream *hs, enum stream_abort why);
/* It has ended and its handler knows. */
void h2_release(struct h2_stream *hs);

/* ---- h2_session.c ---- */

nghttp2_session *h2_session_new(struct h2_conn *h);

/* ---- h2_request.c ---- */

/* What frames mean for requests; return what nghttp2's callbacks return. */
int h2_begin_block(struct h2_conn *h, const nghttp2_frame *frame);
int h2_take_field(struct h2_conn *h, int32_t id, struct slice name, struct slice value);
int h2_end_block(struct h2_conn *h, const nghttp2_frame *frame);
int h2_take_data(struct h2_conn *h, struct h2_stream *hs, struct slice data);
int h2_end_request(struct h2_stream *hs);
/* Gives the body, or a part of it, to the handler. */
void h2_deliver(struct h2_stream *hs);
void h2_read_body(struct stream *s, bool on);
/* The handler answers with this status; what else comes is dropped. */
void h2_refuse(struct h2_stream *hs, int status, const char *why);

/* ---- h2_response.c ---- */

void h2_respond(struct stream *s, const struct head *response, struct slice piece, bool last);
void h2_send(struct stream *s, struct slice piece, bool last);
void h2_send_trailers(struct stream *s, const struct head *trailers);
size_t h2_queued(const struct stream *s);
void h2_send_continue(struct h2_stream *hs);
ssize_t h2_read_piece(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length, uint32_t *flags,
        nghttp2_data_source *source, void *user_data);
int h2_put_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t length,
        nghttp2_data_source *source, void *user_data);
void h2_note_sent(struct h2_conn *h, const nghttp2_frame *frame);
/* The socket has room again. */
void h2_resume(struct h2_conn *h);

/* ---- h2_end.c ---- */

/* on_abort for open streams, then close. */
void h2_end(struct h2_conn *h, enum stream_abort why);
/* All has been said: FIN, and what comes is dropped, so that no RST overtakes it. */
void h2_leave(struct h2_conn *h);
bool h2_is_over(struct h2_conn *h);
/* Two steps: no new streams please; and when that must have arrived, no new streams. */
void h2_begin_goaway(struct h2_conn *h);
void h2_end_goaway(struct h2_conn *h);
void h2_reset(struct h2_stream *hs, uint32_t code);
/* Resets a stream whose answer cannot be completed. */
void h2_cut(struct h2_stream *hs);
void h2_settle(struct h2_conn *h);
void h2_on_timeout(struct conn *c);
/* Sets the deadline of what the stream waits for. */
void h2_wait(struct h2_stream *hs);

/* ---- h2_calm.c: return 0, or what ends the session ---- */

int h2_calm_reset(struct h2_conn *h);
int h2_calm_idle(struct h2_conn *h);
void h2_calm_useful(struct h2_conn *h, int frames);
/* GOAWAY ENHANCE_YOUR_CALM. */
int h2_calm_end(struct h2_conn *h, const char *why);

#endif
