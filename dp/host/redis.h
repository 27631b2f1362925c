/* redis: a worker's connections to Redis, asynchronous and pipelined: one per server, database and identity.
 *
 * A decision is one script call, atomic in Redis, one round trip. A server that does not answer within its timeout
 * fails what is waiting and is tried again with a back-off; meanwhile calls fail at once, so that a dead Redis never
 * slows the proxy. */
#ifndef DP_HOST_REDIS_H
#define DP_HOST_REDIS_H

#include "common/net/loop.h"
#include "common/plugin/plugin.h"
#include "common/plugin/redis_conf.h"

struct redis_set;
struct redis_call;

struct redis_set *redis_set_new(struct loop *l);
void redis_set_free(struct redis_set *s); /* pending calls are dropped without their callbacks */

/* ok false: nothing is known. The counters' `used` are filled in when ok. Never called from inside redis_count(). */
typedef void (*redis_fn)(void *arg, bool ok);
/* NULL: failed at once (fn is not called). The list must live until fn ran or the call was cancelled. */
struct redis_call *redis_count(struct redis_set *s, const struct redis_conf *conf, struct counter *list, size_t n,
        bool count_denied, redis_fn fn, void *arg);
void redis_cancel(struct redis_call *call); /* the count may still happen; fn will not run */

#endif
