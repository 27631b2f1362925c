/* balance_thread: see balance_thread.h. */
#include "dp/upstream/balance_thread.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "common/sync/side_loop.h"

enum { LOOK_AGAIN_MS = 5 };

struct balance_thread {
	struct side_loop *side;
	struct dns *dns;
	struct balancers *balancers;
	const struct settings *settings;
	struct err *e; /* while it starts */
	struct outward *outward;
	struct loop *home;
	void (*changed)(void *arg);
	void *arg;
	atomic_bool is_told; /* `changed` is on its way */
};

/* ---- changes --------------------------------------------------------------------------------------------------- */

static void tell(void *arg)
{
	struct balance_thread *t = arg;

	atomic_store(&t->is_told, false);
	t->changed(t->arg);
}

static void on_change(void *arg)
{
	struct balance_thread *t = arg;

	if (!atomic_exchange(&t->is_told, true))
		loop_post(t->home, tell, t);
}

/* ---- beginning and end ----------------------------------------------------------------------------------------- */

static void begin(void *arg)
{
	struct balance_thread *t = arg;
	struct loop *loop = side_loop_loop(t->side);
	struct dns_options dns = dns_options_of(t->settings);

	t->dns = dns_new(loop, &dns, t->e);
	if (!t->dns)
		return;
	t->balancers = balancers_new(&(struct balancers_options){.loop = loop,
	        .dns = t->dns,
	        .outward = t->outward,
	        .on_change = on_change,
	        .arg = t,
	        .slow_start_ms = (uint32_t)t->settings->upstream_slow_start * 1000});
}

struct balance_thread *balance_thread_start(const struct settings *s, struct outward *outward, struct loop *home,
        void (*changed)(void *arg), void *arg, struct err *e)
{
	struct balance_thread *t = calloc(1, sizeof *t);

	if (!t)
		abort();
	t->settings = s;
	t->outward = outward;
	t->home = home;
	t->changed = changed;
	t->arg = arg;
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

/* ---- calls ----------------------------------------------------------------------------------------------------- */

struct apply {
	struct balancers *balancers;
	const struct snapshot *was, *is;
};

static void apply(void *arg)
{
	struct apply *c = arg;

	balancers_apply(c->balancers, c->was, c->is);
}

void balance_thread_apply(
        struct balance_thread *t, const struct snapshot *was, const struct snapshot *is, uint32_t wait_ms)
{
	const struct timespec pause = {.tv_nsec = LOOK_AGAIN_MS * 1000000L};
	struct apply c = {t->balancers, was, is};

	side_loop_call(t->side, apply, &c);
	for (uint32_t waited = 0; waited < wait_ms && balancers_are_resolving(t->balancers); waited += LOOK_AGAIN_MS)
		nanosleep(&pause, NULL);
}

struct report {
	struct balancers *balancers;
	uint64_t after;
	size_t room;
	struct arena *arena;
	struct health_batch *out;
};

static void report(void *arg)
{
	struct report *c = arg;

	balancers_report(c->balancers, c->after, c->room, c->arena, c->out);
}

void balance_thread_report(
        struct balance_thread *t, uint64_t after, size_t room, struct arena *a, struct health_batch *out)
{
	struct report c = {t->balancers, after, room, a, out};

	side_loop_call(t->side, report, &c);
}

struct description {
	struct balancers *balancers;
	struct slice name;
	struct arena *arena;
	Gatehouse__Sync__UpstreamHealth *found;
};

static void describe(void *arg)
{
	struct description *c = arg;

	c->found = balancers_describe(c->balancers, c->name, c->arena);
}

Gatehouse__Sync__UpstreamHealth *balance_thread_describe(struct balance_thread *t, struct slice name, struct arena *a)
{
	struct description c = {t->balancers, name, a, NULL};

	side_loop_call(t->side, describe, &c);
	return c.found;
}

struct marking {
	struct balancers *balancers;
	const struct target_mark *mark;
	bool found;
};

static void mark(void *arg)
{
	struct marking *c = arg;

	c->found = balancers_mark(c->balancers, c->mark);
}

bool balance_thread_mark(struct balance_thread *t, const struct target_mark *m)
{
	struct marking c = {t->balancers, m, false};

	side_loop_call(t->side, mark, &c);
	return c.found;
}
