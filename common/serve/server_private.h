/* server_private: what server.c and the codecs share. */
#ifndef COMMON_SERVE_SERVER_PRIVATE_H
#define COMMON_SERVE_SERVER_PRIVATE_H

#include "common/serve/codec.h"

/* What a connection is counted as (stub_status's words). */
enum server_phase { PHASE_WAITING, PHASE_READING, PHASE_WRITING };

/* A codec's connection begins with this. */
struct server_conn {
	struct server_conn *prev, *next;
	struct server *server;
	const struct codec *codec;
	struct conn *conn;
	const struct listen_spec *listener;
	enum server_phase phase;
};

/* Behind each stream there is room for what its codec has to know about it; not cleared between requests. */
enum { STREAM_CODEC_BYTES = 320 };
static inline void *stream_codec_state(struct stream *s)
{
	return s + 1;
}

/* Begins with a connection that has been accepted: its TLS handshake, or, tls NULL, what it carries. */
void server_begin(struct server *sv, const struct listen_spec *listener, struct conn *c, SSL *tls);
/* HTTP from here on; the handshake, if any, is done. */
void server_serve(struct server *sv, const struct listen_spec *listener, struct conn *c);
/* Takes the connection through its TLS handshake; then server_serve(). */
void handshake_accept(struct server *sv, const struct listen_spec *listener, struct conn *c, SSL *tls);
/* Waits for a PROXY preamble first; then server_begin(). tls as in server_accept(). */
void preamble_accept(struct server *sv, const struct listen_spec *listener, int fd, SSL *tls);

/* Waits until the first bytes show the version. */
void version_accept(struct server *sv, const struct listen_spec *listener, struct conn *c);

/* Puts a new connection on the server's list, waiting. */
void server_add(struct server *sv, struct server_conn *sc);
void server_remove(struct server_conn *sc);
void server_set_phase(struct server_conn *sc, enum server_phase phase);

/* Decides how much of a body the stream may have; its head is complete. */
void server_limit_body(struct stream *s);
/* A stream with an empty arena, zeroed data and an empty request. */
struct stream *server_take_stream(struct server_conn *sc);
/* Its arena ends. Nobody may hold the stream: its memory serves the next request. */
void server_give_stream(struct stream *s);
/* As above, when the server may be gone already. */
void server_free_stream(struct stream *s);

/* Counters have one writer; others read them with relaxed loads. */
#define STAT_ADD(counter, n) __atomic_store_n(&(counter), (counter) + (n), __ATOMIC_RELAXED)

#endif
