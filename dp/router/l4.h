/* l4: which stream route a TCP, TLS or UDP session belongs to (proxy.md 1.4, 1.5, R-1.7 "Stream routes"). Pure
 * functions for the stream module: one route against one session, and which of two routes comes first. */
#ifndef DP_ROUTER_L4_H
#define DP_ROUTER_L4_H

#include "common/core/ip.h"
#include "common/entity/route.h"

enum l4_protocol { L4_TCP, L4_TLS, L4_UDP, L4_TLS_PASSTHROUGH };

struct l4_session {
	enum l4_protocol protocol;
	struct ip source, destination;
	int source_port, destination_port;
	struct slice sni;    /* of TLS; unset or empty: none */
	struct arena *arena; /* for what matching expressions needs */
};

/* Is the protocol one of the route's, and does every kind that it restricts match? Sources and destinations: any item
 * suffices, of which both ip (or range) and port must fit as far as they are given. SNIs: without case, a dot at the
 * end of the route's is ignored, '*' at one end unless `exact_snis` (flavour traditional). */
bool l4_matches(const struct route *r, const struct l4_session *s, bool exact_snis);

/* Are the route's SNIs, as above, none or this one among them? */
bool l4_has_sni(const struct route *r, struct slice sni, bool exact_snis);

/* A stream route's expression, ready to be matched. */
struct l4_expr;
/* NULL with e set: it cannot be used. All of it ends with the arena. */
const struct l4_expr *l4_expr_make(const struct route *r, struct arena *a, struct err *e);
/* As l4_matches(), for a route with an expression. net.protocol is "tls" of a session whose TLS ends here, "tcp" of
 * one that is passed through. */
bool l4_expr_matches(const struct l4_expr *x, const struct l4_session *s);

/* Higher comes first: routes with an expression, by their priority; then bit 61 if snis is set or both lists are,
 * then what the items of the lists have. Of equals the greatest id; in the flavour traditional the oldest,
 * then the lowest id. */
uint64_t l4_priority(const struct route *r);
bool l4_before(const struct route *a, const struct route *b, bool traditional);

#endif
