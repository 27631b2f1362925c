/* counter_outbox: tells the control plane, in Polls, what this node has counted of limits that nodes share, and hears
 * what the others have (policy `cluster`; proto/README.md). Counts are told in all, not as differences: what may not
 * have been heard is told again. Belongs to the main thread. */
#ifndef DP_CONFIG_COUNTER_OUTBOX_H
#define DP_CONFIG_COUNTER_OUTBOX_H

#include "common/core/arena.h"
#include "proto/sync.pb-c.h"

/* Of a Poll: others have their share of it (health_outbox.h). A key that is longer counts on each node by itself. */
enum { COUNTER_ROOM = 12 * 1024, COUNTER_KEY_MAX = 1024 };

/* Who counts: dp/host/counters.h. */
struct counter_source {
	/* Calls fn for each count that is news, until fn has no more room: then true. */
	bool (*news)(void *arg, bool (*fn)(void *fn_arg, struct slice key, int64_t own, uint32_t seconds_left),
	        void *fn_arg);
	void (*tell_again)(void *arg, struct slice key); /* unset: everything */
	void (*learn)(void *arg, struct slice key, int64_t others);
	void *arg;
};

/* Embedded; zero but for `source`. */
struct counter_outbox {
	const struct counter_source *source; /* NULL: nobody counts */
	uint64_t process;                    /* of the control plane that adds up */
	struct arena arena;                  /* what the last Poll says */
	Gatehouse__Sync__CounterReport **said;
	size_t said_count, said_cap, used;
	bool more, is_unheard; /* nobody has answered what was said */
};

void counter_outbox_fill(struct counter_outbox *o, Gatehouse__Sync__Poll *p);
/* The answer to that Poll. *soon: counts change just now, so it is worth while to poll soon. True: there is more to
 * say, it is time to poll. */
bool counter_outbox_take(struct counter_outbox *o, const Gatehouse__Sync__Envelope *answer, bool *soon);
void counter_outbox_fini(struct counter_outbox *o);

#endif
