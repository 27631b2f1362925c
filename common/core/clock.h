/* clock: the time, as integers with their unit in the name. */
#ifndef COMMON_CORE_CLOCK_H
#define COMMON_CORE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Never goes back; for durations and deadlines. */
static inline uint64_t clock_mono_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t clock_mono_ms(void)
{
	return clock_mono_ns() / 1000000u;
}

/* The same as of the last tick of the kernel, up to 10 ms ago, for a tenth of the price: for what expires. */
static inline uint64_t clock_mono_coarse_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Since the Unix epoch; may jump. */
static inline int64_t clock_wall_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* As clock_mono_coarse_ms(). */
static inline int64_t clock_wall_coarse_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME_COARSE, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline int64_t clock_wall_s(void)
{
	return clock_wall_ms() / 1000;
}

#endif
