/* digest: vectors of RFC 1321, FIPS 180-4, RFC 4231 and RFC 9562. */
#include <check.h>

#include "common/crypto/digest.h"

START_TEST(md5_gives_the_vectors_of_rfc_1321)
{
	char hex[MD5_HEX + 1];
	digest_md5_hex(S(""), hex);
	ck_assert_str_eq(hex, "d41d8cd98f00b204e9800998ecf8427e");
	digest_md5_hex(S("message digest"), hex);
	ck_assert_str_eq(hex, "f96b697d7cb7938d525a2f31aaf161d0");
}
END_TEST

START_TEST(sha1_gives_the_vectors_of_fips_180)
{
	char hex[SHA1_HEX + 1];
	digest_sha1_hex(S("abc"), hex);
	ck_assert_str_eq(hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
	digest_sha1_hex((struct slice){0}, hex);
	ck_assert_str_eq(hex, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}
END_TEST

START_TEST(sha256_gives_the_vectors_of_fips_180)
{
	char hex[SHA256_HEX + 1];
	digest_sha256_hex(S("abc"), hex);
	ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
END_TEST

START_TEST(hmac_gives_test_case_2_of_rfc_4231)
{
	unsigned char raw[SHA256_SIZE];
	char hex[SHA256_HEX + 1];
	digest_hmac_sha256(S("Jefe"), S("what do ya want for nothing?"), raw);
	digest_hex(raw, sizeof raw, hex);
	ck_assert_str_eq(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}
END_TEST

START_TEST(uuid_v5_gives_the_example_of_rfc_9562_a4)
{
	struct uuid dns, u;
	char text[UUID_TEXT + 1];
	ck_assert(uuid_parse(S("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), &dns));
	u = uuid_v5(&dns, S("www.example.com"));
	uuid_format(&u, text);
	ck_assert_str_eq(text, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("digest");
	TCase *t = tcase_create("vectors");
	tcase_add_test(t, md5_gives_the_vectors_of_rfc_1321);
	tcase_add_test(t, sha1_gives_the_vectors_of_fips_180);
	tcase_add_test(t, sha256_gives_the_vectors_of_fips_180);
	tcase_add_test(t, hmac_gives_test_case_2_of_rfc_4231);
	tcase_add_test(t, uuid_v5_gives_the_example_of_rfc_9562_a4);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
