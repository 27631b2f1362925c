/* prober: active checks of one upstream (proxy.md 6.4): every interval a round over the addresses that are healthy,
 * and one over the others; at most `concurrency` probes at a time. One per balancer, which outlives changes of the
 * configuration: a round goes on as it was unless its interval changes (pitfalls.md A3-4). Rounds of different
 * upstreams begin at random (A3-8). Private to dp/upstream; on the balance thread. */
#ifndef DP_UPSTREAM_PROBER_H
#define DP_UPSTREAM_PROBER_H

#include "dp/upstream/balancer_private.h"

/* The definition may have changed: rounds begin or end. */
void prober_sync(struct balancer *b);
/* The upstream's client certificate as this snapshot has it. */
void prober_take_certificate(struct balancer *b, const struct snapshot *s);
void prober_end(struct balancer *b); /* no probe is under way any more */

#endif
