/* jws: the examples of RFC 7515 appendix A and RFC 8037 appendix A.4, and signatures that are nearly right. */
#include <check.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "common/core/base64.h"
#include "common/crypto/jws.h"
#include "tests/support/tokens.h"

static struct arena arena;
static struct err err;

static void setup(void)
{
	arena_init(&arena);
}

static void teardown(void)
{
	ck_assert_uint_eq(ERR_peek_error(), 0); /* nothing is left for TLS to trip over */
	arena_fini(&arena);
}

static struct jws_key *pem_key(const char *alg, const char *pem)
{
	struct jws_key *k = jws_key_pem(jws_alg_of(slice_cstr(alg)), slice_cstr(pem), &err);
	ck_assert_msg(k != NULL, "%s", err.message);
	return k;
}

static struct jws split(struct slice token)
{
	struct jws t;
	ck_assert(jws_split(&arena, token, &t));
	return t;
}

static bool verifies(const struct jws_key *k, struct slice token)
{
	struct jws t = split(token);
	return jws_verify(k, &t);
}

/* ---- the RFCs' examples ---------------------------------------------------------------------------------------- */

#define JOE "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
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
#define ES256_SIGNATURE "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"

START_TEST(rfc_7515_a1_hs256)
{
	struct slice secret;
	ck_assert(base64_decode(&arena,
	        S("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"),
	        BASE64_URL, &secret));
	struct jws_key *k = jws_key_secret(JWS_HS256, secret);
	struct jws t = split(
	        S("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." JOE ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
	ck_assert(slice_eq(t.header, S("{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}")));
	ck_assert(slice_starts(t.payload, S("{\"iss\":\"joe\",\r\n")));
	ck_assert(jws_verify(k, &t));
	jws_key_free(k);
}
END_TEST

START_TEST(rfc_7515_a2_rs256)
{
	struct jws_key *k = pem_key("RS256", RSA_PEM);
	ck_assert(verifies(
	        k, S("eyJhbGciOiJSUzI1NiJ9." JOE
	             ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W"
	             "2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkS"
	             "jtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnv"
	             "Wh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw")));
	jws_key_free(k);
}
END_TEST

START_TEST(rfc_7515_a3_es256)
{
	struct jws_key *k = pem_key("ES256", P256_PEM);
	ck_assert(verifies(k, S("eyJhbGciOiJFUzI1NiJ9." JOE "." ES256_SIGNATURE)));
	ck_assert(!verifies(
	        k, S("eyJhbGciOiJFUzI1NiJ9." JOE "." /* r and s exchanged */
	             "xQoH04w8cOXY8S2vCEpUgKZlkMXyk1Cajz9_ioOjVNUO0SFTeWNsSDwvfxVYB9QCo7IoAzr5fH4XgZrDFp6mZQ")));
	jws_key_free(k);
}
END_TEST

START_TEST(rfc_8037_a4_eddsa)
{
	struct jws_key *k = pem_key("EdDSA", ED25519_PEM);
	ck_assert(verifies(
	        k, S("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
	             "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")));
	jws_key_free(k);
}
END_TEST

/* ---- every algorithm ------------------------------------------------------------------------------------------- */

static const char *const algs[] = {"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512",
        "PS256", "PS384", "PS512", "EdDSA"};
enum { ALGS = sizeof algs / sizeof algs[0] };
static const struct slice secret = SLICE("osprey-secret-09");

static struct jws_key *key_for(const char *alg)
{
	enum jws_alg a = jws_alg_of(slice_cstr(alg));
	return jws_is_secret(a) ? jws_key_secret(a, secret) : pem_key(alg, token_pem(alg));
}

START_TEST(names_are_exact)
{
	static const char *const wrong[] = {"", "none", "None", "hs256", "HS256 ", "HS25", "HS1", "ES256K", "EDDSA",
	        "Ed25519",
	        ("\xd0\x9d"
	         "S256") /* a letter that looks like H */};
	for (int i = 0; i < ALGS; i++)
		ck_assert_int_eq(jws_alg_of(slice_cstr(algs[i])), i + 1);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		ck_assert_int_eq(jws_alg_of(slice_cstr(wrong[i])), JWS_NONE);
	ck_assert_int_eq(jws_alg_of(S("HS256\0")), JWS_NONE);
}
END_TEST

START_TEST(a_good_signature_is_accepted_and_one_with_any_bit_changed_is_not)
{
	const char *alg = algs[_i];
	struct jws_key *k = key_for(alg);
	struct jws t = split(token_of(&arena, alg, secret, "{'iss':'a'}"));

	ck_assert(jws_verify(k, &t));
	ck_assert(jws_verify(k, &t));
	char *signature = (char *)t.signature.ptr;
	size_t step = t.signature.len > 100 ? 31 : 7;
	for (size_t bit = 0; bit < t.signature.len * 8; bit += step) {
		signature[bit / 8] ^= (char)(1 << bit % 8);
		ck_assert_msg(!jws_verify(k, &t), "%s, bit %zu", alg, bit);
		signature[bit / 8] ^= (char)(1 << bit % 8);
	}
	ck_assert(jws_verify(k, &t));
	t.signed_part.len--;
	ck_assert(!jws_verify(k, &t));
	jws_key_free(k);
}
END_TEST

START_TEST(a_signature_of_another_length_is_not_accepted)
{
	const char *alg = algs[_i];
	struct jws_key *k = key_for(alg);
	struct jws t = split(token_of(&arena, alg, secret, "{'iss':'a'}"));
	const size_t n = t.signature.len;

	t.signature = ARENA_JOIN(&arena, t.signature, S("\0\0\0"));
	for (size_t len = 0; len <= n + 3; len++) {
		t.signature.len = len;
		ck_assert_msg(jws_verify(k, &t) == (len == n), "%s, %zu bytes", alg, len);
	}
	t.signature = (struct slice){0};
	ck_assert(!jws_verify(k, &t));
	jws_key_free(k);
}
END_TEST

START_TEST(a_signature_of_another_algorithm_is_not_accepted)
{
	const char *alg = algs[_i];
	struct jws t = split(token_of(&arena, alg, secret, "{'iss':'a'}"));

	for (int i = 0; i < ALGS; i++) {
		struct jws_key *k = key_for(algs[i]);
		ck_assert_msg(jws_verify(k, &t) == (i == _i), "%s token, %s key", alg, algs[i]);
		jws_key_free(k);
	}
}
END_TEST

START_TEST(the_public_key_as_a_secret_opens_nothing)
{
	for (int i = 3; i < ALGS; i++) {
		struct jws_key *k = key_for(algs[i]);
		for (int hs = 0; hs < 3; hs++) {
			struct jws t = split(
			        token_of(&arena, algs[hs], slice_cstr(token_pem(algs[i])), "{'iss':'a'}"));
			ck_assert_msg(!jws_verify(k, &t), "%s against %s", algs[hs], algs[i]);
		}
		jws_key_free(k);
	}
}
END_TEST

/* ---- keys ------------------------------------------------------------------------------------------------------ */

START_TEST(a_key_of_another_kind_is_refused)
{
	const char *alg = algs[_i];
	for (int i = 3; i < ALGS; i++) {
		bool is_own = strcmp(token_pem(alg), token_pem(algs[i])) == 0;
		struct jws_key *k = jws_key_pem(jws_alg_of(slice_cstr(alg)), slice_cstr(token_pem(algs[i])), &err);
		ck_assert_msg(is_own == (k != NULL), "%s with the key of %s", alg, algs[i]);
		ck_assert(k || strstr(err.message, "expected a"));
		jws_key_free(k);
	}
}
END_TEST

START_TEST(what_is_no_key_is_refused)
{
	static const char *const wrong[] = {"", "x", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
	        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n",
	        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
	        /* x and y are no point of the curve */
	        "-----BEGIN PUBLIC KEY-----\n"
	        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
	        "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrA==\n"
	        "-----END PUBLIC KEY-----\n",
	        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
	        "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgvfRYZ1zSjzwICCAAw\n"
	        "-----END ENCRYPTED PRIVATE KEY-----\n"};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		ck_assert(!jws_pem_is_key(slice_cstr(wrong[i])));
		ck_assert_ptr_null(jws_key_pem(JWS_ES256, slice_cstr(wrong[i]), &err));
		ck_assert_str_eq(err.message, "not a public key in PEM");
	}
	ck_assert_ptr_null(jws_key_pem(JWS_HS256, S(P256_PEM), &err));
	ck_assert_ptr_null(jws_key_pem(JWS_NONE, S(P256_PEM), &err));
	ck_assert_ptr_null(jws_key_secret(JWS_HS256, S("")));
	ck_assert_ptr_null(jws_key_secret(JWS_RS256, S("x")));
	jws_key_free(NULL);
}
END_TEST

START_TEST(of_a_private_key_the_public_part_is_taken)
{
	for (int i = 3; i < ALGS; i++) {
		struct jws_key *k = pem_key(algs[i], token_private_pem(algs[i]));
		ck_assert(verifies(k, token_of(&arena, algs[i], secret, "{}")));
		jws_key_free(k);
	}
}
END_TEST

START_TEST(the_older_form_of_an_rsa_key_is_read)
{
	struct jws_key *k = pem_key("RS256", "-----BEGIN RSA PUBLIC KEY-----\n"
	                                     "MIIBCgKCAQEAofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd/wWJcyQoTbji9k0l8W2\n"
	                                     "6mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMs\n"
	                                     "D1W/YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5\n"
	                                     "z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxv\n"
	                                     "b3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxXFvUK+DWNmoudF8NAco9/h9iaGNj8q2et\n"
	                                     "hFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQIDAQAB\n"
	                                     "-----END RSA PUBLIC KEY-----\n");
	jws_key_free(k);
}
END_TEST

/* ---- numbers of ECDSA ------------------------------------------------------------------------------------------ */

START_TEST(numbers_out_of_range_are_no_signature)
{
	static const char zero[32], one[32] = {[31] = 1};
	static const char order[] = "\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xbc\xe6\xfa\xad"
	                            "\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51";
	static const char large[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	                            "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
	const char *const numbers[] = {zero, one, order, large};
	struct jws_key *k = pem_key("ES256", P256_PEM);
	struct jws t = split(S("eyJhbGciOiJFUzI1NiJ9." JOE "." ES256_SIGNATURE));
	const struct slice r = slice_of(t.signature.ptr, 32), s = slice_from(t.signature, 32);

	for (int i = 0; i < 4; i++) {
		const struct slice n = slice_of(numbers[i], 32);
		t.signature = ARENA_JOIN(&arena, n, s);
		ck_assert(!jws_verify(k, &t));
		t.signature = ARENA_JOIN(&arena, r, n);
		ck_assert(!jws_verify(k, &t));
		for (int j = 0; j < 4; j++) {
			t.signature = ARENA_JOIN(&arena, n, slice_of(numbers[j], 32));
			ck_assert(!jws_verify(k, &t));
		}
	}
	jws_key_free(k);
}
END_TEST

static struct slice der_of(struct slice raw)
{
	unsigned char *der = arena_alloc(&arena, 80), *end = der;
	ECDSA_SIG *both = ECDSA_SIG_new();
	ECDSA_SIG_set0(both, BN_bin2bn((const unsigned char *)raw.ptr, 32, NULL),
	        BN_bin2bn((const unsigned char *)raw.ptr + 32, 32, NULL));
	int n = i2d_ECDSA_SIG(both, &end);
	ECDSA_SIG_free(both);
	return slice_of((const char *)der, (size_t)n);
}

START_TEST(der_is_not_the_form_of_a_signature)
{
	struct jws_key *k = pem_key("ES256", P256_PEM);
	struct jws t = split(S("eyJhbGciOiJFUzI1NiJ9." JOE "." ES256_SIGNATURE));
	t.signature = der_of(t.signature);
	ck_assert(!jws_verify(k, &t));
	t.signature.len = 64;
	ck_assert(!jws_verify(k, &t));
	jws_key_free(k);
}
END_TEST

/* ---- taking apart ---------------------------------------------------------------------------------------------- */

START_TEST(only_three_parts_in_the_one_spelling_are_a_token)
{
	static const char *const wrong[] = {"", ".", "e30", "e30.e30", "e30=.e30.", "e30.e30=.", "e3+.e30.",
	        "e30.e3/.", "e 30.e30.", "e30.e30\n.", "e31.e30." /* stray bits */, "e.e30.", "e30.e."};
	struct jws t;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		ck_assert_msg(!jws_split(&arena, slice_cstr(wrong[i]), &t), "%s", wrong[i]);
}
END_TEST

START_TEST(a_signature_that_cannot_be_read_is_left_unset)
{
	static const char *const wrong[] = {
	        "e30.e30.e30.", "e30.e30.e30.e30", "e30.e30.e30=", "e30.e30.*", "e30.e30.e31", "e30.e30.e"};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		ck_assert_msg(!slice_is_set(split(slice_cstr(wrong[i])).signature), "%s", wrong[i]);
	struct jws t = split(S("e30.."));
	ck_assert(slice_eq(t.header, S("{}")) && slice_is_set(t.payload) && t.payload.len == 0);
	ck_assert(slice_is_set(t.signature) && t.signature.len == 0);
	ck_assert(slice_eq(t.signed_part, S("e30.")));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("jws");
	TCase *t = tcase_create("jws");

	tokens_init();
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, rfc_7515_a1_hs256);
	tcase_add_test(t, rfc_7515_a2_rs256);
	tcase_add_test(t, rfc_7515_a3_es256);
	tcase_add_test(t, rfc_8037_a4_eddsa);
	tcase_add_test(t, names_are_exact);
	tcase_add_loop_test(t, a_good_signature_is_accepted_and_one_with_any_bit_changed_is_not, 0, ALGS);
	tcase_add_loop_test(t, a_signature_of_another_length_is_not_accepted, 0, ALGS);
	tcase_add_loop_test(t, a_signature_of_another_algorithm_is_not_accepted, 0, ALGS);
	tcase_add_test(t, the_public_key_as_a_secret_opens_nothing);
	tcase_add_loop_test(t, a_key_of_another_kind_is_refused, 3, ALGS);
	tcase_add_test(t, what_is_no_key_is_refused);
	tcase_add_test(t, of_a_private_key_the_public_part_is_taken);
	tcase_add_test(t, the_older_form_of_an_rsa_key_is_read);
	tcase_add_test(t, numbers_out_of_range_are_no_signature);
	tcase_add_test(t, der_is_not_the_form_of_a_signature);
	tcase_add_test(t, only_three_parts_in_the_one_spelling_are_a_token);
	tcase_add_test(t, a_signature_that_cannot_be_read_is_left_unset);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
