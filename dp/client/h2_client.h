/* h2_client: one HTTP/2 exchange with an upstream (RFC 9113), on a link that others share. The shape is that of
 * h1_client.h, but that trailers go and come.
 *
 * Invariant: after a callback with last, and after on_fail, no callback comes and link is NULL. No callback comes
 * from inside a call into h2_client. The owner may end inside a callback, but the struct's memory must stay readable
 * to the end of the turn. */
#ifndef DP_CLIENT_H2_CLIENT_H
#define DP_CLIENT_H2_CLIENT_H

#include "common/http/h2_head.h"
#include "common/net/h2_out.h"
#include "dp/client/h1_client.h"
#include "dp/client/h2_link.h"

struct h2_client_ops {
	/* The link is connected: send. */
	void (*on_ready)(struct h2_client *x);
	/* The final head and what is there of the body. The head is on the arena. */
	void (*on_head)(struct h2_client *x, struct head *response, struct slice piece, bool last);
	/* last: x->trailers are there, when there were any. */
	void (*on_piece)(struct h2_client *x, struct slice piece, bool last);
	/* Everything that was sent has left. */
	void (*on_drained)(struct h2_client *x);
	/* x->refused: the upstream has not done anything with it (RFC 9113 8.7). */
	void (*on_fail)(struct h2_client *x, enum client_failure why);
};

struct h2_client {
	struct h2_link *link; /* NULL when idle or over */
	const struct h2_client_ops *ops;
	void *owner;
	struct arena *arena;
	struct slice method;
	const struct h1_limits *limits;
	uint32_t read_timeout_ms, write_timeout_ms;

	struct h2_client *prev, *next;         /* on its link */
	struct h2_client *due_prev, *due_next; /* when is_due */
	int32_t id;                            /* 0: not yet sent */

	struct h2_body body; /* of the request */
	struct head *request_trailers;

	struct head response;
	struct head *trailers; /* NULL: none */
	struct iobuf *in;      /* of the response's body, not yet delivered: never more than the window */
	uint64_t received;
	uint32_t interim; /* 1xx heads skipped */

	struct timeout timeout;
	uint64_t moved; /* bytes both ways when the deadline was set */
	uint64_t sent;

	bool is_due, ready, head_done, head_told, ended, closed, drained;
	bool paused, request_sent, received_any, refused, has_end; /* has_end: END_STREAM has been sent */
	enum client_failure failure;
	bool failed;
	const char *why; /* of a CLIENT_INVALID, for the log */
};

/* Attaches an exchange; on_ready comes when the link is not ready yet. */
void h2_client_start(struct h2_client *x, struct h2_link *link, struct arena *a, struct slice method,
        const struct h2_client_ops *ops, void *owner);
/* The request's head, and the first of its body. last: the request is complete. */
void h2_client_send_head(
        struct h2_client *x, const struct head *request, struct slice scheme, struct slice piece, bool last);
/* More body; with last, trailers may end it (NULL: none). */
void h2_client_send(struct h2_client *x, struct slice piece, bool last, const struct head *trailers);
static inline size_t h2_client_queued(const struct h2_client *x)
{
	return x->link ? x->body.kept : 0;
}
/* Back-pressure: no more pieces until resumed; the stream's window closes. */
void h2_client_pause(struct h2_client *x, bool paused);
/* Gives up: resets the stream; no callback. Harmless when over. */
void h2_client_cancel(struct h2_client *x);

#endif
