/* server: what the protocol versions share: the list of connections, counters, and a stack of streams for reuse. */
#include <stdlib.h>

#include "common/net/tls.h"
#include "common/serve/server_private.h"

/* Streams kept for the next request, and how much memory each may keep. */
enum { SPARE_STREAMS = 256, SPARE_ARENA = 64 * 1024 };

void server_init(struct server *sv, struct loop *l, const struct stream_ops *ops, void *context)
{
	*sv = (struct server){
	        .loop = l,
	        .ops = ops,
	        .context = context,
	        .limits = h1_default_limits,
	        .header_timeout_ms = 60000,
	        .body_timeout_ms = 60000,
	        .send_timeout_ms = 60000,
	        .keepalive_timeout_ms = 75000,
	        .max_requests = 10000,
	        .max_streams = 100,
	};
}

const char *server_alpn(bool http2)
{
	return http2 ? "h2,http/1.1" : "http/1.1";
}

/* The version of HTTP that the two ends have agreed on by ALPN, of which server_alpn() is our half. */
static const struct codec *agreed_codec(const struct conn *c)
{
	return c->tls && slice_eq(tls_alpn(c->tls), S("h2")) ? &h2_codec : &h1_codec;
}

void server_serve(struct server *sv, const struct listen_spec *listener, struct conn *c)
{
	if (listener && listener->serves_http2 && !c->tls)
		version_accept(sv, listener, c);
	else
		agreed_codec(c)->accept(sv, listener, c);
	STAT_ADD(sv->stats.handled, 1);
}

void server_begin(struct server *sv, const struct listen_spec *listener, struct conn *c, SSL *tls)
{
	if (tls)
		handshake_accept(sv, listener, c, tls);
	else
		server_serve(sv, listener, c);
}

void server_accept(struct server *sv, const struct listen_spec *listener, int fd, SSL *tls)
{
	static const struct conn_ops none = {0};
	STAT_ADD(sv->stats.accepted, 1);
	if (listener && listener->proxy_protocol)
		preamble_accept(sv, listener, fd, tls);
	else
		server_begin(sv, listener, conn_accepted(sv->loop, fd, NULL, &none, NULL), tls);
}

void server_drain(struct server *sv)
{
	sv->draining = true;
	for (struct server_conn *sc = sv->conns, *next; sc; sc = next) {
		next = sc->next;
		sc->codec->drain(sc);
	}
}

static size_t free_spares(struct server *sv, uint32_t n)
{
	size_t bytes = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct stream *s = sv->spare;
		sv->spare = s->next_spare;
		bytes += sizeof *s + sv->stream_size + s->arena.used;
		server_free_stream(s);
	}
	sv->spares -= n;
	sv->unneeded_spares = sv->spares;
	return bytes;
}

void server_close(struct server *sv)
{
	sv->draining = true;
	while (sv->conns)
		sv->conns->codec->close(sv->conns);
	free_spares(sv, sv->spares);
}

size_t server_sweep(struct server *sv)
{
	return free_spares(sv, sv->unneeded_spares);
}

/* ---- connections ---------------------------------------------------------------------------------------------- */

static uint32_t *counter_of(struct server_conn *sc)
{
	struct server_stats *st = &sc->server->stats;
	return sc->phase == PHASE_WAITING ? &st->waiting : sc->phase == PHASE_READING ? &st->reading : &st->writing;
}

void server_add(struct server *sv, struct server_conn *sc)
{
	sc->server = sv;
	sc->phase = PHASE_WAITING;
	sc->prev = NULL;
	sc->next = sv->conns;
	if (sv->conns)
		sv->conns->prev = sc;
	sv->conns = sc;
	STAT_ADD(sv->stats.active, 1);
	if (sv->stats.active == sv->max_conns && sv->on_full)
		sv->on_full(sv, true);
	STAT_ADD(sv->stats.waiting, 1);
}

void server_remove(struct server_conn *sc)
{
	struct server *sv = sc->server;
	*(sc->prev ? &sc->prev->next : &sv->conns) = sc->next;
	if (sc->next)
		sc->next->prev = sc->prev;
	if (sv->stats.active == sv->max_conns && sv->on_full)
		sv->on_full(sv, false);
	STAT_ADD(sv->stats.active, -1u);
	STAT_ADD(*counter_of(sc), -1u);
}

void server_set_phase(struct server_conn *sc, enum server_phase phase)
{
	if (sc->phase == phase)
		return;
	STAT_ADD(*counter_of(sc), -1u);
	sc->phase = phase;
	STAT_ADD(*counter_of(sc), 1);
}

/* ---- streams -------------------------------------------------------------------------------------------------- */

static struct stream *new_stream(size_t data)
{
	struct stream *s = calloc(1, sizeof *s + STREAM_CODEC_BYTES + 16 + data);
	if (!s)
		abort();
	arena_init(&s->arena);
	uintptr_t behind = (uintptr_t)stream_codec_state(s) + STREAM_CODEC_BYTES;
	s->data = (void *)((behind + 15) & ~(uintptr_t)15);
	return s;
}

struct stream *server_take_stream(struct server_conn *sc)
{
	struct server *sv = sc->server;
	struct stream *s = sv->spare;
	if (s) {
		sv->spare = s->next_spare;
		if (--sv->spares < sv->unneeded_spares)
			sv->unneeded_spares = sv->spares;
		memset(s->data, 0, sv->stream_size);
	} else
		s = new_stream(sv->stream_size);

	s->server = sv;
	s->codec = sc->codec;
	s->conn = sc->conn;
	s->listener = sc->listener;
	s->trailers = NULL;
	s->started_ns = clock_mono_ns();
	s->max_body = sv->max_body;
	s->body_received = s->sent = s->head_sent = 0;
	s->status = 0;
	s->body_done = s->responded = s->finished = s->answer_half_closed = false;
	head_init(&s->request, &s->arena);
	return s;
}

void server_limit_body(struct stream *s)
{
	if (s->server->ops->max_body)
		s->max_body = s->server->ops->max_body(s);
}

void server_free_stream(struct stream *s)
{
	arena_fini(&s->arena);
	free(s);
}

static void free_stream(void *arg)
{
	server_free_stream(arg);
}

void server_give_stream(struct stream *s)
{
	struct server *sv = s->server;
	arena_reset(&s->arena);
	if (sv->spares >= SPARE_STREAMS || s->arena.used > SPARE_ARENA) {
		loop_defer(sv->loop, &s->grave, free_stream, s); /* handlers that ended it are still on the stack */
		return;
	}
	s->next_spare = sv->spare;
	sv->spare = s;
	sv->spares++;
}

/* ---- what handlers call --------------------------------------------------------------------------------------- */

void stream_read_body(struct stream *s, bool on)
{
	s->codec->read_body(s, on);
}

void stream_respond(struct stream *s, const struct head *response, struct slice piece, bool last)
{
	s->codec->respond(s, response, piece, last);
}

void stream_send(struct stream *s, struct slice piece, bool last)
{
	s->codec->send(s, piece, last);
}

void stream_send_trailers(struct stream *s, const struct head *trailers)
{
	s->codec->send_trailers(s, trailers);
}

size_t stream_queued(const struct stream *s)
{
	return s->codec->queued(s);
}

void stream_abort(struct stream *s)
{
	s->codec->abort(s);
}

void stream_close_after(struct stream *s)
{
	s->codec->close_after(s);
}
