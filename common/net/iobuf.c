/* iobuf: see iobuf.h. The pool is a stack, so that the buffer lent next is the one most likely still in the cache. */
#include "common/net/iobuf.h"

#include <stdlib.h>

struct iobuf *iobuf_get(struct iobuf_pool *p)
{
	struct iobuf *b = p->free;
	if (b) {
		p->free = b->next;
		if (--p->kept < p->unneeded)
			p->unneeded = p->kept;
	} else if (!(b = malloc(sizeof *b)))
		abort();
	p->lent++;
	b->next = NULL;
	b->start = b->end = 0;
	return b;
}

void iobuf_put(struct iobuf_pool *p, struct iobuf *b)
{
	if (!b)
		return;
	p->lent--;
	if (p->kept >= IOBUF_POOL_KEEP) {
		free(b);
		return;
	}
	b->next = p->free;
	p->free = b;
	p->kept++;
}

static size_t free_kept(struct iobuf_pool *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct iobuf *b = p->free;
		p->free = b->next;
		free(b);
	}
	p->kept -= n;
	p->unneeded = p->kept;
	return n * sizeof(struct iobuf);
}

size_t iobuf_pool_sweep(struct iobuf_pool *p)
{
	return free_kept(p, p->unneeded);
}

void iobuf_pool_fini(struct iobuf_pool *p)
{
	free_kept(p, p->kept);
}

void iobuf_compact(struct iobuf *b)
{
	if (b->start == 0)
		return;
	memmove(b->data, b->data + b->start, b->end - b->start);
	b->end -= b->start;
	b->start = 0;
}

void iobuf_append(struct iobuf_pool *p, struct iobuf **first, struct iobuf **last, const char *bytes, size_t n)
{
	while (n) {
		struct iobuf *b = *last;
		if (!b || iobuf_room(b) == 0) {
			b = iobuf_get(p);
			*(*last ? &(*last)->next : first) = b;
			*last = b;
		}
		size_t fits = iobuf_room(b) < n ? iobuf_room(b) : n;
		memcpy(b->data + b->end, bytes, fits);
		b->end += (uint32_t)fits;
		bytes += fits;
		n -= fits;
	}
}

void iobuf_drop(struct iobuf_pool *p, struct iobuf **first, struct iobuf **last, size_t n)
{
	while (n) {
		struct iobuf *b = *first;
		size_t len = b->end - b->start, gone = n < len ? n : len;
		b->start += (uint32_t)gone;
		n -= gone;
		if (b->start < b->end)
			return;
		*first = b->next;
		if (!*first)
			*last = NULL;
		iobuf_put(p, b);
	}
}

void iobuf_put_all(struct iobuf_pool *p, struct iobuf **first, struct iobuf **last)
{
	for (struct iobuf *b = *first, *next; b; b = next) {
		next = b->next;
		iobuf_put(p, b);
	}
	*first = *last = NULL;
}
