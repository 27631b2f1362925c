/* timeouts: deadlines of very many connections, cheaply.
 *
 * One queue per distinct duration: a connection that was active moves to the tail, so each queue is in order of
 * deadline and setting, moving and clearing are O(1). One libevent timer serves the earliest deadline; it is
 * armed again only when it has fired or an earlier deadline comes, so a deadline that is set and cleared with every
 * request costs a few pointers. Never early; up to about 10 ms late (the kernel's coarse clock, which costs next to
 * nothing). */
#ifndef COMMON_NET_TIMEOUTS_H
#define COMMON_NET_TIMEOUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct timeout_queue;

typedef void (*timeout_fn)(void *arg);

/* A power of two; durations come from settings, so there are few. */
enum { TIMEOUT_BUCKETS = 32 };

/* Embedded in what may time out. Zeroed: not set. */
struct timeout {
	struct timeout *prev, *next;
	struct timeout_queue *queue; /* NULL: not set */
	uint64_t deadline_ms;
	timeout_fn fn;
	void *arg;
};

struct timeouts {
	struct timeout_queue *queues[TIMEOUT_BUCKETS]; /* lists of queues, by hash of the duration */
	struct event *timer;
	uint64_t armed_ms; /* 0: not armed */
};

void timeouts_init(struct timeouts *t, struct event_base *base);
void timeouts_fini(struct timeouts *t);
/* Monotonic, in steps of the kernel's tick. */
uint64_t timeouts_now(void);
/* fn(arg) is to run `ms` from now, once, unless set again or cleared before. */
void timeout_set(struct timeouts *t, struct timeout *it, uint32_t ms, timeout_fn fn, void *arg);
void timeout_clear(struct timeout *it);
static inline bool is_timeout_set(const struct timeout *it)
{
	return it->queue != NULL;
}

#endif
