/* jws: see jws.h. Keys are made in jws_key.c. What OpenSSL says about a bad signature is taken off its queue again:
 * TLS on the same thread would take it for its own. */
#include "common/crypto/jws.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "common/core/base64.h"
#include "common/crypto/jws_private.h"

enum jws_alg jws_alg_of(struct slice name)
{
	static const char *const names[JWS_ALGS] = {NULL, "HS256", "HS384", "HS512", "RS256", "RS384", "RS512",
	        "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA"};

	for (int i = JWS_NONE + 1; i < JWS_ALGS; i++)
		if (slice_eq(name, slice_cstr(names[i])))
			return i;
	return JWS_NONE;
}

/* ---- tokens ---------------------------------------------------------------------------------------------------- */

/* Padding is no part of the form (RFC 7515 section 2). */
static bool decode_part(struct arena *a, struct slice part, struct slice *out)
{
	return slice_find(part, '=') < 0 && base64_decode(a, part, BASE64_URL, out);
}

bool jws_split(struct arena *a, struct slice token, struct jws *out)
{
	struct slice rest = token, header = slice_cut(&rest, '.');
	if (!slice_is_set(rest))
		return false;
	struct slice payload = slice_cut(&rest, '.');
	if (!slice_is_set(rest))
		return false;

	*out = (struct jws){.signed_part = slice_of(token.ptr, header.len + 1 + payload.len)};
	if (!decode_part(a, rest, &out->signature)) /* a third dot too */
		out->signature = slice_of(NULL, 0);
	return decode_part(a, header, &out->header) && decode_part(a, payload, &out->payload);
}

/* ---- signatures ------------------------------------------------------------------------------------------------ */

static const unsigned char *bytes_of(struct slice s)
{
	return (const unsigned char *)s.ptr;
}

static bool verify_evp(const struct jws_key *k, struct slice in, const unsigned char *signature, size_t size)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *p;

	bool ok = ctx && EVP_DigestVerifyInit(ctx, &p, k->md, NULL, k->pkey) == 1;
	if (ok && k->is_pss)
		ok = EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING) == 1;
	ok = ok && EVP_DigestVerify(ctx, signature, size, bytes_of(in), in.len) == 1;
	EVP_MD_CTX_free(ctx);
	if (!ok)
		ERR_clear_error();
	return ok;
}

/* OpenSSL wants the two numbers as DER; their range is its to check. */
static bool verify_ecdsa(const struct jws_key *k, struct slice in, struct slice signature)
{
	unsigned char der[ECDSA_DER_MAX], *end = der;
	int half = (int)(signature.len / 2);
	BIGNUM *r = BN_bin2bn(bytes_of(signature), half, NULL),
	       *s = BN_bin2bn(bytes_of(signature) + half, half, NULL);
	ECDSA_SIG *both = ECDSA_SIG_new();

	if (!r || !s || !both || !ECDSA_SIG_set0(both, r, s))
		abort();
	int size = i2d_ECDSA_SIG(both, &end);
	ECDSA_SIG_free(both);
	return size > 0 && verify_evp(k, in, der, (size_t)size);
}

bool jws_verify(const struct jws_key *k, const struct jws *t)
{
	struct slice signature = t->signature;

	if (k->hmac)
		return hmac_verify(k->hmac, t->signed_part, signature);
	if (signature.len != k->signature_size)
		return false;
	if (k->is_ecdsa)
		return verify_ecdsa(k, t->signed_part, signature);
	return verify_evp(k, t->signed_part, bytes_of(signature), signature.len);
}
