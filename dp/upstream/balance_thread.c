/* balance_thread: see balance_thread.h. */
#include "dp/upstream/balance_thread.h"

#include <stdlib.h>
#include <time.h>

#include "common/sync/side_loop.h"

enum { LOOK_AGAIN_MS = 5 };

struct balance_thread {
	struct side_loop *side;
	struct dns *dns;
	struct balancers *balancers;
	const struct settings *settings;
	struct err *e;                   /* while it starts */
	const struct snapshot *was, *is; /* while a snapshot is applied */
};

static void begin(void *arg)
{
	struct balance_thread *t = arg;
	struct loop *loop = side_loop_loop(t->side);
	struct dns_options dns = {.resolvers = t->settings->dns_resolver};

	t->dns = dns_new(loop, &dns, t->e);
	if (!t->dns)
		return;
	t->balancers = balancers_new(&(struct balancers_options){
	        .loop = loop, .dns = t->dns, .slow_start_ms = (uint32_t)t->settings->upstream_slow_start * 1000});
}

struct balance_thread *balance_thread_start(const struct settings *s, struct err *e)
{
	struct balance_thread *t = calloc(1, sizeof *t);

	if (!t)
		abort();
	t->settings = s;
	t->e = e;
	t->side = side_loop_start("balance", e);
	if (t->side)
		side_loop_call(t->side, begin, t);
	if (t->balancers)
		return t;
	side_loop_stop(t->side);
	free(t);
	return NULL;
}

static void end(void *arg)
{
	struct balance_thread *t = arg;

	balancers_stop(t->balancers);
	dns_free(t->dns);
}

void balance_thread_stop(struct balance_thread *t)
{
	if (!t || !t->side)
		return;
	side_loop_call(t->side, end, t);
	side_loop_stop(t->side);
	t->side = NULL;
}

void balance_thread_free(struct balance_thread *t)
{
	if (!t)
		return;
	balancers_free(t->balancers);
	free(t);
}

struct balancers *balance_thread_balancers(const struct balance_thread *t)
{
	return t->balancers;
}

static void apply(void *arg)
{
	struct balance_thread *t = arg;

	balancers_apply(t->balancers, t->was, t->is);
}

void balance_thread_apply(
        struct balance_thread *t, const struct snapshot *was, const struct snapshot *is, uint32_t wait_ms)
{
	const struct timespec pause = {.tv_nsec = LOOK_AGAIN_MS * 1000000L};

	t->was = was;
	t->is = is;
	side_loop_call(t->side, apply, t);
	for (uint32_t waited = 0; waited < wait_ms && balancers_are_resolving(t->balancers); waited += LOOK_AGAIN_MS)
		nanosleep(&pause, NULL);
}
