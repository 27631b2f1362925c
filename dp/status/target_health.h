/* target_health: the addresses behind upstreams and how they are, for /metrics (plugins.md 7.3). */
#ifndef DP_STATUS_TARGET_HEALTH_H
#define DP_STATUS_TARGET_HEALTH_H

#include "dp/status/status.h"
#include "dp/upstream/balance_thread.h"

/* Calls fn for each address of each target of each upstream; a target whose name leads nowhere has one without an
 * address. Main thread. */
void target_health_each(struct balance_thread *t, const struct snapshot *s, status_target_fn fn, void *arg);

#endif
