/* handshake: see handshake.h. Called by front.c.
 *
 * Whether a client is asked depends on the name it wants, so that its session must not be resumed where another name
 * counts (it would come without the certificate that is asked for there, or with one that nobody may look at): a
 * connection that is asked has a session context of its own, which no other will have, and no tickets. */
#include "dp/tls/handshake.h"

#include <openssl/rand.h>

#include "common/net/client_hello.h"

static bool run(const struct plugin_instance *i, void *exchange)
{
	struct call c = {.plugin = i->plugin,
	        .conf = i->conf,
	        .compiled = i->compiled,
	        .id = &i->id,
	        .route_id = i->route_id,
	        .service_id = i->service_id,
	        .consumer_id = i->consumer_id,
	        .x = exchange};

	return i->plugin->certificate(&c) == GO;
}

/* Whoever asked verifies: who comes without a certificate, or with a bad one, shall hear so from a plugin. */
static int believe(int ok, X509_STORE_CTX *ctx)
{
	return 1;
}

static bool ask(SSL *tls)
{
	unsigned char once[16];

	SSL_set_verify(tls, SSL_VERIFY_PEER, believe);
	SSL_set_options(tls, SSL_OP_NO_TICKET);
	return SSL_set_num_tickets(tls, 0) == 1 && RAND_bytes(once, sizeof once) == 1 &&
	       SSL_set_session_id_context(tls, once, sizeof once) == 1;
}

/* A dot at its end means nothing. False: it is broken. */
static bool read_name(SSL *tls, char *out, struct slice *name)
{
	const unsigned char *extension;
	size_t n, len;

	*name = (struct slice){0};
	if (SSL_client_hello_get0_ext(tls, TLSEXT_TYPE_server_name, &extension, &n) != 1)
		return true;
	if (!client_hello_name(extension, n, out, &len))
		return false;
	*name = slice_of(out, len > 1 && out[len - 1] == '.' ? len - 1 : len);
	return true;
}

bool handshake_begin(SSL *tls, const struct snapshot *s, bool exact_snis)
{
	char text[CLIENT_HELLO_NAME_MAX];
	struct arena arena;
	struct exchange x = {.arena = &arena};

	if (s->handshake_rows.count == 0)
		return true;
	if (!read_name(tls, text, &x.server_name))
		return false;
	arena_init_small(&arena, 256);
	bool ok = snapshot_each_handshake(s, x.server_name, exact_snis, run, &x) && (!x.tls.was_asked || ask(tls));
	arena_fini(&arena);
	return ok;
}
