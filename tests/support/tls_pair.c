/* tls_pair: see tls_pair.h. */
#include "tests/support/tls_pair.h"

#include <openssl/err.h>

void tls_pair_init(struct tls_pair *p, SSL *client, SSL *server)
{
	BIO *a, *b;

	*p = (struct tls_pair){client, server};
	BIO_new_bio_pair(&a, 0, &b, 0);
	SSL_set_bio(client, a, a);
	SSL_set_bio(server, b, b);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
}

/* 1: done; 0: waits; -1: failed. */
static int step(SSL *tls)
{
	int r = SSL_do_handshake(tls), why = r == 1 ? 0 : SSL_get_error(tls, r);

	return r == 1 ? 1 : why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

bool tls_pair_shake(struct tls_pair *p)
{
	char byte;
	int client = 0, server = 0;

	for (int turn = 0; turn < 20 && (client != 1 || server != 1); turn++) {
		client = step(p->client);
		server = step(p->server);
		if (client < 0 || server < 0)
			break;
	}
	ERR_clear_error();
	if (client != 1 || server != 1)
		return false;
	SSL_read(p->client, &byte, 1);
	ERR_clear_error();
	return true;
}

void tls_pair_fini(struct tls_pair *p)
{
	SSL_free(p->client);
	SSL_free(p->server);
	*p = (struct tls_pair){0};
}

SSL_SESSION *tls_pair_session(struct tls_pair *p)
{
	SSL_shutdown(p->client); /* else the session is given up with the connection */
	return SSL_get1_session(p->client);
}
