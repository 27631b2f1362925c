/* counters: fixed-window counters in the node's memory, shared by all workers (house.md section 8).
 * Sharded: a key's shard is locked for the few instructions of one decision. Bounded: at most COUNTERS_MAX keys a
 * shard; above that the ones nearest their end are dropped, and counted in counters_dropped(). */
#ifndef DP_HOST_COUNTERS_H
#define DP_HOST_COUNTERS_H

#include "common/plugin/plugin.h"

enum { COUNTERS_SHARDS = 64, COUNTERS_MAX = 65536 };

struct counters;

struct counters *counters_new(void);
void counters_free(struct counters *c);
/* As struct count says: reads every counter, decides, increments; all in one step that no other thread can see half
 * of. */
void counters_count(struct counters *c, struct count *count, uint64_t now_ms);
uint64_t counters_dropped(const struct counters *c);
size_t counters_size(const struct counters *c);

#endif
