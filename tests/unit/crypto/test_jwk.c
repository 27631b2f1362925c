/* jwk: JSON Web Keys as OpenSSL keys (RFC 7517 appendix A, RFC 7518 6, RFC 8037 appendix A). */
#include <check.h>
#include <stdlib.h>

#include "common/crypto/jwk.h"
#include "common/schema/schema.h"
#include "tests/support/loading.h"

#define EC_POINT "'x':'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4','y':'4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM'"
#define RSA_N                                                                                                          \
	"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3" \
	"oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA" \
	"ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-" \
	"kEgU8awapJzKnqDKgw"

/* type: of the key; NULL: refused */
static const struct {
	const char *jwk, *type;
	bool is_private;
} examples[] = {
        {"{'kty':'EC','crv':'P-256'," EC_POINT "}", "EC", false}, /* A.1 */
        {"{'kty':'EC','crv':'P-256'," EC_POINT ",'d':'870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE'}", "EC",
                true}, /* A.2 */
        {"{'kty':'RSA','n':'" RSA_N "','e':'AQAB'}", "RSA", false},
        {"{'kty':'OKP','crv':'Ed25519','x':'11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'}", "ED25519", false},
        {"{'kty':'OKP','crv':'Ed25519','d':'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',"
         "'x':'11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'}",
                "ED25519", true},
        {"{'kty':'OKP','crv':'X25519','x':'3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08'}", "X25519", false},
        {"{'kty':'oct','k':'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow'}",
                NULL, false},
        {"{'kty':'EC','crv':'P-256','x':'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',"
         "'y':'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4'}",
                NULL, false}, /* not on the curve */
        {"{'kty':'EC','crv':'P-384'," EC_POINT "}", NULL, false},
        {"{'kty':'EC','crv':'P-999'," EC_POINT "}", NULL, false},
        {"{'kty':'EC','crv':'P-256','x':'MKBC'}", NULL, false},
        {"{'kty':'RSA','n':'" RSA_N "'}", NULL, false},
        {"{'kty':'RSA','n':'not base64!','e':'AQAB'}", NULL, false},
        {"{'kty':'RSA','n':5,'e':'AQAB'}", NULL, false},
        {"{'kty':'OKP','crv':'Ed25519','x':'AQAB'}", NULL, false},
        {"{'kty':'OKP','crv':'Ed1','x':'AQAB'}", NULL, false},
        {"{'kty':5}", NULL, false},
        {"{}", NULL, false},
};

START_TEST(keys_are_made_or_refused)
{
	struct err e = {""};
	json_t *jwk = schema_literal(examples[_i].jwk);
	EVP_PKEY *key = jwk_key(jwk, &e);

	if (!examples[_i].type) {
		ck_assert_ptr_null(key);
		ck_assert_str_ne(e.message, "");
	} else {
		ck_assert_msg(key != NULL, "%s", e.message);
		ck_assert(EVP_PKEY_is_a(key, examples[_i].type));
		BIO *out = BIO_new(BIO_s_mem());
		ck_assert_int_eq(EVP_PKEY_print_private(out, key, 0, NULL) == 1, examples[_i].is_private);
		BIO_free(out);
	}
	EVP_PKEY_free(key);
	json_decref(jwk);
}
END_TEST

START_TEST(a_number_that_is_too_long_is_refused_unread)
{
	struct err e;
	char *n = calloc(1, 1 << 20);

	memset(n, 'A', (1 << 20) - 1);
	json_t *jwk = json_pack("{s:s, s:s, s:s}", "kty", "RSA", "n", n, "e", "AQAB");
	ck_assert_ptr_null(jwk_key(jwk, &e));
	json_decref(jwk);
	free(n);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("jwk");
	TCase *c = tcase_create("jwk");

	tcase_add_loop_test(c, keys_are_made_or_refused, 0, sizeof examples / sizeof *examples);
	tcase_add_test(c, a_number_that_is_too_long_is_refused_unread);
	suite_add_tcase(s, c);
	return run_suite(s);
}
