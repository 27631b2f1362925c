/* loop: see loop.h. libevent is asked for one turn at a time, so that what was deferred can run between two turns. */
#include "common/net/loop.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct post {
	struct post *next;
	loop_fn fn;
	void *arg;
};

/* What other threads touch. */
struct loop_inbox {
	pthread_mutex_t lock;
	struct post *first, **end;
	atomic_bool stop;
	int fd; /* eventfd: readable when there is something to do */
	struct event event;
};

struct loop_timer {
	struct event event;
	loop_fn fn;
	void *arg;
};

/* ---- posting -------------------------------------------------------------------------------------------------- */

static void ring(struct loop_inbox *in)
{
	uint64_t one = 1;
	ssize_t n = write(in->fd, &one, sizeof one);
	(void)n; /* full: then it is readable already */
}

static struct post *take_posts(struct loop_inbox *in)
{
	pthread_mutex_lock(&in->lock);
	struct post *all = in->first;
	in->first = NULL;
	in->end = &in->first;
	pthread_mutex_unlock(&in->lock);
	return all;
}

static void on_ring(evutil_socket_t fd, short what, void *arg)
{
	struct loop_inbox *in = arg;
	uint64_t count;
	ssize_t n = read(in->fd, &count, sizeof count);
	(void)n; /* the list says what is to be done */
	for (struct post *p = take_posts(in), *next; p; p = next) {
		next = p->next;
		p->fn(p->arg);
		free(p);
	}
}

void loop_post(struct loop *l, loop_fn fn, void *arg)
{
	struct loop_inbox *in = l->inbox;
	struct post *p = malloc(sizeof *p);
	if (!p)
		abort();
	*p = (struct post){NULL, fn, arg};
	pthread_mutex_lock(&in->lock);
	bool was_empty = !in->first;
	*in->end = p;
	in->end = &p->next;
	pthread_mutex_unlock(&in->lock);
	if (was_empty)
		ring(in);
}

void loop_stop(struct loop *l)
{
	atomic_store(&l->inbox->stop, true);
	ring(l->inbox);
}

static bool inbox_open(struct loop *l, struct err *e)
{
	struct loop_inbox *in = calloc(1, sizeof *in);
	if (!in)
		abort();
	l->inbox = in;
	in->end = &in->first;
	pthread_mutex_init(&in->lock, NULL);
	in->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (in->fd < 0)
		return err_set(e, "cannot make an eventfd: %s", strerror(errno));
	event_assign(&in->event, l->base, in->fd, EV_READ | EV_PERSIST, on_ring, in);
	event_add(&in->event, NULL);
	return true;
}

static void inbox_close(struct loop_inbox *in)
{
	if (!in)
		return;
	if (in->fd >= 0) {
		event_del(&in->event);
		close(in->fd);
	}
	for (struct post *p = take_posts(in), *next; p; p = next) {
		next = p->next;
		free(p);
	}
	pthread_mutex_destroy(&in->lock);
	free(in);
}

/* ---- turns ---------------------------------------------------------------------------------------------------- */

void loop_defer(struct loop *l, struct loop_deferred *d, loop_fn fn, void *arg)
{
	*d = (struct loop_deferred){NULL, fn, arg};
	*l->deferred_end = d;
	l->deferred_end = &d->next;
}

static void run_deferred(struct loop *l)
{
	struct loop_deferred *d = l->deferred;
	l->deferred = NULL;
	l->deferred_end = &l->deferred;
	for (struct loop_deferred *next; d; d = next) {
		next = d->next; /* d may be gone or deferred again afterwards */
		d->fn(d->arg);
	}
}

void loop_run(struct loop *l)
{
	while (!atomic_load_explicit(&l->inbox->stop, memory_order_relaxed)) {
		int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY;
		event_base_loop(l->base, l->deferred ? flags | EVLOOP_NONBLOCK : flags);
		run_deferred(l);
	}
	atomic_store(&l->inbox->stop, false);
}

void loop_turn(struct loop *l)
{
	event_base_loop(l->base, EVLOOP_NONBLOCK | EVLOOP_NO_EXIT_ON_EMPTY);
	run_deferred(l);
}

/* Edge triggering and early close need epoll. No locks: a base is used by its own thread only. */
static struct event_base *new_base(void)
{
	struct event_config *config = event_config_new();
	if (!config)
		abort();
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
	event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE);
	struct event_base *base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

struct loop *loop_new(struct err *e)
{
	signal(SIGPIPE, SIG_IGN);
	struct loop *l = calloc(1, sizeof *l);
	if (!l)
		abort();
	l->deferred_end = &l->deferred;
	l->accepted.fd = -1;
	l->base = new_base();
	if (!l->base)
		err_set(e, "cannot make an event loop: %s", strerror(errno));
	else {
		timeouts_init(&l->timeouts, l->base);
		if (inbox_open(l, e))
			return l;
	}
	loop_free(l);
	return NULL;
}

void loop_free(struct loop *l)
{
	while (l->deferred)
		run_deferred(l);
	inbox_close(l->inbox);
	if (l->base) {
		timeouts_fini(&l->timeouts);
		event_base_free(l->base);
	}
	iobuf_pool_fini(&l->buffers);
	free(l);
}

/* ---- timers --------------------------------------------------------------------------------------------------- */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *t = arg;
	t->fn(t->arg); /* may free t */
}

struct loop_timer *loop_timer_new(struct loop *l, uint32_t ms, bool every, loop_fn fn, void *arg)
{
	struct loop_timer *t = calloc(1, sizeof *t);
	struct timeval tv = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
	if (!t)
		abort();
	t->fn = fn;
	t->arg = arg;
	event_assign(&t->event, l->base, -1, every ? EV_PERSIST : 0, on_timer, t);
	event_add(&t->event, &tv);
	return t;
}

void loop_timer_free(struct loop_timer *t)
{
	if (!t)
		return;
	event_del(&t->event);
	free(t);
}
