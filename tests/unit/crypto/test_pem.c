/* pem: certificates and keys out of text (RFC 7468; entities.md section 2, certificate and key). */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/crypto/pem.h"
#include "tests/support/loading.h"
#include "tests/support/pem_samples.h"

static const char *put_together(const char *a, const char *b, const char *c)
{
	static char text[16384];

	snprintf(text, sizeof text, "%s%s%s", a, b, c);
	return text;
}

START_TEST(a_chain_is_read_with_whatever_stands_between)
{
	struct err e;
	const char *text = put_together("subject=x\n", pem_sample(PEM_RSA)->cert, pem_sample(PEM_CA)->cert);
	X509 *cert = pem_certificate(slice_cstr(text), &e);

	ck_assert_ptr_nonnull(cert);
	ck_assert_uint_eq(pem_certificate_count(slice_cstr(text)), 2);
	X509_free(cert);
}
END_TEST

START_TEST(a_broken_block_anywhere_in_a_chain_is_refused)
{
	struct err e;
	static const char broken[] = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";

	ck_assert_ptr_null(pem_certificate(slice_cstr(broken), &e));
	ck_assert_ptr_null(pem_certificate(slice_cstr(put_together(pem_sample(PEM_CA)->cert, broken, "")), &e));
	ck_assert_ptr_null(pem_certificate(S("x"), &e));
	ck_assert_ptr_null(pem_certificate(S(""), &e));
	ck_assert_str_ne(e.message, "");
}
END_TEST

START_TEST(keys_are_read_as_what_they_are)
{
	struct err e;
	const struct pem_sample *s = pem_sample(PEM_RSA);
	EVP_PKEY *private = pem_private_key(slice_cstr(s->key), &e),
	         *public = pem_public_key(slice_cstr(s->public_key), &e);

	ck_assert(private && public && EVP_PKEY_eq(private, public) == 1);
	ck_assert_ptr_null(pem_private_key(slice_cstr(s->cert), &e));
	ck_assert_ptr_null(pem_public_key(slice_cstr(s->key), &e));
	EVP_PKEY_free(private);
	EVP_PKEY_free(public);
}
END_TEST

START_TEST(a_key_behind_a_passphrase_is_refused_without_asking)
{
	static const char encrypted[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
	                                "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgGgS3cB1OwBgICCAAw\n"
	                                "-----END ENCRYPTED PRIVATE KEY-----\n";
	struct err e;

	ck_assert_ptr_null(pem_private_key(slice_cstr(encrypted), &e));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pem");
	TCase *c = tcase_create("pem");

	tcase_add_test(c, a_chain_is_read_with_whatever_stands_between);
	tcase_add_test(c, a_broken_block_anywhere_in_a_chain_is_refused);
	tcase_add_test(c, keys_are_read_as_what_they_are);
	tcase_add_test(c, a_key_behind_a_passphrase_is_refused_without_asking);
	suite_add_tcase(s, c);
	return run_suite(s);
}
