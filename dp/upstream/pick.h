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

#endif
