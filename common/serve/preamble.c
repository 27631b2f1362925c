/* preamble: what comes before the first protocol of a connection on a listener with proxy_protocol: the line or block
 * by which a balancer says for whom it connects (proxy.md 10.2; pitfalls.md B4 83).
 *
 * A connection without one is closed without a word. */
#include <stdlib.h>

#include "common/serve/server_private.h"

struct preamble {
	struct server_conn base;
	SSL *tls; /* for what follows; NULL: plain */
	struct proxy_reader reader;
};

static void end(struct preamble *p)
{
	server_remove(&p->base);
	free(p);
}

static void give_up(struct preamble *p)
{
	struct conn *c = p->base.conn;
	SSL_free(p->tls);
	end(p);
	conn_close(c);
}

static void hand_over(struct preamble *p, const struct proxied *said)
{
	struct server *sv = p->base.server;
	const struct listen_spec *listener = p->base.listener;
	struct conn *c = p->base.conn;
	SSL *tls = p->tls;

	c->proxied = malloc(sizeof *said);
	if (!c->proxied)
		abort();
	*c->proxied = *said;
	conn_set_timeout(c, 0);
	end(p);
	server_begin(sv, listener, c, tls);
	c->can_read = true; /* the request may have come with the preamble */
	conn_wake(c);
}

static void on_readable(struct conn *c)
{
	struct preamble *p = c->owner;
	struct proxied said;

	switch (proxy_read(&p->reader, c->fd, &said)) {
	case PROXY_DONE: hand_over(p, &said); break;
	case PROXY_MORE:
		if (c->peer_closed)
			give_up(p);
		break;
	case PROXY_BAD: give_up(p); break;
	}
}

static void on_end(struct conn *c)
{
	give_up(c->owner);
}

static const struct conn_ops conn_ops = {
        .on_readable = on_readable,
        .on_drained = on_end,
        .on_closed = on_end,
        .on_timeout = on_end,
};

static void close_conn(struct server_conn *sc)
{
	give_up((struct preamble *)sc);
}

/* Of a codec there is only how to end: no request is served before the preamble is over. */
static const struct codec preamble_codec = {.name = "PROXY", .drain = close_conn, .close = close_conn};

void preamble_accept(struct server *sv, const struct listen_spec *listener, int fd, SSL *tls)
{
	struct preamble *p = calloc(1, sizeof *p);
	if (!p)
		abort();
	p->tls = tls;
	struct conn *c = conn_accepted(sv->loop, fd, NULL, &conn_ops, p);
	p->base = (struct server_conn){.codec = &preamble_codec, .conn = c, .listener = listener};
	server_add(sv, &p->base);
	conn_set_timeout(c, sv->header_timeout_ms);
}
