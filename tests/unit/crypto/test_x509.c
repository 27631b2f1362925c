/* x509: certificates that OpenSSL's own verification accepts, and readable reasons when something is wrong. */
#include <check.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/core/clock.h"
#include "common/crypto/x509.h"
#include "tests/support/tmp.h"

static const char node[] = "11111111-2222-4333-8444-555555555555";
static struct err e;

static struct x509_request request(const char *name)
{
	return (struct x509_request){
	        .common_name = name, .not_before_s = clock_wall_s() - 60, .not_after_s = clock_wall_s() + 86400};
}

static void setup(void)
{
	struct x509_request ca = request("test cluster");
	tmp_make();
	ck_assert_msg(x509_make_ca(&ca, tmp_path("ca.crt"), tmp_path("ca.key"), &e), "%s", e.message);
}

static void make_node(const struct x509_request *r)
{
	ck_assert_msg(
	        x509_make_node(r, tmp_path("ca.crt"), tmp_path("ca.key"), tmp_path("n.crt"), tmp_path("n.key"), &e),
	        "%s", e.message);
}

static X509 *load(const char *name)
{
	FILE *f = fopen(tmp_path(name), "r");
	ck_assert_ptr_nonnull(f);
	X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	ck_assert_ptr_nonnull(x);
	return x;
}

/* X509_V_OK or why OpenSSL refuses n.crt for this purpose. */
static int verify(int purpose)
{
	X509 *ca = load("ca.crt"), *x = load("n.crt");
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_STORE_add_cert(store, ca);
	X509_STORE_CTX_init(ctx, store, x, NULL);
	X509_STORE_CTX_set_purpose(ctx, purpose);
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT);
	int result = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	X509_free(x);
	X509_free(ca);
	return result;
}

START_TEST(node_certificate_verifies_as_server_and_client)
{
	struct x509_request r = request(node);
	make_node(&r);
	ck_assert_int_eq(verify(X509_PURPOSE_SSL_SERVER), X509_V_OK);
	ck_assert_int_eq(verify(X509_PURPOSE_SSL_CLIENT), X509_V_OK);
}
END_TEST

START_TEST(client_only_certificate_is_no_server)
{
	struct x509_request r = request(node);
	r.client_only = true;
	make_node(&r);
	ck_assert_int_eq(verify(X509_PURPOSE_SSL_CLIENT), X509_V_OK);
	ck_assert_int_eq(verify(X509_PURPOSE_SSL_SERVER), X509_V_ERR_INVALID_PURPOSE);
}
END_TEST

START_TEST(names_appear_in_the_subject_alternative_name)
{
	const char *dns[] = {"cp.example", "127.0.0.1"};
	struct x509_request r = request(node);
	r.dns = dns;
	r.dns_count = 2;
	make_node(&r);
	X509 *x = load("n.crt");
	ck_assert_int_eq(X509_check_host(x, "cp.example", 0, 0, NULL), 1);
	ck_assert_int_eq(X509_check_ip_asc(x, "127.0.0.1", 0), 1);
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	const GENERAL_NAME *uri = sk_GENERAL_NAME_value(names, 0);
	ck_assert_int_eq(uri->type, GEN_URI);
	ck_assert_str_eq((const char *)ASN1_STRING_get0_data(uri->d.uniformResourceIdentifier),
	        "urn:uuid:11111111-2222-4333-8444-555555555555");
	GENERAL_NAMES_free(names);
	X509_free(x);
}
END_TEST

START_TEST(node_id_and_dates_can_be_read_back)
{
	struct x509_request r = request(node);
	struct x509_info info;
	make_node(&r);
	ck_assert_msg(x509_read(tmp_path("n.crt"), &info, &e), "%s", e.message);
	ck_assert_str_eq(info.common_name, node);
	ck_assert_int_eq(info.not_after_s, r.not_after_s);
	ck_assert_int_eq(info.not_before_s, r.not_before_s);
	ck_assert_uint_eq(strlen(info.serial), 32);
}
END_TEST

START_TEST(keys_are_private)
{
	struct x509_request r = request(node);
	struct stat st;
	make_node(&r);
	ck_assert_int_eq(stat(tmp_path("n.key"), &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(stat(tmp_path("ca.key"), &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(a_self_signed_certificate_names_its_hosts_and_is_no_authority)
{
	static const char *const names[] = {"localhost", "127.0.0.1"};
	struct x509_request r = request("localhost");

	r.dns = names;
	r.dns_count = 2;
	ck_assert_msg(x509_make_self_signed(&r, tmp_path("s.crt"), tmp_path("s.key"), &e), "%s", e.message);
	X509 *x = load("s.crt");
	EVP_PKEY *key = X509_get_pubkey(x);
	ck_assert_int_eq(X509_verify(x, key), 1);
	ck_assert_int_eq(X509_check_host(x, "localhost", 0, 0, NULL), 1);
	ck_assert_int_eq(X509_check_ip_asc(x, "127.0.0.1", 0), 1);
	ck_assert_int_eq(X509_check_ca(x), 0);
	EVP_PKEY_free(key);
	X509_free(x);
}
END_TEST

START_TEST(a_holders_names_say_what_they_are)
{
	static const char *const names[] = {"ops.example", "10.0.0.1"};
	struct x509_request r = request("\xc3\xb6ps, team");
	struct arena a;
	struct slice got[4];

	r.dns = names;
	r.dns_count = 2;
	r.uri = "spiffe://example/ops";
	make_node(&r);
	X509 *x = load("n.crt");
	arena_init(&a);
	ck_assert_uint_eq(x509_names(x, &a, got, 4), 3);
	ck_assert(slice_eq(got[0], S("CN=\xc3\xb6ps\\, team,O=gatehouse")));
	ck_assert(slice_eq(got[1], S("URI:spiffe://example/ops")));
	ck_assert(slice_eq(got[2], S("DNS:ops.example"))); /* an address names nobody */
	ck_assert_uint_eq(x509_names(x, &a, got, 2), 2);
	arena_fini(&a);
	X509_free(x);
}
END_TEST

START_TEST(wrong_files_and_requests_are_named)
{
	struct x509_request r = request(node), ca = request("other"), bad = request("");
	struct x509_info info;
	ck_assert(!x509_read(tmp_path("none.crt"), &info, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "none.crt"));
	ck_assert(!x509_read(tmp_path("ca.key"), &info, &e));
	ck_assert_ptr_nonnull(strstr(e.message, "no PEM certificate"));
	ck_assert(x509_make_ca(&ca, tmp_path("o.crt"), tmp_path("o.key"), &e));
	ck_assert(
	        !x509_make_node(&r, tmp_path("ca.crt"), tmp_path("o.key"), tmp_path("n.crt"), tmp_path("n.key"), &e));
	ck_assert_ptr_nonnull(strstr(e.message, "does not belong to"));
	ck_assert(!x509_make_ca(&bad, tmp_path("b.crt"), tmp_path("b.key"), &e));
	r.not_after_s = r.not_before_s;
	ck_assert(!x509_make_node(
	        &r, tmp_path("ca.crt"), tmp_path("ca.key"), tmp_path("n.crt"), tmp_path("n.key"), &e));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("x509");
	TCase *t = tcase_create("x509");
	tcase_add_checked_fixture(t, setup, tmp_remove);
	tcase_add_test(t, node_certificate_verifies_as_server_and_client);
	tcase_add_test(t, client_only_certificate_is_no_server);
	tcase_add_test(t, names_appear_in_the_subject_alternative_name);
	tcase_add_test(t, node_id_and_dates_can_be_read_back);
	tcase_add_test(t, keys_are_private);
	tcase_add_test(t, a_self_signed_certificate_names_its_hosts_and_is_no_authority);
	tcase_add_test(t, a_holders_names_say_what_they_are);
	tcase_add_test(t, wrong_files_and_requests_are_named);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
