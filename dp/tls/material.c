/* material: see material.h. Read at the start, by the main thread. */
#include "dp/tls/material.h"

#include <unistd.h>

#include "common/core/base64.h"
#include "common/core/clock.h"
#include "common/core/file.h"
#include "common/crypto/x509.h"
#include "common/net/tls.h"

enum { PEM_LIMIT = 1024 * 1024, DEFAULT_DAYS = 3650, DAY_S = 86400, CLOCK_SKEW_S = 300 };

static bool is_pem(struct slice text)
{
	return slice_starts(text, S("-----BEGIN "));
}

bool material_read(struct arena *a, struct slice item, struct slice *out, struct err *e)
{
	*out = item;
	if (is_pem(item))
		return true;
	if (item.len > 0 && item.ptr[0] != '/' && base64_decode(a, item, BASE64_STANDARD, out) && is_pem(*out))
		return true;
	return file_read(a, arena_cstr(a, item), PEM_LIMIT, out, e);
}

/* ---- the node's own -------------------------------------------------------------------------------------------- */

static bool add_pair(SSL_CTX *ctx, struct arena *a, struct slice cert, struct slice key, struct err *e)
{
	struct slice cert_pem, key_pem;
	struct pair pair;

	if (!material_read(a, cert, &cert_pem, e) || !material_read(a, key, &key_pem, e) ||
	        !pair_read(&pair, cert_pem, key_pem, e))
		return false;
	bool ok = tls_add_pair(ctx, &pair, e);
	pair_fini(&pair);
	return ok;
}

static bool add_configured(SSL_CTX *ctx, struct arena *a, const struct settings *s, struct err *e)
{
	struct slice certs = s->ssl_cert, keys = s->ssl_cert_key;
	int n = 0;

	while (slice_is_set(certs) && slice_is_set(keys)) {
		struct slice cert = slice_trim(slice_cut(&certs, ',')), key = slice_trim(slice_cut(&keys, ','));
		n++;
		if (!add_pair(ctx, a, cert, key, e))
			return err_prefix(e, "ssl_cert and ssl_cert_key, number %d", n);
		file_warn_shared(arena_cstr(a, key), "ssl_cert_key");
	}
	if (slice_is_set(certs) || slice_is_set(keys))
		return err_set(e, "ssl_cert and ssl_cert_key have not the same number of items");
	return true;
}

static bool make_default(
        struct arena *a, const char *folder, const char *cert, const char *key, bool rsa, struct err *e)
{
	static const char *const names[] = {"localhost"};
	int64_t now = clock_wall_s();
	struct x509_request r = {.common_name = "localhost",
	        .dns = names,
	        .dns_count = 1,
	        .rsa = rsa,
	        .not_before_s = now - CLOCK_SKEW_S,
	        .not_after_s = now + (int64_t)DEFAULT_DAYS * DAY_S};

	if (access(cert, F_OK) == 0 && access(key, F_OK) == 0)
		return true;
	return file_make_dirs(folder, 0700, e) && x509_make_self_signed(&r, cert, key, e);
}

static bool add_default(SSL_CTX *ctx, struct arena *a, const struct settings *s, bool rsa, struct err *e)
{
	const char *kind = rsa ? "" : "-ecdsa", *folder = arena_printf(a, "%.*s/ssl", SLICE_ARG(s->prefix)).ptr;
	struct slice cert = arena_printf(a, "%s/gatehouse-default%s.crt", folder, kind);
	struct slice key = arena_printf(a, "%s/gatehouse-default%s.key", folder, kind);

	return make_default(a, folder, cert.ptr, key.ptr, rsa, e) && add_pair(ctx, a, cert, key, e);
}

bool material_add_node_pairs(SSL_CTX *ctx, const struct settings *s, struct err *e)
{
	struct arena a;

	arena_init(&a);
	bool ok = s->ssl_cert.len || s->ssl_cert_key.len
	                  ? add_configured(ctx, &a, s, e)
	                  : add_default(ctx, &a, s, true, e) && add_default(ctx, &a, s, false, e);
	arena_fini(&a);
	return ok;
}
