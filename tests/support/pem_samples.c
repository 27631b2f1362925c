/* pem_samples: see pem_samples.h. All are self-signed and valid for a day, but for the expired one. */
#include "tests/support/pem_samples.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { DAY_S = 24 * 60 * 60 };

static const struct {
	const char *common_name;
	bool is_rsa, is_ca;
	long ends_s; /* from now */
} wanted[PEM_SAMPLES] = {
        [PEM_RSA] = {"rsa.test", true, false, DAY_S},
        [PEM_RSA_OTHER] = {"other.test", true, false, DAY_S},
        [PEM_EC] = {"ec.test", false, false, DAY_S},
        [PEM_CA] = {"ca.test", false, true, DAY_S},
        [PEM_CA_OTHER] = {"other-ca.test", false, true, DAY_S},
        [PEM_CA_EXPIRED] = {"expired-ca.test", false, true, -DAY_S},
};

static char *taken(BIO *from)
{
	char *bytes, *text;
	long n = BIO_get_mem_data(from, &bytes);

	text = calloc(1, (size_t)n + 1);
	if (!text)
		abort();
	memcpy(text, bytes, (size_t)n);
	BIO_free(from);
	return text;
}

static char *escaped(const char *pem)
{
	char *out = calloc(2, strlen(pem) + 1), *to = out;

	for (; out && *pem; pem++) {
		if (*pem == '\n')
			*to++ = '\\';
		*to++ = *pem == '\n' ? 'n' : *pem;
	}
	return out;
}

static void add_basic_constraints(X509 *cert)
{
	X509_EXTENSION *ca = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
	X509_add_ext(cert, ca, -1);
	X509_EXTENSION_free(ca);
}

static X509 *self_signed(enum pem_sample_name name, EVP_PKEY *key)
{
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert);

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1 + name);
	X509_gmtime_adj(X509_getm_notBefore(cert), -2 * DAY_S);
	X509_gmtime_adj(X509_getm_notAfter(cert), wanted[name].ends_s);
	X509_NAME_add_entry_by_txt(
	        subject, "CN", MBSTRING_ASC, (const unsigned char *)wanted[name].common_name, -1, -1, 0);
	X509_set_issuer_name(cert, subject);
	X509_set_pubkey(cert, key);
	if (wanted[name].is_ca)
		add_basic_constraints(cert);
	if (!X509_sign(cert, key, EVP_sha256()))
		abort();
	return cert;
}

static struct pem_sample make(enum pem_sample_name name)
{
	EVP_PKEY *key = wanted[name].is_rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	X509 *cert = self_signed(name, key);
	BIO *cert_out = BIO_new(BIO_s_mem()), *key_out = BIO_new(BIO_s_mem()), *public_out = BIO_new(BIO_s_mem());

	if (!PEM_write_bio_X509(cert_out, cert) ||
	        !PEM_write_bio_PrivateKey(key_out, key, NULL, NULL, 0, NULL, NULL) ||
	        !PEM_write_bio_PUBKEY(public_out, key))
		abort();
	X509_free(cert);
	EVP_PKEY_free(key);
	struct pem_sample s = {.cert = taken(cert_out), .key = taken(key_out), .public_key = taken(public_out)};
	s.cert_json = escaped(s.cert);
	s.key_json = escaped(s.key);
	s.public_key_json = escaped(s.public_key);
	return s;
}

const struct pem_sample *pem_sample(enum pem_sample_name name)
{
	static struct pem_sample samples[PEM_SAMPLES];

	if (!samples[name].cert)
		samples[name] = make(name);
	return &samples[name];
}
