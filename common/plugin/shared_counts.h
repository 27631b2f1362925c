/* shared_counts: counting over all data planes without Redis: the policy `cluster` of limits. Each node decides by
 * its own count and what it has heard of the others' by way of the control plane, some 100 ms ago: a limit may be
 * passed by what comes in meanwhile. Several control planes do not add up what their data planes count. */
#ifndef COMMON_PLUGIN_SHARED_COUNTS_H
#define COMMON_PLUGIN_SHARED_COUNTS_H

#include <stdbool.h>

/* Is there anybody who adds up? A process says so once, before it judges configurations. Off until then: nodes
 * without a database refuse the policy, as Kong's do (plugins.md 3.1). */
void shared_counts_offer(bool on);
bool are_shared_counts_offered(void);

#endif
