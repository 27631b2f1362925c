/* lease: one worker's hold on the current snapshot.
 *
 * publish() makes a snapshot current for every request that starts afterwards, on all workers at once: a worker looks
 * at one atomic pointer when a request begins. A request keeps the lease it began with. Per worker and snapshot there
 * is one lease with a plain counter; a superseded lease ends with its last request, or at once when it has none
 * (publishing wakes every worker for that, so that an idle one holds nothing old). The last lease of a snapshot to
 * end has the main thread free it. */
#ifndef DP_CONFIG_LEASE_H
#define DP_CONFIG_LEASE_H

#include "common/net/loop.h"
#include "dp/config/snapshot.h"

struct lease {
	const struct snapshot *snapshot;
	/* private */
	unsigned requests;
	bool superseded;
	struct leases *owner;
	struct hold *hold;
	struct lease *next;
};

struct lease_board; /* one per process: the current snapshot */
struct leases;      /* one per worker */

struct lease_board *lease_board_new(struct loop *main_loop);
/* Main thread only. Takes the snapshot. From now on lease_take() on any worker gives this snapshot or a newer one. */
void lease_board_publish(struct lease_board *b, struct snapshot *s);
const struct snapshot *lease_board_current(const struct lease_board *b); /* main thread; NULL before the first */
/* After all workers have ended and the main loop has stopped; frees every snapshot that is left. */
void lease_board_free(struct lease_board *b);

/* For the thread that runs `worker_loop`, which must outlive the leases. */
struct leases *leases_new(struct lease_board *b, struct loop *worker_loop);
/* When the worker's loop has stopped and its requests are gone. */
void leases_free(struct leases *l);
/* NULL before the first snapshot. Lock-free unless a new snapshot has been published since the last call. */
struct lease *lease_take(struct leases *l);
void lease_give(struct lease *le);

#endif
