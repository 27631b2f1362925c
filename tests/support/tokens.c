/* tokens: see tokens.h. */
#include "tests/support/tokens.h"

#include <check.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "common/core/base64.h"

static struct made {
	const char *algs, *type, *curve; /* algs: which it is for */
	EVP_PKEY *pkey;
	char *pem, *private_pem;
} made[] = {
        {.algs = "RS256 RS384 RS512 PS256 PS384 PS512", .type = "RSA"},
        {.algs = "ES256", .type = "EC", .curve = "P-256"},
        {.algs = "ES384", .type = "EC", .curve = "P-384"},
        {.algs = "ES512", .type = "EC", .curve = "P-521"},
        {.algs = "EdDSA", .type = "ED25519"},
};
enum { MADE = sizeof made / sizeof made[0] };

static char *text_of(BIO *bio)
{
	char *bytes;
	long n = BIO_get_mem_data(bio, &bytes);
	char *text = slice_strdup(slice_of(bytes, (size_t)n));
	BIO_free(bio);
	return text;
}

void tokens_init(void)
{
	for (int i = 0; i < MADE; i++) {
		struct made *m = &made[i];
		m->pkey = m->curve                      ? EVP_EC_gen(m->curve)
		          : strcmp(m->type, "RSA") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
		                                        : EVP_PKEY_Q_keygen(NULL, NULL, m->type);
		BIO *public = BIO_new(BIO_s_mem()), *private = BIO_new(BIO_s_mem());
		if (!m->pkey || !PEM_write_bio_PUBKEY(public, m->pkey) ||
		        !PEM_write_bio_PKCS8PrivateKey(private, m->pkey, NULL, NULL, 0, NULL, NULL))
			abort();
		m->pem = text_of(public);
		m->private_pem = text_of(private);
	}
}

static const struct made *made_for(const char *alg)
{
	for (int i = 0; i < MADE; i++)
		if (strstr(made[i].algs, alg))
			return &made[i];
	ck_abort_msg("no key for %s", alg);
	return NULL;
}

const char *token_pem(const char *alg)
{
	return made_for(alg)->pem;
}

const char *token_private_pem(const char *alg)
{
	return made_for(alg)->private_pem;
}

static const EVP_MD *digest_for(const char *alg)
{
	return strstr(alg, "256")   ? EVP_sha256()
	       : strstr(alg, "384") ? EVP_sha384()
	       : strstr(alg, "512") ? EVP_sha512()
	                            : NULL;
}

static struct slice raw_ecdsa(struct arena *a, const char *alg, struct slice der)
{
	int half = strstr(alg, "256") ? 32 : strstr(alg, "384") ? 48 : 66;
	const unsigned char *at = (const unsigned char *)der.ptr;
	ECDSA_SIG *both = d2i_ECDSA_SIG(NULL, &at, (long)der.len);
	unsigned char *raw = arena_alloc(a, (size_t)half * 2);

	ck_assert(both && BN_bn2binpad(ECDSA_SIG_get0_r(both), raw, half) == half &&
	          BN_bn2binpad(ECDSA_SIG_get0_s(both), raw + half, half) == half);
	ECDSA_SIG_free(both);
	return slice_of((const char *)raw, (size_t)half * 2);
}

static struct slice sign(struct arena *a, const char *alg, struct slice text)
{
	const struct made *m = made_for(alg);
	unsigned char *out = arena_alloc(a, 512);
	size_t size = 512;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *p;

	ck_assert_int_eq(EVP_DigestSignInit(ctx, &p, digest_for(alg), NULL, m->pkey), 1);
	if (alg[0] == 'P') {
		ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING), 1);
		ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_pss_saltlen(p, RSA_PSS_SALTLEN_DIGEST), 1);
	}
	ck_assert_int_eq(EVP_DigestSign(ctx, out, &size, (const unsigned char *)text.ptr, text.len), 1);
	EVP_MD_CTX_free(ctx);
	struct slice signature = slice_of((const char *)out, size);
	return m->curve ? raw_ecdsa(a, alg, signature) : signature;
}

struct slice token_signature(struct arena *a, const char *alg, struct slice secret, struct slice text)
{
	unsigned char *out = arena_alloc(a, EVP_MAX_MD_SIZE);
	unsigned size;

	if (alg[0] != 'H')
		return sign(a, alg, text);
	ck_assert_ptr_nonnull(HMAC(
	        digest_for(alg), secret.ptr, (int)secret.len, (const unsigned char *)text.ptr, text.len, out, &size));
	return slice_of((const char *)out, size);
}

struct slice token_part(struct arena *a, const char *json)
{
	char *copy = arena_cstr(a, slice_cstr(json));
	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	return base64_encode(a, slice_cstr(copy), BASE64_URL, false);
}

struct slice token_make(struct arena *a, const char *alg, struct slice secret, const char *header, const char *claims)
{
	struct slice text = ARENA_JOIN(a, token_part(a, header), S("."), token_part(a, claims));
	struct slice signature = token_signature(a, alg, secret, text);
	return ARENA_JOIN(a, text, S("."), base64_encode(a, signature, BASE64_URL, false));
}

struct slice token_of(struct arena *a, const char *alg, struct slice secret, const char *claims)
{
	char header[64];
	snprintf(header, sizeof header, "{'typ':'JWT','alg':'%s'}", alg);
	return token_make(a, alg, secret, header, claims);
}
