/* timeouts: see timeouts.h. */
#include "common/net/timeouts.h"

#include <event2/event.h>
#include <stdlib.h>
#include <time.h>

/* The coarse clock lags behind the true time by up to a tick; this much more keeps a deadline from being early. */
enum { COARSE_LAG_MS = 5 };

struct timeout_queue {
	struct timeout_queue *next; /* in its bucket */
	uint32_t ms;
	struct timeout *head, *tail; /* in order of deadline */
};

uint64_t timeouts_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void unlink_timeout(struct timeout *it)
{
	struct timeout_queue *q = it->queue;
	*(it->prev ? &it->prev->next : &q->head) = it->next;
	*(it->next ? &it->next->prev : &q->tail) = it->prev;
	it->prev = it->next = NULL;
	it->queue = NULL;
}

static void append(struct timeout_queue *q, struct timeout *it)
{
	it->prev = q->tail;
	it->next = NULL;
	*(q->tail ? &q->tail->next : &q->head) = it;
	q->tail = it;
	it->queue = q;
}

static struct timeout_queue *queue_of(struct timeouts *t, uint32_t ms)
{
	struct timeout_queue **bucket = &t->queues[(ms * 2654435769u) >> 27 & (TIMEOUT_BUCKETS - 1)];
	for (struct timeout_queue *q = *bucket; q; q = q->next)
		if (q->ms == ms)
			return q;
	struct timeout_queue *q = calloc(1, sizeof *q);
	if (!q)
		abort();
	q->ms = ms;
	q->next = *bucket;
	*bucket = q;
	return q;
}

static void arm(struct timeouts *t, uint64_t deadline_ms, uint64_t now)
{
	uint64_t ms = deadline_ms > now ? deadline_ms - now : 1;
	struct timeval tv = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
	t->armed_ms = deadline_ms;
	event_add(t->timer, &tv);
}

/* Callbacks may set and clear what they like: what they set is later than now, and queues do not go away. */
static void run_expired(struct timeout_queue *q, uint64_t now)
{
	struct timeout *it;
	while ((it = q->head) != NULL && it->deadline_ms <= now) {
		unlink_timeout(it);
		it->fn(it->arg);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct timeouts *t = arg;
	uint64_t now = timeouts_now(), first = 0;

	for (int i = 0; i < TIMEOUT_BUCKETS; i++)
		for (struct timeout_queue *q = t->queues[i]; q; q = q->next)
			run_expired(q, now);
	for (int i = 0; i < TIMEOUT_BUCKETS; i++)
		for (struct timeout_queue *q = t->queues[i]; q; q = q->next)
			if (q->head && (!first || q->head->deadline_ms < first))
				first = q->head->deadline_ms;
	t->armed_ms = 0;
	if (first)
		arm(t, first, now);
}

void timeouts_init(struct timeouts *t, struct event_base *base)
{
	*t = (struct timeouts){.timer = evtimer_new(base, on_timer, t)};
	if (!t->timer)
		abort();
}

void timeouts_fini(struct timeouts *t)
{
	for (int i = 0; i < TIMEOUT_BUCKETS; i++)
		for (struct timeout_queue *q = t->queues[i], *next; q; q = next) {
			next = q->next;
			while (q->head)
				unlink_timeout(q->head);
			free(q);
		}
	event_free(t->timer);
	*t = (struct timeouts){0};
}

void timeout_set(struct timeouts *t, struct timeout *it, uint32_t ms, timeout_fn fn, void *arg)
{
	uint64_t now = timeouts_now(), deadline = now + ms + COARSE_LAG_MS;
	struct timeout_queue *q = it->queue;

	it->fn = fn;
	it->arg = arg;
	if (q && q->ms == ms) {
		if (it->deadline_ms == deadline)
			return;
	} else
		q = queue_of(t, ms);
	it->deadline_ms = deadline;
	if (it->queue != q || q->tail != it) {
		if (it->queue)
			unlink_timeout(it);
		append(q, it);
	}
	if (t->armed_ms == 0 || deadline < t->armed_ms)
		arm(t, deadline, now);
}

void timeout_clear(struct timeout *it)
{
	if (it->queue)
		unlink_timeout(it);
}
