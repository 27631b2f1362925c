/* seal: bytes made unreadable and unchangeable without a key: AES-256-GCM in a small envelope.
 *
 * Envelope: 8 bytes of magic, 12 of nonce (random, fresh for each seal), the ciphertext, 16 of tag. The magic and the
 * caller's label are authenticated too, so what was sealed for one purpose does not open for another. The tag is also
 * the checksum: a damaged or cut envelope does not open. */
#ifndef COMMON_CRYPTO_SEAL_H
#define COMMON_CRYPTO_SEAL_H

#include "common/core/err.h"
#include "common/core/text.h"

enum { SEAL_KEY = 32, SEAL_OVERHEAD = 8 + 12 + 16 };

struct seal_key {
	unsigned char bytes[SEAL_KEY];
};

/* Reads the key file; makes it (0600, 32 random bytes) when there is none. Refuses a file of another size and one
 * that others can read. */
bool seal_key_file(const char *path, struct seal_key *out, struct err *e);
/* HKDF-SHA-256 of a secret of any length; label keeps keys for different purposes apart. */
void seal_key_derive(struct slice secret, struct slice label, struct seal_key *out);

/* Appends the envelope of `plain` to out. */
void seal(const struct seal_key *key, struct slice label, struct slice plain, struct text *out);
/* Appends the content to out. False with e, and out as it was, when the envelope is damaged or of another key or
 * label. */
bool seal_open(
        const struct seal_key *key, struct slice label, struct slice envelope, struct text *out, struct err *e);

#endif
