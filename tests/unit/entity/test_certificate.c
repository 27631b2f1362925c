/* certificates, snis, ca_certificates: fields and checks (entities.md 4.8, 4.9, 4.10). What the Admin API adds is in
 * tests/unit/admin/test_certificates.c. */
#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/crypto/digest.h"
#include "common/entity/certificate.h"
#include "tests/support/loading.h"
#include "tests/support/pem_samples.h"

static const char *text(const char *format, ...)
{
	static char out[65536];
	va_list ap;

	va_start(ap, format);
	vsnprintf(out, sizeof out, format, ap);
	va_end(ap);
	return out;
}

#define CERT(name) pem_sample(name)->cert_json
#define KEY(name)  pem_sample(name)->key_json

START_TEST(a_certificate_has_a_key_that_matches)
{
	json_t *c = created(&certificate_schema, text("{'cert':'%s','key':'%s'}", CERT(PEM_RSA), KEY(PEM_RSA)));
	has(c, "cert_alt", "null");
	has(c, "tags", "null");
	has(c, "snis", NULL); /* not stored */
	json_decref(c);
	refused_saying(&certificate_schema, text("{'cert':'%s','key':'%s'}", CERT(PEM_RSA), KEY(PEM_RSA_OTHER)),
	        "certificate does not match key");
	refused_saying(&certificate_schema, "{}", "cert: required field missing; key: required field missing");
}
END_TEST

START_TEST(what_is_no_pem_is_named_by_its_field)
{
	refused_saying(&certificate_schema, text("{'cert':'x','key':'%s'}", KEY(PEM_RSA)),
	        "cert: invalid certificate: no start line");
	refused_saying(
	        &certificate_schema, text("{'cert':'%s','key':'x'}", CERT(PEM_RSA)), "key: invalid key: unsupported");
}
END_TEST

START_TEST(an_alternative_pair_is_whole_matches_and_is_of_another_type)
{
	const char *both = "{'cert':'%s','key':'%s','cert_alt':'%s','key_alt':'%s'}";

	json_decref(created(&certificate_schema, text(both, CERT(PEM_RSA), KEY(PEM_RSA), CERT(PEM_EC), KEY(PEM_EC))));
	refused_saying(&certificate_schema, text(both, CERT(PEM_RSA), KEY(PEM_RSA), CERT(PEM_EC), KEY(PEM_CA)),
	        "alternative certificate does not match key");
	refused_saying(&certificate_schema,
	        text(both, CERT(PEM_RSA), KEY(PEM_RSA), CERT(PEM_RSA_OTHER), KEY(PEM_RSA_OTHER)),
	        "certificate and alternative certificate need to have different type (e.g. RSA and ECDSA), the provided "
	        "certificates were both of the same type");
	refused_saying(&certificate_schema,
	        text("{'cert':'%s','key':'%s','cert_alt':'%s'}", CERT(PEM_RSA), KEY(PEM_RSA), CERT(PEM_EC)),
	        "all or none of these fields must be set: 'cert_alt', 'key_alt'");
}
END_TEST

START_TEST(vault_references_are_taken_as_they_are)
{
	json_decref(created(&certificate_schema, "{'cert':'{vault://env/my-cert}','key':'{vault://env/my-key}'}"));
	json_decref(created(&certificate_schema, text("{'cert':'%s','key':'{vault://env/my-key}'}", CERT(PEM_RSA))));
}
END_TEST

START_TEST(names_of_a_certificate_are_checked_one_by_one)
{
	refused(&certificate_schema, LOAD_CREATE, NULL,
	        text("{'cert':'%s','key':'%s','snis':['ok.test','a.*.test']}", CERT(PEM_RSA), KEY(PEM_RSA)),
	        "{'snis':[null,'wildcard must be leftmost or rightmost character']}");
}
END_TEST

#define OF_U0 "'certificate':{'id':'11111111-2222-4333-8444-555555555555'}"

static const struct {
	const char *input, *message; /* NULL: accepted */
} snis[] = {
        {"{'name':'a.test'," OF_U0 "}", NULL},
        {"{'name':'*.wild.test'," OF_U0 "}", NULL},
        {"{'name':'a.*.test'," OF_U0 "}", "name: wildcard must be leftmost or rightmost character"},
        {"{'name':'*.a.*'," OF_U0 "}", "name: only one wildcard must be specified"},
        {"{'name':'1.2.3.4'," OF_U0 "}", "name: must not be an IP"},
        {"{'name':'a.test:1'," OF_U0 "}", "name: must not have a port"},
        {"{'name':'q.test'}", "certificate: required field missing"},
};

START_TEST(snis_are_accepted_or_refused_as_kong_does)
{
	if (snis[_i].message)
		refused_saying(&sni_schema, snis[_i].input, snis[_i].message);
	else
		json_decref(created(&sni_schema, snis[_i].input));
}
END_TEST

START_TEST(an_authority_has_its_digest_made_here)
{
	json_t *ca = created(&ca_certificate_schema, text("{'cert':'%s','cert_digest':'mine'}", CERT(PEM_CA)));
	ck_assert_uint_eq(json_string_length(json_object_get(ca, "cert_digest")), SHA256_HEX);
	json_t *other = loaded(&ca_certificate_schema, LOAD_UPDATE, ca, text("{'cert':'%s'}", CERT(PEM_CA_OTHER)));
	ck_assert(!json_equal(json_object_get(ca, "cert_digest"), json_object_get(other, "cert_digest")));
	json_decref(other);
	json_decref(ca);
}
END_TEST

START_TEST(an_authority_is_one_ca_that_has_not_expired)
{
	refused_saying(&ca_certificate_schema, text("{'cert':'%s%s'}", CERT(PEM_CA), CERT(PEM_CA_OTHER)),
	        "please submit only one certificate at a time");
	refused_saying(&ca_certificate_schema, text("{'cert':'%s'}", CERT(PEM_CA_EXPIRED)),
	        "certificate expired, \"Not After\" time is in the past");
	refused_saying(&ca_certificate_schema, text("{'cert':'%s'}", CERT(PEM_RSA)),
	        "certificate does not appear to be a CA because it is missing the \"CA\" basic constraint");
}
END_TEST

START_TEST(an_authority_that_expires_later_can_still_be_read)
{
	json_t *ca = created(&ca_certificate_schema, text("{'cert':'%s'}", CERT(PEM_CA)));
	json_object_set_new(ca, "cert", json_string(pem_sample(PEM_CA_EXPIRED)->cert));
	char *stored = json_dumps(ca, JSON_COMPACT);
	json_t *again = loaded(&ca_certificate_schema, LOAD_STORED, NULL, stored);
	ck_assert(json_equal(again, ca));
	free(stored);
	json_decref(again);
	json_decref(ca);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("certificate");
	TCase *c = tcase_create("certificate");

	tcase_add_test(c, a_certificate_has_a_key_that_matches);
	tcase_add_test(c, what_is_no_pem_is_named_by_its_field);
	tcase_add_test(c, an_alternative_pair_is_whole_matches_and_is_of_another_type);
	tcase_add_test(c, vault_references_are_taken_as_they_are);
	tcase_add_test(c, names_of_a_certificate_are_checked_one_by_one);
	tcase_add_loop_test(c, snis_are_accepted_or_refused_as_kong_does, 0, sizeof snis / sizeof *snis);
	tcase_add_test(c, an_authority_has_its_digest_made_here);
	tcase_add_test(c, an_authority_is_one_ca_that_has_not_expired);
	tcase_add_test(c, an_authority_that_expires_later_can_still_be_read);
	suite_add_tcase(s, c);
	return run_suite(s);
}
