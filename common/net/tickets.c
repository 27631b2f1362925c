/* tickets: see tickets.h. Handshakes of all workers read the keys without a lock: a ring of keys never changes after
 * it was published, and one that was replaced is freed by the rotation after the next, when no callback can still be
 * looking at it. */
#include "common/net/tickets.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { GENERATIONS = 3, NAME = 16, CIPHER_KEY = 32, MAC_KEY = 32 };

struct key {
	unsigned char name[NAME], cipher[CIPHER_KEY], mac[MAC_KEY];
};

struct ring {
	struct key keys[GENERATIONS]; /* the current one first */
	int count;
};

struct tickets {
	_Atomic(struct ring *) ring;
	struct ring *replaced[2];
	EVP_CIPHER *cipher; /* fetched once: a look-up by name for each handshake would cost more than sealing */
};

static int tickets_index;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_index(void)
{
	tickets_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

static struct ring *new_ring(const struct ring *before)
{
	struct ring *r = calloc(1, sizeof *r);
	if (!r || RAND_priv_bytes((unsigned char *)&r->keys[0], sizeof r->keys[0]) != 1)
		abort();
	r->count = before && before->count < GENERATIONS ? before->count + 1 : before ? GENERATIONS : 1;
	if (before)
		memcpy(&r->keys[1], &before->keys[0], sizeof r->keys[0] * (size_t)(r->count - 1));
	return r;
}

static void free_ring(struct ring *r)
{
	if (r)
		OPENSSL_cleanse(r, sizeof *r);
	free(r);
}

struct tickets *tickets_new(void)
{
	struct tickets *t = calloc(1, sizeof *t);
	if (!t)
		abort();
	pthread_once(&once, make_index);
	t->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	if (!t->cipher)
		abort();
	atomic_init(&t->ring, new_ring(NULL));
	return t;
}

void tickets_free(struct tickets *t)
{
	if (!t)
		return;
	free_ring(t->replaced[0]);
	free_ring(t->replaced[1]);
	free_ring(atomic_load(&t->ring));
	EVP_CIPHER_free(t->cipher);
	free(t);
}

void tickets_rotate(struct tickets *t)
{
	struct ring *now = atomic_load_explicit(&t->ring, memory_order_relaxed);

	free_ring(t->replaced[1]);
	t->replaced[1] = t->replaced[0];
	t->replaced[0] = now;
	atomic_store_explicit(&t->ring, new_ring(now), memory_order_release);
}

/* ---- handshakes ----------------------------------------------------------------------------------------------- */

static bool set_mac(EVP_MAC_CTX *mac, const struct key *k)
{
	OSSL_PARAM params[] = {
	        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)k->mac, sizeof k->mac),
	        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
	        OSSL_PARAM_construct_end(),
	};
	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static int seal(const struct tickets *t, const struct ring *r, unsigned char *name, unsigned char *iv,
        EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	const struct key *k = &r->keys[0];

	memcpy(name, k->name, NAME);
	if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(t->cipher)) != 1 ||
	        EVP_EncryptInit_ex(cipher, t->cipher, NULL, k->cipher, iv) != 1 || !set_mac(mac, k))
		return -1;
	return 1;
}

enum { UNKNOWN = 0, GOOD = 1, RENEW = 2 }; /* what OpenSSL wants to hear */

/* Clients of TLS 1.3 use a ticket once (RFC 8446 C.4), so that each needs another. */
static int unseal(const SSL *tls, const struct tickets *t, const struct ring *r, const unsigned char *name,
        const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	int at = 0;

	while (at < r->count && memcmp(r->keys[at].name, name, NAME) != 0)
		at++;
	if (at == r->count)
		return UNKNOWN;
	if (!set_mac(mac, &r->keys[at]) || EVP_DecryptInit_ex(cipher, t->cipher, NULL, r->keys[at].cipher, iv) != 1)
		return -1;
	return at == 0 && SSL_version(tls) != TLS1_3_VERSION ? GOOD : RENEW;
}

static int on_ticket(
        SSL *tls, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing)
{
	const struct tickets *t = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(tls), tickets_index);
	const struct ring *r = atomic_load_explicit(&t->ring, memory_order_acquire);

	return sealing ? seal(t, r, name, iv, cipher, mac) : unseal(tls, t, r, name, iv, cipher, mac);
}

void tickets_use(struct tickets *t, SSL_CTX *ctx)
{
	if (SSL_CTX_set_ex_data(ctx, tickets_index, t) != 1 ||
	        SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket) != 1)
		abort();
}
