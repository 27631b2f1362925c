/* load: what one worker has done, for gatectl top: always counted, whichever plugins are in use. Only the worker
 * writes; whoever adds up reads at any time, and sees figures that are a moment apart. */
#ifndef DP_HOST_LOAD_H
#define DP_HOST_LOAD_H

#include "common/sync/node_load.h"

/* One request is over. status 0: nobody was left to answer. upstream_us 0: no upstream has answered. */
static inline void load_note(struct node_load *l, int status, uint64_t took_us, uint64_t upstream_us)
{
	l->requests++;
	l->errors_4xx += status >= 400 && status < 500;
	l->errors_5xx += status >= 500;
	l->upstream_us += upstream_us;
	l->upstream_answers += upstream_us > 0;
	l->latency[node_load_bucket(took_us)]++;
}

/* From any thread. */
static inline void load_add(struct node_load *sum, const struct node_load *one)
{
	const uint64_t *from = (const uint64_t *)one;
	uint64_t *to = (uint64_t *)sum;
	for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
		to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

#endif
