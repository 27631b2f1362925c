/* targets: the endpoints of an upstream's targets that are not like others (admin-api.md 7.1, 7.2). */
#ifndef CP_ADMIN_TARGETS_H
#define CP_ADMIN_TARGETS_H

#include "cp/admin/call.h"

void admin_targets_all(struct admin_call *c);     /* /upstreams/:u/targets/all */
void admin_upstream_health(struct admin_call *c); /* /upstreams/:u/health */
void admin_target_mark(struct admin_call *c);     /* /upstreams/:u/targets/:t[/:address]/{healthy,unhealthy} */

#endif
