/* x509_csr: a node asks for its certificate, and the cluster's CA gives it: the key never leaves the node.
 *
 * Callers: gatectl cluster join and a data plane that renews (ask), the control plane (sign). What a request says of
 * names is not looked at: who signs knows whom it is for. A request proves only that the sender has the key. */
#ifndef COMMON_CRYPTO_X509_CSR_H
#define COMMON_CRYPTO_X509_CSR_H

#include "common/core/text.h"
#include "common/crypto/digest.h"
#include "common/crypto/x509.h"

enum { X509_PEM_MAX = 16 * 1024 };

/* Appends a new key (EC P-256), PKCS#8 in PEM, not encrypted. */
bool x509_new_key(struct text *pem, struct err *e);
/* Appends a certificate request for the key in key_pem (other PEM blocks around it do not matter). */
bool x509_ask(struct slice key_pem, struct text *csr_pem, struct err *e);

/* Appends a node's certificate for the key of the request, as x509_make_node() makes it: names and dates are r's.
 * Refused: a broken request or one that was not signed with its key, keys other than EC P-256 and P-384. *info: of
 * what was made. */
bool x509_sign_asked(const struct x509_request *r, struct slice csr_pem, const char *ca_cert_path,
        const char *ca_key_path, struct text *cert_pem, struct x509_info *info, struct err *e);
/* Appends a certificate like that in the file, with the same key and names, and other dates. */
bool x509_sign_again(const char *cert_path, int64_t not_before_s, int64_t not_after_s, const char *ca_cert_path,
        const char *ca_key_path, struct text *cert_pem, struct err *e);

/* Appends the private key in a PEM file, which nobody else may read, as x509_new_key() does. */
bool x509_key_of(const char *path, struct text *pem, struct err *e);

/* Is the certificate for that key? */
bool x509_is_for_key(struct slice cert_pem, struct slice key_pem, struct err *e);

/* When a certificate is to be renewed: so many days before its end, and a third of its life at the most. */
int64_t x509_renewal_s(const struct x509_info *info, int64_t days);

/* SHA-256 of the first certificate in a PEM file: what tells one cluster's CA from another's. */
bool x509_fingerprint(const char *path, unsigned char out[SHA256_SIZE], struct err *e);
/* Of a server that showed this chain (its own first): the CA with that fingerprint is in it, vouches for the server,
 * and allows it to be one. Appends the CA as PEM. */
bool x509_find_ca(
        STACK_OF(X509) * chain, const unsigned char fingerprint[SHA256_SIZE], struct text *ca_pem, struct err *e);
/* Appends the first certificate in a PEM file as PEM. */
bool x509_pem_of(const char *path, struct text *pem, struct err *e);

#endif
