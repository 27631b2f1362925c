/* Tokens: what is taken apart can be put together again in one way only, nothing verifies with keys that nobody has
 * signed with, and text that is no key makes none. */
#include <openssl/err.h>
#include <stdlib.h>

#include "common/core/base64.h"
#include "common/crypto/jws.h"

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

#define RSA_PEM                                                              \
	"-----BEGIN PUBLIC KEY-----\n"                                       \
	"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJj\n" \
	"NiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEz\n" \
	"P1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo\n" \
	"9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTB\n" \
	"EMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxX\n" \
	"FvUK+DWNmoudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp\n" \
	"oQIDAQAB\n"                                                         \
	"-----END PUBLIC KEY-----\n"
#define P256_PEM                                                             \
	"-----BEGIN PUBLIC KEY-----\n"                                       \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n" \
	"6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"     \
	"-----END PUBLIC KEY-----\n"
#define ED25519_PEM                                                      \
	"-----BEGIN PUBLIC KEY-----\n"                                   \
	"MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n" \
	"-----END PUBLIC KEY-----\n"

enum { KEYS = 6 };
static struct jws_key *keys[KEYS];

static void make_keys(void)
{
	struct err e;
	if (keys[0])
		return;
	keys[0] = jws_key_secret(JWS_HS256, S("a secret that no input knows: 0fe1c2"));
	keys[1] = jws_key_pem(JWS_RS256, S(RSA_PEM), &e);
	keys[2] = jws_key_pem(JWS_PS384, S(RSA_PEM), &e);
	keys[3] = jws_key_pem(JWS_ES256, S(P256_PEM), &e);
	keys[4] = jws_key_pem(JWS_EDDSA, S(ED25519_PEM), &e);
	keys[5] = jws_key_secret(JWS_HS512, S("another: 77ab9d"));
	for (int i = 0; i < KEYS; i++)
		REQUIRE(keys[i]);
}

static void check_token(struct arena *a, struct slice text)
{
	struct jws t;

	if (!jws_split(a, text, &t))
		return;
	struct slice header = base64_encode(a, t.header, BASE64_URL, false),
	             payload = base64_encode(a, t.payload, BASE64_URL, false);
	struct slice again = ARENA_JOIN(a, header, S("."), payload);
	REQUIRE(slice_eq(again, t.signed_part));
	if (slice_is_set(t.signature)) {
		struct slice signature = base64_encode(a, t.signature, BASE64_URL, false);
		REQUIRE(slice_eq(ARENA_JOIN(a, again, S("."), signature), text));
	}
	for (int i = 0; i < KEYS; i++) {
		REQUIRE(!jws_verify(keys[i], &t));
		REQUIRE(ERR_peek_error() == 0);
	}
}

static void check_key(struct slice text)
{
	struct err e;
	bool is_key = jws_pem_is_key(text);

	for (int alg = JWS_NONE; alg < JWS_ALGS; alg++) {
		struct jws_key *k = jws_key_pem(alg, text, &e);
		REQUIRE(!k || is_key);
		jws_key_free(k);
	}
	REQUIRE(ERR_peek_error() == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	char *copy = malloc(size ? size : 1);

	make_keys();
	memcpy(copy, data, size);
	arena_init(&a);
	check_token(&a, slice_of(copy, size));
	if (size > 10 && memcmp(data, "-----BEGIN", 10) == 0)
		check_key(slice_of(copy, size));
	arena_fini(&a);
	free(copy);
	return 0;
}
