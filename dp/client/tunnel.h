/* tunnel: a connection to an upstream after it has switched protocols (RFC 9110 7.8): bytes in both directions, each
 * with an end of its own.
 *
 * Invariant: after on_fail, on_over and tunnel_cancel() no callback comes and conn is NULL; when both directions have
 * ended the connection closes by itself. Idle means that neither direction moves: the owner's writes count. */
#ifndef DP_CLIENT_TUNNEL_H
#define DP_CLIENT_TUNNEL_H

#include "common/net/conn.h"

struct tunnel;

struct tunnel_ops {
	/* From the upstream, valid during the call; last: it has sent its end. */
	void (*on_piece)(struct tunnel *t, struct slice piece, bool last);
	/* The socket took everything that was written. */
	void (*on_drained)(struct tunnel *t);
	/* Reset, broken, or idle for too long. */
	void (*on_fail)(struct tunnel *t, bool idle);
	/* Both directions have ended, everything is sent and the connection closed. NULL: never told. */
	void (*on_over)(struct tunnel *t);
};

/* Zeroed: none. */
struct tunnel {
	struct conn *conn; /* NULL when over */
	const struct tunnel_ops *ops;
	void *owner;
	uint32_t idle_ms;
	bool paused, in_ended, out_ended;
	uint64_t moved; /* bytes both ways when the deadline was set */
};

/* Takes the connection; what has been read already is passed on by tunnel_run(). */
void tunnel_start(struct tunnel *t, struct conn *c, uint32_t idle_ms, const struct tunnel_ops *ops, void *owner);
/* Begins to read. Callbacks may come from inside. */
void tunnel_run(struct tunnel *t);
/* Bytes for the upstream; last: FIN follows. */
void tunnel_write(struct tunnel *t, struct slice piece, bool last);
static inline size_t tunnel_queued(const struct tunnel *t)
{
	return t->conn ? t->conn->queued : 0;
}
/* Back-pressure: no more pieces until resumed, which may call on_piece from inside. */
void tunnel_pause(struct tunnel *t, bool paused);
/* Closes; no callback. Harmless when over. */
void tunnel_cancel(struct tunnel *t);

#endif
