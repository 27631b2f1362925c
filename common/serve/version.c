/* version: which HTTP does a connection without TLS speak, where both are served? A client of HTTP/2 begins with a
 * preface that no HTTP/1 request can begin with (RFC 9113 3.3, 3.4; proxy.md 7.4). With TLS, ALPN has said so. */
#include <stdlib.h>

#include <nghttp2/nghttp2.h>

#include "common/serve/server_private.h"

struct version {
	struct server_conn base;
};

static void give_up(struct version *v)
{
	struct conn *c = v->base.conn;
	server_remove(&v->base);
	free(v);
	conn_close(c);
}

static void hand_over(struct version *v, const struct codec *codec)
{
	struct server *sv = v->base.server;
	const struct listen_spec *listener = v->base.listener;
	struct conn *c = v->base.conn;

	server_remove(&v->base);
	free(v);
	conn_set_timeout(c, 0);
	codec->accept(sv, listener, c);
	c->ops->on_readable(c); /* what has been read for the decision is in its buffer */
}

/* By what has been read; NULL: not yet known. */
static const struct codec *by_preface(const struct conn *c)
{
	struct slice have = c->in ? iobuf_slice(c->in) : S(""), preface = S(NGHTTP2_CLIENT_MAGIC);
	size_t n = have.len < preface.len ? have.len : preface.len;

	if (memcmp(have.ptr, preface.ptr, n) != 0)
		return &h1_codec;
	return n == preface.len ? &h2_codec : NULL;
}

static void on_readable(struct conn *c)
{
	struct version *v = c->owner;
	const struct codec *codec = NULL;

	while (!codec) {
		switch (conn_read(c)) {
		case IO_OK: codec = by_preface(c); break;
		case IO_AGAIN: return;
		case IO_EOF:
		case IO_ERROR: give_up(v); return;
		}
	}
	hand_over(v, codec);
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

/* Who has connected and not asked yet is waited for, as by HTTP/1: its request may be on the network. */
static void drain_conn(struct server_conn *sc)
{
	sc->conn->can_read = true;
	conn_wake(sc->conn);
}

static void close_conn(struct server_conn *sc)
{
	give_up((struct version *)sc);
}

static const struct codec version_codec = {.name = "?", .drain = drain_conn, .close = close_conn};

void version_accept(struct server *sv, const struct listen_spec *listener, struct conn *c)
{
	struct version *v = calloc(1, sizeof *v);
	if (!v)
		abort();
	v->base = (struct server_conn){.codec = &version_codec, .conn = c, .listener = listener};
	server_add(sv, &v->base);
	conn_adopt(c, &conn_ops, v);
	conn_set_timeout(c, sv->header_timeout_ms);
}
