/* health_outbox: tells the control plane how the targets are, in Polls: what has changed since the last one that was
 * answered, as much as fits. Another process at the other end is told everything. Belongs to the main thread. */
#ifndef DP_CONFIG_HEALTH_OUTBOX_H
#define DP_CONFIG_HEALTH_OUTBOX_H

#include "common/core/arena.h"
#include "proto/sync.pb-c.h"

/* A Poll has a limit (LINK_POLL_MAX); orders' results have their share of it. */
enum { HEALTH_ROOM = 40 * 1024, HEALTH_POLL_MAX = 60 * 1024 };

/* Whole upstreams, in the order in which they have changed. */
struct health_batch {
	Gatehouse__Sync__UpstreamHealth **items; /* on the arena, all of them */
	size_t count;
	uint64_t upto; /* nothing up to this change is left out */
	bool more;     /* there is more than had room */
};
/* What has changed since change number `after` (0: all), at most `room` bytes as packed. */
typedef void (*health_fn)(void *arg, uint64_t after, size_t room, struct arena *a, struct health_batch *out);

/* Embedded; starts with fn and arg set and the rest zero. */
struct health_outbox {
	health_fn fn; /* NULL: there is nothing to tell */
	void *arg;
	uint64_t process;     /* that has heard ... */
	uint64_t heard, said; /* ... up to this; what the Poll that is under way says */
	bool more;
	struct arena arena; /* of a Poll, until it is packed */
};

void health_outbox_fill(struct health_outbox *o, Gatehouse__Sync__Poll *p);
void health_outbox_release(struct health_outbox *o);
/* The answer to that Poll. True: there is more to say, it is time to poll. */
bool health_outbox_take(struct health_outbox *o, const Gatehouse__Sync__Envelope *answer);

#endif
