/* password: secrets that are kept as a hash which is slow to compute: PBKDF2 with SHA-512 (RFC 8018), written as
 * "$pbkdf2-sha512$i=10000,l=32$<salt>$<hash>", both in base64 without padding. */
#ifndef COMMON_CRYPTO_PASSWORD_H
#define COMMON_CRYPTO_PASSWORD_H

#include "common/core/arena.h"

#define PASSWORD_FORM "$pbkdf2-sha512$i=10000,l=32$"

/* With a fresh salt; on the arena. */
struct slice password_hash(struct arena *a, struct slice secret);
/* Is it the work of password_hash()? */
bool password_is_hash(struct slice text);
/* Takes the same time for every wrong secret. False also when hash is none. */
bool password_matches(struct slice secret, struct slice hash);

#endif
