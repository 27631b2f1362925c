/* thread: see thread.h. */
#include "common/core/thread.h"

#include <signal.h>
#include <time.h>

static int start(pthread_t *t, const pthread_attr_t *how, void *(*fn)(void *arg), void *arg)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int problem = pthread_create(t, how, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return problem;
}

int thread_start(pthread_t *t, void *(*fn)(void *arg), void *arg)
{
	return start(t, NULL, fn, arg);
}

int thread_start_detached(void *(*fn)(void *arg), void *arg)
{
	pthread_attr_t detached;
	pthread_t t;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	int problem = start(&t, &detached, fn, arg);
	pthread_attr_destroy(&detached);
	return problem;
}

bool thread_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t until_ms)
{
	struct timespec until = {.tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000};
	return pthread_cond_clockwait(cond, lock, CLOCK_MONOTONIC, &until) == 0;
}
