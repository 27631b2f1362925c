/* token: secrets that a client shows, and what is kept of them.
 *
 * A token is "gh_<id>_<secret>": 32 hexadecimal digits that say whose it is, so that finding the holder needs no
 * secret, and 43 random characters (256 bits). Kept is a digest, "<salt>$<HMAC-SHA-256 of the token with the salt as
 * key>" in hexadecimal: nobody gets the token back out of a database or a settings file. The secret is random, so a
 * fast digest is enough: there is no dictionary to go through. */
#ifndef COMMON_CRYPTO_TOKEN_H
#define COMMON_CRYPTO_TOKEN_H

#include "common/crypto/digest.h"

enum { TOKEN_SECRET = 43, TOKEN_TEXT = 3 + 32 + 1 + TOKEN_SECRET };
enum { TOKEN_SALT = 16, TOKEN_DIGEST = 2 * TOKEN_SALT + 1 + SHA256_HEX };

/* Makes a token for the holder with this id, and its digest; both NUL-terminated. */
void token_new(const struct uuid *id, char token[TOKEN_TEXT + 1], char digest[TOKEN_DIGEST + 1]);
/* Whose token it claims to be. False: not of the form of a token. */
bool token_id(struct slice token, struct uuid *out);
/* Was this digest made of this token? Takes the same time for every token, right or wrong; a digest that is unset or
 * not of the form belongs to no token, and takes that time too. */
bool token_is(struct slice token, struct slice digest);
/* Is it of the form of a digest? */
bool is_token_digest(struct slice digest);

#endif
