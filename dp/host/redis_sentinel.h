/* redis_sentinel: asks Redis Sentinels where the server is that they watch. They are asked one after the other, first
 * the one that knew last. */
#ifndef DP_HOST_REDIS_SENTINEL_H
#define DP_HOST_REDIS_SENTINEL_H

#include "dp/host/redis_node.h"

struct redis_sentinel;

/* login: as at the server; user and password are those for Sentinels. conf outlives it and names at least one. */
struct redis_sentinel *redis_sentinel_new(const struct redis_login *login, const struct redis_conf *conf);
void redis_sentinel_free(struct redis_sentinel *s); /* NULL is fine; fn does not run */

/* why NULL: there it is; host is valid during the call. Else nobody knows, and why says so. */
typedef void (*redis_found_fn)(void *arg, struct slice host, int port, const char *why);
/* fn runs once, perhaps from inside. One search at a time. */
void redis_sentinel_find(struct redis_sentinel *s, redis_found_fn fn, void *arg);
void redis_sentinel_cancel(struct redis_sentinel *s); /* fn does not run */

#endif
