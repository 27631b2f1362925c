/* loop: one thread's event loop: a libevent base, its timeouts, its buffers and a way in for other threads.
 *
 * Everything in common/net belongs to the thread that runs the loop, except loop_post() and loop_stop(). */
#ifndef COMMON_NET_LOOP_H
#define COMMON_NET_LOOP_H

#include <event2/event.h>

#include "common/core/clock.h"
#include "common/core/err.h"
#include "common/net/iobuf.h"
#include "common/net/timeouts.h"

struct loop {
	struct event_base *base;
	struct timeouts timeouts;
	struct iobuf_pool buffers;
	struct loop_inbox *inbox;
};

struct loop *loop_new(struct err *e);
void loop_free(struct loop *l); /* posted calls that have not run are dropped */
void loop_run(struct loop *l);  /* until loop_stop() */
void loop_stop(struct loop *l); /* from any thread */

typedef void (*loop_fn)(void *arg);
/* Runs fn(arg) on the loop's thread soon, in order of posting. From any thread. */
void loop_post(struct loop *l, loop_fn fn, void *arg);

/* A timer of its own, for the few things that are not per connection. Repeats when every is true. */
struct loop_timer *loop_timer_new(struct loop *l, uint32_t ms, bool every, loop_fn fn, void *arg);
void loop_timer_free(struct loop_timer *t); /* NULL is fine; also inside its own callback */

#endif
