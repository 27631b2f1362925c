/* What jws.c and jws_key.c share. */
#ifndef COMMON_CRYPTO_JWS_PRIVATE_H
#define COMMON_CRYPTO_JWS_PRIVATE_H

#include <openssl/evp.h>

#include "common/crypto/hmac.h"
#include "common/crypto/jws.h"

/* Two numbers of 66 bytes with a sign byte, their headers, the sequence's. */
enum { ECDSA_DER_MAX = 2 * (66 + 1 + 3) + 4 };

struct jws_key {
	struct hmac_key *hmac; /* HS*, or the rest: */
	EVP_PKEY *pkey;
	const EVP_MD *md; /* NULL for EdDSA, which has its own */
	bool is_pss, is_ecdsa;
	size_t signature_size; /* in bytes, the only one that can be right */
};

#endif
