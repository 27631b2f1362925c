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
/* now_ms, here and below: monotonic. Which window of the wall clock is counted is in the key; a window that the clock
 * has left, and comes back to, goes on where it was.
 *
 * As struct count says: reads every counter, decides, increments; all in one step that no other thread can see half
 * of. */
void counters_count(struct counters *c, struct count *count, uint64_t now_ms);
/* ---- counters that nodes share: own counts are told to others, and theirs are added ---- */

/* Calls fn for what this node has counted since it was told last, until fn has no more room (false): then true is
 * returned, and the rest waits. *shard: where to go on, 0 at first. */
typedef bool (*counter_news_fn)(void *arg, struct slice key, int64_t own, uint32_t seconds_left);
bool counters_news(struct counters *c, unsigned *shard, uint64_t now_ms, counter_news_fn fn, void *arg);
/* It was not heard: it is news again. Unset: everything is. */
void counters_tell_again(struct counters *c, struct slice key);
/* What all others together have counted. */
void counters_learn(struct counters *c, struct slice key, int64_t others);

uint64_t counters_dropped(const struct counters *c);
size_t counters_size(const struct counters *c);

#endif
