/* h1_private: what the files of the HTTP/1.1 codec share: h1_server.c (life of a connection, heads), h1_body.c
 * (bodies of requests), h1_response.c (responses), h1_end.c (draining, lingering, closing, deadlines). */
#ifndef COMMON_SERVE_H1_PRIVATE_H
#define COMMON_SERVE_H1_PRIVATE_H

#include "common/http/h1_chunk.h"
#include "common/serve/server_private.h"

enum {
	H1_DRAIN_BYTES = 64 * 1024, /* of a body that nobody wanted, and ... */
	H1_DRAIN_MS = 2000,         /* ... for how long, before the connection is given up */
	H1_LINGER_STEP_MS = 5000,
	H1_LINGER_MS = 30000,
	H1_READS_PER_TURN = 16, /* 1 MiB; then others get their turn */
};

enum h1_state {
	H1_IDLE,   /* nothing of a request is there */
	H1_HEAD,   /* part of a head */
	H1_BUSY,   /* a stream is open */
	H1_DRAIN,  /* answered; the rest of the request's body is being dropped */
	H1_LINGER, /* FIN sent; whatever comes is dropped, so that no RST overtakes the answer */
	H1_CLOSED,
};

/* What the connection's deadline is for. */
enum h1_timer { TIMER_NONE, TIMER_FIRST, TIMER_IDLE, TIMER_HEAD, TIMER_BODY, TIMER_SEND, TIMER_DRAIN, TIMER_LINGER };

/* There are as many as clients are idle: what is not needed at the same time shares its place. */
struct h1_conn {
	struct server_conn base;
	struct stream *stream; /* in HEAD and BUSY */
	uint64_t timer_mark;   /* bytes in or out when it was set: has there been progress? */
	union {
		size_t parsed;            /* in HEAD: bytes of it that were parsed in vain */
		uint64_t drained;         /* in DRAIN */
		uint64_t linger_until_ms; /* in LINGER */
	};
	/* the request's body; outlives the stream while it is drained */
	union {
		uint64_t body_left; /* of H1_BODY_LENGTH */
		struct h1_chunk chunk;
		struct loop_deferred grave; /* in CLOSED */
	};
	uint64_t left; /* of the response's Content-Length, when has_length */
	enum h1_state state : 8;
	enum h1_timer timer : 8;
	enum h1_body body : 8;
	bool body_done : 1; /* the decoder has seen the end */
	bool reading : 1;   /* the handler wants the body ... */
	bool end_told : 1;  /* ... and has been given the end of it */
	bool continue_due : 1;

	bool has_length : 1, chunked : 1, no_body : 1, until_close : 1, tunnel : 1; /* the response */

	bool keep_alive : 1; /* the connection may carry another request */
	bool close_after : 1;
	bool refused : 1;           /* on_bad_request was called: nothing more is read */
	bool started_after_fin : 1; /* its bytes were there before the client's FIN: it is answered */
	bool aborted : 1;           /* on_abort was called, or the handler aborted */
	bool broken : 1;            /* writing failed: on_abort is due */
	bool pumping : 1;
};

static inline struct h1_conn *h1_of(const struct stream *s)
{
	return s->conn->owner;
}
static inline bool h1_has_input(const struct h1_conn *h)
{
	return h->base.conn->in && h->base.conn->in->start < h->base.conn->in->end;
}
/* The stream is open and the handler may be called. */
static inline bool h1_is_live(const struct h1_conn *h)
{
	return h->state == H1_BUSY && !h->aborted && !h->broken;
}

/* Has the response been said to its end? In a tunnel the other direction counts as well. */
static inline bool h1_is_over(const struct h1_conn *h)
{
	return h->stream->finished && (!h->tunnel || h->end_told);
}

/* ---- h1_server.c ---- */

/* Refuses the current request: the handler answers, then the connection closes. */
void h1_refuse(struct h1_conn *h, int status, const char *why);
/* The response has been sent: on_done, and on to the next request, or to the end. */
void h1_complete(struct h1_conn *h);

/* ---- h1_body.c ---- */

void h1_begin_body(struct h1_conn *h);
/* Hands one piece to the handler, or drops it while draining. False: there was nothing to do. */
bool h1_deliver(struct h1_conn *h);
bool h1_drain(struct h1_conn *h);
/* May the connection be used again although the body has not been read? */
bool h1_can_drain(const struct h1_conn *h);
void h1_read_body(struct stream *s, bool on);

/* ---- h1_response.c ---- */

void h1_respond(struct stream *s, const struct head *response, struct slice piece, bool last);
void h1_send(struct stream *s, struct slice piece, bool last);
void h1_send_trailers(struct stream *s, const struct head *trailers);
size_t h1_queued(const struct stream *s);
/* Writes parts as they are; a failure is told to the handler at the end of this turn. */
void h1_write(struct h1_conn *h, const struct iovec *parts, int n);
/* Tells a client without TLS that the port is one for TLS. */
void h1_answer_plain(struct conn *c);

/* ---- h1_end.c ---- */

/* on_abort (when a stream is open and its handler does not know yet), then close. */
void h1_end(struct h1_conn *h, enum stream_abort why);
void h1_close(struct h1_conn *h);
void h1_linger(struct h1_conn *h);
/* The body is no body: the handler answers 400, or the exchange is cut when it has answered already. */
void h1_bad_body(struct h1_conn *h);
/* Sets the deadline that belongs to the state, and gives back an empty input buffer. */
void h1_settle(struct h1_conn *h);
void h1_on_timeout(struct conn *c);

#endif
