/* hmac: message authentication codes (RFC 2104) with keys that are prepared once and used often.
 *
 * A prepared key is read-only: any thread may use it. */
#ifndef COMMON_CRYPTO_HMAC_H
#define COMMON_CRYPTO_HMAC_H

#include "common/core/slice.h"

enum hmac_digest { HMAC_SHA1, HMAC_SHA256, HMAC_SHA384, HMAC_SHA512 };
enum { HMAC_MAX_SIZE = 64 };

struct hmac_key;

struct hmac_key *hmac_key_new(enum hmac_digest digest, struct slice secret); /* never NULL; the secret may be empty */
void hmac_key_free(struct hmac_key *k);                                      /* NULL is fine */

/* Returns the size of the code: 20, 32, 48 or 64 bytes. */
size_t hmac_sign(const struct hmac_key *k, struct slice in, unsigned char out[HMAC_MAX_SIZE]);
/* Is `code` the code of `in`, in full length? Takes the same time wherever it differs. */
bool hmac_verify(const struct hmac_key *k, struct slice in, struct slice code);

#endif
