/* tls_memory: see tls_memory.h. A block is recognised by its size, which malloc knows. */
#include "common/net/tls_memory.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

enum { SMALLEST = 16 * 1024, BLOCK = 20 * 1024, SLACK = 64, KEEP = 32 };

struct block {
	struct block *next;
};

static __thread struct block *spare;
static __thread unsigned spares;
static pthread_key_t at_end; /* set in threads that have kept something */

/* A thread ends. */
static void free_spares(void *ignored)
{
	for (struct block *next; spare; spare = next) {
		next = spare->next;
		free(spare);
	}
	spares = 0;
}

static void *take(size_t n, const char *file, int line)
{
	if (n < SMALLEST || n > BLOCK)
		return malloc(n);
	struct block *b = spare;
	if (!b)
		return malloc(BLOCK);
	spare = b->next;
	spares--;
	return b;
}

static void give(void *p, const char *file, int line)
{
	size_t n = p ? malloc_usable_size(p) : 0;

	if (n < BLOCK || n > BLOCK + SLACK || spares == KEEP) {
		free(p);
		return;
	}
	struct block *b = p;
	if (spares == 0)
		pthread_setspecific(at_end, &at_end);
	b->next = spare;
	spare = b;
	spares++;
}

static void *resize(void *p, size_t n, const char *file, int line)
{
	if (n == 0) {
		give(p, file, line);
		return NULL;
	}
	return realloc(p, n);
}

bool tls_memory_init(void)
{
	if (pthread_key_create(&at_end, free_spares) != 0)
		return false;
	return CRYPTO_set_mem_functions(take, resize, give) == 1;
}
