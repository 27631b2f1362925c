/* conn_io: reading and writing of a conn; see conn.h. Usually one recv(2) and one send(2) per message: a short
 * read or write tells that the socket is empty or full, and the next edge will come. (The calls for sockets take a
 * shorter way through the kernel than read and writev: 2 % of a small request.) */
#include <errno.h>

#include "common/net/conn_private.h"

enum { FLUSH_PARTS = 16 };

/* ---- reading -------------------------------------------------------------------------------------------------- */

/* After a hang-up was seen no further edge comes, so reading goes on until the end shows. */
static enum io_result read_plain(struct conn *c, char *to, size_t room, size_t *n)
{
	ssize_t got;
	do
		got = recv(c->fd, to, room, 0);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		*n = (size_t)got;
		if (*n < room && !c->peer_closed)
			c->can_read = false;
		return IO_OK;
	}
	if (got == 0)
		return IO_EOF;
	if (errno != EAGAIN)
		return IO_ERROR;
	c->can_read = false;
	return IO_AGAIN;
}

enum io_result conn_read(struct conn *c)
{
	size_t n = 0;
	if (c->eof)
		return IO_EOF;
	if (!c->can_read || !conn_is_open(c))
		return IO_AGAIN;
	if (!c->in)
		c->in = iobuf_get(&c->loop->buffers);
	struct iobuf *in = c->in;
	size_t room = iobuf_room(in);
	if (room == 0)
		return IO_AGAIN;

	enum io_result r = c->tls ? conn_tls_read(c, in->data + in->end, room, &n)
	                          : read_plain(c, in->data + in->end, room, &n);
	in->end += (uint32_t)n;
	c->bytes_in += n;
	if (r == IO_OK)
		return r;
	conn_release_input(c);
	if (r != IO_AGAIN)
		c->can_read = false;
	if (r == IO_EOF)
		c->eof = c->peer_closed = true;
	return r;
}

void conn_release_input(struct conn *c)
{
	if (c->in && c->in->start == c->in->end) {
		iobuf_put(&c->loop->buffers, c->in);
		c->in = NULL;
	}
}

/* ---- writing -------------------------------------------------------------------------------------------------- */

static ssize_t send_parts(struct conn *c, const struct iovec *parts, int n, size_t total)
{
	ssize_t sent;
	if (c->tls)
		sent = conn_tls_write(c, parts, n);
	else {
		struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = (size_t)n};
		do
			sent = n == 1 ? send(c->fd, parts->iov_base, total, MSG_NOSIGNAL)
			              : sendmsg(c->fd, &message, MSG_NOSIGNAL);
		while (sent < 0 && errno == EINTR);
		if (sent < 0 && errno == EAGAIN)
			sent = 0;
		if (sent >= 0 && (size_t)sent < total)
			c->can_write = false;
	}
	if (sent > 0)
		c->bytes_out += (uint64_t)sent;
	return sent;
}

static size_t total_of(const struct iovec *parts, int n)
{
	size_t total = 0;
	for (int i = 0; i < n; i++)
		total += parts[i].iov_len;
	return total;
}

static void enqueue_rest(struct conn *c, const struct iovec *parts, int n, size_t skip)
{
	for (int i = 0; i < n; i++) {
		size_t len = parts[i].iov_len, gone = skip < len ? skip : len;
		skip -= gone;
		iobuf_append(
		        &c->loop->buffers, &c->out, &c->out_last, (const char *)parts[i].iov_base + gone, len - gone);
		c->queued += len - gone;
	}
}

bool conn_write(struct conn *c, const struct iovec *parts, int n)
{
	size_t total = total_of(parts, n);
	ssize_t sent = 0;

	if (c->closed)
		return false;
	if (c->queued == 0 && c->can_write && conn_is_open(c) && total > 0) {
		sent = send_parts(c, parts, n, total);
		if (sent < 0)
			return false;
	}
	if ((size_t)sent < total)
		enqueue_rest(c, parts, n, (size_t)sent);
	return true;
}

bool conn_flush(struct conn *c)
{
	while (c->queued && c->can_write) {
		struct iovec parts[FLUSH_PARTS];
		int n = 0;
		for (struct iobuf *b = c->out; b && n < FLUSH_PARTS; b = b->next)
			parts[n++] = (struct iovec){b->data + b->start, b->end - b->start};
		ssize_t sent = send_parts(c, parts, n, total_of(parts, n));
		if (sent < 0)
			return false;
		c->queued -= (size_t)sent;
		iobuf_drop(&c->loop->buffers, &c->out, &c->out_last, (size_t)sent);
	}
	if (c->queued == 0 && c->shutting)
		conn_send_fin(c);
	return true;
}
