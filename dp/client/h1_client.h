/* h1_client: one HTTP/1.1 exchange with an upstream, on a conn that the caller opened or took from a pool.
 *
 * The caller writes the request's bytes (it knows the framing); h1_client reads the response: skips interim 1xx heads
 * (DEV-20), checks framing before anything is passed on (proxy.md 4.1), and hands out body pieces as they come.
 * Invariant: after a callback with last, and after on_fail, no callback comes, the conn has been let go of
 * (on_reusable or closed) and conn is NULL. The owner may end inside, but the struct's memory must stay readable
 * until the call into h1_client returns (streams keep theirs to the end of the turn). */
#ifndef DP_CLIENT_H1_CLIENT_H
#define DP_CLIENT_H1_CLIENT_H

#include "common/http/h1_chunk.h"
#include "common/http/h1_parse.h"
#include "common/net/conn.h"

struct h1_client;

enum client_failure {
	CLIENT_CLOSED,   /* FIN or RST, or a write failed */
	CLIENT_TIMEOUT,  /* connect, write or read */
	CLIENT_INVALID,  /* a head that breaks HTTP, is too large, or an unwanted 101: 502, never retried */
	CLIENT_BAD_BODY, /* framing broke after the head */
};

struct h1_client_ops {
	/* Just before the callback with last: the connection may carry another request, and is the owner's from now
	 * on. */
	void (*on_reusable)(struct h1_client *x, struct conn *c);
	/* The final head and the first piece of the body (perhaps empty). The head's slices point into the input
	 * buffer and are valid during the call. */
	void (*on_head)(struct h1_client *x, struct head *response, struct slice piece, bool last);
	void (*on_piece)(struct h1_client *x, struct slice piece, bool last);
	/* A 101 to a request with `upgrade`: the connection is the owner's, with what followed the head in its input
	 * buffer; no callback comes any more. NULL: never asked for. The head is valid during the call. */
	void (*on_upgrade)(struct h1_client *x, struct head *response, struct conn *c);
	/* The socket took everything that was written. */
	void (*on_drained)(struct h1_client *x);
	void (*on_fail)(struct h1_client *x, enum client_failure why);
};

struct h1_client {
	struct conn *conn; /* NULL when idle or over */
	const struct h1_client_ops *ops;
	void *owner;
	struct arena *arena;
	struct slice method;
	const struct h1_limits *limits;
	uint32_t read_timeout_ms, write_timeout_ms;

	struct head response;
	enum h1_body body;
	uint64_t left; /* of a body with a length */
	struct h1_chunk chunk;
	size_t looked;    /* bytes of the head that were parsed in vain */
	uint32_t interim; /* 1xx heads skipped */
	size_t interim_bytes;
	bool head_done, paused, request_sent, received_any;
	bool upgrade;     /* the request asks for one: set between h1_client_start() and the first write */
	bool mute;        /* writing failed: only what the upstream has said already is still read */
	uint64_t written; /* bytes out when the deadline was set: has there been progress? */
	const char *why;  /* of a CLIENT_INVALID, for the log */
};

/* Begins. The request head (and the first of its body) is written by the caller with h1_client_write(). */
void h1_client_start(struct h1_client *x, struct conn *c, struct arena *a, struct slice method,
        const struct h1_client_ops *ops, void *owner);
/* Sends bytes of the request; `last`: the request is complete. When the connection turns out to be broken, what the
 * upstream still said is read, so any callback may come from inside.
 *
 * The write timeout runs while bytes wait for the socket, the read timeout once the request is complete or the
 * response has begun; neither while we are the one who is waited for (paused, or the client has not sent more). */
void h1_client_write(struct h1_client *x, const struct iovec *parts, int n, bool last);
static inline size_t h1_client_queued(const struct h1_client *x)
{
	return x->conn ? x->conn->queued : 0;
}
/* Back-pressure: no more pieces until resumed. Resuming may call on_piece from inside. */
void h1_client_pause(struct h1_client *x, bool paused);
/* Gives up: closes the connection; no callback. Harmless when over. */
void h1_client_cancel(struct h1_client *x);

#endif
