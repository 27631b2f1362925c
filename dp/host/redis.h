/* redis: a worker's connections to Redis, asynchronous and pipelined: one to each server of a configuration.
 *
 * A configuration names a server, or Sentinels that know where it is (redis_sentinel.h), or nodes of a Redis Cluster
 * (redis_cluster.h). A decision is one script call, atomic in Redis, one round trip; the script is loaded at login,
 * so that a call carries its digest only. Nothing blocks, names included. A call that is not answered in time fails,
 * with all that wait behind it; while a server is away calls fail at once (redis_node.h), so that a dead Redis never
 * slows the proxy. What may have been done is never sent twice; what a server says it has not done (MOVED, ASK,
 * TRYAGAIN, READONLY, NOSCRIPT) is sent again. Connections of configurations that are gone are closed after a minute.
 */
#ifndef DP_HOST_REDIS_H
#define DP_HOST_REDIS_H

#include "common/plugin/plugin.h"
#include "common/plugin/redis_conf.h"
#include "dp/host/dial.h"

struct redis_set;
struct redis_call;

struct redis_set *redis_set_new(const struct dialer *from);
void redis_set_free(struct redis_set *s); /* pending calls are dropped without their callbacks */

/* ok false: nothing is known. Never called from inside of what started it. */
typedef void (*redis_fn)(void *arg, bool ok);
/* As struct count says; its counters' `used` are filled in when ok. NULL: failed at once (fn is not called). `count`
 * must live until fn ran or the call was cancelled. In a cluster its keys have one hash tag (redis_conf_tag). */
struct redis_call *redis_count(struct redis_set *s, struct count *count, redis_fn fn, void *arg);
/* Any command. ask->text is valid while fn runs. */
struct redis_call *redis_send(struct redis_set *s, struct redis_ask *ask, redis_fn fn, void *arg);
/* Any command whose answer nobody wants; ask is not needed afterwards. False: not sent, there is no connection. */
bool redis_post(struct redis_set *s, const struct redis_ask *ask);
void redis_cancel(struct redis_call *call); /* it may still happen; fn will not run */

#endif
