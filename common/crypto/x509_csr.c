/* x509_csr: see x509_csr.h. */
#include "common/crypto/x509_csr.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "common/crypto/x509_private.h"

static void append(struct text *out, BIO *pem)
{
	char *bytes;
	long n = BIO_get_mem_data(pem, &bytes);
	text_put(out, slice_of(bytes, n > 0 ? (size_t)n : 0));
}

static bool append_cert(struct text *out, X509 *cert, struct err *e)
{
	BIO *pem = BIO_new(BIO_s_mem());
	bool ok = (pem && PEM_write_bio_X509(pem, cert)) || x509_fail(e, "cannot encode the certificate");
	if (ok)
		append(out, pem);
	BIO_free(pem);
	return ok;
}

/* ---- asking ---------------------------------------------------------------------------------------------------- */

static bool append_key(struct text *pem, const EVP_PKEY *key, struct err *e)
{
	BIO *out = BIO_new(BIO_s_secmem());
	bool ok = (key && out && PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL)) ||
	          x509_fail(e, "cannot make a key");
	if (ok)
		append(pem, out);
	BIO_free(out);
	return ok;
}

bool x509_new_key(struct text *pem, struct err *e)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	bool ok = append_key(pem, key, e);
	EVP_PKEY_free(key);
	return ok;
}

bool x509_key_of(const char *path, struct text *pem, struct err *e)
{
	EVP_PKEY *key = x509_read_key(path, e);
	bool ok = key && append_key(pem, key, e);
	EVP_PKEY_free(key);
	return ok;
}

static EVP_PKEY *key_of(struct slice pem, struct err *e)
{
	BIO *in = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, NULL, (void *)"") : NULL;
	if (!key)
		x509_fail(e, "no PEM private key without passphrase");
	BIO_free(in);
	return key;
}

bool x509_ask(struct slice key_pem, struct text *csr_pem, struct err *e)
{
	EVP_PKEY *key = key_of(key_pem, e);
	if (!key)
		return false;
	X509_REQ *request = X509_REQ_new();
	BIO *out = BIO_new(BIO_s_mem());
	bool ok = (request && out && X509_REQ_set_version(request, X509_REQ_VERSION_1) &&
	                  X509_REQ_set_pubkey(request, key) && X509_REQ_sign(request, key, EVP_sha256()) &&
	                  PEM_write_bio_X509_REQ(out, request)) ||
	          x509_fail(e, "cannot make the certificate request");
	if (ok)
		append(csr_pem, out);
	BIO_free(out);
	X509_REQ_free(request);
	EVP_PKEY_free(key);
	return ok;
}

/* ---- signing --------------------------------------------------------------------------------------------------- */

static bool is_good_key(const EVP_PKEY *key)
{
	char group[32] = "";
	size_t n;
	return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_group_name(key, group, sizeof group, &n) &&
	       (strcmp(group, "prime256v1") == 0 || strcmp(group, "secp384r1") == 0);
}

/* The key that the request is for, and which its sender has. */
static EVP_PKEY *asked_key(struct slice csr_pem, struct err *e)
{
	BIO *in = csr_pem.len <= X509_PEM_MAX ? BIO_new_mem_buf(csr_pem.ptr, (int)csr_pem.len) : NULL;
	X509_REQ *request = in ? PEM_read_bio_X509_REQ(in, NULL, NULL, NULL) : NULL;
	EVP_PKEY *key = request ? X509_REQ_get_pubkey(request) : NULL, *good = NULL;

	if (!key)
		x509_fail(e, "no certificate request in PEM");
	else if (!is_good_key(key))
		err_set(e, "the key of a certificate request is expected to be EC P-256 or P-384");
	else if (X509_REQ_verify(request, key) != 1)
		x509_fail(e, "the certificate request is not signed with its key");
	else
		good = key;
	if (!good)
		EVP_PKEY_free(key);
	X509_REQ_free(request);
	BIO_free(in);
	ERR_clear_error();
	return good;
}

struct authority {
	X509 *cert;
	EVP_PKEY *key;
};

static void close_authority(struct authority *a)
{
	X509_free(a->cert);
	EVP_PKEY_free(a->key);
}

static bool open_authority(struct authority *a, const char *cert_path, const char *key_path, struct err *e)
{
	*a = (struct authority){.cert = x509_read_cert(cert_path, e)};
	if (a->cert)
		a->key = x509_read_key(key_path, e);
	if (a->key && X509_check_private_key(a->cert, a->key) == 1)
		return true;
	if (a->key)
		err_set(e, "key '%s' does not belong to certificate '%s'", key_path, cert_path);
	ERR_clear_error();
	close_authority(a);
	return false;
}

bool x509_sign_asked(const struct x509_request *r, struct slice csr_pem, const char *ca_cert_path,
        const char *ca_key_path, struct text *cert_pem, struct x509_info *info, struct err *e)
{
	struct authority ca;
	if (!x509_check_request(r, e) || !open_authority(&ca, ca_cert_path, ca_key_path, e))
		return false;
	EVP_PKEY *key = asked_key(csr_pem, e);
	X509 *cert = key ? x509_new_cert(r, key, ca.cert) : NULL;
	bool ok = key != NULL;
	ok = ok &&
	     ((cert && x509_sign_node(cert, r, ca.cert, ca.key)) || x509_fail(e, "cannot sign the certificate"));
	ok = ok && x509_describe(cert, info, e) && append_cert(cert_pem, cert, e);
	X509_free(cert);
	EVP_PKEY_free(key);
	close_authority(&ca);
	return ok;
}

static bool sign_like(X509 *cert, const X509 *like, const struct authority *ca)
{
	static const int kept[] = {NID_basic_constraints, NID_key_usage, NID_ext_key_usage,
	        NID_subject_key_identifier, NID_authority_key_identifier, NID_subject_alt_name};
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
		if (!x509_copy_extension(cert, like, kept[i]))
			return false;
	return X509_sign(cert, ca->key, EVP_sha256()) > 0;
}

bool x509_sign_again(const char *cert_path, int64_t not_before_s, int64_t not_after_s, const char *ca_cert_path,
        const char *ca_key_path, struct text *cert_pem, struct err *e)
{
	struct authority ca;
	struct x509_info was;
	X509 *like = x509_read_cert(cert_path, e), *cert = NULL;
	bool ok = like && open_authority(&ca, ca_cert_path, ca_key_path, e);
	bool has_ca = ok;

	if (ok && X509_verify(like, X509_get0_pubkey(ca.cert)) != 1) {
		ERR_clear_error();
		ok = err_set(e, "certificate '%s' is not of the authority in '%s'", cert_path, ca_cert_path);
	}
	ok = ok && x509_describe(like, &was, e);
	if (ok) {
		struct x509_request r = {
		        .common_name = was.common_name, .not_before_s = not_before_s, .not_after_s = not_after_s};
		cert = x509_new_cert(&r, X509_get0_pubkey(like), ca.cert);
		ok = (cert && sign_like(cert, like, &ca)) || x509_fail(e, "cannot sign the certificate");
	}
	ok = ok && append_cert(cert_pem, cert, e);
	X509_free(cert);
	X509_free(like);
	if (has_ca)
		close_authority(&ca);
	return ok;
}

bool x509_is_for_key(struct slice cert_pem, struct slice key_pem, struct err *e)
{
	EVP_PKEY *key = key_of(key_pem, e);
	BIO *in = BIO_new_mem_buf(cert_pem.ptr, (int)cert_pem.len);
	X509 *cert = key && in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
	bool ok = key != NULL;
	ok = ok &&
	     ((cert && X509_check_private_key(cert, key) == 1) || x509_fail(e, "the certificate is not for the key"));
	X509_free(cert);
	BIO_free(in);
	EVP_PKEY_free(key);
	return ok;
}

int64_t x509_renewal_s(const struct x509_info *info, int64_t days)
{
	int64_t third = (info->not_after_s - info->not_before_s) / 3, before = days * 86400;
	return info->not_after_s - (before < third ? before : third);
}

/* ---- which CA -------------------------------------------------------------------------------------------------- */

static bool digest_of(const X509 *cert, unsigned char out[SHA256_SIZE])
{
	unsigned n = 0;
	return X509_digest(cert, EVP_sha256(), out, &n) == 1 && n == SHA256_SIZE;
}

bool x509_fingerprint(const char *path, unsigned char out[SHA256_SIZE], struct err *e)
{
	X509 *cert = x509_read_cert(path, e);
	bool ok = cert && (digest_of(cert, out) || x509_fail(e, "cannot read the certificate"));
	X509_free(cert);
	return ok;
}

bool x509_pem_of(const char *path, struct text *pem, struct err *e)
{
	X509 *cert = x509_read_cert(path, e);
	bool ok = cert && append_cert(pem, cert, e);
	X509_free(cert);
	return ok;
}

static X509 *with_fingerprint(const STACK_OF(X509) * chain, const unsigned char fingerprint[SHA256_SIZE])
{
	unsigned char digest[SHA256_SIZE];
	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *one = sk_X509_value(chain, i);
		if (digest_of(one, digest) && memcmp(digest, fingerprint, SHA256_SIZE) == 0)
			return one;
	}
	return NULL;
}

static bool vouches(X509 *ca, STACK_OF(X509) * chain, struct err *e)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *check = X509_STORE_CTX_new();
	bool ok = store && check && X509_STORE_add_cert(store, ca) == 1 &&
	          X509_STORE_CTX_init(check, store, sk_X509_value(chain, 0), chain) == 1 &&
	          X509_STORE_CTX_set_purpose(check, X509_PURPOSE_SSL_SERVER) == 1 && X509_verify_cert(check) == 1;
	if (!ok)
		err_set(e, "the server's certificate: %s",
		        X509_verify_cert_error_string(
		                check ? X509_STORE_CTX_get_error(check) : X509_V_ERR_OUT_OF_MEM));
	X509_STORE_CTX_free(check);
	X509_STORE_free(store);
	ERR_clear_error();
	return ok;
}

bool x509_find_ca(
        STACK_OF(X509) * chain, const unsigned char fingerprint[SHA256_SIZE], struct text *ca_pem, struct err *e)
{
	X509 *ca = chain ? with_fingerprint(chain, fingerprint) : NULL;
	if (!ca)
		return err_set(
		        e, "the server is of another cluster: its authority is not the one that the token names");
	return vouches(ca, chain, e) && append_cert(ca_pem, ca, e);
}
