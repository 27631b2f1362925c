/* pick: see pick.h. The wheel of proxy.md 5.4 without the wheel: turn t stands at position t * stride mod total of
 * the weights laid end to end. A stride that shares no factor with the total visits every position once per turn, and
 * one near the golden section spreads a target's turns evenly. */
#include "dp/upstream/pick.h"

#include <stdlib.h>

void picker_fini(struct picker *p)
{
	struct slice key;
	void *turn;
	for (size_t at = 0; map_next(&p->turns, &at, &key, &turn);)
		free(turn);
	map_fini(&p->turns);
}

static uint64_t next_turn(struct picker *p, const struct uuid *upstream)
{
	uint64_t *turn = map_get(&p->turns, uuid_slice(upstream));
	if (!turn) {
		turn = calloc(1, sizeof *turn);
		if (!turn)
			abort();
		map_set(&p->turns, uuid_slice(upstream), turn);
	}
	return (*turn)++;
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

static const struct target_def *target_at(const struct upstream_def *u, uint64_t position)
{
	for (size_t i = 0; i < u->targets_count; i++) {
		uint64_t weight = (uint64_t)u->targets[i].weight;
		if (position < weight)
			return &u->targets[i];
		position -= weight;
	}
	return NULL;
}

static const struct target_def *next_target(struct picker *p, const struct upstream_def *u)
{
	uint64_t total = 0, common = 0;
	for (size_t i = 0; i < u->targets_count; i++) {
		total += (uint64_t)u->targets[i].weight;
		common = gcd(common, (uint64_t)u->targets[i].weight);
	}
	if (total == 0)
		return NULL;
	uint64_t slots = total / common, stride = (uint64_t)((double)slots * 0.618) | 1;
	while (gcd(stride, slots) != 1)
		stride++;
	uint64_t turn = next_turn(p, &u->upstream->id) % slots;
	return target_at(u, (uint64_t)((unsigned __int128)turn * stride % slots) * common);
}

bool pick_next(struct picker *p, const struct destination *to, const struct upstream_def *u, struct pick *out)
{
	if (!u) {
		*out = (struct pick){
		        .host = to->host,
		        .port = to->port,
		        .address = (const struct sockaddr *)&to->address,
		        .address_len = to->is_address ? to->address_len : 0,
		        .host_header = to->host_header,
		};
		return true;
	}
	const struct target_def *t = next_target(p, u);
	if (!t)
		return false;
	*out = (struct pick){
	        .host = t->host,
	        .port = t->port,
	        .address = (const struct sockaddr *)&t->address,
	        .address_len = t->is_address ? t->address_len : 0,
	        .host_header = t->host_header[to->tls],
	};
	return true;
}
