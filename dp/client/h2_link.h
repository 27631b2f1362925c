/* h2_link: one HTTP/2 connection to an upstream, which carries many exchanges (h2_client.h) at a time.
 *
 * It belongs to a set (dp/upstream/links.h), which finds one with room for the next exchange. Exchanges may be
 * attached while it still connects. It ends by itself: when it has been idle for long, has carried enough, when the
 * upstream says GOAWAY and its last exchange is over, or with an error; the set is told first. */
#ifndef DP_CLIENT_H2_LINK_H
#define DP_CLIENT_H2_LINK_H

#include "common/net/conn.h"

struct h2_link;
struct h2_client;

struct h2_link_limits {
	uint32_t connect_timeout_ms;
	uint32_t idle_timeout_ms; /* 0: none */
	uint32_t max_requests;    /* 0: no limit */
	/* Exchanges are open and the upstream has said nothing for so long: it is asked (PING), and after as long
	 * again given up. 0: never. A client's PINGs end at the gateway (pitfalls.md A5-10). */
	uint32_t ping_ms;
	bool keep_idle; /* false: it ends with its last exchange */
};

/* Begins to connect. tls: NULL or a fresh SSL, owned by the link; HTTP/2 must be what it settles on. NULL with errno
 * when it cannot even begin. on_gone(arg) is called once: no further exchange can be attached. */
struct h2_link *h2_link_open(struct loop *l, const struct sockaddr *to, socklen_t len, SSL *tls,
        const struct h2_link_limits *limits, void (*on_gone)(struct h2_link *link, void *arg), void *arg);
/* Closes it, and fails its exchanges. */
void h2_link_close(struct h2_link *link);
/* Is there room for one more exchange? */
bool h2_link_has_room(const struct h2_link *link);
bool h2_link_is_ready(const struct h2_link *link); /* connected */
uint32_t h2_link_carried(const struct h2_link *link);
uint64_t h2_link_since_ms(const struct h2_link *link);

#endif
