/* join_token: what lets one new node into the cluster, once. The text names the token, holds its secret, and says
 * which CA the control plane must belong to, so that the first contact is with the right one and with nobody in
 * between.
 *
 * What is kept of it in the database is a digest of the secret: 256 random bits, so a plain one is enough. */
#ifndef COMMON_SYNC_JOIN_TOKEN_H
#define COMMON_SYNC_JOIN_TOKEN_H

#include "common/crypto/digest.h"

enum { JOIN_SECRET = 32, JOIN_TOKEN_TEXT = 4 + 107 };

struct join_token {
	struct uuid id;
	unsigned char secret[JOIN_SECRET], ca[SHA256_SIZE]; /* ca: x509_fingerprint() */
};

/* A new one. */
void join_token_new(const unsigned char ca[SHA256_SIZE], struct join_token *out);
void join_token_text(const struct join_token *t, char out[JOIN_TOKEN_TEXT + 1]); /* "ghj_..." */
bool join_token_parse(struct slice text, struct join_token *out);
void join_token_digest(struct slice secret, char out[SHA256_HEX + 1]);

#endif
