/* redis: a worker's connections to Redis, asynchronous and pipelined: one per server, database and identity.
 *
 * A decision is one script call, atomic in Redis, one round trip; the script is loaded when a connection is made, so
 * that a call carries its digest only. Names are resolved without blocking. A server that does not answer within its
 * timeout fails what is waiting and is tried again with a back-off; meanwhile calls fail at once, so that a dead
 * Redis never slows the proxy. */
#ifndef DP_HOST_REDIS_H
#define DP_HOST_REDIS_H

#include "common/net/loop.h"
#include "common/plugin/plugin.h"
#include "common/plugin/redis_conf.h"

struct dns;
struct redis_set;
struct redis_call;

/* dns NULL: only addresses are connected to. */
struct redis_set *redis_set_new(struct loop *l, struct dns *dns);
void redis_set_free(struct redis_set *s); /* pending calls are dropped without their callbacks */

/* ok false: nothing is known. Never called from inside of what started it. */
typedef void (*redis_fn)(void *arg, bool ok);
/* As struct count says; its counters' `used` are filled in when ok. NULL: failed at once (fn is not called). `count`
 * must live until fn ran or the call was cancelled. */
struct redis_call *redis_count(struct redis_set *s, struct count *count, redis_fn fn, void *arg);
/* Any command. ask->text is valid while fn runs. */
struct redis_call *redis_send(struct redis_set *s, struct redis_ask *ask, redis_fn fn, void *arg);
/* Any command whose answer nobody wants; ask is not needed afterwards. False: not sent, there is no connection yet.
 */
bool redis_post(struct redis_set *s, const struct redis_ask *ask);
void redis_cancel(struct redis_call *call); /* it may still happen; fn will not run */

#endif
