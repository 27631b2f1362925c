/* link_tls: the TLS side of the link: contexts, ALPN, and who the peer is. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/x509_vfy.h>
#include <sys/un.h>

#include "common/core/file.h"
#include "common/crypto/x509.h"
#include "common/sync/link_private.h"

/* ALPN's wire form: a length before each name. */
static const unsigned char alpn_pub[] = "\x0f" LINK_ALPN_PUB, alpn_rep[] = "\x0f" LINK_ALPN_REP;
static const unsigned char alpn_sign[] = "\x10" LINK_ALPN_SIGN;
enum { ALPN_LEN = 16, ALPN_SIGN_LEN = 17 };

static bool tls_fail(struct err *e, const char *what, const char *path)
{
	char why[160];
	return err_set(e, "%s '%s': %s", what, path, x509_error(why, sizeof why));
}

/* CRLs in the CA file switch revocation checks on; without any, certificates cannot be revoked before they expire. */
static void use_crls(SSL_CTX *ctx)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	const STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++)
		if (X509_OBJECT_get_type(sk_X509_OBJECT_value(objects, i)) == X509_LU_CRL) {
			X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
			return;
		}
}

static bool load_certs(SSL_CTX *ctx, const struct link_certs *certs, struct err *e)
{
	if (!file_is_private(certs->key, e))
		return false;
	if (SSL_CTX_load_verify_locations(ctx, certs->ca, NULL) != 1)
		return tls_fail(e, "cannot load the cluster CA", certs->ca);
	if (SSL_CTX_use_certificate_chain_file(ctx, certs->cert) != 1)
		return tls_fail(e, "cannot load the node certificate", certs->cert);
	if (SSL_CTX_use_PrivateKey_file(ctx, certs->key, SSL_FILETYPE_PEM) != 1)
		return tls_fail(e, "cannot load the node's key", certs->key);
	if (SSL_CTX_check_private_key(ctx) != 1)
		return tls_fail(e, "key does not belong to certificate", certs->cert);
	use_crls(ctx);
	return true;
}

static SSL_CTX *new_context(const SSL_METHOD *method, const struct link_certs *certs, struct err *e)
{
	SSL_CTX *ctx = SSL_CTX_new(method);
	if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1) {
		tls_fail(e, "cannot prepare TLS for", "the cluster link");
		SSL_CTX_free(ctx);
		return NULL;
	}
	if (!load_certs(ctx, certs, e)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_mode(
	        ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	return ctx;
}

/* Borrowed from the context. */
static X509 *first_ca(SSL_CTX *ctx)
{
	const STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(ctx));
	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		X509 *cert = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
		if (cert)
			return cert;
	}
	return NULL;
}

static int choose_alpn(SSL *tls, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
        unsigned in_len, void *arg)
{
	/* Exactly one offer, and one of ours: a client that offers both has not said which socket it wants. */
	if (in_len == ALPN_SIGN_LEN && memcmp(in, alpn_sign, ALPN_SIGN_LEN) == 0) {
		/* this comes before the server asks for a certificate: who has none yet may come here, and only here;
		 * the client sees the CA, whose fingerprint is in its token */
		SSL_set_verify(tls, SSL_VERIFY_PEER, NULL);
		SSL_add1_chain_cert(tls, arg);
		*out = in + 1;
		*out_len = ALPN_SIGN_LEN - 1;
		return SSL_TLSEXT_ERR_OK;
	}
	if (in_len != ALPN_LEN || (memcmp(in, alpn_pub, ALPN_LEN) != 0 && memcmp(in, alpn_rep, ALPN_LEN) != 0))
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = in + 1;
	*out_len = ALPN_LEN - 1;
	return SSL_TLSEXT_ERR_OK;
}

SSL_CTX *link_server_tls(const struct link_certs *certs, struct err *e)
{
	SSL_CTX *ctx = new_context(TLS_server_method(), certs, e);
	X509 *ca = ctx ? first_ca(ctx) : NULL;
	if (ctx)
		SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, ca);
	return ctx;
}

SSL_CTX *link_client_tls(const struct link_certs *certs, struct err *e)
{
	return new_context(TLS_client_method(), certs, e);
}

bool link_check_certs(const struct link_certs *certs, struct err *e)
{
	SSL_CTX *ctx = link_client_tls(certs, e);
	SSL_CTX_free(ctx);
	return ctx != NULL;
}

bool link_set_alpn(SSL *tls, enum link_socket which)
{
	const unsigned char *names[] = {alpn_pub, alpn_rep, alpn_sign};
	return SSL_set_alpn_protos(tls, names[which], which == LINK_SIGN ? ALPN_SIGN_LEN : ALPN_LEN) ==
	       0; /* 0 is success here */
}

bool link_alpn_of(const SSL *tls, enum link_socket *out)
{
	const unsigned char *name;
	unsigned len;
	SSL_get0_alpn_selected(tls, &name, &len);
	struct slice got = slice_of((const char *)name, len);
	*out = slice_eq(got, S(LINK_ALPN_PUB)) ? LINK_PUB : slice_eq(got, S(LINK_ALPN_REP)) ? LINK_REP : LINK_SIGN;
	return *out != LINK_SIGN || slice_eq(got, S(LINK_ALPN_SIGN));
}

bool link_peer_id(const SSL *tls, char out[UUID_TEXT + 1], int64_t *expires_s)
{
	X509 *cert = SSL_get0_peer_certificate(tls);
	struct x509_info info;
	struct uuid id;
	struct err e;
	if (!cert || !x509_describe(cert, &info, &e) || !uuid_parse(slice_cstr(info.common_name), &id))
		return false;
	uuid_format(&id, out);
	*expires_s = info.not_after_s;
	return true;
}

void link_tune(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
	        {SOL_SOCKET, SO_KEEPALIVE, 1},
	        {IPPROTO_TCP, TCP_KEEPIDLE, LINK_KEEPALIVE_IDLE_S},
	        {IPPROTO_TCP, TCP_KEEPINTVL, LINK_KEEPALIVE_EVERY_S},
	        {IPPROTO_TCP, TCP_KEEPCNT, LINK_KEEPALIVE_PROBES},
	        {IPPROTO_TCP, TCP_USER_TIMEOUT, LINK_USER_TIMEOUT_MS},
	        {IPPROTO_TCP, TCP_NODELAY, 1},
	};
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof options[i].value);
}

bool link_unix_address(const char *path, struct sockaddr_un *out, struct err *e)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	size_t n = strlen(path);
	if (n >= sizeof out->sun_path)
		return err_set(e, "socket path '%s' has %zu bytes, expected fewer than %zu: choose a shorter prefix",
		        path, n, sizeof out->sun_path);
	memcpy(out->sun_path, path, n + 1);
	return true;
}
