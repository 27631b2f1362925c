/* cache: bytes by key in the node's memory, shared by all workers (house.md section 8): for answers that are served
 * again. Sharded: a shard is locked for one look or one change, never while bytes are copied to a client. Bounded:
 * above its share of the size, a shard drops what was used longest ago. Values are counted: one that somebody reads
 * stays until it is let go of, also when it has been replaced. */
#ifndef DP_HOST_CACHE_H
#define DP_HOST_CACHE_H

#include "common/core/slice.h"

enum { CACHE_SHARDS = 32 };

struct cache;
struct cache_value;

struct cache *cache_new(size_t bytes_max);
void cache_free(struct cache *c);

/* NULL: not there, or over. Give it back with cache_release(). */
struct cache_value *cache_get(struct cache *c, struct slice key, uint64_t now_ms);
struct slice cache_bytes(const struct cache_value *v);
void cache_release(struct cache_value *v);
/* Copies. False: larger than a quarter of a shard. */
bool cache_put(struct cache *c, struct slice key, struct slice value, uint64_t until_ms);
bool cache_delete(struct cache *c, struct slice key);
/* All whose key begins so; how many there were. */
size_t cache_purge(struct cache *c, struct slice prefix);
size_t cache_size(const struct cache *c); /* bytes in use */

#endif
