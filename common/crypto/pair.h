/* pair: a certificate with its private key and the chain that leads to its authority, read once and shared by any
 * number of handshakes. Who presents it is common/net/tls.h.
 *
 * Invariant: cert and key belong together. A zeroed pair is none. After it was read it is only read, by any thread.
 */
#ifndef COMMON_CRYPTO_PAIR_H
#define COMMON_CRYPTO_PAIR_H

#include <openssl/x509.h>

#include "common/core/err.h"
#include "common/core/slice.h"

struct pair {
	X509 *cert; /* NULL: none */
	EVP_PKEY *key;
	STACK_OF(X509) * chain; /* without cert itself; NULL: it stands alone */
};

/* cert: PEM, the certificate first, what follows is the chain; key: PEM without a passphrase. False with e, out
 * zeroed, when either cannot be read or they do not belong together. */
bool pair_read(struct pair *out, struct slice cert, struct slice key, struct err *e);
/* Another hold on the same. */
void pair_share(struct pair *out, const struct pair *from);
void pair_fini(struct pair *p);

#endif
