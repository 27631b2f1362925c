/* memory: see memory.h. */
#include "dp/memory.h"

#include <malloc.h>

/* Larger than what requests need. */
enum { LARGE = 4 * 1024 * 1024, TOP_MAX = 1024 * 1024 };
enum { SETTLE_MS = 1000, WORTH_IT = 4 * 1024 * 1024 };

/* Otherwise malloc takes the first large piece that it gets back for a sign that more will follow, and keeps them: in
 * the heap of the thread that writes the configuration to disk, where malloc_trim() does not look at the free end. */
void memory_init(void)
{
	mallopt(M_MMAP_THRESHOLD, LARGE);
	mallopt(M_TRIM_THRESHOLD, TOP_MAX);
}

static void look(void *arg)
{
	struct memory *m = arg;
	size_t idle = mallinfo2().fordblks;

	loop_timer_free(m->timer);
	m->timer = NULL;
	if (idle < m->idle)
		m->idle = idle;
	if (idle - m->idle < WORTH_IT)
		return;
	malloc_trim(0);
	m->idle = idle;
}

void memory_settle(struct memory *m)
{
	if (!m->timer)
		m->timer = loop_timer_new(m->loop, SETTLE_MS, false, look, m);
}

void memory_fini(struct memory *m)
{
	loop_timer_free(m->timer);
}
