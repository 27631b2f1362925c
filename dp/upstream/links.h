/* links: a worker's HTTP/2 connections to upstreams, by everything that makes two connections interchangeable:
 * address and party, as in pool.h. One is taken as long as it has room; when none has, another is opened. */
#ifndef DP_UPSTREAM_LINKS_H
#define DP_UPSTREAM_LINKS_H

#include "common/core/map.h"
#include "dp/client/h2_link.h"

struct links {
	struct loop *loop;
	struct map keys; /* bytes of address and party -> struct links_key */
};

void links_init(struct links *l, struct loop *loop);
void links_fini(struct links *l); /* closes all; no exchange may be open */

/* A link with room, perhaps still connecting; NULL: there is none. */
struct h2_link *links_find(struct links *l, const struct sockaddr *to, socklen_t len, uint64_t party);
/* One more; tls and NULL as in h2_link_open(). */
struct h2_link *links_open(struct links *l, const struct sockaddr *to, socklen_t len, uint64_t party, SSL *tls,
        const struct h2_link_limits *limits);
size_t links_count(const struct links *l);

#endif
