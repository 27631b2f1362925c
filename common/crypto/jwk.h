/* jwk: JSON Web Keys (RFC 7517, RFC 7518 section 6, RFC 8037) as OpenSSL keys. Only public-key kinds: RSA, EC and
 * OKP; a shared secret ("oct") is no key here. */
#ifndef COMMON_CRYPTO_JWK_H
#define COMMON_CRYPTO_JWK_H

#include <jansson.h>
#include <openssl/evp.h>

#include "common/core/err.h"

/* The key, with its private part when the JWK has one. NULL with e when a member is missing, is not base64url, or the
 * numbers are no key of that kind. The caller frees it with EVP_PKEY_free(). */
EVP_PKEY *jwk_key(const json_t *jwk, struct err *e);

#endif
