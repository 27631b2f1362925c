/* node_load: see node_load.h. */
#include "common/sync/node_load.h"

uint64_t node_load_begin_us(unsigned bucket)
{
	if (bucket == 0)
		return 0;
	return (uint64_t)(bucket % 2 ? 64 : 96) << ((bucket - 1) / 2);
}

double node_load_quantile_ms(const uint64_t counts[NODE_LOAD_BUCKETS], double share)
{
	uint64_t all = 0, below = 0;
	unsigned i = 0;

	for (unsigned k = 0; k < NODE_LOAD_BUCKETS; k++)
		all += counts[k];
	if (all == 0)
		return 0;
	double wanted = share * (double)all;
	while (i < NODE_LOAD_BUCKETS - 1 && (double)(below + counts[i]) < wanted)
		below += counts[i++];
	double begin = (double)node_load_begin_us(i), end = (double)node_load_begin_us(i + 1);
	double part = counts[i] ? (wanted - (double)below) / (double)counts[i] : 0;
	return (begin + (end - begin) * part) / 1000;
}

void node_load_take(const Gatehouse__Sync__NodeLoad *from, struct node_load *to)
{
	*to = (struct node_load){0};
	if (!from)
		return;
	to->requests = from->requests;
	to->errors_4xx = from->errors_4xx;
	to->errors_5xx = from->errors_5xx;
	to->upstream_us = from->upstream_us;
	to->upstream_answers = from->upstream_answers;
	for (size_t i = 0; i < from->n_latency; i++)
		to->latency[i < NODE_LOAD_BUCKETS ? i : NODE_LOAD_BUCKETS - 1] += from->latency[i];
}

void node_load_tell(struct node_load *from, Gatehouse__Sync__NodeLoad *to)
{
	gatehouse__sync__node_load__init(to);
	to->requests = from->requests;
	to->errors_4xx = from->errors_4xx;
	to->errors_5xx = from->errors_5xx;
	to->upstream_us = from->upstream_us;
	to->upstream_answers = from->upstream_answers;
	to->latency = from->latency;
	to->n_latency = NODE_LOAD_BUCKETS;
}
