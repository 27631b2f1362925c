/* report: what the balancers know, for the control plane and for people; and what people say of targets. On the
 * balance thread. */
#ifndef DP_UPSTREAM_REPORT_H
#define DP_UPSTREAM_REPORT_H

#include "dp/config/health_outbox.h"
#include "dp/upstream/balancer.h"

/* What has changed since change number `after` (0: all), at most `room` bytes as packed. */
void balancers_report(struct balancers *b, uint64_t after, size_t room, struct arena *a, struct health_batch *out);
/* One upstream as it is; NULL: not known. */
Gatehouse__Sync__UpstreamHealth *balancers_describe(struct balancers *b, struct slice name, struct arena *a);

struct target_mark {
	struct uuid upstream, target;
	struct slice address; /* "ip:port"; unset: all of the target's */
	bool healthy;
};
/* False: there is no such target here. */
bool balancers_mark(struct balancers *b, const struct target_mark *m);

#endif
