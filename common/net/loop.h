/* loop: one thread's event loop: a libevent base, its timeouts, its buffers and a way in for other threads.
 *
 * Everything in common/net belongs to the thread that runs the loop, except loop_post() and loop_stop(). */
#ifndef COMMON_NET_LOOP_H
#define COMMON_NET_LOOP_H

#include <event2/event.h>
#include <sys/socket.h>

#include "common/core/clock.h"
#include "common/core/err.h"
#include "common/net/iobuf.h"
#include "common/net/timeouts.h"

typedef void (*loop_fn)(void *arg);

/* Work for the end of this turn of the loop, embedded in what it is about. */
struct loop_deferred {
	struct loop_deferred *next;
	loop_fn fn;
	void *arg;
};

/* Address of the peer that was accepted last: accept(2) tells it, so that conn_accepted() need not ask again. */
struct loop_accepted {
	int fd; /* -1: none */
	socklen_t peer_len;
	struct sockaddr_storage peer;
};

struct loop {
	struct event_base *base;
	struct timeouts timeouts;
	struct iobuf_pool buffers;
	struct loop_inbox *inbox;
	struct loop_deferred *deferred, **deferred_end;
	struct loop_accepted accepted;
	uint64_t conns; /* made so far */
};

/* Ignores SIGPIPE for the process: a write to a peer that has gone is an error here, not a signal. */
struct loop *loop_new(struct err *e);
void loop_free(struct loop *l); /* posted calls that have not run are dropped; deferred ones run */
void loop_run(struct loop *l);  /* until loop_stop() */
void loop_turn(struct loop *l); /* once, without waiting for anything: for tests that say when something happens */
void loop_stop(struct loop *l); /* from any thread, also before loop_run(): then that returns at once */

/* Runs fn(arg) on the loop's thread soon, in order of posting. From any thread. */
void loop_post(struct loop *l, loop_fn fn, void *arg);

/* Runs fn(arg) once all events of this turn have been handled; what is deferred by such a call runs a turn later, and
 * the loop does not sleep in between. d is the caller's until fn runs and must not be deferred twice. Frees wait here
 * until nobody on the stack holds the object any more. Only from the loop's thread. */
void loop_defer(struct loop *l, struct loop_deferred *d, loop_fn fn, void *arg);

/* A timer of its own, for the few things that are not per connection. Repeats when every is true. */
struct loop_timer *loop_timer_new(struct loop *l, uint32_t ms, bool every, loop_fn fn, void *arg);
void loop_timer_free(struct loop_timer *t); /* NULL is fine; also inside its own callback */

#endif
