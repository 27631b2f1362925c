/* tls: see tls.h. */
#include "common/net/tls.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/crypto/x509.h"

enum { ALPN_MAX = 255 };

/* ALPN's form on the wire, a length before each name, as it hangs on a context. */
struct alpn {
	unsigned char len;
	unsigned char names[ALPN_MAX];
};

static bool fail(struct err *e, const char *what, const char *path)
{
	char why[160];
	return err_set(e, "%s '%s': %s", what, path, x509_error(why, sizeof why));
}

/* ---- ALPN ----------------------------------------------------------------------------------------------------- */

static bool parse_alpn(const char *list, struct alpn *out, struct err *e)
{
	*out = (struct alpn){0};
	for (struct slice rest = slice_cstr(list), name; slice_is_set(rest);) {
		name = slice_trim(slice_cut(&rest, ','));
		if (name.len == 0 || name.len + 1 + out->len > ALPN_MAX)
			return err_set(e, "ALPN list '%s': expected names of protocols, separated by commas", list);
		out->names[out->len] = (unsigned char)name.len;
		memcpy(out->names + out->len + 1, name.ptr, name.len);
		out->len = (unsigned char)(out->len + 1 + name.len);
	}
	return true;
}

static void free_alpn(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
	free(ptr);
}

static int alpn_index;
static pthread_once_t alpn_once = PTHREAD_ONCE_INIT;

static void make_alpn_index(void)
{
	alpn_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_alpn);
}

/* Our order counts; a client that offers nothing we know goes on without ALPN, as HTTP/1.1. */
static int choose_alpn(SSL *tls, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
        unsigned in_len, void *arg)
{
	const struct alpn *ours = arg;
	unsigned char *chosen;
	if (SSL_select_next_proto(&chosen, out_len, ours->names, ours->len, in, in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

bool tls_choose_alpn(SSL_CTX *ctx, const char *list, struct err *e)
{
	struct alpn parsed, *kept;
	if (!parse_alpn(list, &parsed, e))
		return false;
	pthread_once(&alpn_once, make_alpn_index);
	kept = malloc(sizeof *kept);
	if (!kept || SSL_CTX_set_ex_data(ctx, alpn_index, kept) != 1)
		abort();
	*kept = parsed;
	SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, kept);
	return true;
}

static bool set_client_alpn(SSL_CTX *ctx, const char *list, struct err *e)
{
	struct alpn parsed;
	if (!list)
		return true;
	if (!parse_alpn(list, &parsed, e))
		return false;
	return SSL_CTX_set_alpn_protos(ctx, parsed.names, parsed.len) == 0 || fail(e, "cannot offer ALPN", list);
}

/* ---- contexts ------------------------------------------------------------------------------------------------- */

SSL_CTX *tls_context_new(bool is_server)
{
	SSL_CTX *ctx = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
	if (!ctx)
		abort();
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	return ctx;
}

bool tls_add_pair(SSL_CTX *ctx, const struct pair *p, struct err *e)
{
	char why[160];
	return SSL_CTX_use_cert_and_key(ctx, p->cert, p->key, p->chain, 1) == 1 ||
	       err_set(e, "the certificate cannot be used: %s", x509_error(why, sizeof why));
}

bool tls_use_pairs(SSL *tls, const struct pair *p, const struct pair *alternative)
{
	SSL_certs_clear(tls);
	return SSL_use_cert_and_key(tls, p->cert, p->key, p->chain, 1) == 1 &&
	       (!alternative->cert ||
	               SSL_use_cert_and_key(tls, alternative->cert, alternative->key, alternative->chain, 1) == 1);
}

static bool use_cert(SSL_CTX *ctx, const char *cert, const char *key, struct err *e)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		return fail(e, "cannot load the certificate", cert);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		return fail(e, "cannot load the key", key);
	return SSL_CTX_check_private_key(ctx) == 1 || fail(e, "key does not belong to certificate", cert);
}

static bool ask_clients(SSL_CTX *ctx, const char *ca, struct err *e)
{
	if (!ca)
		return true;
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca);
	if (!names || SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return fail(e, "cannot load the CA of clients", ca);
	}
	SSL_CTX_set_client_CA_list(ctx, names);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return true;
}

static bool set_up_server(SSL_CTX *ctx, const struct tls_server_conf *conf, struct err *e)
{
	if (conf->ciphers && SSL_CTX_set_cipher_list(ctx, conf->ciphers) != 1)
		return fail(e, "unusable list of ciphers", conf->ciphers);
	return use_cert(ctx, conf->cert, conf->key, e) && ask_clients(ctx, conf->client_ca, e) &&
	       (!conf->alpn || tls_choose_alpn(ctx, conf->alpn, e));
}

SSL_CTX *tls_server_new(const struct tls_server_conf *conf, struct err *e)
{
	static const unsigned char session_id[] = "gatehouse";
	SSL_CTX *ctx = tls_context_new(true);
	if (conf->min_version)
		SSL_CTX_set_min_proto_version(ctx, conf->min_version);
	/* Sessions are resumed by tickets, which need no memory here. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_session_id_context(ctx, session_id, sizeof session_id - 1);
	if (set_up_server(ctx, conf, e))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

static bool set_up_trust(SSL_CTX *ctx, const struct tls_client_conf *conf, struct err *e)
{
	if (conf->insecure)
		return true;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (conf->verify_depth)
		SSL_CTX_set_verify_depth(ctx, conf->verify_depth);
	if (!conf->ca)
		return SSL_CTX_set_default_verify_paths(ctx) == 1 || fail(e, "cannot load", "system CAs");
	return SSL_CTX_load_verify_locations(ctx, conf->ca, NULL) == 1 || fail(e, "cannot load the CA", conf->ca);
}

SSL_CTX *tls_client_new(const struct tls_client_conf *conf, struct err *e)
{
	SSL_CTX *ctx = tls_context_new(false);
	if (set_up_trust(ctx, conf, e) && (!conf->cert || use_cert(ctx, conf->cert, conf->key, e)) &&
	        set_client_alpn(ctx, conf->alpn, e))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* ---- connections ---------------------------------------------------------------------------------------------- */

SSL *tls_accept(SSL_CTX *ctx)
{
	SSL *tls = SSL_new(ctx);
	if (!tls)
		abort();
	SSL_set_accept_state(tls);
	return tls;
}

static bool is_address(const char *host)
{
	struct in6_addr a;
	return inet_pton(AF_INET, host, &a) == 1 || inet_pton(AF_INET6, host, &a) == 1;
}

SSL *tls_connect(SSL_CTX *ctx, const char *host)
{
	SSL *tls = SSL_new(ctx);
	if (!tls)
		abort();
	SSL_set_connect_state(tls);
	if (!host)
		return tls;
	if (is_address(host))
		X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host);
	else {
		SSL_set_tlsext_host_name(tls, host);
		SSL_set1_host(tls, host);
	}
	return tls;
}

struct slice tls_alpn(const SSL *tls)
{
	const unsigned char *name;
	unsigned len;
	SSL_get0_alpn_selected(tls, &name, &len);
	return slice_of((const char *)name, len);
}

X509 *tls_peer(const SSL *tls)
{
	return SSL_get_verify_mode(tls) & SSL_VERIFY_PEER && SSL_get_verify_result(tls) == X509_V_OK
	               ? SSL_get1_peer_certificate(tls)
	               : NULL;
}
