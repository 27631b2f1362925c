/* jws: signatures of tokens in the compact form of JSON Web Signature (RFC 7515), with the algorithms of RFC 7518 and
 * RFC 8037.
 *
 * A key is made for one algorithm and verifies with that one only: what a token says about itself never chooses how
 * it is verified. There is no "none". A key is read-only: any thread may use it. */
#ifndef COMMON_CRYPTO_JWS_H
#define COMMON_CRYPTO_JWS_H

#include "common/core/arena.h"
#include "common/core/err.h"

enum jws_alg {
	JWS_NONE, /* not one of ours */
	JWS_HS256,
	JWS_HS384,
	JWS_HS512,
	JWS_RS256,
	JWS_RS384,
	JWS_RS512,
	JWS_ES256,
	JWS_ES384,
	JWS_ES512,
	JWS_PS256,
	JWS_PS384,
	JWS_PS512,
	JWS_EDDSA,
	JWS_ALGS
};

enum jws_alg jws_alg_of(struct slice name); /* exact spelling: "HS256", "EdDSA" */
static inline bool jws_is_secret(enum jws_alg alg)
{
	return alg >= JWS_HS256 && alg <= JWS_HS512;
}

/* ---- keys ------------------------------------------------------------------------------------------------------ */

struct jws_key;

/* For HS*: the bytes of a shared secret, not empty. NULL: empty, or another algorithm. */
struct jws_key *jws_key_secret(enum jws_alg alg, struct slice secret);
/* For the others: a public key in PEM ("PUBLIC KEY", "RSA PUBLIC KEY"; of a private key the public part is taken).
 * NULL with e when it cannot be read or is not of the algorithm's kind: RSA; for ES* the curve of that name; Ed25519
 * or Ed448. */
struct jws_key *jws_key_pem(enum jws_alg alg, struct slice pem, struct err *e);
void jws_key_free(struct jws_key *k); /* NULL is fine */
/* Can jws_key_pem() read it, whatever its kind? */
bool jws_pem_is_key(struct slice pem);

/* ---- tokens ---------------------------------------------------------------------------------------------------- */

struct jws {
	struct slice signed_part;     /* of the token: what the signature is over */
	struct slice header, payload; /* decoded, on the arena; not looked at otherwise */
	struct slice signature;       /* decoded; unset: not base64url */
};

/* Takes header.payload.signature apart. False unless there are two dots or more and the first two parts are base64url
 * without padding, in the one spelling that encoders produce. */
bool jws_split(struct arena *a, struct slice token, struct jws *out);
/* ECDSA signatures are the two numbers behind each other, each as long as the curve's order (RFC 7518 3.4). */
bool jws_verify(const struct jws_key *k, const struct jws *t);

#endif
