/* hmac: vectors of RFC 2202 and RFC 4231. */
#include <check.h>

#include "common/crypto/digest.h"
#include "common/crypto/hmac.h"

static void signs(enum hmac_digest digest, struct slice secret, struct slice in, const char *expected)
{
	struct hmac_key *k = hmac_key_new(digest, secret);
	unsigned char code[HMAC_MAX_SIZE];
	char hex[2 * HMAC_MAX_SIZE + 1];

	for (int i = 0; i < 2; i++) { /* a key is as good the second time */
		size_t n = hmac_sign(k, in, code);
		digest_hex(code, n, hex);
		ck_assert_str_eq(hex, expected);
		ck_assert(hmac_verify(k, in, slice_of((const char *)code, n)));
	}
	hmac_key_free(k);
}

START_TEST(short_keys_give_test_case_2)
{
	static const struct slice key = SLICE("Jefe"), in = SLICE("what do ya want for nothing?");
	signs(HMAC_SHA1, key, in, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	signs(HMAC_SHA256, key, in, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	signs(HMAC_SHA384, key, in,
	        "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649");
	signs(HMAC_SHA512, key, in,
	        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
	        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
}
END_TEST

START_TEST(keys_longer_than_a_block_give_test_case_6)
{
	static const char aa[131] = {[0 ... 130] = (char)0xaa};
	static const struct slice in = SLICE("Test Using Larger Than Block-Size Key - Hash Key First");
	signs(HMAC_SHA1, slice_of(aa, 80), in, "aa4ae5e15272d00e95705637ce8a3b55ed402112");
	signs(HMAC_SHA256, slice_of(aa, 131), in, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	signs(HMAC_SHA512, slice_of(aa, 131), in,
	        "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
	        "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598");
}
END_TEST

START_TEST(an_empty_secret_and_an_empty_text_are_fine)
{
	signs(HMAC_SHA256, S(""), S(""), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
	signs(HMAC_SHA1, (struct slice){0}, (struct slice){0}, "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
}
END_TEST

START_TEST(only_the_whole_code_is_accepted)
{
	struct hmac_key *k = hmac_key_new(HMAC_SHA256, S("k"));
	unsigned char code[HMAC_MAX_SIZE];
	size_t n = hmac_sign(k, S("text"), code);

	for (size_t i = 0; i < n; i++) {
		ck_assert(!hmac_verify(k, S("text"), slice_of((char *)code, i)));
		code[i] ^= 1;
		ck_assert(!hmac_verify(k, S("text"), slice_of((char *)code, n)));
		code[i] ^= 1;
	}
	ck_assert(!hmac_verify(k, S("text"), slice_of((char *)code, n + 1)));
	ck_assert(!hmac_verify(k, S("text"), (struct slice){0}));
	ck_assert(hmac_verify(k, S("text"), slice_of((char *)code, n)));
	hmac_key_free(k);
	hmac_key_free(NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hmac");
	TCase *t = tcase_create("hmac");

	tcase_add_test(t, short_keys_give_test_case_2);
	tcase_add_test(t, keys_longer_than_a_block_give_test_case_6);
	tcase_add_test(t, an_empty_secret_and_an_empty_text_are_fine);
	tcase_add_test(t, only_the_whole_code_is_accepted);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
