/* x509: the cluster's certificates: a CA and one certificate per node (EC P-256, SHA-256), as PEM files.
 *
 * Callers: gatectl (makes them), sync/link (reads the peer's node id), status pages (expiry). A node's identity is
 * the CN of its certificate. Keys are written with mode 0600, PKCS#8, not encrypted. */
#ifndef COMMON_CRYPTO_X509_H
#define COMMON_CRYPTO_X509_H

#include <openssl/x509.h>

#include "common/core/arena.h"
#include "common/core/err.h"

enum { X509_CN = 64 };

struct x509_request {
	const char *common_name; /* at most X509_CN bytes; a node's is its UUID */
	const char *const *dns;  /* DNS names for the SAN; an IP literal becomes an IP entry */
	size_t dns_count;
	const X509 *names_of; /* NULL, or: the SAN is that of this certificate, whatever stands beside */
	const char *uri;      /* for the SAN; NULL: "urn:uuid:<common name>" when that is a UUID, else none */
	int64_t not_before_s, not_after_s; /* wall clock, seconds */
	/* Without serverAuth: the holder can act as a data plane only, and nobody takes it for a control plane. */
	bool client_only;
	bool rsa; /* a key of RSA, 2048 bits, where another is not laid down: self-signed ones only */
};

/* Makes a self-signed CA (pathlen 0) and its key. Existing files are replaced. */
bool x509_make_ca(const struct x509_request *r, const char *cert_path, const char *key_path, struct err *e);
/* Makes a node's certificate, signed by the CA of the two PEM files, and its key. */
bool x509_make_node(const struct x509_request *r, const char *ca_cert_path, const char *ca_key_path,
        const char *cert_path, const char *key_path, struct err *e);

/* Makes a certificate that vouches for itself, and its key: what a listener shows until it is given a real one. */
bool x509_make_self_signed(const struct x509_request *r, const char *cert_path, const char *key_path, struct err *e);

struct x509_info {
	char common_name[X509_CN + 1];
	int64_t not_before_s, not_after_s;
	char serial[2 * 20 + 1]; /* hexadecimal, lower case */
	/* serverAuth stands in it: a control plane's. One that says nothing of usages is nobody's. */
	bool is_server;
};
/* Of the first certificate in a PEM file. */
bool x509_read(const char *path, struct x509_info *out, struct err *e);
bool x509_describe(const X509 *cert, struct x509_info *out, struct err *e);

/* The names of a certificate's holder, each with what it is: the subject as in RFC 2253 ("CN=ops,O=Example"), then
 * the alternative names of types "DNS:", "email:" and "URI:". A name with a NUL in it is left out. At most max go to
 * out; returns how many. */
size_t x509_names(const X509 *cert, struct arena *a, struct slice *out, size_t max);

/* The newest error of OpenSSL's queue of this thread in words, and empties the queue. */
const char *x509_error(char *out, size_t size);

#endif
