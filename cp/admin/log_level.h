/* log_level: changing how much is logged, for a while (admin-api.md 8.12). */
#ifndef CP_ADMIN_LOG_LEVEL_H
#define CP_ADMIN_LOG_LEVEL_H

#include "cp/admin/call.h"

void admin_log_level_get(struct admin_call *c); /* /debug/node/log-level */
void admin_log_level_put(struct admin_call *c); /* /debug/node/log-level/:level */
/* The same here, on all other control planes and on all data planes. */
void admin_log_level_cluster_get(struct admin_call *c); /* /debug/cluster/log-level */
void admin_log_level_cluster_put(struct admin_call *c); /* /debug/cluster/log-level/:level */
/* On control planes only: /debug/cluster/control-planes-nodes/log-level/:level */
void admin_log_level_control_planes_put(struct admin_call *c);

/* Other control planes may change the level here, when one of them is asked to for the cluster (cp/publish/calls.h);
 * env NULL: no more. */
void admin_log_level_serve(const struct admin_env *env);

#endif
