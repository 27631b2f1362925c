/* iobuf: a fixed-size buffer for bytes from or to a socket, and the pool that lends them.
 *
 * Invariant: start <= end <= IOBUF_SIZE; [start, end) is what was received and not yet consumed (or written and not
 * yet sent). Idle connections hold no buffers. */
#ifndef COMMON_NET_IOBUF_H
#define COMMON_NET_IOBUF_H

#include "common/core/slice.h"

enum { IOBUF_SIZE = 64 * 1024, IOBUF_POOL_KEEP = 64 };

struct iobuf {
	struct iobuf *next; /* in the pool, or in a queue of buffers to send */
	uint32_t start, end;
	char data[IOBUF_SIZE];
};

struct iobuf_pool {
	struct iobuf *free;
	unsigned kept, lent;
	unsigned unneeded; /* the fewest that were kept since the last sweep */
};

struct iobuf *iobuf_get(struct iobuf_pool *p);         /* empty; never NULL */
void iobuf_put(struct iobuf_pool *p, struct iobuf *b); /* NULL is fine */
/* Gives back what was not needed since the last call; returns bytes. */
size_t iobuf_pool_sweep(struct iobuf_pool *p);
void iobuf_pool_fini(struct iobuf_pool *p);

static inline struct slice iobuf_slice(const struct iobuf *b)
{
	return slice_of(b->data + b->start, b->end - b->start);
}
static inline size_t iobuf_room(const struct iobuf *b)
{
	return IOBUF_SIZE - b->end;
}
static inline void iobuf_consume(struct iobuf *b, size_t n)
{
	b->start += (uint32_t)n;
	if (b->start == b->end)
		b->start = b->end = 0;
}
/* A chain of buffers, oldest first: copies n bytes to its end, or drops them at its front. first and last are NULL
 * when it is empty. */
void iobuf_append(struct iobuf_pool *p, struct iobuf **first, struct iobuf **last, const char *bytes, size_t n);
void iobuf_drop(struct iobuf_pool *p, struct iobuf **first, struct iobuf **last, size_t n);
void iobuf_put_all(struct iobuf_pool *p, struct iobuf **first, struct iobuf **last);
/* Moves the unconsumed bytes to the front. */
void iobuf_compact(struct iobuf *b);

#endif
