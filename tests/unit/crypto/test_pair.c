/* pair: a certificate with its key and chain, read from PEM. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/crypto/pair.h"
#include "tests/support/pem_samples.h"

static struct pair pair;
static struct err e;

static bool read_pair(const char *cert, const char *key)
{
	return pair_read(&pair, slice_cstr(cert), slice_cstr(key), &e);
}

START_TEST(a_certificate_alone_has_no_chain)
{
	ck_assert(read_pair(pem_sample(PEM_EC)->cert, pem_sample(PEM_EC)->key));
	ck_assert(pair.cert && pair.key);
	ck_assert_ptr_null(pair.chain);
	pair_fini(&pair);
	ck_assert_ptr_null(pair.cert);
	pair_fini(&pair);
}
END_TEST

START_TEST(what_follows_the_certificate_is_its_chain)
{
	char text[16384];

	snprintf(text, sizeof text, "%s%s%s", pem_sample(PEM_RSA)->cert, pem_sample(PEM_CA)->cert,
	        pem_sample(PEM_CA_OTHER)->cert);
	ck_assert(read_pair(text, pem_sample(PEM_RSA)->key));
	ck_assert_int_eq(sk_X509_num(pair.chain), 2);
	ck_assert_int_eq(X509_check_private_key(pair.cert, pair.key), 1);
	pair_fini(&pair);
}
END_TEST

START_TEST(what_does_not_belong_together_is_refused)
{
	ck_assert(!read_pair(pem_sample(PEM_RSA)->cert, pem_sample(PEM_RSA_OTHER)->key));
	ck_assert_str_eq(e.message, "certificate does not match key");
	ck_assert(!pair.cert && !pair.key && !pair.chain);
	ck_assert(!read_pair("nothing", pem_sample(PEM_RSA)->key));
	ck_assert_ptr_nonnull(strstr(e.message, "certificate"));
	ck_assert(!read_pair(pem_sample(PEM_RSA)->cert, "nothing"));
	ck_assert_ptr_nonnull(strstr(e.message, "key"));
	ck_assert_ptr_null(pair.cert);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pair");
	TCase *c = tcase_create("pair");

	tcase_add_test(c, a_certificate_alone_has_no_chain);
	tcase_add_test(c, what_follows_the_certificate_is_its_chain);
	tcase_add_test(c, what_does_not_belong_together_is_refused);
	suite_add_tcase(suite, c);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
