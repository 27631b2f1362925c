/* policy: see policy.h. The named suites are those of Mozilla's guide for servers. */
#include "dp/tls/policy.h"

#include <openssl/core_names.h>
#include <openssl/pem.h>

#include "common/crypto/x509.h"
#include "dp/tls/material.h"

struct suite {
	struct slice name;
	const char *protocols, *ciphers; /* ciphers: of TLS 1.2 and below; NULL: there is only TLS 1.3 */
	bool own_order;
	int security_level;
	struct slice dhparam;
};

#define INTERMEDIATE                                                                               \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:" \
	"ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"   \
	"DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305"
#define OLD                                                                                                     \
	INTERMEDIATE                                                                                            \
	":ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:"                            \
	"ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:ECDHE-ECDSA-AES256-SHA:"        \
	"ECDHE-RSA-AES256-SHA:DHE-RSA-AES128-SHA256:DHE-RSA-AES256-SHA256:AES128-GCM-SHA256:AES256-GCM-SHA384:" \
	"AES128-SHA256:AES256-SHA256:AES128-SHA:AES256-SHA:DES-CBC3-SHA"

static const struct suite suites[] = {
        {SLICE("modern"), "TLSv1.3", NULL, false, 1, {0}},
        {SLICE("intermediate"), "TLSv1.2 TLSv1.3", INTERMEDIATE, false, 1, SLICE("ffdhe2048")},
        {SLICE("old"), "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3", OLD, true, 0, {0}}, /* old hashes need the level */
        {SLICE("fips"), "TLSv1.2 TLSv1.3", "TLSv1.2+FIPS:kRSA+FIPS:!eNULL:!aNULL", true, 1, {0}},
};

/* ---- versions -------------------------------------------------------------------------------------------------- */

static const struct version {
	struct slice name;
	int number;
	uint64_t off; /* the option that takes it out of the middle */
} versions[] = {
        {SLICE("TLSv1"), TLS1_VERSION, SSL_OP_NO_TLSv1},
        {SLICE("TLSv1.1"), TLS1_1_VERSION, SSL_OP_NO_TLSv1_1},
        {SLICE("TLSv1.2"), TLS1_2_VERSION, SSL_OP_NO_TLSv1_2},
        {SLICE("TLSv1.3"), TLS1_3_VERSION, SSL_OP_NO_TLSv1_3},
};
enum { VERSIONS = sizeof versions / sizeof *versions };

static bool set_protocols(SSL_CTX *ctx, struct slice list, struct err *e)
{
	bool wanted[VERSIONS] = {false};
	int lowest = 0;

	for (struct slice rest = list; slice_is_set(rest);) {
		struct slice name = slice_trim(slice_cut(&rest, ' '));
		int i = 0;
		while (i < VERSIONS && !slice_eq(versions[i].name, name))
			i++;
		if (name.len && i == VERSIONS)
			return err_set(e,
			        "ssl_protocols: '%.*s' is no protocol of ours, expected TLSv1, TLSv1.1, TLSv1.2 "
			        "or TLSv1.3",
			        SLICE_ARG(name));
		if (name.len)
			wanted[i] = true;
	}
	while (lowest < VERSIONS && !wanted[lowest])
		lowest++;
	if (lowest == VERSIONS)
		return err_set(e, "ssl_protocols is empty, expected such as TLSv1.2 TLSv1.3");
	SSL_CTX_set_min_proto_version(ctx, versions[lowest].number);
	for (int i = lowest; i < VERSIONS; i++)
		if (!wanted[i])
			SSL_CTX_set_options(ctx, versions[i].off);
	return true;
}

/* ---- ciphers --------------------------------------------------------------------------------------------------- */

static EVP_PKEY *named_group(struct slice name)
{
	char text[32];
	EVP_PKEY *group = NULL;

	if (name.len >= sizeof text)
		return NULL;
	memcpy(text, name.ptr, name.len);
	text[name.len] = '\0';
	OSSL_PARAM params[] = {
	        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, text, 0), OSSL_PARAM_construct_end()};
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	if (maker && EVP_PKEY_fromdata_init(maker) == 1)
		EVP_PKEY_fromdata(maker, &group, EVP_PKEY_KEY_PARAMETERS, params);
	EVP_PKEY_CTX_free(maker);
	return group;
}

static EVP_PKEY *read_group(struct slice item, struct err *e)
{
	struct arena a;
	struct slice pem;
	EVP_PKEY *group = NULL;
	char why[160];

	arena_init(&a);
	if (material_read(&a, item, &pem, e)) {
		BIO *in = BIO_new_mem_buf(pem.ptr, (int)pem.len);
		group = in ? PEM_read_bio_Parameters(in, NULL) : NULL;
		if (!group)
			err_set(e, "no parameters of Diffie-Hellman: %s", x509_error(why, sizeof why));
		BIO_free(in);
	}
	arena_fini(&a);
	return group;
}

/* Of Diffie-Hellman without curves, for clients of TLS 1.2 that know no better. */
static bool set_group(SSL_CTX *ctx, struct slice item, struct err *e)
{
	char why[160];

	if (item.len == 0) {
		SSL_CTX_set_dh_auto(ctx, 1);
		return true;
	}
	EVP_PKEY *group = named_group(item);
	if (!group)
		group = read_group(item, e);
	if (!group)
		return err_prefix(e, "ssl_dhparam");
	if (SSL_CTX_set0_tmp_dh_pkey(ctx, group) == 1)
		return true;
	EVP_PKEY_free(group);
	return err_set(e, "ssl_dhparam: %s", x509_error(why, sizeof why));
}

static bool set_ciphers(SSL_CTX *ctx, struct slice list, struct err *e)
{
	struct arena a;
	char why[160];

	arena_init(&a);
	bool ok = list.len == 0 || SSL_CTX_set_cipher_list(ctx, arena_cstr(&a, list)) == 1 ||
	          err_set(e, "ssl_ciphers is '%.*s': %s", SLICE_ARG(list), x509_error(why, sizeof why));
	arena_fini(&a);
	return ok;
}

static void set_order(SSL_CTX *ctx, bool own)
{
	SSL_CTX_clear_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
	if (own)
		SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
	else /* who prefers ChaCha20 has no hardware for AES */
		SSL_CTX_set_options(ctx, SSL_OP_PRIORITIZE_CHACHA);
}

bool policy_apply(SSL_CTX *ctx, const struct settings *s, struct err *e)
{
	struct suite own = {s->ssl_cipher_suite, NULL, NULL, s->ssl_prefer_server_ciphers, 1, s->ssl_dhparam};
	const struct suite *suite = &own;

	for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
		if (slice_eq(suites[i].name, s->ssl_cipher_suite))
			suite = &suites[i];
	bool is_custom = suite == &own;
	SSL_CTX_set_security_level(ctx, suite->security_level);
	set_order(ctx, suite->own_order);
	return set_protocols(ctx, is_custom ? s->ssl_protocols : slice_cstr(suite->protocols), e) &&
	       set_ciphers(ctx,
	               is_custom        ? s->ssl_ciphers
	               : suite->ciphers ? slice_cstr(suite->ciphers)
	                                : S(""),
	               e) &&
	       set_group(ctx, suite->dhparam, e);
}
