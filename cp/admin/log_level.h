/* log_level: changing how much is logged, for a while (admin-api.md 8.12). */
#ifndef CP_ADMIN_LOG_LEVEL_H
#define CP_ADMIN_LOG_LEVEL_H

#include "cp/admin/call.h"

void admin_log_level_get(struct admin_call *c); /* /debug/node/log-level */
void admin_log_level_put(struct admin_call *c); /* /debug/node/log-level/:level */

/* Remembers the level to go back to, and when. One per server. */
struct log_level_guard *log_level_guard_new(struct loop *l);
void log_level_guard_free(struct log_level_guard *g); /* on the loop's thread */

#endif
