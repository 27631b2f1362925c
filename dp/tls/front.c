/* front: see front.h. A context for each kind of what is inside, which differ in ALPN only and share the keys of
 * tickets.
 *
 * Certificates are given to the one SSL, not kept in a context each: a context takes 13 KiB and 0.4 ms to make, and
 * ten thousand certificates are nothing unusual; putting a prepared pair into a handshake takes 1 to 5 us of 300. */
#include "dp/tls/front.h"

#include <stdlib.h>

#include "common/serve/stream.h"
#include "dp/tls/handshake.h"
#include "dp/tls/material.h"
#include "dp/tls/policy.h"

enum {
	SESSION_BYTES = 256,     /* of the cache, for each session that it holds (nginx's 4000 in a megabyte) */
	TICKETS_A_HANDSHAKE = 1, /* each connection leaves one, and the next takes one */
};

/* What is inside. */
enum kind { KIND_HTTP1, KIND_HTTP2, KIND_STREAM, KINDS };

struct front {
	SSL_CTX *contexts[KINDS];
	struct tickets *tickets;
	int64_t session_timeout_s;
	bool exact_snis; /* router_flavor = traditional */
};

/* ---- in the handshake ------------------------------------------------------------------------------------------ */

static const struct front_worker *worker_of(const SSL *tls)
{
	return SSL_get_app_data(tls);
}

/* A dot at its end means nothing. */
static struct slice server_name(const SSL *tls)
{
	const char *name = SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name);
	struct slice s = name ? slice_cstr(name) : (struct slice){0};
	if (s.len > 1 && s.ptr[s.len - 1] == '.')
		s.len--;
	return s;
}

/* The name is taken as said, also when no certificate fits: routes may ask for it, and so may a resumed session of
 * TLS 1.2, which remembers only names that were acknowledged. */
static int on_server_name(SSL *tls, int *alert, void *arg)
{
	return slice_is_set(server_name(tls)) ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static int on_client_hello(SSL *tls, int *alert, void *front)
{
	struct lease *lease = lease_take(worker_of(tls)->leases);
	if (!lease)
		return SSL_CLIENT_HELLO_SUCCESS;
	bool ok = handshake_begin(tls, lease->snapshot, ((const struct front *)front)->exact_snis);
	lease_give(lease);
	*alert = SSL_AD_HANDSHAKE_FAILURE;
	return ok ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
}

/* Not called for resumed sessions. 0 ends the handshake. */
static int on_certificate(SSL *tls, void *arg)
{
	struct lease *lease = lease_take(worker_of(tls)->leases);
	if (!lease)
		return 1;
	const struct certificate_part *c = snapshot_certificate_for(lease->snapshot, server_name(tls));
	int ok = !c || (!c->is_broken && tls_use_pairs(tls, &c->pair, &c->alternative));
	lease_give(lease); /* what the handshake took it holds */
	return ok;
}

/* The client asks what the authority says of the certificate that has just been chosen. */
static int on_status(SSL *tls, void *arg)
{
	const struct front_worker *w = worker_of(tls);
	STACK_OF(X509) *chain = NULL;
	struct staple *wanted;
	size_t n;

	SSL_get0_chain_certs(tls, &chain);
	X509 *cert = SSL_get_certificate(tls);
	unsigned char *answer = cert ? staple_take(cert, chain, &n, &wanted) : NULL;
	if (cert && wanted)
		w->fetch(w->arg, wanted);
	if (!answer)
		return SSL_TLSEXT_ERR_NOACK;
	SSL_set_tlsext_status_ocsp_resp(tls, answer, (long)n); /* takes it */
	return SSL_TLSEXT_ERR_OK;
}

static SSL *accept_as(const struct front *f, enum kind kind, const struct front_worker *w)
{
	SSL *tls = tls_accept(f->contexts[kind]);
	SSL_set_app_data(tls, (void *)w);
	return tls;
}

SSL *front_accept(const struct front *f, const struct listen_spec *listener, const struct front_worker *w)
{
	return accept_as(f, listener->serves_http2 ? KIND_HTTP2 : KIND_HTTP1, w);
}

SSL *front_accept_stream(const struct front *f, const struct front_worker *w)
{
	return accept_as(f, KIND_STREAM, w);
}

static struct slice client_verify(const SSL *tls, struct arena *a)
{
	long result = SSL_get_verify_result(tls);
	return result == X509_V_OK ? S("SUCCESS")
	                           : arena_printf(a, "FAILED:%s", X509_verify_cert_error_string(result));
}

void front_describe(const SSL *tls, struct arena *a, struct tls_facts *facts, struct slice *name)
{
	*name = server_name(tls);
	*facts = (struct tls_facts){.version = slice_cstr(SSL_get_version(tls)),
	        .cipher = slice_cstr(SSL_get_cipher_name(tls)),
	        .client_verify = S("NONE"),
	        .was_asked = SSL_get_verify_mode(tls) != SSL_VERIFY_NONE,
	        .client = SSL_get0_peer_certificate(tls)};
	if (!facts->client)
		return;
	facts->client_chain = SSL_get_peer_cert_chain(tls);
	facts->client_verify = client_verify(tls, a);
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

static bool set_sessions(struct front *f, SSL_CTX *ctx, const struct settings *s, struct err *e)
{
	static const unsigned char id[] = "gatehouse";
	uint64_t bytes;

	if (!settings_size(s->ssl_session_cache_size, &bytes))
		return err_set(e, "ssl_session_cache_size is '%.*s', expected a size such as 10m",
		        SLICE_ARG(s->ssl_session_cache_size));
	SSL_CTX_set_session_id_context(ctx, id, sizeof id - 1);
	SSL_CTX_set_timeout(ctx, (long)f->session_timeout_s);
	/* what has no ticket is remembered here; that is nobody but clients of TLS 1.2 while there are tickets */
	SSL_CTX_set_session_cache_mode(ctx, bytes ? SSL_SESS_CACHE_SERVER : SSL_SESS_CACHE_OFF);
	SSL_CTX_sess_set_cache_size(ctx, (long)(bytes / SESSION_BYTES ? bytes / SESSION_BYTES : 1));
	if (f->tickets) {
		tickets_use(f->tickets, ctx);
		SSL_CTX_set_num_tickets(ctx, TICKETS_A_HANDSHAKE);
	} else
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	return true;
}

static bool make_context(struct front *f, enum kind kind, const struct settings *s, struct err *e)
{
	SSL_CTX *ctx = f->contexts[kind] = tls_context_new(true);

	SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN); /* else a chain is looked for in every handshake */
	/* clients close without a word; where a request ends says its framing, and the session stays good */
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
	SSL_CTX_set_client_hello_cb(ctx, on_client_hello, f);
	if (s->ssl_stapling)
		SSL_CTX_set_tlsext_status_cb(ctx, on_status);
	SSL_CTX_set_cert_cb(ctx, on_certificate, NULL);
	return policy_apply(ctx, s, e) && material_add_node_pairs(ctx, s, e) && set_sessions(f, ctx, s, e) &&
	       (kind == KIND_STREAM || tls_choose_alpn(ctx, server_alpn(kind == KIND_HTTP2), e));
}

struct front *front_new(const struct settings *s, struct err *e)
{
	struct front *f = calloc(1, sizeof *f);
	if (!f)
		abort();
	f->session_timeout_s = s->ssl_session_timeout;
	f->exact_snis = slice_eq(s->router_flavor, S("traditional"));
	if (s->ssl_session_tickets)
		f->tickets = tickets_new();
	for (enum kind kind = 0; kind < KINDS; kind++)
		if (!make_context(f, kind, s, e)) {
			front_free(f);
			return NULL;
		}
	return f;
}

void front_free(struct front *f)
{
	if (!f)
		return;
	for (enum kind kind = 0; kind < KINDS; kind++)
		SSL_CTX_free(f->contexts[kind]);
	tickets_free(f->tickets);
	free(f);
}

void front_rotate(struct front *f)
{
	if (f->tickets)
		tickets_rotate(f->tickets);
}

/* Twice in the life of a session: a ticket is good for two rotations more. */
uint32_t front_rotate_ms(const struct front *f)
{
	return f->tickets ? (uint32_t)f->session_timeout_s * 500 : 0;
}
