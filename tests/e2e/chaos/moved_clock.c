/* moved_clock: a wall clock that can be moved, for one program; built by test_clock_moved.py and loaded with
 * LD_PRELOAD. GATEHOUSE_MOVED_CLOCK names a file of 8 bytes, the seconds that are added (int64_t, as this machine has
 * it); whoever changes the file changes the time at once. Monotonic clocks are as they are. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset_s;

__attribute__((constructor)) static void load(void)
{
	int fd = open(getenv("GATEHOUSE_MOVED_CLOCK"), O_RDONLY | O_CLOEXEC);
	void *at = mmap(NULL, sizeof *offset_s, PROT_READ, MAP_SHARED, fd, 0);
	if (fd < 0 || at == MAP_FAILED)
		abort();
	close(fd);
	offset_s = at;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	int result = (int)syscall(SYS_clock_gettime, clock, t);
	if (result == 0 && offset_s && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		t->tv_sec += *offset_s;
	return result;
}

time_t time(time_t *out)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME_COARSE, &t);
	if (out)
		*out = t.tv_sec;
	return t.tv_sec;
}

int gettimeofday(struct timeval *out, void *zone)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	*out = (struct timeval){.tv_sec = t.tv_sec, .tv_usec = t.tv_nsec / 1000};
	return 0;
}
