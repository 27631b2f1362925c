/* log_level: changing how much is logged, for a while (admin-api.md 8.12). */
#ifndef CP_ADMIN_LOG_LEVEL_H
#define CP_ADMIN_LOG_LEVEL_H

#include "cp/admin/call.h"

void admin_log_level_get(struct admin_call *c); /* /debug/node/log-level */
void admin_log_level_put(struct admin_call *c); /* /debug/node/log-level/:level */
/* The same here and on all data planes that poll this control plane. */
void admin_log_level_cluster_get(struct admin_call *c); /* /debug/cluster/log-level */
void admin_log_level_cluster_put(struct admin_call *c); /* /debug/cluster/log-level/:level */

#endif
