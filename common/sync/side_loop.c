/* side_loop: see side_loop.h. */
#include "common/sync/side_loop.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/thread.h"

struct side_loop {
	struct loop *loop;
	pthread_t thread;
};

static void *run(void *arg)
{
	struct side_loop *s = arg;
	loop_run(s->loop);
	return NULL;
}

static int start_thread(struct side_loop *s, const char *name)
{
	int problem = thread_start(&s->thread, run, s);
	if (!problem)
		pthread_setname_np(s->thread, name);
	return problem;
}

struct side_loop *side_loop_start(const char *name, struct err *e)
{
	struct side_loop *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->loop = loop_new(e);
	if (!s->loop) {
		free(s);
		return NULL;
	}
	int problem = start_thread(s, name);
	if (!problem)
		return s;
	err_set(e, "cannot start thread '%s': %s", name, strerror(problem));
	loop_free(s->loop);
	free(s);
	return NULL;
}

struct loop *side_loop_loop(struct side_loop *s)
{
	return s->loop;
}

struct call {
	loop_fn fn;
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool is_done;
};

static void run_call(void *arg)
{
	struct call *c = arg;
	c->fn(c->arg);
	pthread_mutex_lock(&c->lock);
	c->is_done = true;
	pthread_cond_signal(&c->done);
	pthread_mutex_unlock(&c->lock);
}

void side_loop_call(struct side_loop *s, loop_fn fn, void *arg)
{
	struct call c = {.fn = fn, .arg = arg, .lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};
	loop_post(s->loop, run_call, &c);
	pthread_mutex_lock(&c.lock);
	while (!c.is_done)
		pthread_cond_wait(&c.done, &c.lock);
	pthread_mutex_unlock(&c.lock);
	pthread_mutex_destroy(&c.lock);
	pthread_cond_destroy(&c.done);
}

static void stop(void *arg)
{
	loop_stop(arg);
}

void side_loop_stop(struct side_loop *s)
{
	if (!s)
		return;
	loop_post(s->loop, stop, s->loop); /* not directly: the thread may not have entered the loop yet */
	pthread_join(s->thread, NULL);
	loop_free(s->loop);
	free(s);
}
