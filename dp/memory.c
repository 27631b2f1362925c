/* memory: see memory.h. */
#include "dp/memory.h"

#include <malloc.h>

enum { SETTLE_MS = 1000, WORTH_IT = 4 * 1024 * 1024 };

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
