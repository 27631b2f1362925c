/* x509_private: what the making of certificates shares (x509.c) with asking for them (x509_csr.c). */
#ifndef COMMON_CRYPTO_X509_PRIVATE_H
#define COMMON_CRYPTO_X509_PRIVATE_H

#include "common/crypto/x509.h"

/* "what: OpenSSL's reason"; false. */
bool x509_fail(struct err *e, const char *what);
/* Of a PEM file; NULL with the reason. The caller frees. */
X509 *x509_read_cert(const char *path, struct err *e);
EVP_PKEY *x509_read_key(const char *path, struct err *e);

bool x509_check_request(const struct x509_request *r, struct err *e);
/* Everything but extensions and signature. issuer NULL: itself. */
X509 *x509_new_cert(const struct x509_request *r, EVP_PKEY *key, X509 *issuer);
/* As it is there; nothing when it is not. */
bool x509_copy_extension(X509 *to, const X509 *from, int nid);
/* A node's extensions, and the CA's signature. */
bool x509_sign_node(X509 *cert, const struct x509_request *r, X509 *ca, EVP_PKEY *ca_key);

#endif
