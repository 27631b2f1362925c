/* guarded: bytes that end where readable memory ends. A read of one byte too many is a crash in every build. */
#ifndef TESTS_SUPPORT_GUARDED_H
#define TESTS_SUPPORT_GUARDED_H

#include <stddef.h>

struct guarded {
	char *map;
	size_t size; /* readable bytes; behind them is a page that is not */
};

void guarded_init(struct guarded *g, size_t most);
void guarded_fini(struct guarded *g);
/* Copies n bytes (at most `most`) to the very end and returns where they are. Ends the validity of earlier copies. */
char *guarded_put(struct guarded *g, const char *bytes, size_t n);

#endif
