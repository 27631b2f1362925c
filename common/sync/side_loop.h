/* side_loop: an event loop on a thread of its own, for work that must not wait for the main loop, nor hold it up. */
#ifndef COMMON_SYNC_SIDE_LOOP_H
#define COMMON_SYNC_SIDE_LOOP_H

#include "common/net/loop.h"

struct side_loop;

/* name: of the thread, at most 15 bytes. Signals are blocked in it. */
struct side_loop *side_loop_start(const char *name, struct err *e);
struct loop *side_loop_loop(struct side_loop *s); /* for loop_post(); the rest only in calls on the thread */
/* Runs fn(arg) on the thread and waits for its end. Not from the thread itself. */
void side_loop_call(struct side_loop *s, loop_fn fn, void *arg);
/* Ends the thread and frees the loop. What lives on the loop has to be closed before (side_loop_call). NULL is fine.
 */
void side_loop_stop(struct side_loop *s);

#endif
