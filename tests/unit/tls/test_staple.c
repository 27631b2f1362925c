/* staple: which answers of OCSP are kept and shown, and who is told to fetch one (RFC 6960 3.2). The answers are made
 * here, by the authority of the samples. */
#include <check.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "common/crypto/pem.h"
#include "dp/tls/staple.h"
#include "tests/support/pem_samples.h"

enum { HOUR = 3600 };

static X509 *ca, *other_ca, *cert;
static EVP_PKEY *ca_key, *other_key;
static STACK_OF(X509) * chain;
static struct err e;
static unsigned char *der;
static struct slice answer;

/* A certificate with a responder, signed by the authority. */
static X509 *make_cert(int serial, const char *access)
{
	X509 *x = X509_new();
	X509V3_CTX context;

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	X509_set_issuer_name(x, X509_get_subject_name(ca));
	X509_NAME_add_entry_by_txt(
	        X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"a.test", -1, -1, 0);
	X509_gmtime_adj(X509_getm_notBefore(x), -HOUR);
	X509_gmtime_adj(X509_getm_notAfter(x), 24 * HOUR);
	X509_set_pubkey(x, other_key);
	X509V3_set_ctx(&context, ca, x, NULL, NULL, 0);
	X509_EXTENSION *extension = access ? X509V3_EXT_conf_nid(NULL, &context, NID_info_access, access) : NULL;
	if (extension)
		X509_add_ext(x, extension, -1);
	X509_EXTENSION_free(extension);
	ck_assert_int_gt(X509_sign(x, ca_key, EVP_sha256()), 0);
	return x;
}

static void setup(void)
{
	ca = pem_certificate(slice_cstr(pem_sample(PEM_CA)->cert), &e);
	ca_key = pem_private_key(slice_cstr(pem_sample(PEM_CA)->key), &e);
	other_ca = pem_certificate(slice_cstr(pem_sample(PEM_CA_OTHER)->cert), &e);
	other_key = pem_private_key(slice_cstr(pem_sample(PEM_CA_OTHER)->key), &e);
	chain = sk_X509_new_null();
	sk_X509_push(chain, ca);
	cert = make_cert(7, "OCSP;URI:http://responder.test/x");
}

static void teardown(void)
{
	X509_free(cert);
	sk_X509_free(chain);
	X509_free(ca);
	X509_free(other_ca);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(other_key);
	OPENSSL_free(der);
	der = NULL;
}

/* An answer about `about`, from and until so many seconds from now (0: without an end). */
static void say(X509 *about, int status, int from_s, int until_s, bool by_stranger)
{
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_CERTID *id = OCSP_cert_to_id(NULL, about, ca);
	ASN1_TIME *from = X509_gmtime_adj(NULL, from_s), *until = until_s ? X509_gmtime_adj(NULL, until_s) : NULL;
	ASN1_TIME *when = X509_gmtime_adj(NULL, from_s);

	OCSP_basic_add1_status(basic, id, status, 0, status == V_OCSP_CERTSTATUS_REVOKED ? when : NULL, from, until);
	ck_assert_int_eq(OCSP_basic_sign(basic, by_stranger ? other_ca : ca, by_stranger ? other_key : ca_key,
	                         EVP_sha256(), NULL, 0),
	        1);
	OCSP_RESPONSE *r = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	OPENSSL_free(der);
	der = NULL;
	answer = slice_of(NULL, (size_t)i2d_OCSP_RESPONSE(r, &der));
	answer.ptr = (const char *)der;
	OCSP_RESPONSE_free(r);
	OCSP_BASICRESP_free(basic);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	ASN1_TIME_free(when);
}

/* What a handshake gets; *wanted as staple_take() says. */
static bool is_shown(struct staple **wanted)
{
	size_t n = 0;
	unsigned char *bytes = staple_take(cert, chain, &n, wanted);
	bool shown = bytes && n == answer.len && memcmp(bytes, answer.ptr, n) == 0;

	ck_assert(shown == (bytes != NULL));
	OPENSSL_free(bytes);
	return shown;
}

static struct staple *first(void)
{
	struct staple *s;

	ck_assert(!is_shown(&s));
	ck_assert_ptr_nonnull(s);
	return s;
}

START_TEST(a_good_answer_is_kept_and_shown)
{
	struct staple *s = first(), *again;

	ck_assert(slice_eq(staple_url(s), S("http://responder.test/x")));
	ck_assert_uint_gt(staple_question(s).len, 0);
	ck_assert(!is_shown(&again));
	ck_assert_ptr_null(again); /* one fetches for all */
	say(cert, V_OCSP_CERTSTATUS_GOOD, -HOUR, HOUR, false);
	ck_assert(staple_fetched(s, answer, &e));
	ck_assert(is_shown(&again));
	ck_assert_ptr_null(again); /* young enough */
}
END_TEST

START_TEST(an_answer_without_an_end_is_kept_for_a_while)
{
	struct staple *s = first(), *again;

	say(cert, V_OCSP_CERTSTATUS_GOOD, -HOUR, 0, false);
	ck_assert(staple_fetched(s, answer, &e));
	ck_assert(is_shown(&again));
}
END_TEST

static void expect_refusal(const char *why)
{
	struct staple *s = first(), *again;

	ck_assert(!staple_fetched(s, answer, &e));
	ck_assert_msg(strstr(e.message, why) != NULL, "%s", e.message);
	ck_assert(!is_shown(&again));
	ck_assert_ptr_null(again); /* there is a pause first */
}

START_TEST(a_revoked_one_is_not_shown)
{
	say(cert, V_OCSP_CERTSTATUS_REVOKED, -HOUR, HOUR, false);
	expect_refusal("the certificate is revoked");
}
END_TEST

START_TEST(a_stranger_s_word_does_not_count)
{
	say(cert, V_OCSP_CERTSTATUS_GOOD, -HOUR, HOUR, true);
	expect_refusal("not signed as it must be");
}
END_TEST

START_TEST(another_certificate_s_answer_is_none)
{
	X509 *other = make_cert(8, NULL);

	say(other, V_OCSP_CERTSTATUS_GOOD, -HOUR, HOUR, false);
	expect_refusal("not about this certificate");
	X509_free(other);
}
END_TEST

START_TEST(what_is_over_or_not_yet_is_none)
{
	say(cert, V_OCSP_CERTSTATUS_GOOD, -2 * HOUR, -HOUR, false);
	expect_refusal("not of now");
}
END_TEST

START_TEST(what_is_no_answer_is_none)
{
	answer = S("<html>no such page</html>");
	expect_refusal("no answer of OCSP");
}
END_TEST

START_TEST(a_responder_may_decline)
{
	OCSP_RESPONSE *r = OCSP_response_create(OCSP_RESPONSE_STATUS_TRYLATER, NULL);

	answer = slice_of(NULL, (size_t)i2d_OCSP_RESPONSE(r, &der));
	answer.ptr = (const char *)der;
	OCSP_RESPONSE_free(r);
	expect_refusal("the responder says trylater");
}
END_TEST

START_TEST(without_responder_or_issuer_there_is_none)
{
	struct staple *wanted;
	size_t n;
	X509 *silent = make_cert(9, NULL), *odd = make_cert(10, "OCSP;URI:ldap://x.test/"),
	     *alone = make_cert(11, "OCSP;URI:http://x.test/");

	ck_assert(!staple_take(silent, chain, &n, &wanted) && !wanted);
	ck_assert(!staple_take(odd, chain, &n, &wanted) && !wanted);
	ck_assert(!staple_take(alone, NULL, &n, &wanted) && !wanted);
	X509_free(silent);
	X509_free(odd);
	X509_free(alone);
}
END_TEST

/* It may outlive the certificate whose it was. */
START_TEST(a_certificate_may_go_while_its_answer_is_fetched)
{
	struct staple *s = first();

	say(cert, V_OCSP_CERTSTATUS_GOOD, -HOUR, HOUR, false);
	X509_free(cert);
	cert = NULL;
	ck_assert(staple_fetched(s, answer, &e));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("staple");
	TCase *c = tcase_create("staple");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_good_answer_is_kept_and_shown);
	tcase_add_test(c, an_answer_without_an_end_is_kept_for_a_while);
	tcase_add_test(c, a_revoked_one_is_not_shown);
	tcase_add_test(c, a_stranger_s_word_does_not_count);
	tcase_add_test(c, another_certificate_s_answer_is_none);
	tcase_add_test(c, what_is_over_or_not_yet_is_none);
	tcase_add_test(c, what_is_no_answer_is_none);
	tcase_add_test(c, a_responder_may_decline);
	tcase_add_test(c, without_responder_or_issuer_there_is_none);
	tcase_add_test(c, a_certificate_may_go_while_its_answer_is_fetched);
	suite_add_tcase(suite, c);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
