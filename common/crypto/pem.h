/* pem: certificates and keys out of PEM text that somebody typed or sent (RFC 7468).
 *
 * Text before, between and after the blocks is ignored. Keys behind a passphrase are refused: there is nobody to ask.
 * Nothing of a key ever gets into a message. The caller frees what is returned with OpenSSL's own functions. */
#ifndef COMMON_CRYPTO_PEM_H
#define COMMON_CRYPTO_PEM_H

#include <openssl/x509.h>

#include "common/core/err.h"
#include "common/core/slice.h"

/* The first certificate; all that follow in the text must be readable too. NULL with e. */
X509 *pem_certificate(struct slice text, struct err *e);
/* All of them, in their order; at least one. NULL with e. Freed with sk_X509_pop_free(). */
STACK_OF(X509) * pem_chain(struct slice text, struct err *e);
/* How many certificate blocks there are. */
size_t pem_certificate_count(struct slice text);
EVP_PKEY *pem_private_key(struct slice text, struct err *e);
EVP_PKEY *pem_public_key(struct slice text, struct err *e);

#endif
