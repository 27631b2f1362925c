/* handshake: a connection on a listener with `ssl` until its TLS handshake is over; then what client and server have
 * agreed on (ALPN, RFC 7301) says which codec serves it. A client that speaks HTTP here is told so. */
#include <openssl/err.h>
#include <stdlib.h>

#include "common/core/log.h"
#include "common/crypto/x509.h"
#include "common/net/tls.h"
#include "common/serve/h1_private.h"

struct handshake {
	struct server_conn base;
};

static void end(struct handshake *h)
{
	server_remove(&h->base);
	free(h);
}

static void give_up(struct handshake *h)
{
	struct conn *c = h->base.conn;
	end(h);
	conn_close(c);
}

/* Called once, when the handshake is done. */
static void on_readable(struct conn *c)
{
	struct handshake *h = c->owner;
	struct server *sv = h->base.server;
	const struct listen_spec *listener = h->base.listener;

	conn_set_timeout(c, 0);
	end(h);
	server_serve(sv, listener, c);
	c->ops->on_readable(c); /* the request may have come with the handshake */
}

/* OpenSSL's queue still has why: nothing has been asked of it since. */
static void log_failure(const struct conn *c)
{
	char client[IP_TEXT_MAX + 1], why[160];

	conn_address_text(&c->peer.any, client, sizeof client, NULL);
	log_info("TLS handshake failed", LOG_STR("client", client),
	        LOG_STR("why", c->tls_got_http    ? "the client spoke HTTP"
	                       : ERR_peek_error() ? x509_error(why, sizeof why)
	                                          : "the client has gone"));
}

static void on_closed(struct conn *c)
{
	log_failure(c);
	if (c->tls_got_http)
		h1_answer_plain(c);
	give_up(c->owner);
}

static void on_end(struct conn *c)
{
	give_up(c->owner);
}

static const struct conn_ops conn_ops = {
        .on_readable = on_readable,
        .on_drained = on_end,
        .on_closed = on_closed,
        .on_timeout = on_end,
};

static void close_conn(struct server_conn *sc)
{
	give_up((struct handshake *)sc);
}

/* Its first request is waited for, as that of any new connection. */
static void drain_conn(struct server_conn *sc)
{
}

static const struct codec handshake_codec = {.name = "TLS", .drain = drain_conn, .close = close_conn};

void handshake_accept(struct server *sv, const struct listen_spec *listener, struct conn *c, SSL *tls)
{
	struct handshake *h = calloc(1, sizeof *h);
	if (!h)
		abort();
	h->base = (struct server_conn){.codec = &handshake_codec, .conn = c, .listener = listener};
	conn_adopt(c, &conn_ops, h);
	conn_start_tls(c, tls);
	server_add(sv, &h->base);
	conn_set_timeout(c, sv->header_timeout_ms);
}
