/* secret: comparing secrets. */
#ifndef COMMON_CRYPTO_SECRET_H
#define COMMON_CRYPTO_SECRET_H

#include <openssl/crypto.h>

#include "common/core/slice.h"

/* Are both the same bytes? How long it takes says nothing about where they differ; it does say whether their lengths
 * do. */
static inline bool secret_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}

#endif
