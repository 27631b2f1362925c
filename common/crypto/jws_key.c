/* jws_key: keys of jws.h, checked against the algorithm that they are for. */
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "common/crypto/jws_private.h"

enum { PEM_MAX = 64 * 1024 };

static struct jws_key *new_key(void)
{
	struct jws_key *k = calloc(1, sizeof *k);
	if (!k)
		abort();
	return k;
}

struct jws_key *jws_key_secret(enum jws_alg alg, struct slice secret)
{
	if (!jws_is_secret(alg) || secret.len == 0)
		return NULL;
	struct jws_key *k = new_key();
	k->hmac = hmac_key_new(HMAC_SHA256 + (alg - JWS_HS256), secret);
	return k;
}

void jws_key_free(struct jws_key *k)
{
	if (!k)
		return;
	hmac_key_free(k->hmac);
	EVP_PKEY_free(k->pkey);
	free(k);
}

/* ---- public keys ----------------------------------------------------------------------------------------------- */

/* Nobody is there to ask for a passphrase. */
static int no_passphrase(char *buffer, int size, int writing, void *arg)
{
	return -1;
}

static EVP_PKEY *read_pem(struct slice pem)
{
	const unsigned char *at = (const unsigned char *)pem.ptr;
	size_t left = pem.len;
	EVP_PKEY *pkey = NULL;

	if (pem.len == 0 || pem.len > PEM_MAX)
		return NULL;
	OSSL_DECODER_CTX *decoder = OSSL_DECODER_CTX_new_for_pkey(&pkey, "PEM", NULL, NULL, 0, NULL, NULL);
	if (!decoder)
		abort();
	OSSL_DECODER_CTX_set_pem_password_cb(decoder, no_passphrase, NULL);
	if (!OSSL_DECODER_from_data(decoder, &at, &left)) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	OSSL_DECODER_CTX_free(decoder);
	ERR_clear_error();
	return pkey;
}

bool jws_pem_is_key(struct slice pem)
{
	EVP_PKEY *pkey = read_pem(pem);
	EVP_PKEY_free(pkey);
	return pkey != NULL;
}

static const struct requirement {
	const char *md;          /* NULL: the algorithm's own */
	const char *curve;       /* NULL: not elliptic */
	unsigned signature_size; /* 0: the modulus's */
	bool is_pss;
} requirements[JWS_ALGS] = {
        [JWS_RS256] = {.md = "SHA256"},
        [JWS_RS384] = {.md = "SHA384"},
        [JWS_RS512] = {.md = "SHA512"},
        [JWS_ES256] = {.md = "SHA256", .curve = "prime256v1", .signature_size = 64},
        [JWS_ES384] = {.md = "SHA384", .curve = "secp384r1", .signature_size = 96},
        [JWS_ES512] = {.md = "SHA512", .curve = "secp521r1", .signature_size = 132},
        [JWS_PS256] = {.md = "SHA256", .is_pss = true},
        [JWS_PS384] = {.md = "SHA384", .is_pss = true},
        [JWS_PS512] = {.md = "SHA512", .is_pss = true},
};

static bool is_on_curve(const EVP_PKEY *pkey, const char *curve)
{
	char name[64];
	return EVP_PKEY_get_group_name(pkey, name, sizeof name, NULL) == 1 && strcmp(name, curve) == 0;
}

static bool is_of_kind(const EVP_PKEY *pkey, enum jws_alg alg, struct err *e)
{
	const struct requirement *r = &requirements[alg];

	if (alg == JWS_EDDSA)
		return EVP_PKEY_is_a(pkey, "ED25519") || EVP_PKEY_is_a(pkey, "ED448") ||
		       err_set(e, "expected an Ed25519 or Ed448 key");
	if (r->curve)
		return (EVP_PKEY_is_a(pkey, "EC") && is_on_curve(pkey, r->curve)) ||
		       err_set(e, "expected a key on the curve %s", r->curve);
	return EVP_PKEY_is_a(pkey, "RSA") || (r->is_pss && EVP_PKEY_is_a(pkey, "RSA-PSS")) ||
	       err_set(e, "expected an RSA key");
}

struct jws_key *jws_key_pem(enum jws_alg alg, struct slice pem, struct err *e)
{
	const struct requirement *r = &requirements[alg];
	EVP_PKEY *pkey = alg == JWS_NONE || jws_is_secret(alg) ? NULL : read_pem(pem);

	if (!pkey) {
		err_set(e, "not a public key in PEM");
		return NULL;
	}
	if (!is_of_kind(pkey, alg, e)) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	struct jws_key *k = new_key();
	k->pkey = pkey;
	k->md = r->md ? EVP_get_digestbyname(r->md) : NULL;
	k->is_pss = r->is_pss;
	k->is_ecdsa = r->curve != NULL;
	k->signature_size = r->signature_size ? r->signature_size : (size_t)EVP_PKEY_get_size(pkey);
	return k;
}
