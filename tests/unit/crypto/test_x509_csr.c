/* x509_csr: a node asks, the authority gives, and nobody gets what he has not proved to have a key for. */
#include <check.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/core/clock.h"
#include "common/core/file.h"
#include "common/crypto/pem.h"
#include "common/crypto/x509_csr.h"
#include "common/sync/join_token.h"
#include "tests/support/tmp.h"

static const char node[] = "11111111-2222-4333-8444-555555555555";
static struct err e;
static struct text key, csr, cert;
static struct x509_info info;

static struct x509_request request(const char *name)
{
	return (struct x509_request){.common_name = name,
	        .not_before_s = clock_wall_s() - 60,
	        .not_after_s = clock_wall_s() + 86400,
	        .client_only = true};
}

static void setup(void)
{
	struct x509_request ca = request("test cluster"), other = request("other cluster");
	tmp_make();
	ck_assert_msg(x509_make_ca(&ca, tmp_path("ca.crt"), tmp_path("ca.key"), &e), "%s", e.message);
	ck_assert_msg(x509_make_ca(&other, tmp_path("o.crt"), tmp_path("o.key"), &e), "%s", e.message);
	ck_assert_msg(x509_new_key(&key, &e) && x509_ask(text_slice(&key), &csr, &e), "%s", e.message);
}

static void teardown(void)
{
	text_fini(&key);
	text_fini(&csr);
	text_fini(&cert);
	tmp_remove();
}

static bool sign(struct slice asked)
{
	struct x509_request r = request(node);
	text_clear(&cert);
	return x509_sign_asked(&r, asked, tmp_path("ca.crt"), tmp_path("ca.key"), &cert, &info, &e);
}

static void keep(const char *name, const struct text *pem)
{
	ck_assert_msg(file_replace(tmp_path(name), text_slice(pem), 0600, &e), "%s", e.message);
}

START_TEST(a_node_is_given_what_it_asked_for)
{
	struct text other = {0};
	ck_assert_msg(sign(text_slice(&csr)), "%s", e.message);
	ck_assert_str_eq(info.common_name, node);
	ck_assert_msg(x509_is_for_key(text_slice(&cert), text_slice(&key), &e), "%s", e.message);
	ck_assert(x509_new_key(&other, &e));
	ck_assert(!x509_is_for_key(text_slice(&cert), text_slice(&other), &e));
	ck_assert_ptr_nonnull(strstr(e.message, "not for the key"));
	text_fini(&other);
}
END_TEST

/* A request whose key was exchanged: the signature is not that key's. */
START_TEST(a_request_must_be_signed_with_its_key)
{
	BIO *in = BIO_new_mem_buf(csr.ptr, (int)csr.len), *out = BIO_new(BIO_s_mem());
	X509_REQ *r = PEM_read_bio_X509_REQ(in, NULL, NULL, NULL);
	EVP_PKEY *another = EVP_EC_gen("P-256");
	char *bytes;

	X509_REQ_set_pubkey(r, another);
	PEM_write_bio_X509_REQ(out, r);
	long n = BIO_get_mem_data(out, &bytes);
	ck_assert(!sign(slice_of(bytes, (size_t)n)));
	ck_assert_ptr_nonnull(strstr(e.message, "not signed with its key"));
	EVP_PKEY_free(another);
	X509_REQ_free(r);
	BIO_free(in);
	BIO_free(out);
}
END_TEST

START_TEST(other_kinds_of_keys_and_nonsense_are_refused)
{
	struct text rsa = {0}, asked = {0};
	EVP_PKEY *k = EVP_RSA_gen(2048);
	BIO *out = BIO_new(BIO_s_mem());
	char *bytes;

	PEM_write_bio_PrivateKey(out, k, NULL, NULL, 0, NULL, NULL);
	long n = BIO_get_mem_data(out, &bytes);
	text_put(&rsa, slice_of(bytes, (size_t)n));
	ck_assert(x509_ask(text_slice(&rsa), &asked, &e));
	ck_assert(!sign(text_slice(&asked)));
	ck_assert_ptr_nonnull(strstr(e.message, "EC P-256 or P-384"));
	ck_assert(!sign(S("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n")));
	ck_assert(!sign(S("")));
	EVP_PKEY_free(k);
	BIO_free(out);
	text_fini(&rsa);
	text_fini(&asked);
}
END_TEST

static X509 *read_cert(const struct text *pem)
{
	X509 *one = pem_certificate(text_slice(pem), &e);
	ck_assert_msg(one != NULL, "%s", e.message);
	return one;
}

/* What a control plane renews with: the names of the certificate that it shows, and nothing that stands beside. */
START_TEST(names_are_those_of_another_certificate_when_it_is_given)
{
	static const char *const hosts[] = {"cp.example", "192.0.2.7"}, *const others[] = {"evil.example"};
	struct x509_request r = request(node);
	struct text next = {0};

	r.client_only = false;
	r.dns = hosts;
	r.dns_count = 2;
	ck_assert(x509_sign_asked(&r, text_slice(&csr), tmp_path("ca.crt"), tmp_path("ca.key"), &cert, &info, &e));
	ck_assert(info.is_server);
	X509 *shown = read_cert(&cert);
	r.dns = others;
	r.dns_count = 1;
	r.names_of = shown;
	ck_assert(x509_sign_asked(&r, text_slice(&csr), tmp_path("ca.crt"), tmp_path("ca.key"), &next, &info, &e));
	X509 *made = read_cert(&next);
	ck_assert_int_eq(X509_check_host(made, "cp.example", 0, 0, NULL), 1);
	ck_assert_int_eq(X509_check_ip_asc(made, "192.0.2.7", 0), 1);
	ck_assert_int_eq(X509_check_host(made, "evil.example", 0, 0, NULL), 0);
	ck_assert(info.is_server);
	X509_free(made);
	X509_free(shown);
	text_fini(&next);
}
END_TEST

START_TEST(only_a_certificate_that_says_so_is_a_control_planes)
{
	struct x509_request r = request(node);
	struct x509_info ca;

	ck_assert(sign(text_slice(&csr)));
	ck_assert(!info.is_server);
	ck_assert(x509_read(tmp_path("ca.crt"), &ca, &e)); /* says nothing of usages */
	ck_assert(!ca.is_server);
	r.client_only = false;
	ck_assert(x509_sign_asked(&r, text_slice(&csr), tmp_path("ca.crt"), tmp_path("ca.key"), &cert, &info, &e));
	ck_assert(info.is_server);
}
END_TEST

START_TEST(the_key_is_taken_out_of_a_file_that_has_both)
{
	struct text both = {0}, out = {0};

	ck_assert(sign(text_slice(&csr)));
	text_put(&both, text_slice(&cert));
	text_put(&both, text_slice(&key));
	keep("both.pem", &both);
	ck_assert_msg(x509_key_of(tmp_path("both.pem"), &out, &e), "%s", e.message);
	ck_assert(slice_eq(text_slice(&out), text_slice(&key)));
	ck_assert_int_eq(chmod(tmp_path("both.pem"), 0640), 0);
	ck_assert(!x509_key_of(tmp_path("both.pem"), &out, &e));
	text_fini(&both);
	text_fini(&out);
}
END_TEST

START_TEST(signed_again_it_has_the_same_key_and_names)
{
	struct text again = {0};
	struct x509_info next;
	int64_t from = clock_wall_s() - 10, to = from + 1000000;

	ck_assert(sign(text_slice(&csr)));
	keep("n.crt", &cert);
	ck_assert_msg(
	        x509_sign_again(tmp_path("n.crt"), from, to, tmp_path("ca.crt"), tmp_path("ca.key"), &again, &e),
	        "%s", e.message);
	ck_assert(x509_is_for_key(text_slice(&again), text_slice(&key), &e));
	keep("m.crt", &again);
	ck_assert(x509_read(tmp_path("m.crt"), &next, &e));
	ck_assert_str_eq(next.common_name, node);
	ck_assert_int_eq(next.not_after_s, to);
	ck_assert_str_ne(next.serial, info.serial);
	ck_assert(!x509_sign_again(tmp_path("n.crt"), from, to, tmp_path("o.crt"), tmp_path("o.key"), &again, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "not of the authority"));
	text_fini(&again);
}
END_TEST

/* A third of its life at the most, so that a short-lived certificate is not renewed all the time. */
START_TEST(when_to_renew)
{
	const struct x509_info year = {.not_before_s = 0, .not_after_s = 365 * 86400};
	const struct x509_info day = {.not_before_s = 0, .not_after_s = 86400};
	ck_assert_int_eq(x509_renewal_s(&year, 30), 335 * 86400);
	ck_assert_int_eq(x509_renewal_s(&day, 30), 57600);
}
END_TEST

static STACK_OF(X509) * chain_of(const char *first, const char *second)
{
	const char *names[] = {first, second};
	STACK_OF(X509) *chain = sk_X509_new_null();
	for (int i = 0; i < 2; i++) {
		FILE *f = fopen(tmp_path(names[i]), "r");
		sk_X509_push(chain, PEM_read_X509(f, NULL, NULL, NULL));
		fclose(f);
	}
	return chain;
}

/* dp: whether the server's certificate is a data plane's. */
static bool finds_ca(bool dp, const char *shown, const char *expected)
{
	struct x509_request r = request(node);
	unsigned char fingerprint[SHA256_SIZE];
	struct text ca = {0};

	r.client_only = dp;
	ck_assert(
	        x509_make_node(&r, tmp_path("ca.crt"), tmp_path("ca.key"), tmp_path("s.crt"), tmp_path("s.key"), &e));
	ck_assert(x509_fingerprint(tmp_path(expected), fingerprint, &e));
	STACK_OF(X509) *chain = chain_of("s.crt", shown);
	bool found = x509_find_ca(chain, fingerprint, &ca, &e);
	ck_assert(!found || slice_starts(text_slice(&ca), S("-----BEGIN CERTIFICATE-----")));
	sk_X509_pop_free(chain, X509_free);
	text_fini(&ca);
	return found;
}

START_TEST(the_server_must_be_of_the_authority_that_is_expected)
{
	ck_assert_msg(finds_ca(false, "ca.crt", "ca.crt"), "%s", e.message);
	ck_assert(!finds_ca(false, "ca.crt", "o.crt"));
	ck_assert_ptr_nonnull(strstr(e.message, "of another cluster"));
	ck_assert(!finds_ca(false, "o.crt", "o.crt"));  /* it shows a CA that has not signed it */
	ck_assert(!finds_ca(true, "ca.crt", "ca.crt")); /* a data plane's certificate is no control plane's */
	ck_assert_ptr_nonnull(strstr(e.message, "purpose"));
}
END_TEST

START_TEST(a_key_file_that_others_can_read_is_refused)
{
	ck_assert_int_eq(chmod(tmp_path("ca.key"), 0640), 0);
	ck_assert(!sign(text_slice(&csr)));
	ck_assert_ptr_nonnull(strstr(e.message, "mode 0640"));
	ck_assert_ptr_nonnull(strstr(e.message, "chmod 0600"));
}
END_TEST

START_TEST(a_token_is_text_and_back)
{
	unsigned char ca[SHA256_SIZE] = {1, 2, 3};
	char text[JOIN_TOKEN_TEXT + 1];
	struct join_token t, back;

	join_token_new(ca, &t);
	join_token_text(&t, text);
	ck_assert_uint_eq(strlen(text), JOIN_TOKEN_TEXT);
	ck_assert(join_token_parse(slice_cstr(text), &back));
	ck_assert_mem_eq(&t, &back, sizeof t);
	ck_assert(!join_token_parse(slice_of(text, JOIN_TOKEN_TEXT - 1), &back));
	text[20] = '!';
	ck_assert(!join_token_parse(slice_cstr(text), &back));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("x509_csr");
	TCase *c = tcase_create("all");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_node_is_given_what_it_asked_for);
	tcase_add_test(c, a_request_must_be_signed_with_its_key);
	tcase_add_test(c, other_kinds_of_keys_and_nonsense_are_refused);
	tcase_add_test(c, signed_again_it_has_the_same_key_and_names);
	tcase_add_test(c, names_are_those_of_another_certificate_when_it_is_given);
	tcase_add_test(c, only_a_certificate_that_says_so_is_a_control_planes);
	tcase_add_test(c, the_key_is_taken_out_of_a_file_that_has_both);
	tcase_add_test(c, when_to_renew);
	tcase_add_test(c, the_server_must_be_of_the_authority_that_is_expected);
	tcase_add_test(c, a_key_file_that_others_can_read_is_refused);
	tcase_add_test(c, a_token_is_text_and_back);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
