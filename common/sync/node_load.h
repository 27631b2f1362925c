/* node_load: how much a data plane does, as figures that only grow: counted there by each worker (dp/host/load.h),
 * told in Polls, turned into rates by the control plane. */
#ifndef COMMON_SYNC_NODE_LOAD_H
#define COMMON_SYNC_NODE_LOAD_H

#include "proto/sync.pb-c.h"

/* Two buckets for each doubling, from 64 us to 8 s; the last one has all that is beyond. */
enum { NODE_LOAD_BUCKETS = 36, NODE_LOAD_FIRST_US = 64 };

struct node_load {
	uint64_t requests, errors_4xx, errors_5xx, upstream_us, upstream_answers;
	uint64_t latency[NODE_LOAD_BUCKETS];
};

static inline unsigned node_load_bucket(uint64_t us)
{
	if (us < NODE_LOAD_FIRST_US)
		return 0;
	unsigned log2 = 63u - (unsigned)__builtin_clzll(us);
	unsigned bucket = 2 * (log2 - 6) + ((us >> (log2 - 1)) & 1) + 1;
	return bucket < NODE_LOAD_BUCKETS ? bucket : NODE_LOAD_BUCKETS - 1;
}
/* Where a bucket begins; its end is where the next one does. */
uint64_t node_load_begin_us(unsigned bucket);
/* So many of all (0.99) took at most so long, in ms; 0 when there are none. */
double node_load_quantile_ms(const uint64_t counts[NODE_LOAD_BUCKETS], double share);

/* From a Poll; what a newer release counts beyond our buckets is in the last one. NULL: all zero. */
void node_load_take(const Gatehouse__Sync__NodeLoad *from, struct node_load *to);
/* For a Poll; `to` points into `from`. */
void node_load_tell(struct node_load *from, Gatehouse__Sync__NodeLoad *to);

#endif
