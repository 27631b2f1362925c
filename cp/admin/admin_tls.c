/* admin_tls: see admin_tls.h. Called once, by admin_server.c. */
#include "cp/admin/admin_tls.h"

#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/file.h"
#include "common/crypto/x509.h"
#include "common/serve/stream.h"

enum { DEFAULT_DAYS = 3650, DAY_S = 86400, CLOCK_SKEW_S = 300 };

static bool make_default(const struct settings *s, struct arena *a, const char *cert, const char *key, struct err *e)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "::1"};
	int64_t now = clock_wall_s();
	struct x509_request r = {.common_name = "localhost",
	        .dns = names,
	        .dns_count = 3,
	        .not_before_s = now - CLOCK_SKEW_S,
	        .not_after_s = now + (int64_t)DEFAULT_DAYS * DAY_S};

	if (access(cert, F_OK) == 0 && access(key, F_OK) == 0)
		return true;
	return file_make_dirs(arena_printf(a, "%.*s/ssl", SLICE_ARG(s->prefix)).ptr, 0700, e) &&
	       x509_make_self_signed(&r, cert, key, e);
}

/* The pair that is shown. Half a pair is a mistake, not a wish for our own. */
static bool find_pair(const struct settings *s, struct arena *a, struct tls_server_conf *conf, struct err *e)
{
	bool cert = s->admin_ssl_cert.len > 0, key = s->admin_ssl_cert_key.len > 0;

	if (cert != key)
		return err_set(e, "%s is set and %s is not; they belong together",
		        cert ? "admin_ssl_cert" : "admin_ssl_cert_key",
		        cert ? "admin_ssl_cert_key" : "admin_ssl_cert");
	if (cert) {
		conf->cert = arena_cstr(a, s->admin_ssl_cert);
		conf->key = arena_cstr(a, s->admin_ssl_cert_key);
		file_warn_shared(conf->key, "admin_ssl_cert_key");
		return true;
	}
	conf->cert = arena_printf(a, "%.*s/ssl/admin-default.crt", SLICE_ARG(s->prefix)).ptr;
	conf->key = arena_printf(a, "%.*s/ssl/admin-default.key", SLICE_ARG(s->prefix)).ptr;
	return make_default(s, a, conf->cert, conf->key, e);
}

SSL_CTX *admin_tls_new(const struct settings *s, bool http2, struct err *e)
{
	struct tls_server_conf conf = {.alpn = server_alpn(http2)};
	struct arena a;
	SSL_CTX *ctx = NULL;

	arena_init(&a);
	if (s->admin_ssl_client_ca.len > 0)
		conf.client_ca = arena_cstr(&a, s->admin_ssl_client_ca);
	if (find_pair(s, &a, &conf, e))
		ctx = tls_server_new(&conf, e);
	if (!ctx)
		err_prefix(e, "admin_listen with ssl");
	arena_fini(&a);
	return ctx;
}
