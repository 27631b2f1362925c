/* password: see password.h. */
#include "common/crypto/password.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "common/core/base64.h"

enum { ITERATIONS = 10000, SALT_SIZE = 16, HASH_SIZE = 32 };

static const struct slice form = SLICE(PASSWORD_FORM);

static void derive(struct slice secret, struct slice salt, unsigned char out[HASH_SIZE])
{
	if (secret.len > INT_MAX ||
	        PKCS5_PBKDF2_HMAC(secret.len ? secret.ptr : "", (int)secret.len, (const unsigned char *)salt.ptr,
	                (int)salt.len, ITERATIONS, EVP_sha512(), HASH_SIZE, out) != 1)
		abort();
}

struct slice password_hash(struct arena *a, struct slice secret)
{
	unsigned char salt[SALT_SIZE], hash[HASH_SIZE];

	if (RAND_bytes(salt, sizeof salt) != 1)
		abort();
	derive(secret, slice_of((char *)salt, sizeof salt), hash);
	struct slice salt_text = base64_encode(a, slice_of((char *)salt, sizeof salt), BASE64_STANDARD, false);
	struct slice hash_text = base64_encode(a, slice_of((char *)hash, sizeof hash), BASE64_STANDARD, false);
	return arena_printf(a, PASSWORD_FORM "%.*s$%.*s", SLICE_ARG(salt_text), SLICE_ARG(hash_text));
}

/* The two parts behind the form. */
static bool take_apart(struct arena *a, struct slice text, struct slice *salt, struct slice *hash)
{
	if (!slice_starts(text, form))
		return false;
	struct slice rest = slice_of(text.ptr + form.len, text.len - form.len);
	struct slice salt_text = slice_cut(&rest, '$');
	return slice_is_set(rest) && base64_decode(a, salt_text, BASE64_STANDARD, salt) && salt->len > 0 &&
	       base64_decode(a, rest, BASE64_STANDARD, hash) && hash->len == HASH_SIZE;
}

bool password_is_hash(struct slice text)
{
	struct arena a;
	struct slice salt, hash;

	arena_init(&a);
	bool is = take_apart(&a, text, &salt, &hash);
	arena_fini(&a);
	return is;
}

bool password_matches(struct slice secret, struct slice text)
{
	unsigned char computed[HASH_SIZE];
	struct arena a;
	struct slice salt, hash;
	bool same = false;

	arena_init(&a);
	if (take_apart(&a, text, &salt, &hash)) {
		derive(secret, salt, computed);
		same = CRYPTO_memcmp(computed, hash.ptr, HASH_SIZE) == 0;
		OPENSSL_cleanse(computed, sizeof computed);
	}
	arena_fini(&a);
	return same;
}
