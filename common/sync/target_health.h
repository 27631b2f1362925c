/* target_health: what a data plane knows of an upstream's targets, as the Admin API and the status API show it
 * (proxy.md 6.7, admin-api.md 7.2). */
#ifndef COMMON_SYNC_TARGET_HEALTH_H
#define COMMON_SYNC_TARGET_HEALTH_H

#include <jansson.h>

#include "common/core/slice.h"
#include "proto/sync.pb-c.h"

/* NULL: the balancer does not know the target. id: 36 characters. */
const Gatehouse__Sync__TargetHealth *target_health_find(const Gatehouse__Sync__UpstreamHealth *u, struct slice id);

/* "HEALTHY", "UNHEALTHY", "HEALTHCHECKS_OFF", "DNS_ERROR". target: the entity as the API renders it; t may be NULL.
 */
const char *target_health_word(
        const Gatehouse__Sync__UpstreamHealth *u, const Gatehouse__Sync__TargetHealth *t, const json_t *target);
/* {"host","port","dns","nodeWeight","weight","addresses"}; a new reference. */
json_t *target_health_data(
        const Gatehouse__Sync__UpstreamHealth *u, const Gatehouse__Sync__TargetHealth *t, const json_t *target);
/* The `data` of ?balancer_health=1; targets: an array of entities. A new reference. */
json_t *target_health_balancer(const Gatehouse__Sync__UpstreamHealth *u, const json_t *targets);

#endif
