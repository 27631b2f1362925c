/* cache_orders: what the Admin API may do to the answers that proxy-cache keeps: look at one, delete one, delete all.
 * Carried out on the main thread (dp/config/order_inbox.h), here and in every Redis that a configuration names. */
#ifndef DP_HOST_CACHE_ORDERS_H
#define DP_HOST_CACHE_ORDERS_H

#include <jansson.h>

#include "dp/config/lease.h"
#include "dp/host/cache.h"
#include "dp/host/redis.h"

struct cache_keeper {
	struct cache *cache;
	const struct snapshot *snapshot; /* NULL: there is no configuration yet */
	struct redis_set *redis;         /* of the main thread; NULL: only the node's memory is looked at */
};

/* {"do":"get"|"delete","key":"..."}, {"do":"purge"}. The result of get: the answer, or null; of delete and purge: how
 * many there were, as far as is known: what Redis is asked to delete counts as one, whatever it finds. */
json_t *cache_order(const struct cache_keeper *k, const json_t *order);

#endif
