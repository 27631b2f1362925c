/* arena: memory that dies together.
 *
 * Allocations are never freed singly; arena_reset() and arena_fini() end them all and first run the cleanups that
 * were deferred, last in, first out. Out of memory aborts: what a client can enlarge is limited before it gets here.
 * Not thread-safe. A pointer from an arena is 16-byte aligned. */
#ifndef COMMON_CORE_ARENA_H
#define COMMON_CORE_ARENA_H

#include "common/core/slice.h"

struct arena_chunk;
struct arena_cleanup;

struct arena {
	char *at, *end; /* free part of the newest chunk */
	struct arena_chunk *chunks;
	struct arena_cleanup *cleanups;
	size_t used;  /* bytes in chunks, for limits and metrics */
	size_t first; /* size of the first chunk; 0: the usual */
};

typedef void (*arena_cleanup_fn)(void *arg);

void arena_init(struct arena *a);
/* For things of which there are very many: the first chunk has `first` bytes instead of the usual few KiB. */
void arena_init_small(struct arena *a, size_t first);
void arena_fini(struct arena *a);

/* Runs the cleanups and forgets all allocations; keeps one chunk for the next use. */
void arena_reset(struct arena *a);

/* Bytes handed out, each allocation rounded up: an arena of the same allocations needs a chunk of so many. More when
 * it has taken several chunks, by what was left at the end of each. */
static inline size_t arena_taken(const struct arena *a)
{
	return a->used - (size_t)(a->end - a->at);
}

void *arena_alloc_slow(struct arena *a, size_t size);

/* size bytes, not zeroed. size 0 gives a valid pointer. */
static inline void *arena_alloc(struct arena *a, size_t size)
{
	size_t n = ((size ? size : 1) + 15) & ~(size_t)15;
	if (__builtin_expect(n <= (size_t)(a->end - a->at) && n >= size, 1)) {
		void *p = a->at;
		a->at += n;
		return p;
	}
	return arena_alloc_slow(a, size);
}

/* As arena_alloc, zeroed. */
void *arena_zalloc(struct arena *a, size_t size);
#define arena_new(a, type)      ((type *)arena_zalloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_zalloc((a), sizeof(type) * (size_t)(n)))

/* Copies; the result has a NUL behind it that is not counted. An unset slice stays unset. */
struct slice arena_dup(struct arena *a, struct slice s);
char *arena_cstr(struct arena *a, struct slice s);
/* All parts behind each other: what arena_printf() does with "%.*s%.*s", at the cost of a copy. */
struct slice arena_join(struct arena *a, const struct slice *parts, size_t n);
#define ARENA_JOIN(a, ...)                                   \
	arena_join((a), (const struct slice[]){__VA_ARGS__}, \
	        sizeof((struct slice[]){__VA_ARGS__}) / sizeof(struct slice))
/* n in decimal digits. */
struct slice arena_decimal(struct arena *a, int64_t n);
struct slice arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* fn(arg) runs once, when the arena is reset or ended. */
struct arena_cleanup *arena_defer(struct arena *a, arena_cleanup_fn fn, void *arg);
/* The cleanup will not run. */
void arena_undefer(struct arena_cleanup *c);

#endif
