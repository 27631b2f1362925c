/* tls: OpenSSL contexts for listeners and for connections to others.
 *
 * A context is made once and shared by all threads; each connection takes a fresh SSL from it and gives it to
 * conn_accepted() or conn_connect(). TLS 1.2 and up, no renegotiation, no compression. */
#ifndef COMMON_NET_TLS_H
#define COMMON_NET_TLS_H

#include <openssl/ssl.h>

#include "common/core/err.h"
#include "common/core/slice.h"
#include "common/crypto/pair.h"

struct tls_server_conf {
	const char *cert, *key; /* PEM files; the first may hold a whole chain */
	const char *alpn;       /* "h2,http/1.1", most wanted first; NULL: none */
	const char *ciphers;    /* of TLS 1.2, OpenSSL's syntax; NULL: OpenSSL's default */
	int min_version;        /* TLS1_2_VERSION when 0 */
	/* PEM file: clients are asked for a certificate of these authorities. One that shows none goes on without;
	 * one that shows another does not get in. NULL: clients are not asked. */
	const char *client_ca;
};

struct tls_client_conf {
	const char *ca;         /* PEM file; NULL: the system's */
	const char *cert, *key; /* PEM files of a client certificate; NULL: none */
	const char *alpn;
	bool insecure;    /* the peer's certificate is not looked at */
	int verify_depth; /* 0: OpenSSL's default */
};

/* NULL and e on failure. Freed with SSL_CTX_free(). */
SSL_CTX *tls_server_new(const struct tls_server_conf *conf, struct err *e);
SSL_CTX *tls_client_new(const struct tls_client_conf *conf, struct err *e);

/* The ground that the two above stand on, for who needs a context that they do not make: TLS 1.2 and up, no
 * renegotiation, no compression, idle connections without buffers. */
SSL_CTX *tls_context_new(bool is_server);
/* Which of these protocols ("h2,http/1.1", most wanted first) the client also offers. */
bool tls_choose_alpn(SSL_CTX *ctx, const char *list, struct err *e);
/* Presents the pair, beside those of other types of keys. False: OpenSSL does not want it (too weak for the level of
 * security). */
bool tls_add_pair(SSL_CTX *ctx, const struct pair *p, struct err *e);
/* Presents this pair, and the alternative unless it is zeroed, in place of those of the context. */
bool tls_use_pairs(SSL *tls, const struct pair *p, const struct pair *alternative);

/* A fresh SSL for one connection. */
SSL *tls_accept(SSL_CTX *ctx);
/* host: sent as SNI (unless it is an address) and, unless the context is insecure, what the certificate must name.
 * NULL: neither. */
SSL *tls_connect(SSL_CTX *ctx, const char *host);

/* The certificate that the peer has shown and that was verified; NULL: none. Freed with X509_free(). */
X509 *tls_peer(const SSL *tls);
/* The protocol that ALPN chose; unset when none. */
struct slice tls_alpn(const SSL *tls);

#endif
