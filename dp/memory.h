/* memory: gives the system back what a large change of the configuration has needed for a while: a document, a delta,
 * the configuration before. malloc keeps it otherwise, in pieces between what stays. */
#ifndef DP_MEMORY_H
#define DP_MEMORY_H

#include "common/net/loop.h"

struct memory {
	struct loop *loop;
	struct loop_timer *timer; /* NULL: nothing has changed */
	size_t idle;              /* bytes that were free the last time, and that the system may not have got back */
};

/* Before there are threads: what is large goes back to the system when it is freed, in whichever thread. */
void memory_init(void);

/* The configuration has changed: soon, when it has come to rest, look. */
void memory_settle(struct memory *m);
void memory_fini(struct memory *m);

#endif
