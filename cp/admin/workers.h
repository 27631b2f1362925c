/* workers: the admin threads, each with a store handle of its own, and the queue they take jobs from. */
#ifndef CP_ADMIN_WORKERS_H
#define CP_ADMIN_WORKERS_H

#include "cp/store/store.h"

/* Embedded in what the caller wants done. run() is called once, on any of the threads; the job is the caller's again
 * from within it. */
struct work {
	struct work *next;
	void (*run)(struct work *w, struct store *st);
};

struct workers;

/* Opens a store per thread. */
struct workers *workers_start(const struct settings *s, unsigned threads, struct err *e);
void workers_submit(struct workers *p, struct work *w); /* any thread */
/* What runs is finished, what waits is dropped (not run). */
void workers_stop(struct workers *p);

#endif
