/* conn_tls: TLS of a conn. OpenSSL reads and writes the socket through a BIO of ours; what it wants is told by
 * can_read and can_write.
 *
 * Three habits save time: read-ahead (a record's head and body come with one call), a look at each recv(2), so that a
 * short one counts as "the kernel has no more", as it does without TLS, and the calls for sockets, which take a
 * shorter way through the kernel than those that OpenSSL's own BIO uses. */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/net/conn_private.h"

enum { RECORD = 16 * 1024 };

/* ---- the socket, as OpenSSL sees it ---------------------------------------------------------------------------- */

static bool is_to_be_tried_again(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static int bio_read(BIO *b, char *to, int room)
{
	struct conn *c = BIO_get_data(b);
	ssize_t got = recv(c->fd, to, (size_t)room, 0);

	c->tls_drained = got < room;
	c->tls_at_end = got == 0;
	BIO_clear_retry_flags(b);
	if (got < 0 && is_to_be_tried_again())
		BIO_set_retry_read(b);
	return (int)got;
}

static int bio_write(BIO *b, const char *bytes, int n)
{
	struct conn *c = BIO_get_data(b);
	ssize_t sent = send(c->fd, bytes, (size_t)n, MSG_NOSIGNAL);

	BIO_clear_retry_flags(b);
	if (sent < 0 && is_to_be_tried_again())
		BIO_set_retry_write(b);
	return (int)sent;
}

static long bio_ctrl(BIO *b, int what, long number, void *pointer)
{
	if (what == BIO_CTRL_EOF)
		return ((struct conn *)BIO_get_data(b))->tls_at_end;
	return what == BIO_CTRL_FLUSH; /* nothing is held back; the rest is not for sockets */
}

static BIO_METHOD *method;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_method(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "conn");
	if (!method || BIO_meth_set_read(method, bio_read) != 1 || BIO_meth_set_write(method, bio_write) != 1 ||
	        BIO_meth_set_ctrl(method, bio_ctrl) != 1)
		abort();
}

static BIO *new_bio(struct conn *c)
{
	pthread_once(&once, make_method);
	BIO *b = BIO_new(method);
	if (!b)
		abort();
	BIO_set_data(b, c);
	BIO_set_init(b, 1);
	return b;
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

void conn_tls_begin(struct conn *c, bool server)
{
	SSL *tls = c->tls;
	BIO *b = new_bio(c);
	SSL_set_bio(tls, b, b);
	SSL_set_read_ahead(tls, 1);
	SSL_set_mode(
	        tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	if (server)
		SSL_set_accept_state(tls);
	else
		SSL_set_connect_state(tls);
}

enum handshake_result conn_tls_handshake(struct conn *c)
{
	ERR_clear_error();
	int r = SSL_do_handshake(c->tls);
	if (r == 1)
		return HANDSHAKE_DONE;
	switch (SSL_get_error(c->tls, r)) {
	case SSL_ERROR_WANT_READ: return HANDSHAKE_WAIT;
	case SSL_ERROR_WANT_WRITE: c->can_write = false; return HANDSHAKE_WAIT;
	default:
		c->tls_failed = true;
		c->tls_got_http = ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
		return HANDSHAKE_FAILED;
	}
}

/* ---- bytes ----------------------------------------------------------------------------------------------------- */

static enum io_result read_problem(struct conn *c, int r)
{
	switch (SSL_get_error(c->tls, r)) {
	case SSL_ERROR_WANT_READ: c->can_read = false; return IO_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		c->can_write = false;
		c->tls_read_waits = true;
		return IO_AGAIN;
	case SSL_ERROR_ZERO_RETURN: return IO_EOF;
	default: c->tls_failed = true; return IO_ERROR;
	}
}

enum io_result conn_tls_read(struct conn *c, char *to, size_t room, size_t *n)
{
	ERR_clear_error();
	int r = SSL_read_ex(c->tls, to, room, n);
	if (r != 1)
		return read_problem(c, r);
	if (c->tls_drained && !c->peer_closed && !SSL_has_pending(c->tls))
		c->can_read = false;
	return IO_OK;
}

/* Bytes taken of one part: all of it, or what went before the socket was full; -1: broken. */
static ssize_t write_part(struct conn *c, const char *bytes, size_t len)
{
	size_t done = 0, n;
	while (done < len) {
		ERR_clear_error();
		int r = SSL_write_ex(c->tls, bytes + done, len - done, &n);
		if (r == 1) {
			done += n;
			continue;
		}
		switch (SSL_get_error(c->tls, r)) {
		case SSL_ERROR_WANT_WRITE:
		case SSL_ERROR_WANT_READ: c->can_write = false; return (ssize_t)done;
		default: c->tls_failed = true; return -1;
		}
	}
	return (ssize_t)done;
}

/* A place in a list of parts. */
struct cursor {
	const struct iovec *part, *end;
	size_t offset;
};

static void advance(struct cursor *at, size_t n)
{
	for (at->offset += n; at->part < at->end && at->offset >= at->part->iov_len; at->part++)
		at->offset -= at->part->iov_len;
}

/* What the next record is made of: a large part as it is, small ones gathered. Always a whole record when there are
 * that many bytes: OpenSSL wants to see all of what it could not send again, and `record` is never behind that. */
static struct slice next_record(const struct cursor *from, char record[RECORD])
{
	struct cursor at = *from;
	size_t left = at.part->iov_len - at.offset, n = 0;
	if (left >= RECORD || at.part + 1 == at.end)
		return slice_of((const char *)at.part->iov_base + at.offset, left);
	while (at.part < at.end && n < RECORD) {
		left = at.part->iov_len - at.offset;
		size_t fits = left < RECORD - n ? left : RECORD - n;
		memcpy(record + n, (const char *)at.part->iov_base + at.offset, fits);
		n += fits;
		advance(&at, fits);
	}
	return slice_of(record, n);
}

ssize_t conn_tls_write(struct conn *c, const struct iovec *parts, int n)
{
	static __thread char record[RECORD];
	struct cursor at = {parts, parts + n, 0};
	size_t done = 0;

	for (advance(&at, 0); at.part < at.end;) {
		struct slice bytes = next_record(&at, record);
		ssize_t sent = write_part(c, bytes.ptr, bytes.len);
		if (sent < 0)
			return -1;
		done += (size_t)sent;
		if ((size_t)sent < bytes.len)
			break;
		advance(&at, bytes.len);
	}
	return (ssize_t)done;
}

void conn_send_plain(struct conn *c, struct slice s)
{
	if (!c->closed && send(c->fd, s.ptr, s.len, MSG_NOSIGNAL) < 0)
		c->can_write = false;
}

void conn_tls_notify_close(struct conn *c)
{
	ERR_clear_error();
	if (SSL_shutdown(c->tls) < 0)
		c->tls_failed = true;
	ERR_clear_error();
}

/* OpenSSL gives a session up whose connection ended without a word, as that of most clients does; it may be resumed
 * all the same (RFC 5246 7.2.1). What ended by a fatal alert it has given up already. */
void conn_tls_free(struct conn *c)
{
	if (c->tls)
		SSL_set_shutdown(c->tls, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(c->tls);
}
