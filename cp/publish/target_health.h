/* target_health: what each data plane of this control plane says of its targets (proto/README.md). In memory only.
 * One table per process; any thread. */
#ifndef CP_PUBLISH_TARGET_HEALTH_H
#define CP_PUBLISH_TARGET_HEALTH_H

#include <jansson.h>

#include "common/core/uuid.h"
#include "proto/sync.pb-c.h"

/* What is kept of one data plane at the most; beyond it news of further upstreams is not kept. */
enum { TARGET_HEALTH_BYTES = 32 * 1024 * 1024 };

/* For the publishing thread: what a Poll says. */
void target_health_take(const struct uuid *node, const Gatehouse__Sync__Poll *p);

struct target_health_row {
	struct uuid node;
	char hostname[256];
	Gatehouse__Sync__UpstreamHealth *health;
};
/* How the data planes that are connected see the upstream, by their ids, those of other control planes as well (asked
 * for, so this may take TARGET_HEALTH_ASK_MS); *count may be 0. target_health_free() it. */
enum { TARGET_HEALTH_ASK_MS = 500 };
struct target_health_row *target_health_of(const struct uuid *upstream, size_t *count);
void target_health_free(struct target_health_row *rows, size_t count);

/* How another control plane asks for ours (calls.h): "id of the upstream" -> {node: {"hostname","health": base64}}.
 */
#define TARGET_HEALTH_CALL "target-health"
json_t *target_health_call(const json_t *upstream, void *arg);

/* {"upstreams":12,"unhealthy":[{"upstream":"pool","address":"10.0.0.1:80"}, ...]}: at most 100 addresses, and how
 * many more as "more". A new reference. */
json_t *target_health_summary(const struct uuid *node);

void target_health_clear(void); /* Forgets all. */

#endif
