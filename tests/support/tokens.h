/* tokens: JSON Web Tokens for tests, signed with OpenSSL directly, with keys made anew in every process. */
#ifndef TESTS_SUPPORT_TOKENS_H
#define TESTS_SUPPORT_TOKENS_H

#include "common/core/arena.h"

/* Makes the keys; before the first test, because each test is a process of its own. Takes a quarter of a second. */
void tokens_init(void);

/* The public key that tokens of this algorithm ("RS256", "ES384", "EdDSA", ...) are signed for, in PEM. */
const char *token_pem(const char *alg);
const char *token_private_pem(const char *alg);

/* The raw signature over a text. secret: for HS*. */
struct slice token_signature(struct arena *a, const char *alg, struct slice secret, struct slice text);
/* header and claims as JSON text (any text, really), with ' for ". */
struct slice token_make(
        struct arena *a, const char *alg, struct slice secret, const char *header, const char *claims);
/* The same with {"typ":"JWT","alg":ALG} as header. */
struct slice token_of(struct arena *a, const char *alg, struct slice secret, const char *claims);
/* base64url of a text with ' for ". */
struct slice token_part(struct arena *a, const char *json);

#endif
