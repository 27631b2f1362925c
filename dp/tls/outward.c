/* outward: see outward.h. */
#include "dp/tls/outward.h"

#include <openssl/pem.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/core/file.h"
#include "common/core/log.h"
#include "common/crypto/pem.h"
#include "common/crypto/x509.h"
#include "common/net/tls.h"
#include "dp/tls/material.h"

struct outward {
	const struct settings *settings;
	struct pair pair;
	pthread_mutex_t mutex; /* of making what follows */
	_Atomic(SSL_CTX *) verified, unverified, upstreams;
	_Atomic(X509_STORE *) authorities;
};

/* ---- authorities ----------------------------------------------------------------------------------------------- */

static bool add_all(X509_STORE *store, struct slice pem, struct err *e)
{
	STACK_OF(X509) *all = pem_chain(pem, e);
	bool ok = all != NULL;

	for (int i = 0; ok && i < sk_X509_num(all); i++)
		ok = X509_STORE_add_cert(store, sk_X509_value(all, i)) == 1;
	sk_X509_pop_free(all, X509_free);
	return ok;
}

static bool add_system(X509_STORE *store, struct err *e)
{
	char why[160];

	return X509_STORE_set_default_paths(store) == 1 ||
	       err_set(e, "the system's authorities: %s", x509_error(why, sizeof why));
}

static bool add_item(X509_STORE *store, struct arena *a, struct slice item, struct err *e)
{
	struct slice pem;

	if (slice_eq(item, S("system")))
		return add_system(store, e);
	return material_read(a, item, &pem, e) &&
	       (add_all(store, pem, e) || err_prefix(e, "'%.*s'", SLICE_ARG(item)));
}

/* A list of "system", paths and PEM. NULL with e. */
static X509_STORE *load_authorities(struct slice list, struct err *e)
{
	struct arena a;
	X509_STORE *store = X509_STORE_new();
	bool ok = store != NULL;

	arena_init(&a);
	while (ok && slice_is_set(list)) {
		struct slice item = slice_trim(slice_cut(&list, ','));
		ok = item.len == 0 || add_item(store, &a, item, e);
	}
	arena_fini(&a);
	if (ok)
		return store;
	X509_STORE_free(store);
	return NULL;
}

/* ---- made at first use ----------------------------------------------------------------------------------------- */

static SSL_CTX *make_for_plugins(struct outward *o, bool verified)
{
	struct err e;
	SSL_CTX *ctx = tls_context_new(false);
	X509_STORE *store = verified ? load_authorities(o->settings->lua_ssl_trusted_certificate, &e) : NULL;

	if (verified && !store) {
		log_error(
		        "plugins cannot verify whom they talk to", LOG_STR("lua_ssl_trusted_certificate", e.message));
		SSL_CTX_free(ctx);
		return NULL;
	}
	if (store) {
		SSL_CTX_set_cert_store(ctx, store);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set_verify_depth(ctx, (int)o->settings->lua_ssl_verify_depth);
	}
	SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)"\x08http/1.1", 9);
	return ctx;
}

SSL_CTX *outward_for_plugins(struct outward *o, bool verified)
{
	_Atomic(SSL_CTX *) *slot = verified ? &o->verified : &o->unverified;
	SSL_CTX *ctx = atomic_load_explicit(slot, memory_order_acquire);

	if (ctx)
		return ctx;
	pthread_mutex_lock(&o->mutex);
	ctx = atomic_load_explicit(slot, memory_order_relaxed);
	if (!ctx) {
		ctx = make_for_plugins(o, verified);
		atomic_store_explicit(slot, ctx, memory_order_release);
	}
	pthread_mutex_unlock(&o->mutex);
	return ctx;
}

SSL_CTX *outward_for_upstreams(struct outward *o, int (*on_session)(SSL *, SSL_SESSION *))
{
	SSL_CTX *ctx = atomic_load_explicit(&o->upstreams, memory_order_acquire);

	if (ctx)
		return ctx;
	pthread_mutex_lock(&o->mutex);
	ctx = atomic_load_explicit(&o->upstreams, memory_order_relaxed);
	if (!ctx) {
		ctx = tls_context_new(false);
		SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
		SSL_CTX_sess_set_new_cb(ctx, on_session);
		atomic_store_explicit(&o->upstreams, ctx, memory_order_release);
	}
	pthread_mutex_unlock(&o->mutex);
	return ctx;
}

/* A list that cannot be loaded trusts nobody: verification fails, and the log says why. */
static X509_STORE *make_authorities(struct outward *o)
{
	struct err e;
	X509_STORE *store = load_authorities(o->settings->proxy_ssl_trusted_certificate, &e);

	if (store)
		return store;
	log_error("no upstream can be verified", LOG_STR("nginx_proxy_proxy_ssl_trusted_certificate", e.message));
	return X509_STORE_new();
}

X509_STORE *outward_authorities(struct outward *o)
{
	X509_STORE *store = atomic_load_explicit(&o->authorities, memory_order_acquire);

	if (store)
		return store;
	pthread_mutex_lock(&o->mutex);
	store = atomic_load_explicit(&o->authorities, memory_order_relaxed);
	if (!store) {
		store = make_authorities(o);
		atomic_store_explicit(&o->authorities, store, memory_order_release);
	}
	pthread_mutex_unlock(&o->mutex);
	return store;
}

/* ---- the rest -------------------------------------------------------------------------------------------------- */

const struct pair *outward_pair(const struct outward *o)
{
	return o->pair.cert ? &o->pair : NULL;
}

bool outward_verifies(const struct outward *o)
{
	return o->settings->proxy_ssl_verify;
}

int outward_verify_depth(const struct outward *o)
{
	return (int)o->settings->proxy_ssl_verify_depth;
}

static bool read_client_pair(struct outward *o, const struct settings *s, struct err *e)
{
	struct arena a;
	struct slice cert, key;

	if (!s->client_ssl)
		return true;
	arena_init(&a);
	bool ok = material_read(&a, s->client_ssl_cert, &cert, e) &&
	          material_read(&a, s->client_ssl_cert_key, &key, e) && pair_read(&o->pair, cert, key, e);
	if (ok)
		file_warn_shared(arena_cstr(&a, s->client_ssl_cert_key), "client_ssl_cert_key");
	arena_fini(&a);
	return ok || err_prefix(e, "client_ssl_cert and client_ssl_cert_key");
}

/* What is wrong with a list is said at the start; what is the system's is there. */
static bool check_list(struct slice list, const char *name, struct err *e)
{
	struct slice rest = list;
	struct arena a;
	bool ok = true;

	arena_init(&a);
	while (ok && slice_is_set(rest)) {
		struct slice item = slice_trim(slice_cut(&rest, ',')), pem;
		STACK_OF(X509) *all = NULL;
		if (item.len == 0 || slice_eq(item, S("system")))
			continue;
		ok = material_read(&a, item, &pem, e) && (all = pem_chain(pem, e));
		sk_X509_pop_free(all, X509_free);
	}
	arena_fini(&a);
	return ok || err_prefix(e, "%s", name);
}

struct outward *outward_new(const struct settings *s, struct err *e)
{
	struct outward *o = calloc(1, sizeof *o);
	if (!o)
		abort();
	o->settings = s;
	pthread_mutex_init(&o->mutex, NULL);
	if (read_client_pair(o, s, e) &&
	        check_list(s->lua_ssl_trusted_certificate, "lua_ssl_trusted_certificate", e) &&
	        check_list(s->proxy_ssl_trusted_certificate, "nginx_proxy_proxy_ssl_trusted_certificate", e))
		return o;
	outward_free(o);
	return NULL;
}

void outward_free(struct outward *o)
{
	if (!o)
		return;
	SSL_CTX_free(atomic_load(&o->verified));
	SSL_CTX_free(atomic_load(&o->unverified));
	SSL_CTX_free(atomic_load(&o->upstreams));
	X509_STORE_free(atomic_load(&o->authorities));
	pair_fini(&o->pair);
	pthread_mutex_destroy(&o->mutex);
	free(o);
}
