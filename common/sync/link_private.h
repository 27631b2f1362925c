/* link_private: what the two ends of the link share. */
#ifndef COMMON_SYNC_LINK_PRIVATE_H
#define COMMON_SYNC_LINK_PRIVATE_H

#include <sys/un.h>

#include "common/core/uuid.h"
#include "common/net/conn.h"
#include "common/sync/link.h"

#define LINK_ALPN_PUB  "gatehouse-pub/1"
#define LINK_ALPN_REP  "gatehouse-rep/1"
#define LINK_ALPN_SIGN "gatehouse-sign/1"

enum {
	LINK_QUEUE_MAX = 256 * 1024, /* bytes waiting for a slow side before the other side is not read any more */
	LINK_READS = 64,             /* reads from one side in one go, so that others get their turn ... */
	LINK_READS_FILTERED = 2,     /* ... and from a node, whose messages cost more than a copy */
	LINK_TURN_MS = 5,            /* until the next go */
	LINK_KEEPALIVE_IDLE_S = 10,  /* a peer that is gone without a word is noticed within 25 s ... */
	LINK_KEEPALIVE_EVERY_S = 5,
	LINK_KEEPALIVE_PROBES = 3,
	LINK_USER_TIMEOUT_MS = 30 * 1000 /* ... and one that does not take what we send within 30 s */
};

enum link_socket { LINK_PUB, LINK_REP, LINK_SIGN /* none of nanomsg's */ };

/* ---- link_tls.c ---- */

/* TLS 1.3 only, no resumption (each connection proves itself anew), the peer verified against the cluster CA and,
 * when the CA file also holds CRLs, against those. */
SSL_CTX *link_server_tls(const struct link_certs *certs, struct err *e);
SSL_CTX *link_client_tls(const struct link_certs *certs, struct err *e);
/* Which socket the handshake's ALPN chose; false: none that we know. */
bool link_alpn_of(const SSL *tls, enum link_socket *out);
bool link_set_alpn(SSL *tls, enum link_socket which);
/* The node id in the peer's certificate, and when that ends; false when there is none, or its CN is no UUID. */
bool link_peer_id(const SSL *tls, char out[UUID_TEXT + 1], int64_t *expires_s);
/* Keep-alive, and no waiting for more bytes. */
void link_tune(int fd);
bool link_unix_address(const char *path, struct sockaddr_un *out, struct err *e);

/* ---- link_relay.c: two connections as one, in both directions, with bounded queues ---- */

struct relay;
struct relay_ops {
	/* Bytes from the far side; NULL: they pass as they are. Consumes all and writes what may pass to `near`.
	 * False: the far side has broken the rules, and the relay ends. */
	bool (*filter)(struct relay *r, struct slice bytes);
	/* The far side's deadline has passed; the relay ends next. May be NULL. */
	void (*on_stalled)(struct relay *r);
	/* Something came from the far side. May be NULL. */
	void (*on_traffic)(struct relay *r);
	/* Either side has ended, or the filter refused: both connections are closed. The owner frees r later, not in
	 * here. */
	void (*on_end)(struct relay *r);
};

/* Embedded by its owner. far: TLS; near: the unix socket. */
struct relay {
	struct conn *far, *near;
	const struct relay_ops *ops;
	struct timeout turn[2]; /* of far, of near: more may be waiting to be read */
	bool ended;
};

/* Takes over both connections (which must be connected) and begins to copy. The far connection's deadline is left as
 * it is. */
void relay_start(struct relay *r, struct conn *far, struct conn *near, const struct relay_ops *ops);
/* Closes both; on_end does not follow. */
void relay_stop(struct relay *r);

/* ---- link_guard.c: what a node may say to the control plane's sockets ---- */

struct guard {
	enum link_socket socket;
	enum { GUARD_GREETING, GUARD_HEADER, GUARD_BODY, GUARD_SILENCE } state;
	char peer[UUID_TEXT + 1];
	int64_t peer_expires_s;
	unsigned char head[9]; /* of the greeting or of a frame */
	size_t have;           /* bytes of head, or of body */
	char *body;            /* of the frame that is coming in */
	size_t body_len;
	uint64_t messages; /* that have passed */
};

typedef bool (*guard_emit_fn)(void *arg, const struct iovec *parts, int n);
/* Bytes from the node. Complete, allowed messages go to emit (false from it: stop). NULL: all well; else what was
 * wrong. */
const char *guard_feed(struct guard *g, struct slice bytes, guard_emit_fn emit, void *arg);
/* False: these first bytes (fewer than 8 are fine) are not the greeting for that socket. */
bool guard_may_greet(enum link_socket socket, struct slice bytes);
/* A message has begun and not ended. */
bool guard_is_mid_message(const struct guard *g);
void guard_fini(struct guard *g);

/* ---- link_sign.c: a node that asks for its certificate ---- */

/* Takes over a connection whose TLS handshake is complete. peer: the node id of the certificate that was shown; "":
 * none. on_end comes when the connection is to be closed, which its owner does; not inside this call. */
struct link_asked *link_asked_start(
        struct conn *c, const struct link_gate *gate, const char *peer, const char *who, loop_fn on_end, void *owner);
/* The owner closes the connection; what is being worked on ends in nothing. */
void link_asked_drop(struct link_asked *a);

/* ---- link_log.c ---- */

/* At most LINK_LOG_BURST lines at once and one more per second; what is left out is counted in the next line. */
struct link_log {
	uint64_t refill_ms;
	unsigned tokens, left_out;
};
void link_log(struct link_log *l, const char *message, const char *who, const char *why);

#endif
