/* pick: which address a try goes to: the service's own, or one of its upstream's targets in proportion to their
 * weights. What it remembers (whose turn it is) is this worker's and survives new snapshots: definition is immutable,
 * state is not. */
#ifndef DP_UPSTREAM_PICK_H
#define DP_UPSTREAM_PICK_H

#include "common/core/map.h"
#include "dp/config/snapshot.h"

/* Zeroed: valid. */
struct picker {
	struct map turns; /* upstream id -> counter */
};

void picker_fini(struct picker *p);

struct pick {
	struct slice host; /* to resolve, when address_len is 0 */
	int port;
	const struct sockaddr *address;
	socklen_t address_len;
	struct slice host_header;
};
/* to: of the service; u: the upstream that its host names, NULL: none.
 * False: there is no usable target ("failure to get a peer from the ring-balancer"). Over any full turn of the sum of
 * weights every target is picked exactly weight times (proxy.md 5.4). */
bool pick_next(struct picker *p, const struct destination *to, const struct upstream_def *u, struct pick *out);

#endif
