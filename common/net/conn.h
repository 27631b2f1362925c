/* conn: one stream socket on a loop: non-blocking, edge-triggered, registered once for read and write; plain or TLS.
 *
 * The owner reads with conn_read() until IO_AGAIN (a short read counts as that) and writes with conn_write(), which
 * sends at once and queues what the socket does not take. Invariants: `in` is NULL whenever nothing is unconsumed and
 * no read is under way; after conn_close() no callback comes. Deleting inside a callback is allowed: memory is freed
 * by the loop later. */
#ifndef COMMON_NET_CONN_H
#define COMMON_NET_CONN_H

#include <event2/event_struct.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "common/net/loop.h"
#include "common/net/proxy_protocol.h"

struct conn;

struct conn_ops {
	/* Bytes (or the end, or an error) may be waiting: call conn_read(). Also called once after a TLS handshake.
	 */
	void (*on_readable)(struct conn *c);
	/* Everything queued has been sent after a conn_write() could not send all. */
	void (*on_drained)(struct conn *c);
	/* An outgoing connect (and its TLS handshake) finished; error 0 or an errno (EPROTO: TLS). Incoming TLS
	 * failures close the connection and call on_closed. */
	void (*on_connected)(struct conn *c, int error);
	/* The peer reset, or writing failed: the connection is useless; the owner calls conn_close(). */
	void (*on_closed)(struct conn *c);
	void (*on_timeout)(struct conn *c);
};

enum io_result { IO_OK, IO_AGAIN, IO_EOF, IO_ERROR };

/* Addresses of peers; of a Unix socket's only the family is kept. */
union conn_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* There are as many as clients are idle: every byte counts. */
struct conn {
	struct loop *loop;
	const struct conn_ops *ops;
	void *owner;
	struct iobuf *in;             /* received, unconsumed; NULL when empty */
	struct iobuf *out, *out_last; /* queued to send */
	size_t queued;                /* bytes in out */
	struct timeout timeout;
	SSL *tls;                /* NULL: plain */
	struct proxied *proxied; /* what a PROXY preamble said; owned; NULL: there was none */
	uint64_t bytes_in, bytes_out;
	uint64_t since_ms; /* monotonic, of accept or connect */
	uint64_t serial;   /* of this loop's connections, from 1 */
	struct loop_deferred deferred;
	struct event event;
	int fd;
	uint32_t requests;       /* for owners that count */
	union conn_address peer; /* of the TCP connection */
	uint8_t peer_len;
	bool can_read : 1, can_write : 1; /* edge state */
	bool connecting : 1, handshaking : 1;
	bool peer_closed : 1; /* FIN or RST was seen by the poller, perhaps before all bytes are read */
	bool eof : 1;         /* conn_read() has returned IO_EOF */
	bool closed : 1;
	bool shutting : 1;       /* half-close once the queue is empty */
	bool tls_failed : 1;     /* no close_notify may be sent any more */
	bool tls_got_http : 1;   /* the client spoke HTTP where TLS was expected */
	bool tls_drained : 1;    /* TLS's last read took all that the kernel had */
	bool tls_at_end : 1;     /* and met the end of what the peer sends */
	bool tls_read_waits : 1; /* TLS could not read on because it had to write */
	bool is_deferred : 1;    /* `deferred` waits for the end of the turn */
};

/* Takes the accepted fd. tls: a fresh SSL, or NULL; owned by the conn. */
struct conn *conn_accepted(struct loop *l, int fd, SSL *tls, const struct conn_ops *ops, void *owner);
/* TLS from here on, on an accepted connection that has not been written to; the conn owns the SSL. */
void conn_start_tls(struct conn *c, SSL *tls);
/* Begins to connect; on_connected follows, never from inside this call. NULL with errno set when it cannot even
 * begin. tls: a fresh SSL with its host name set, or NULL; owned by the conn, also when NULL is returned. */
struct conn *conn_connect(
        struct loop *l, const struct sockaddr *to, socklen_t len, SSL *tls, const struct conn_ops *ops, void *owner);
/* Gives the connection another owner (a pool, a request). */
void conn_adopt(struct conn *c, const struct conn_ops *ops, void *owner);
/* Closes now; queued bytes are dropped. */
void conn_close(struct conn *c);
/* Half-closes after what is queued has been sent: the peer sees FIN, we may still read. */
void conn_shutdown(struct conn *c);

/* on_readable comes at the end of this turn of the loop, whether or not there is anything new: for owners that
 * stopped with work left. */
void conn_wake(struct conn *c);
/* Has the peer reset the connection? For owners that do not read at the moment: costs a poll(2). */
bool conn_is_reset(const struct conn *c);

/* Reads once into c->in (allocating it). IO_OK: something new is there. IO_AGAIN also when `in` is full. */
enum io_result conn_read(struct conn *c);
/* Gives the input buffer back when it is empty; owners call it when they are done with what was read. */
void conn_release_input(struct conn *c);

/* Sends n parts in order, at once as far as the socket takes them; the rest is copied to the queue. False: the
 * connection is broken (on_closed will not be called for it). Parts may be reused on return. */
bool conn_write(struct conn *c, const struct iovec *parts, int n);
static inline bool conn_write_slice(struct conn *c, struct slice s)
{
	struct iovec v = {(void *)s.ptr, s.len};
	return conn_write(c, &v, 1);
}

/* For a connection whose TLS handshake failed: sends bytes as they are, if they fit. */
void conn_send_plain(struct conn *c, struct slice s);

/* Restarts the connection's one deadline: on_timeout after ms without another call. 0: none. */
void conn_set_timeout(struct conn *c, uint32_t ms);
/* "192.0.2.1" or "2001:db8::1" of an address; out more than IP_TEXT_MAX. Unix sockets: "unix:". */
void conn_address_text(const struct sockaddr *sa, char *out, size_t size, int *port);

#endif
