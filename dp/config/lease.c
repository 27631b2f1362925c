/* lease: see lease.h. Used by the workers (take, give) and by the main thread (publish).
 *
 * A hold counts who still needs a snapshot: the board while it is current, and each worker's lease. Counts and lists
 * change under the board's mutex only; the request path compares the board's current hold with its own lease's and,
 * in the usual case, touches nothing that another thread writes. A hold that a lease counts on cannot be freed, so
 * its address cannot come back as another one while it is compared. */
#include "dp/config/lease.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct hold {
	struct snapshot *snapshot;
	unsigned count;
	struct hold *next; /* on the board's list of all, or of those to be freed */
};

struct lease_board {
	_Atomic(struct hold *) current;
	struct loop *main_loop;
	pthread_mutex_t mutex;
	/* under the mutex */
	struct hold *all;
	struct leases *workers;
	bool is_sweep_posted;
};

struct leases {
	struct lease_board *board;
	struct loop *loop;
	struct lease *current, *superseded; /* superseded: those that requests still use */
	struct lease *spare;                /* one ended lease, kept for the next snapshot */
	/* under the board's mutex */
	bool is_nudged;
	struct leases *next;
};

static void *new_zeroed(size_t size)
{
	void *p = calloc(1, size);
	if (!p)
		abort();
	return p;
}

/* ---- the board ---------------------------------------------------------------------------------------------- */

struct lease_board *lease_board_new(struct loop *main_loop)
{
	struct lease_board *b = new_zeroed(sizeof *b);

	b->main_loop = main_loop;
	pthread_mutex_init(&b->mutex, NULL);
	return b;
}

static void free_holds(struct hold *h)
{
	for (struct hold *next; h; h = next) {
		next = h->next;
		snapshot_free(h->snapshot);
		free(h);
	}
}

/* Main thread: frees the snapshots that nobody needs any more. */
static void sweep(void *arg)
{
	struct lease_board *b = arg;
	struct hold *done = NULL;

	pthread_mutex_lock(&b->mutex);
	b->is_sweep_posted = false;
	for (struct hold **at = &b->all; *at;) {
		struct hold *h = *at;
		if (h->count) {
			at = &h->next;
			continue;
		}
		*at = h->next;
		h->next = done;
		done = h;
	}
	pthread_mutex_unlock(&b->mutex);
	free_holds(done);
}

static void end_idle_lease(void *arg);

/* Under the mutex. */
static void nudge(struct lease_board *b)
{
	for (struct leases *l = b->workers; l; l = l->next) {
		if (!l->is_nudged) {
			l->is_nudged = true;
			loop_post(l->loop, end_idle_lease, l);
		}
	}
}

void lease_board_publish(struct lease_board *b, struct snapshot *s)
{
	struct hold *h = new_zeroed(sizeof *h);

	h->snapshot = s;
	h->count = 1;
	pthread_mutex_lock(&b->mutex);
	struct hold *old = atomic_load_explicit(&b->current, memory_order_relaxed);
	if (old)
		old->count--;
	h->next = b->all;
	b->all = h;
	atomic_store_explicit(&b->current, h, memory_order_release);
	nudge(b);
	pthread_mutex_unlock(&b->mutex);
	sweep(b);
}

const struct snapshot *lease_board_current(const struct lease_board *b)
{
	const struct hold *h = atomic_load_explicit(&b->current, memory_order_relaxed);

	return h ? h->snapshot : NULL;
}

void lease_board_free(struct lease_board *b)
{
	if (!b)
		return;
	free_holds(b->all);
	pthread_mutex_destroy(&b->mutex);
	free(b);
}

/* ---- a worker's leases -------------------------------------------------------------------------------------- */

struct leases *leases_new(struct lease_board *b, struct loop *worker_loop)
{
	struct leases *l = new_zeroed(sizeof *l);

	l->board = b;
	l->loop = worker_loop;
	pthread_mutex_lock(&b->mutex);
	l->next = b->workers;
	b->workers = l;
	pthread_mutex_unlock(&b->mutex);
	return l;
}

/* Under the mutex. */
static void drop_hold(struct lease_board *b, struct hold *h)
{
	if (--h->count == 0 && !b->is_sweep_posted) {
		b->is_sweep_posted = true;
		loop_post(b->main_loop, sweep, b);
	}
}

static void end_lease(struct lease *le)
{
	struct leases *l = le->owner;

	pthread_mutex_lock(&l->board->mutex);
	drop_hold(l->board, le->hold);
	pthread_mutex_unlock(&l->board->mutex);
	free(l->spare);
	l->spare = le;
}

/* The lease on what was current is no longer for new requests. */
static void supersede(struct leases *l)
{
	struct lease *le = l->current;

	l->current = NULL;
	if (!le)
		return;
	if (le->requests == 0) {
		end_lease(le);
		return;
	}
	le->superseded = true;
	le->next = l->superseded;
	l->superseded = le;
}

static void take_current_hold(struct leases *l)
{
	supersede(l);
	struct lease *le = l->spare ? l->spare : new_zeroed(sizeof *le);
	l->spare = NULL;

	pthread_mutex_lock(&l->board->mutex);
	struct hold *h = atomic_load_explicit(&l->board->current, memory_order_relaxed);
	h->count++;
	pthread_mutex_unlock(&l->board->mutex);
	*le = (struct lease){.snapshot = h->snapshot, .owner = l, .hold = h};
	l->current = le;
}

/* Brings l->current up to date; false before the first snapshot. */
static bool refresh(struct leases *l)
{
	struct hold *h = atomic_load_explicit(&l->board->current, memory_order_acquire);

	if (!h)
		return false;
	if (!l->current || l->current->hold != h)
		take_current_hold(l);
	return true;
}

/* On the worker's loop, after a snapshot was published. */
static void end_idle_lease(void *arg)
{
	struct leases *l = arg;

	pthread_mutex_lock(&l->board->mutex);
	l->is_nudged = false;
	pthread_mutex_unlock(&l->board->mutex);
	refresh(l);
}

struct lease *lease_take(struct leases *l)
{
	if (!refresh(l))
		return NULL;
	l->current->requests++;
	return l->current;
}

void lease_give(struct lease *le)
{
	if (--le->requests || !le->superseded)
		return;
	struct lease **at = &le->owner->superseded;
	while (*at != le)
		at = &(*at)->next;
	*at = le->next;
	end_lease(le);
}

static void unregister(struct leases *l)
{
	pthread_mutex_lock(&l->board->mutex);
	struct leases **at = &l->board->workers;
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	pthread_mutex_unlock(&l->board->mutex);
}

void leases_free(struct leases *l)
{
	if (!l)
		return;
	unregister(l);
	supersede(l);
	for (struct lease *le = l->superseded, *next; le; le = next) { /* none, unless requests were abandoned */
		next = le->next;
		end_lease(le);
	}
	free(l->spare);
	free(l);
}
