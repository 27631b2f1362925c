/* thread: threads beside the event loops. */
#ifndef COMMON_CORE_THREAD_H
#define COMMON_CORE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Starts fn(arg) on a thread that no signal interrupts: signals are the main thread's. 0, or an errno. */
int thread_start(pthread_t *t, void *(*fn)(void *arg), void *arg);
/* The same for one that nobody joins. */
int thread_start_detached(void *(*fn)(void *arg), void *arg);

/* Waits on a condition, whatever its own clock, until a moment of clock_mono_ms(). False: it has come. True: woken,
 * perhaps for nothing. */
bool thread_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t until_ms);

#endif
