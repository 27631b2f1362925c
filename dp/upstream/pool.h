/* pool: a worker's idle keep-alive connections to upstreams.
 *
 * Keyed by everything that makes two connections interchangeable (proxy.md 2.4, DEV-5): the address, and with TLS the
 * party (dp/tls/party.h).
 * Invariant: a pooled conn has no unread bytes, no deadline but the idle one, and is dropped the moment its peer
 * closes or sends anything (pitfalls.md B5 115). The newest is taken first. */
#ifndef DP_UPSTREAM_POOL_H
#define DP_UPSTREAM_POOL_H

#include "common/core/map.h"
#include "common/net/conn.h"

struct pool_limits {
	uint32_t size;            /* idle connections per key; 0: no reuse */
	uint32_t max_requests;    /* per connection; 0: no limit */
	uint32_t idle_timeout_ms; /* 0: none */
};

struct pool {
	struct loop *loop;
	struct pool_limits limits;
	struct map keys;       /* bytes of address and party -> struct pool_key */
	struct pool_key *last; /* the key used last: most workers talk to few upstreams */
};

void pool_init(struct pool *p, struct loop *l, const struct pool_limits *limits);
void pool_fini(struct pool *p); /* closes what is idle */

/* An idle connection to this address and party (0: without TLS), or NULL. The caller adopts it. */
struct conn *pool_take(struct pool *p, const struct sockaddr *to, socklen_t len, uint64_t party);
/* Takes the connection; keeps or closes it. c->requests counts what it has carried. */
void pool_give(struct pool *p, struct conn *c, const struct sockaddr *to, socklen_t len, uint64_t party);
size_t pool_idle(const struct pool *p);

#endif
