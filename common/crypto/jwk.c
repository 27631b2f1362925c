/* jwk: see jwk.h. A key is put together from OpenSSL's named parameters; EVP_PKEY_fromdata() refuses points that are
 * not on the curve, and what it accepts is checked once more as a whole. */
#include "common/crypto/jwk.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <string.h>

#include "common/core/arena.h"
#include "common/core/base64.h"

enum {
	NUMBER_MAX = 2048,
	NUMBERS_MAX = 8
}; /* bytes of one number (an RSA modulus of 16384 bits); numbers of a key */

/* A key on its way. */
struct making {
	const json_t *jwk;
	struct arena arena;
	OSSL_PARAM_BLD *params;
	BIGNUM *numbers[NUMBERS_MAX]; /* alive until the parameters are made */
	size_t count;
	struct err *e;
};

static bool has(const struct making *m, const char *name)
{
	return json_is_string(json_object_get(m->jwk, name));
}

/* A member's bytes. */
static bool read_bytes(struct making *m, const char *name, struct slice *out)
{
	const json_t *value = json_object_get(m->jwk, name);
	struct slice text = slice_of(json_string_value(value), json_string_length(value));

	if (!json_is_string(value))
		return err_set(m->e, "'%s' is missing", name);
	if (text.len > NUMBER_MAX * 2 || !base64_decode(&m->arena, text, BASE64_URL, out) || out->len == 0 ||
	        out->len > NUMBER_MAX)
		return err_set(m->e, "'%s' is not base64url of 1 to %d bytes", name, NUMBER_MAX);
	return true;
}

static bool add_number(struct making *m, const char *name, const char *param)
{
	struct slice bytes;

	if (!read_bytes(m, name, &bytes))
		return false;
	BIGNUM *n = BN_bin2bn((const unsigned char *)bytes.ptr, (int)bytes.len, NULL);
	m->numbers[m->count++] = n;
	return n && OSSL_PARAM_BLD_push_BN(m->params, param, n);
}

/* ---- kinds of keys --------------------------------------------------------------------------------------------- */

static EVP_PKEY *from_params(struct making *m, const char *type, bool is_private)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(m->params);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;
	int selection = is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;

	if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	        EVP_PKEY_fromdata(ctx, &key, selection, params) <= 0)
		err_set(m->e, "the numbers are not a key of type %s", type);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

static EVP_PKEY *rsa(struct making *m)
{
	static const char *const primes[][2] = {{"p", OSSL_PKEY_PARAM_RSA_FACTOR1},
	        {"q", OSSL_PKEY_PARAM_RSA_FACTOR2}, {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1},
	        {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2}, {"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1}};
	bool is_private = has(m, "d");
	bool ok = add_number(m, "n", OSSL_PKEY_PARAM_RSA_N) && add_number(m, "e", OSSL_PKEY_PARAM_RSA_E) &&
	          (!is_private || add_number(m, "d", OSSL_PKEY_PARAM_RSA_D));

	for (size_t i = 0; ok && is_private && has(m, "p") && i < sizeof primes / sizeof *primes; i++)
		ok = add_number(m, primes[i][0], primes[i][1]);
	return ok ? from_params(m, "RSA", is_private) : NULL;
}

static const char *text_at(const struct making *m, const char *name)
{
	const char *text = json_string_value(json_object_get(m->jwk, name));
	return text ? text : "";
}

/* An uncompressed point: 4, x, y, each as long as the curve's field. */
static bool add_point(struct making *m, size_t field_bytes)
{
	unsigned char point[1 + 2 * 66] = {4};
	struct slice x, y;

	if (!read_bytes(m, "x", &x) || !read_bytes(m, "y", &y))
		return false;
	if (x.len != field_bytes || y.len != field_bytes)
		return err_set(m->e, "'x' and 'y' must be %zu bytes long", field_bytes);
	memcpy(point + 1, x.ptr, x.len);
	memcpy(point + 1 + x.len, y.ptr, y.len);
	return OSSL_PARAM_BLD_push_octet_string(m->params, OSSL_PKEY_PARAM_PUB_KEY,
	        arena_dup(&m->arena, slice_of((char *)point, 1 + 2 * x.len)).ptr, 1 + 2 * x.len);
}

static EVP_PKEY *ec(struct making *m)
{
	static const struct {
		const char *name, *group;
		size_t bytes;
	} curves[] = {{"P-256", "prime256v1", 32}, {"P-384", "secp384r1", 48}, {"P-521", "secp521r1", 66},
	        {"secp256k1", "secp256k1", 32}};

	for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
		if (strcmp(curves[i].name, text_at(m, "crv")) != 0)
			continue;
		bool is_private = has(m, "d");
		bool ok = OSSL_PARAM_BLD_push_utf8_string(
		                  m->params, OSSL_PKEY_PARAM_GROUP_NAME, curves[i].group, 0) &&
		          add_point(m, curves[i].bytes) &&
		          (!is_private || add_number(m, "d", OSSL_PKEY_PARAM_PRIV_KEY));
		return ok ? from_params(m, "EC", is_private) : NULL;
	}
	err_set(m->e, "the curve '%s' is not known", text_at(m, "crv"));
	return NULL;
}

static EVP_PKEY *okp(struct making *m)
{
	static const char *const curves[] = {"Ed25519", "Ed448", "X25519", "X448"};
	struct slice bytes;
	bool is_private = has(m, "d");

	if (!read_bytes(m, "x", &bytes) || (is_private && !read_bytes(m, "d", &bytes)))
		return NULL;
	for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
		if (strcmp(curves[i], text_at(m, "crv")) != 0)
			continue;
		const unsigned char *raw = (const unsigned char *)bytes.ptr;
		EVP_PKEY *key = is_private ? EVP_PKEY_new_raw_private_key_ex(NULL, curves[i], NULL, raw, bytes.len)
		                           : EVP_PKEY_new_raw_public_key_ex(NULL, curves[i], NULL, raw, bytes.len);
		if (!key)
			err_set(m->e, "'%s' is not a key of %s", is_private ? "d" : "x", curves[i]);
		return key;
	}
	err_set(m->e, "the curve '%s' is not known", text_at(m, "crv"));
	return NULL;
}

static EVP_PKEY *make(struct making *m)
{
	const char *type = text_at(m, "kty");

	if (strcmp(type, "RSA") == 0)
		return rsa(m);
	if (strcmp(type, "EC") == 0)
		return ec(m);
	if (strcmp(type, "OKP") == 0)
		return okp(m);
	err_set(m->e, "the key type '%s' is not one of RSA, EC, OKP", type);
	return NULL;
}

EVP_PKEY *jwk_key(const json_t *jwk, struct err *e)
{
	struct making m = {.jwk = jwk, .params = OSSL_PARAM_BLD_new(), .e = e};
	EVP_PKEY *key = NULL;

	arena_init(&m.arena);
	if (m.params)
		key = make(&m);
	else
		err_set(e, "out of memory");
	OSSL_PARAM_BLD_free(m.params);
	for (size_t i = 0; i < m.count; i++)
		BN_clear_free(m.numbers[i]);
	arena_fini(&m.arena);
	ERR_clear_error();
	return key;
}
