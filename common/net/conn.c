/* conn: see conn.h. One event per connection, registered when the socket comes and deleted when it goes: in between
 * the poller is never told anything. Edge state lives in can_read and can_write. */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/net/conn_private.h"

/* ---- events --------------------------------------------------------------------------------------------------- */

static void tell_readable(struct conn *c)
{
	if (!c->closed && c->ops->on_readable)
		c->ops->on_readable(c);
}

static void tell_closed(struct conn *c)
{
	if (!c->closed && c->ops->on_closed)
		c->ops->on_closed(c);
}

static void flush(struct conn *c)
{
	if (!conn_flush(c))
		tell_closed(c);
	else if (c->queued == 0 && c->ops->on_drained)
		c->ops->on_drained(c);
}

static void handshake(struct conn *c)
{
	bool outgoing = !SSL_is_server(c->tls);
	enum handshake_result r = conn_tls_handshake(c);
	if (r == HANDSHAKE_WAIT)
		return;
	c->handshaking = false;
	if (outgoing)
		c->ops->on_connected(c, r == HANDSHAKE_DONE ? 0 : EPROTO);
	else if (r == HANDSHAKE_FAILED) {
		tell_closed(c);
		conn_close(c);
	}
	if (c->closed || r == HANDSHAKE_FAILED)
		return;
	if (c->queued)
		flush(c);
	c->can_read = true; /* TLS may hold bytes that came with the handshake */
	tell_readable(c);
}

static void finish_connect(struct conn *c)
{
	int error = 0;
	socklen_t len = sizeof error;
	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (!error && !c->can_write)
		return;
	c->connecting = false;
	if (!error && c->tls) {
		c->handshaking = true;
		handshake(c);
		return;
	}
	c->ops->on_connected(c, error);
	if (error || c->closed)
		return;
	if (c->queued)
		flush(c);
	if (c->can_read)
		tell_readable(c);
}

/* TLS may have to read before it can write, and the other way round. True: a read that waited for room may go on. */
static bool tls_crosses(struct conn *c, short what)
{
	bool waited = c->tls_read_waits && (what & EV_WRITE);
	if (waited)
		c->tls_read_waits = false;
	if (what & EV_READ)
		c->can_write = true;
	return waited;
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	if (what & EV_WRITE)
		c->can_write = true;
	if (what & EV_CLOSED)
		c->peer_closed = true;
	if (what & (EV_READ | EV_CLOSED))
		c->can_read = true;

	if (c->connecting) {
		finish_connect(c);
		return;
	}
	if (c->handshaking) {
		handshake(c);
		return;
	}
	bool read_on = c->tls && tls_crosses(c, what);
	/* reading first: what a peer said before it reset is worth having */
	if (read_on || (what & (EV_READ | EV_CLOSED)))
		tell_readable(c);
	if (!c->closed && c->queued && c->can_write)
		flush(c);
}

static void on_timeout(void *arg)
{
	struct conn *c = arg;
	if (c->ops->on_timeout)
		c->ops->on_timeout(c);
}

/* ---- life ----------------------------------------------------------------------------------------------------- */

static struct conn *new_conn(struct loop *l, int fd, SSL *tls, const struct conn_ops *ops, void *owner)
{
	struct conn *c = calloc(1, sizeof *c);
	if (!c)
		abort();
	c->loop = l;
	c->fd = fd;
	c->tls = tls;
	c->since_ms = timeouts_now();
	c->serial = ++l->conns;
	conn_adopt(c, ops, owner);
	return c;
}

static void watch(struct conn *c)
{
	event_assign(
	        &c->event, c->loop->base, c->fd, EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST, on_event, c);
	event_add(&c->event, NULL);
}

static void keep_peer(struct conn *c, const void *address, socklen_t len)
{
	c->peer_len = (uint8_t)(len < sizeof c->peer ? len : sizeof c->peer);
	memcpy(&c->peer, address, c->peer_len);
}

static void note_peer(struct conn *c)
{
	struct loop_accepted *known = &c->loop->accepted;
	struct sockaddr_storage peer;
	socklen_t len = sizeof peer;
	if (known->fd == c->fd) {
		keep_peer(c, &known->peer, known->peer_len);
		known->fd = -1;
	} else if (getpeername(c->fd, (struct sockaddr *)&peer, &len) == 0)
		keep_peer(c, &peer, len);
}

struct conn *conn_accepted(struct loop *l, int fd, SSL *tls, const struct conn_ops *ops, void *owner)
{
	struct conn *c = new_conn(l, fd, tls, ops, owner);
	c->can_write = true; /* nothing has been sent: there is room */
	note_peer(c);
	if (tls)
		conn_start_tls(c, tls);
	watch(c);
	return c;
}

void conn_start_tls(struct conn *c, SSL *tls)
{
	c->tls = tls;
	conn_tls_begin(c, true);
	c->handshaking = true;
}

static int begin_connect(const struct sockaddr *to, socklen_t len)
{
	int fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	int on = 1;
	if (to->sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(fd, to, len) != 0 && errno != EINPROGRESS) {
		int why = errno;
		close(fd);
		errno = why;
		return -1;
	}
	return fd;
}

struct conn *conn_connect(
        struct loop *l, const struct sockaddr *to, socklen_t len, SSL *tls, const struct conn_ops *ops, void *owner)
{
	int fd = begin_connect(to, len);
	if (fd < 0) {
		int why = errno;
		SSL_free(tls);
		errno = why;
		return NULL;
	}
	struct conn *c = new_conn(l, fd, tls, ops, owner);
	c->connecting = true;
	keep_peer(c, to, len);
	if (tls)
		conn_tls_begin(c, false);
	watch(c);
	return c;
}

void conn_adopt(struct conn *c, const struct conn_ops *ops, void *owner)
{
	c->ops = ops;
	c->owner = owner;
}

/* The end of a turn: either somebody asked to be woken, or the connection was closed and nobody holds it any more. */
static void on_deferred(void *arg)
{
	struct conn *c = arg;
	c->is_deferred = false;
	if (!c->closed) {
		if (c->handshaking)
			handshake(c);
		else
			tell_readable(c);
		return;
	}
	conn_tls_free(c);
	free(c->proxied);
	free(c);
}

static void defer(struct conn *c)
{
	if (c->is_deferred)
		return;
	c->is_deferred = true;
	loop_defer(c->loop, &c->deferred, on_deferred, c);
}

void conn_wake(struct conn *c)
{
	if (!c->closed)
		defer(c);
}

void conn_close(struct conn *c)
{
	if (c->closed)
		return;
	if (c->tls && conn_is_open(c) && !c->tls_failed && c->queued == 0)
		conn_tls_notify_close(c);
	c->closed = true;
	timeout_clear(&c->timeout);
	event_del(&c->event);
	close(c->fd);
	c->fd = -1;
	iobuf_put(&c->loop->buffers, c->in);
	c->in = NULL;
	iobuf_put_all(&c->loop->buffers, &c->out, &c->out_last);
	c->queued = 0;
	defer(c);
}

void conn_send_fin(struct conn *c)
{
	c->shutting = false;
	if (c->tls && !c->tls_failed)
		conn_tls_notify_close(c);
	shutdown(c->fd, SHUT_WR);
}

void conn_shutdown(struct conn *c)
{
	if (c->closed)
		return;
	if (c->queued || !conn_is_open(c))
		c->shutting = true;
	else
		conn_send_fin(c);
}

bool conn_is_reset(const struct conn *c)
{
	struct pollfd p = {.fd = c->fd};
	return c->closed || (poll(&p, 1, 0) == 1 && (p.revents & (POLLERR | POLLHUP)) != 0);
}

void conn_set_timeout(struct conn *c, uint32_t ms)
{
	if (ms == 0 || c->closed)
		timeout_clear(&c->timeout);
	else
		timeout_set(&c->loop->timeouts, &c->timeout, ms, on_timeout, c);
}

void conn_address_text(const struct sockaddr *sa, char *out, size_t size, int *port)
{
	struct ip address;
	size_t n = 0;

	if (ip_of_sockaddr(sa, &address))
		n = ip_text(&address, out);
	out[n] = '\0';
	if (n == 0)
		snprintf(out, size, "unix:");
	if (port)
		*port = sa->sa_family == AF_INET    ? ntohs(((const struct sockaddr_in *)sa)->sin_port)
		        : sa->sa_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)sa)->sin6_port)
		                                    : 0;
}
