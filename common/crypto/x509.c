/* x509: see x509.h. */
#include "common/crypto/x509_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "common/core/arena.h"
#include "common/core/file.h"
#include "common/core/text.h"
#include "common/core/uuid.h"

const char *x509_error(char *out, size_t size)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	snprintf(out, size, "%s", reason ? reason : code ? "unknown reason" : "no reason given");
	ERR_clear_error();
	return out;
}

bool x509_fail(struct err *e, const char *what)
{
	char why[160];
	return err_set(e, "%s: %s", what, x509_error(why, sizeof why));
}

/* ---- files ---- */

static bool write_pem(BIO *pem, const char *path, mode_t mode, struct err *e)
{
	char *bytes;
	long n = BIO_get_mem_data(pem, &bytes);
	return file_replace(path, slice_of(bytes, (size_t)n), mode, e);
}

static bool write_cert(X509 *cert, const char *path, struct err *e)
{
	BIO *pem = BIO_new(BIO_s_mem());
	bool ok = (pem && PEM_write_bio_X509(pem, cert)) || x509_fail(e, "cannot encode the certificate");
	ok = ok && write_pem(pem, path, 0644, e);
	BIO_free(pem);
	return ok;
}

static bool write_key(EVP_PKEY *key, const char *path, struct err *e)
{
	BIO *pem = BIO_new(BIO_s_secmem());
	bool ok = (pem && PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL)) ||
	          x509_fail(e, "cannot encode the private key");
	ok = ok && write_pem(pem, path, 0600, e);
	BIO_free(pem);
	return ok;
}

X509 *x509_read_cert(const char *path, struct err *e)
{
	BIO *file = BIO_new_file(path, "r");
	X509 *cert = file ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;
	if (!file)
		err_set(e, "cannot open certificate file '%s': %s", path, strerror(errno));
	else if (!cert)
		x509_fail(e, "no PEM certificate"), err_prefix(e, "'%s'", path);
	BIO_free(file);
	ERR_clear_error();
	return cert;
}

EVP_PKEY *x509_read_key(const char *path, struct err *e)
{
	if (!file_is_private(path, e))
		return NULL;
	BIO *file = BIO_new_file(path, "r");
	EVP_PKEY *key = file ? PEM_read_bio_PrivateKey(file, NULL, NULL, (void *)"") : NULL;
	if (!file)
		err_set(e, "cannot open key file '%s': %s", path, strerror(errno));
	else if (!key)
		x509_fail(e, "no PEM private key without passphrase"), err_prefix(e, "'%s'", path);
	BIO_free(file);
	ERR_clear_error();
	return key;
}

/* ---- making ---- */

static bool set_serial(X509 *cert)
{
	unsigned char raw[16];
	BIGNUM *n = NULL;
	if (RAND_bytes(raw, sizeof raw) != 1)
		return false;
	raw[0] = (unsigned char)((raw[0] & 0x7f) | 0x40); /* positive, and always 16 bytes */
	n = BN_bin2bn(raw, sizeof raw, NULL);
	bool ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
	BN_free(n);
	return ok;
}

static bool set_subject(X509 *cert, const char *common_name)
{
	X509_NAME *name = X509_get_subject_name(cert);
	return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"gatehouse", -1, -1, 0) &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0);
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	bool ok = ext && X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	return ok;
}

/* Names are added one by one and not through OpenSSL's configuration syntax, in which a comma in a name starts
 * another. */
static bool add_name(GENERAL_NAMES *names, int type, struct slice value)
{
	GENERAL_NAME *one = GENERAL_NAME_new();
	ASN1_STRING *text = type == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
	if (!one || !text || !ASN1_STRING_set(text, value.ptr, (int)value.len)) {
		GENERAL_NAME_free(one);
		ASN1_STRING_free(text);
		return false;
	}
	GENERAL_NAME_set0_value(one, type, text);
	if (sk_GENERAL_NAME_push(names, one) > 0)
		return true;
	GENERAL_NAME_free(one);
	return false;
}

static bool add_host(GENERAL_NAMES *names, const char *host)
{
	char raw[16];
	if (inet_pton(AF_INET, host, raw) == 1)
		return add_name(names, GEN_IPADD, slice_of(raw, 4));
	if (inet_pton(AF_INET6, host, raw) == 1)
		return add_name(names, GEN_IPADD, slice_of(raw, 16));
	return add_name(names, GEN_DNS, slice_cstr(host));
}

static bool add_uri(GENERAL_NAMES *names, const struct x509_request *r)
{
	char urn[9 + UUID_TEXT + 1];
	if (r->uri)
		return add_name(names, GEN_URI, slice_cstr(r->uri));
	if (!is_uuid(slice_cstr(r->common_name)))
		return true;
	snprintf(urn, sizeof urn, "urn:uuid:%s", r->common_name);
	return add_name(names, GEN_URI, slice_cstr(urn));
}

static bool add_san(X509 *cert, const struct x509_request *r)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	bool ok = names && add_uri(names, r);
	for (size_t i = 0; ok && i < r->dns_count; i++)
		ok = add_host(names, r->dns[i]);
	if (ok && sk_GENERAL_NAME_num(names) > 0)
		ok = X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
	GENERAL_NAMES_free(names);
	return ok;
}

X509 *x509_new_cert(const struct x509_request *r, EVP_PKEY *key, X509 *issuer)
{
	X509 *cert = X509_new();
	if (cert && X509_set_version(cert, X509_VERSION_3) && set_serial(cert) && set_subject(cert, r->common_name) &&
	        X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert)) &&
	        ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)r->not_before_s) &&
	        ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)r->not_after_s) && X509_set_pubkey(cert, key))
		return cert;
	X509_free(cert);
	return NULL;
}

bool x509_check_request(const struct x509_request *r, struct err *e)
{
	size_t n = strlen(r->common_name);
	if (n == 0 || n > X509_CN)
		return err_set(e, "common name '%.100s' has %zu bytes, expected 1 to %d", r->common_name, n, X509_CN);
	if (r->not_after_s <= r->not_before_s)
		return err_set(e, "the certificate would end before it begins");
	return true;
}

bool x509_make_ca(const struct x509_request *r, const char *cert_path, const char *key_path, struct err *e)
{
	if (!x509_check_request(r, e))
		return false;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = key ? x509_new_cert(r, key, NULL) : NULL;
	bool ok = cert && add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	          add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	          add_extension(cert, cert, NID_subject_key_identifier, "hash") && X509_sign(cert, key, EVP_sha256());
	if (!ok)
		x509_fail(e, "cannot make the cluster CA");
	ok = ok && write_key(key, key_path, e) && write_cert(cert, cert_path, e);
	X509_free(cert);
	EVP_PKEY_free(key);
	return ok;
}

static bool sign_self(X509 *cert, const struct x509_request *r, EVP_PKEY *key)
{
	return add_extension(cert, cert, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(cert, cert, NID_key_usage,
	               r->rsa ? "critical,digitalSignature,keyEncipherment" : "critical,digitalSignature") &&
	       add_extension(cert, cert, NID_ext_key_usage, "serverAuth") && add_san(cert, r) &&
	       X509_sign(cert, key, EVP_sha256());
}

bool x509_make_self_signed(const struct x509_request *r, const char *cert_path, const char *key_path, struct err *e)
{
	if (!x509_check_request(r, e))
		return false;
	EVP_PKEY *key = r->rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	X509 *cert = key ? x509_new_cert(r, key, NULL) : NULL;
	bool ok = (cert && sign_self(cert, r, key)) || x509_fail(e, "cannot make the certificate");
	ok = ok && write_key(key, key_path, e) && write_cert(cert, cert_path, e);
	X509_free(cert);
	EVP_PKEY_free(key);
	return ok;
}

bool x509_copy_extension(X509 *to, const X509 *from, int nid)
{
	int at = X509_get_ext_by_NID(from, nid, -1);
	return at < 0 || X509_add_ext(to, X509_get_ext(from, at), -1) == 1;
}

static bool set_names(X509 *cert, const struct x509_request *r)
{
	return r->names_of ? x509_copy_extension(cert, r->names_of, NID_subject_alt_name) : add_san(cert, r);
}

bool x509_sign_node(X509 *cert, const struct x509_request *r, X509 *ca, EVP_PKEY *ca_key)
{
	return add_extension(cert, ca, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(cert, ca, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(cert, ca, NID_ext_key_usage, r->client_only ? "clientAuth" : "serverAuth,clientAuth") &&
	       add_extension(cert, ca, NID_subject_key_identifier, "hash") &&
	       add_extension(cert, ca, NID_authority_key_identifier, "keyid:always") && set_names(cert, r) &&
	       X509_sign(cert, ca_key, EVP_sha256());
}

bool x509_make_node(const struct x509_request *r, const char *ca_cert_path, const char *ca_key_path,
        const char *cert_path, const char *key_path, struct err *e)
{
	if (!x509_check_request(r, e))
		return false;
	X509 *ca = x509_read_cert(ca_cert_path, e), *cert = NULL;
	EVP_PKEY *ca_key = ca ? x509_read_key(ca_key_path, e) : NULL, *key = NULL;
	bool ok = ca_key != NULL;
	if (ok && X509_check_private_key(ca, ca_key) != 1) {
		ERR_clear_error();
		ok = err_set(e, "key '%s' does not belong to certificate '%s'", ca_key_path, ca_cert_path);
	}
	if (ok) {
		key = EVP_EC_gen("P-256");
		cert = key ? x509_new_cert(r, key, ca) : NULL;
		ok = (cert && x509_sign_node(cert, r, ca, ca_key)) ||
		     x509_fail(e, "cannot make the node certificate");
	}
	ok = ok && write_key(key, key_path, e) && write_cert(cert, cert_path, e);
	X509_free(cert);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
	return ok;
}

/* ---- reading ---- */

static bool time_of(const ASN1_TIME *t, int64_t *out)
{
	struct tm tm = {0};
	if (ASN1_TIME_to_tm(t, &tm) != 1)
		return false;
	*out = timegm(&tm);
	return true;
}

static bool common_name_of(const X509 *cert, char out[X509_CN + 1])
{
	const X509_NAME *name = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	/* More than one CN: which of them names the node would be a matter of taste. */
	if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
		return false;
	unsigned char *utf8 = NULL;
	int n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	bool ok = n > 0 && n <= X509_CN && memchr(utf8, '\0', (size_t)n) == NULL;
	if (ok) {
		memcpy(out, utf8, (size_t)n);
		out[n] = '\0';
	}
	OPENSSL_free(utf8);
	return ok;
}

static void serial_of(const X509 *cert, char *out, size_t size)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	const unsigned char *raw = ASN1_STRING_get0_data(serial);
	int n = ASN1_STRING_length(serial);
	out[0] = '\0';
	for (int i = 0; i < n && (size_t)(2 * i + 2) < size; i++)
		snprintf(out + 2 * i, size - (size_t)(2 * i), "%02x", raw[i]);
}

static bool is_server(const X509 *cert)
{
	EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
	bool found = false;
	for (int i = 0; i < sk_ASN1_OBJECT_num(usages); i++)
		found = found || OBJ_obj2nid(sk_ASN1_OBJECT_value(usages, i)) == NID_server_auth;
	EXTENDED_KEY_USAGE_free(usages);
	return found;
}

bool x509_describe(const X509 *cert, struct x509_info *out, struct err *e)
{
	if (!common_name_of(cert, out->common_name))
		return err_set(
		        e, "the certificate has no common name, or not exactly one of at most %d bytes", X509_CN);
	if (!time_of(X509_get0_notBefore(cert), &out->not_before_s) ||
	        !time_of(X509_get0_notAfter(cert), &out->not_after_s))
		return err_set(e, "the certificate's dates cannot be read");
	serial_of(cert, out->serial, sizeof out->serial);
	out->is_server = is_server(cert);
	return true;
}

bool x509_read(const char *path, struct x509_info *out, struct err *e)
{
	X509 *cert = x509_read_cert(path, e);
	bool ok = cert && (x509_describe(cert, out, e) || err_prefix(e, "'%s'", path));
	X509_free(cert);
	return ok;
}

/* ---- names ---- */

static struct slice subject_of(const X509 *cert, struct arena *a)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *bytes = NULL;

	/* multi-byte characters as they are: administrators write names, not escapes */
	X509_NAME_print_ex(out, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
	long n = BIO_get_mem_data(out, &bytes);
	struct slice subject = n > 0 ? arena_dup(a, slice_of(bytes, (size_t)n)) : (struct slice){0};
	BIO_free(out);
	return subject;
}

/* Unset: not of a type that we name, or with a NUL, which would make another name of it. */
static struct slice alternative_name(const GENERAL_NAME *name, struct arena *a)
{
	int type;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
	const char *prefix = type == GEN_DNS     ? "DNS:"
	                     : type == GEN_EMAIL ? "email:"
	                     : type == GEN_URI   ? "URI:"
	                                         : NULL;

	if (!prefix)
		return (struct slice){0};
	struct slice bytes = slice_of((const char *)ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
	if (bytes.len == 0 || memchr(bytes.ptr, 0, bytes.len))
		return (struct slice){0};
	return ARENA_JOIN(a, slice_cstr(prefix), bytes);
}

size_t x509_names(const X509 *cert, struct arena *a, struct slice *out, size_t max)
{
	size_t n = 0;
	struct slice subject = subject_of(cert, a);
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

	if (subject.len > 0 && n < max)
		out[n++] = subject;
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && n < max; i++) {
		struct slice name = alternative_name(sk_GENERAL_NAME_value(names, i), a);
		if (slice_is_set(name))
			out[n++] = name;
	}
	GENERAL_NAMES_free(names);
	ERR_clear_error();
	return n;
}
