/* certificate: see certificate.h. The field `snis` of a certificate is not stored: it stands for entities of their
 * own, which the Admin API reads and writes along with the certificate (cp/admin/certificates.c). */
#include "common/entity/certificate.h"

#include <openssl/x509v3.h>
#include <stdlib.h>

#include "common/crypto/digest.h"
#include "common/crypto/pem.h"
#include "common/schema/violations.h"

/* ---- single fields --------------------------------------------------------------------------------------------- */

static struct slice text_at(const json_t *record, const char *name)
{
	const json_t *value = json_object_get(record, name);
	return slice_of(json_string_value(value), json_string_length(value));
}

static bool check_certificate(const struct field *f, json_t **value, struct err *e)
{
	X509 *cert = pem_certificate(slice_of(json_string_value(*value), json_string_length(*value)), e);
	X509_free(cert);
	return cert || err_prefix(e, "invalid certificate");
}

static bool check_key(const struct field *f, json_t **value, struct err *e)
{
	EVP_PKEY *key = pem_private_key(slice_of(json_string_value(*value), json_string_length(*value)), e);
	EVP_PKEY_free(key);
	return key || err_prefix(e, "invalid key");
}

/* ---- certificates ---------------------------------------------------------------------------------------------- */

static const struct field certificate_fields[] = {
        ID_FIELD(struct certificate),
        CREATED_AT_FIELD(struct certificate),
        UPDATED_AT_FIELD(struct certificate),
        FIELD(struct certificate, cert, .flags = REQUIRED | REFERENCEABLE, .check = check_certificate,
                .doc = "The certificate in PEM; the chain to its authority may follow."),
        FIELD(struct certificate, key, .flags = REQUIRED | REFERENCEABLE | ENCRYPTED, .check = check_key,
                .doc = "Its private key in PEM, without a passphrase."),
        FIELD(struct certificate, cert_alt, .flags = REFERENCEABLE | OPTIONAL, .check = check_certificate,
                .doc = "A second certificate of another type (ECDSA beside RSA), shown to clients that know it."),
        FIELD(struct certificate, key_alt, .flags = REFERENCEABLE | ENCRYPTED | OPTIONAL, .check = check_key,
                .doc = "The private key of the second certificate."),
        TAGS_FIELD(struct certificate),
        {.name = "snis",
                .type = TYPE_ARRAY,
                .flags = WRITE_ONLY | OPTIONAL,
                STRINGS(.format = FORMAT_WILDCARD_HOST),
                .doc = "The server names it is shown under; each becomes an entity of its own under /snis."},
        {0},
};

static bool is_key_of(const json_t *record, const char *cert_name, const char *key_name)
{
	struct err ignored;
	X509 *cert = pem_certificate(text_at(record, cert_name), &ignored);
	EVP_PKEY *key = pem_private_key(text_at(record, key_name), &ignored);
	bool matches = cert && key && X509_check_private_key(cert, key) == 1;
	X509_free(cert);
	EVP_PKEY_free(key);
	return matches;
}

static void check_pair(const json_t *record, bool is_update, struct violations *v)
{
	if (slice_is_set(text_at(record, "cert")) && !is_key_of(record, "cert", "key"))
		violations_add_entity(v, "certificate does not match key");
}

static void check_alternative_pair(const json_t *record, bool is_update, struct violations *v)
{
	if (slice_is_set(text_at(record, "cert_alt")) && slice_is_set(text_at(record, "key_alt")) &&
	        !is_key_of(record, "cert_alt", "key_alt"))
		violations_add_entity(v, "alternative certificate does not match key");
}

static int key_type(struct slice cert_text)
{
	struct err ignored;
	X509 *cert = pem_certificate(cert_text, &ignored);
	EVP_PKEY *key = cert ? X509_get0_pubkey(cert) : NULL;
	int type = key ? EVP_PKEY_get_base_id(key) : 0;
	X509_free(cert);
	return type;
}

static void check_types(const json_t *record, bool is_update, struct violations *v)
{
	struct slice cert = text_at(record, "cert"), alternative = text_at(record, "cert_alt");
	if (slice_is_set(cert) && slice_is_set(alternative) && key_type(cert) == key_type(alternative))
		violations_add_entity(v,
		        "certificate and alternative certificate need to have different type (e.g. RSA "
		        "and ECDSA), the provided certificates were both of the same type");
}

static const struct entity_check certificate_checks[] = {
        MUTUALLY_REQUIRED("cert_alt", "key_alt"),
        CUSTOM(check_pair, .fields = FIELDS("cert", "key")),
        CUSTOM(check_alternative_pair, .fields = FIELDS("cert_alt", "key_alt")),
        CUSTOM(check_types, .fields = FIELDS("cert", "cert_alt")),
        {0},
};

const struct schema certificate_schema = {
        .name = "certificates",
        .path = "certificates",
        .size = sizeof(struct certificate),
        .fields = certificate_fields,
        .checks = certificate_checks,
        .doc = "A certificate with its private key, shown to clients or to upstreams.",
};

/* ---- snis ------------------------------------------------------------------------------------------------------ */

static const struct field sni_fields[] = {
        ID_FIELD(struct sni),
        FIELD(struct sni, name, .format = FORMAT_WILDCARD_HOST, .flags = REQUIRED | UNIQUE | ENDPOINT_KEY,
                .described_as = "{'unique_across_ws':true}",
                .doc = "A server name, or a pattern with one * as its first or last label: *.example.com."),
        CREATED_AT_FIELD(struct sni),
        UPDATED_AT_FIELD(struct sni),
        TAGS_FIELD(struct sni),
        FIELD(struct sni, certificate, .ref = "certificates", .on_delete = ON_DELETE_FOLLOW, .flags = REQUIRED,
                .doc = "The certificate that clients get who ask for this name."),
        {0},
};

const struct schema sni_schema = {
        .name = "snis",
        .path = "snis",
        .size = sizeof(struct sni),
        .fields = sni_fields,
        .doc = "A server name that a certificate is shown under.",
};

/* ---- certificates of authorities ------------------------------------------------------------------------------- */

static const struct field ca_fields[] = {
        ID_FIELD(struct ca_certificate),
        CREATED_AT_FIELD(struct ca_certificate),
        UPDATED_AT_FIELD(struct ca_certificate),
        FIELD(struct ca_certificate, cert, .flags = REQUIRED, .check = check_certificate,
                .doc = "The certificate of an authority in PEM; one, without a chain."),
        FIELD(struct ca_certificate, cert_digest, .flags = UNIQUE,
                .doc = "SHA-256 of the certificate in hexadecimal; made here."),
        TAGS_FIELD(struct ca_certificate),
        {0},
};

static void check_authority(const json_t *record, bool is_update, struct violations *v)
{
	struct slice text = text_at(record, "cert");
	struct err ignored;
	X509 *cert = pem_certificate(text, &ignored);

	if (!cert)
		return;
	if (pem_certificate_count(text) > 1)
		violations_add_entity(v, "please submit only one certificate at a time");
	else if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
		violations_add_entity(v, "certificate expired, \"Not After\" time is in the past");
	else if (X509_check_ca(cert) != 1)
		violations_add_entity(v,
		        "certificate does not appear to be a CA because it is missing the \"CA\" basic "
		        "constraint");
	X509_free(cert);
}

static const struct entity_check ca_checks[] = {
        CUSTOM(check_authority, .fields = FIELDS("cert")),
        {0},
};

static bool set_digest(json_t *record, const json_t *input, const json_t *existing, struct err *e)
{
	X509 *cert = pem_certificate(text_at(record, "cert"), e);
	unsigned char *der = NULL;
	char digest[SHA256_HEX + 1];
	int n = cert ? i2d_X509(cert, &der) : -1;

	if (n > 0) {
		digest_sha256_hex(slice_of((const char *)der, (size_t)n), digest);
		json_object_set_new(record, "cert_digest", json_string(digest));
	}
	OPENSSL_free(der);
	X509_free(cert);
	return n > 0 || err_set(e, "the certificate cannot be encoded");
}

const struct schema ca_certificate_schema = {
        .name = "ca_certificates",
        .path = "ca_certificates",
        .size = sizeof(struct ca_certificate),
        .fields = ca_fields,
        .checks = ca_checks,
        .transform = set_digest,
        .doc = "The certificate of an authority that upstreams or clients are verified with.",
};
