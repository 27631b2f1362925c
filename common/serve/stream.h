/* stream: one HTTP request and its response on a client's connection, whatever the protocol version.
 *
 * A codec (h1_server.c, h2_server.c) turns a conn into streams; a handler (the proxy, the Admin API, status) answers
 * them. HTTP/1 has one stream at a time per connection, HTTP/2 many. Contract: RFC 9110, 9112, 9113; pitfalls.md B.
 *
 * The life of a stream: on_request -> (stream_read_body(true) -> on_body ... last) -> stream_respond -> stream_send
 * ... last -> on_done. At any point before on_done: on_abort, once, and nothing after it. on_done and on_abort are
 * the handler's last chance to touch the stream; its arena is reset right after. (Its memory stays readable, and is
 * not used for another request, before the handler has returned to whoever called it.)
 *
 * on_bad_request is also how a handler learns that a request which it has already been given cannot be completed
 * (body malformed: 400; too large: 413; too slow: 408) as long as it has not responded; later that is an on_abort. No
 * on_body follows either.
 *
 * A response of status 101 makes the connection a tunnel: what follows is not HTTP; stream_send and on_body carry
 * bytes as they are, `last` is the end of that direction, and the connection never carries another request; on_done
 * comes when both directions have ended. (HTTP/1 only.) */
#ifndef COMMON_SERVE_STREAM_H
#define COMMON_SERVE_STREAM_H

#include "common/http/h1_parse.h"
#include "common/net/conn.h"
#include "common/net/listener.h"

struct stream;

enum stream_abort {
	ABORT_CLIENT_GONE, /* FIN, RST or timeout of the client; 499 in logs */
	ABORT_BAD_BODY, /* framing error in the body, or too much of it, when the response had begun; HTTP/2: at any
	                   time, for the stream is reset then */
	ABORT_SHUTDOWN, /* the server stops */
};

struct stream_ops {
	/* The head is complete and valid. Answer now or later. */
	void (*on_request)(struct stream *s);
	/* The head was refused: the handler answers with this status (stream_respond) in its own error format; the
	 * connection closes afterwards. s->request may be incomplete. */
	void (*on_bad_request)(struct stream *s, const struct h1_error *why);
	/* A piece of the body, valid during the call only; last with the final one (which may be empty). Calling
	 * stream_read_body(s, false) inside stops further pieces. */
	void (*on_body)(struct stream *s, struct slice piece, bool last);
	/* Everything that was queued has been sent: go on sending. */
	void (*on_drained)(struct stream *s);
	void (*on_done)(struct stream *s);
	void (*on_abort)(struct stream *s, enum stream_abort why);
	/* Largest body of this request, whose head is complete; 0: no limit. NULL: always the server's max_body. */
	uint64_t (*max_body)(const struct stream *s);
};

/* One per worker and kind of listener: what its connections have in common. */
struct server {
	struct loop *loop;
	const struct stream_ops *ops;
	void *context; /* the handler's */
	struct h1_limits limits;
	uint32_t header_timeout_ms, body_timeout_ms, send_timeout_ms,
	        keepalive_timeout_ms; /* 60000 60000 60000 75000 */
	uint32_t max_requests;        /* per connection; 10000 */
	uint32_t max_conns;           /* 0: no limit. At the limit: on_full(true), when there is room again: false */
	void (*on_full)(struct server *sv, bool full);
	uint32_t max_streams; /* HTTP/2: at a time per connection; 100 */
	uint64_t max_body;    /* 0: no limit; above: on_bad_request 413 from Content-Length, or while counting */
	size_t stream_size;   /* bytes the handler wants behind each stream: stream_data() */
	bool draining;        /* answer with Connection: close, take no new requests */
	struct server_stats {
		uint64_t accepted, handled, requests;
		uint32_t active, reading, writing, waiting; /* connections now */
	} stats;
	struct server_conn *conns;        /* list of all open ones */
	struct stream *spare;             /* for reuse, newest first */
	uint32_t spares, unneeded_spares; /* the fewest since the last sweep */
};

struct codec; /* codec.h: the vtable of a protocol version */

struct stream {
	struct server *server;
	const struct codec *codec;
	struct conn *conn;
	const struct listen_spec *listener;
	struct arena arena; /* ends with the stream */
	struct head request;
	struct head *trailers; /* of the request: there when the last piece of its body is; NULL: none */
	uint64_t started_ns;   /* monotonic, when its first byte was there */
	uint64_t max_body;     /* of this request: stream_ops.max_body or the server's */
	uint64_t body_received;
	uint64_t sent;      /* bytes of the response, head included */
	uint64_t head_sent; /* of these, up to the end of the head */
	int status;         /* of the response begun; 0: none */
	bool body_done;     /* the request's body (if any) was delivered completely */
	bool responded, finished;
	bool answer_half_closed; /* the handler's: a client that has sent FIN still gets its answer (pitfalls.md B4
	                            77) */
	void *data;              /* stream_size zeroed bytes for the handler */
	struct stream *next_spare;
	struct loop_deferred grave;
};

void server_init(struct server *sv, struct loop *l, const struct stream_ops *ops, void *context); /* with defaults */
/* Takes an accepted socket. tls: NULL or an SSL in accept state, of a context that chooses from server_alpn(). */
void server_accept(struct server *sv, const struct listen_spec *listener, int fd, SSL *tls);
/* The protocols that a listener with `ssl` offers by ALPN, with or without the flag http2. */
const char *server_alpn(bool http2);
/* Gives back memory that was kept for reuse and not needed since the last call; returns bytes, about. */
size_t server_sweep(struct server *sv);
/* Idle connections close now, busy ones after their response. */
void server_drain(struct server *sv);
/* Everything closes now (on_abort for open streams). */
void server_close(struct server *sv);

/* Starts or stops delivery of the request's body. Before the first true nothing of it is read beyond the buffer. With
 * Expect: 100-continue the first true sends the 100. on_body may be called from inside. */
void stream_read_body(struct stream *s, bool on);

/* Begins the response: head, and the first piece of the body in the same write. response->content_length and
 * ->chunked say how the body is framed (both unset: no body, or until close for HTTP/1.0); the codec turns chunked
 * into close for HTTP/1.0 clients, drops bodies for HEAD, 204 and 304, and writes Connection, Date when absent, and
 * framing itself. `last`: the response is complete. on_done may come from inside the call when all was sent. */
void stream_respond(struct stream *s, const struct head *response, struct slice piece, bool last);
/* More body. */
void stream_send(struct stream *s, struct slice piece, bool last);
/* Ends the response with trailers (instead of `last`). HTTP/1 clients do not get them (pitfalls.md B5 110). */
void stream_send_trailers(struct stream *s, const struct head *trailers);
/* Bytes accepted by stream_send but not yet by the socket: above STREAM_HIGH_WATER stop producing until on_drained.
 */
size_t stream_queued(const struct stream *s);
enum { STREAM_HIGH_WATER = 128 * 1024 };
/* Cuts the exchange: the client must see that the response is incomplete. on_abort is not called; the arena is gone
 * on return. */
void stream_abort(struct stream *s);

/* After this the connection closes once the response has been sent. HTTP/2 needs no such thing: streams do not share
 * their framing. */
void stream_close_after(struct stream *s);

#endif
