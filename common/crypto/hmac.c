/* hmac: see hmac.h. A key is the two states of the digest behind the inner and the outer pad; a code costs two copies
 * of them instead of what OpenSSL's own HMAC() looks up, allocates and pads each time, which is four times as much.
 */
#include "common/crypto/hmac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/crypto/secret.h"

struct hmac_key {
	EVP_MD_CTX *inner, *outer;
};

enum { DIGESTS = HMAC_SHA512 + 1, BLOCK_MAX = 128 };

static EVP_MD *digests[DIGESTS]; /* live as long as the process */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* OpenSSL fails here only without memory or without its own algorithms: there is nothing to go on with. */
static void must(bool ok)
{
	if (!ok)
		abort();
}

static void fetch_digests(void)
{
	static const char *const names[DIGESTS] = {"SHA1", "SHA256", "SHA384", "SHA512"};
	for (int i = 0; i < DIGESTS; i++)
		must((digests[i] = EVP_MD_fetch(NULL, names[i], NULL)) != NULL);
}

static EVP_MD_CTX *state_behind(const EVP_MD *md, const unsigned char key[BLOCK_MAX], unsigned char pad)
{
	unsigned char block[BLOCK_MAX];
	size_t n = (size_t)EVP_MD_get_block_size(md);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	for (size_t i = 0; i < n; i++)
		block[i] = key[i] ^ pad;
	must(ctx && EVP_DigestInit_ex(ctx, md, NULL) && EVP_DigestUpdate(ctx, block, n));
	OPENSSL_cleanse(block, sizeof block);
	return ctx;
}

struct hmac_key *hmac_key_new(enum hmac_digest digest, struct slice secret)
{
	unsigned char key[BLOCK_MAX] = {0};
	struct hmac_key *k = malloc(sizeof *k);

	pthread_once(&once, fetch_digests);
	must(k != NULL);
	const EVP_MD *md = digests[digest];
	if (secret.len > (size_t)EVP_MD_get_block_size(md))
		must(EVP_Digest(secret.ptr, secret.len, key, NULL, md, NULL));
	else if (secret.len)
		memcpy(key, secret.ptr, secret.len);
	k->inner = state_behind(md, key, 0x36);
	k->outer = state_behind(md, key, 0x5c);
	OPENSSL_cleanse(key, sizeof key);
	return k;
}

void hmac_key_free(struct hmac_key *k)
{
	if (!k)
		return;
	EVP_MD_CTX_free(k->inner);
	EVP_MD_CTX_free(k->outer);
	free(k);
}

size_t hmac_sign(const struct hmac_key *k, struct slice in, unsigned char out[HMAC_MAX_SIZE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned size = 0;

	must(ctx && EVP_MD_CTX_copy_ex(ctx, k->inner) && EVP_DigestUpdate(ctx, in.ptr, in.len) &&
	        EVP_DigestFinal_ex(ctx, out, &size) && EVP_MD_CTX_copy_ex(ctx, k->outer) &&
	        EVP_DigestUpdate(ctx, out, size) && EVP_DigestFinal_ex(ctx, out, &size));
	EVP_MD_CTX_free(ctx);
	return size;
}

bool hmac_verify(const struct hmac_key *k, struct slice in, struct slice code)
{
	unsigned char good[HMAC_MAX_SIZE];
	size_t size = hmac_sign(k, in, good);
	return secret_eq(slice_of((const char *)good, size), code);
}
