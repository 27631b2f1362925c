/* pick: which address a try goes to: the service's own, or one that its upstream's balancer chooses. */
#ifndef DP_UPSTREAM_PICK_H
#define DP_UPSTREAM_PICK_H

#include "dp/upstream/balancer.h"

struct pick {
	struct slice host; /* to resolve, when address_len is 0 */
	int port;
	const struct sockaddr *address;
	socklen_t address_len;
	struct slice host_header;
	struct peer *peer; /* in use until peer_release(); NULL: not one of a balancer */
};
/* to: of the service; u: the upstream that its host names, NULL: none. What out points to is valid until the turn of
 * the loop ends, but for what is to's. */
enum balancer_answer pick_next(
        const struct destination *to, const struct upstream_def *u, const struct balancer_query *q, struct pick *out);
/* Copies what of a balancer's pick is the view's, so that it is valid as long as the arena. */
void pick_keep(struct pick *p, struct arena *a);
/* The pick's address has failed: it is remembered in q, whose list grows in the arena, and let go of. */
void pick_failed(struct pick *p, struct balancer_query *q, struct arena *a);

/* Zeroed: not waiting. The owner clears `again` when it ends. */
struct pick_wait {
	struct timeout again;
	uint64_t until_ms;
};
/* After BALANCER_PENDING: the names of an upstream that has just come are on their way, and soon there is something
 * to choose from. Calls fn in 10 ms; false when it has taken 5 s already. */
bool pick_wait(struct pick_wait *w, struct loop *l, void (*fn)(void *arg), void *arg);

#endif
