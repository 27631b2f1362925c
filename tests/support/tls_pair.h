/* tls_pair: a client and a server of TLS that shake hands in memory. */
#ifndef TESTS_SUPPORT_TLS_PAIR_H
#define TESTS_SUPPORT_TLS_PAIR_H

#include <openssl/ssl.h>
#include <stdbool.h>

struct tls_pair {
	SSL *client, *server;
};

/* Takes both; the client's may have a name and a session set. */
void tls_pair_init(struct tls_pair *p, SSL *client, SSL *server);
/* False: one of the two gave up. After it what the server sends of tickets has been read. */
bool tls_pair_shake(struct tls_pair *p);
void tls_pair_fini(struct tls_pair *p);
/* The session that the client would resume; a reference, the caller's. */
SSL_SESSION *tls_pair_session(struct tls_pair *p);

#endif
