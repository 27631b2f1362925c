/* guarded: see guarded.h. */
#include "tests/support/guarded.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void guarded_init(struct guarded *g, size_t most)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	g->size = (most + page - 1) / page * page;
	if (g->size == 0)
		g->size = page;
	g->map = mmap(NULL, g->size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (g->map == MAP_FAILED || mprotect(g->map + g->size, page, PROT_NONE) != 0)
		abort();
}

void guarded_fini(struct guarded *g)
{
	munmap(g->map, g->size + (size_t)sysconf(_SC_PAGESIZE));
}

char *guarded_put(struct guarded *g, const char *bytes, size_t n)
{
	if (n > g->size)
		abort();
	char *at = g->map + g->size - n;
	if (n)
		memcpy(at, bytes, n);
	return at;
}
