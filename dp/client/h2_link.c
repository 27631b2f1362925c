/* h2_link: see h2_link.h. pump() is the only place that reads and writes, dispatch() within it the only one that
 * calls owners of exchanges. */
#include "dp/client/h2_link_private.h"

#include <errno.h>
#include <stdlib.h>

#include "common/net/tls.h"

/* ---- exchanges ------------------------------------------------------------------------------------------------ */

void h2_link_due(struct h2_client *x)
{
	struct h2_link *link = x->link;
	if (x->is_due)
		return;
	x->is_due = true;
	x->due_next = NULL;
	x->due_prev = link->due_last;
	*(link->due_last ? &link->due_last->due_next : &link->due) = x;
	link->due_last = x;
}

static void not_due(struct h2_client *x)
{
	struct h2_link *link = x->link;
	if (!x->is_due)
		return;
	x->is_due = false;
	*(x->due_prev ? &x->due_prev->due_next : &link->due) = x->due_next;
	*(x->due_next ? &x->due_next->due_prev : &link->due_last) = x->due_prev;
}

void h2_link_detach(struct h2_client *x)
{
	struct h2_link *link = x->link;

	not_due(x);
	*(x->prev ? &x->prev->next : &link->exchanges) = x->next;
	if (x->next)
		x->next->prev = x->prev;
	if (link->heading == x)
		link->heading = NULL;
	if (x->id)
		nghttp2_session_set_stream_user_data(link->session, x->id, NULL);
	timeout_clear(&x->timeout);
	h2_body_fini(&link->out, &x->body);
	iobuf_put(&link->conn->loop->buffers, x->in);
	x->in = NULL;
	x->link = NULL;
	link->count--;
	h2_link_wake(link);
}

static void dispatch(struct h2_link *link)
{
	while (link->due && !link->closed) {
		struct h2_client *x = link->due;
		not_due(x);
		h2_client_tell(x);
	}
}

/* ---- ending --------------------------------------------------------------------------------------------------- */

static void retire(struct h2_link *link)
{
	if (link->gone)
		return;
	link->gone = true;
	link->on_gone(link, link->arg);
}

static void free_link(void *arg)
{
	struct h2_link *link = arg;
	nghttp2_session_del(link->session);
	free(link);
}

/* The exchanges fail one after the other; each may begin another one, on another link. */
static void end(struct h2_link *link, enum client_failure why)
{
	if (link->closed)
		return;
	retire(link);
	link->closed = true;
	while (link->exchanges) {
		struct h2_client *x = link->exchanges;
		enum client_failure failure = x->failed ? x->failure : x->head_told ? CLIENT_BAD_BODY : why;
		if (!x->why)
			x->why = link->why;
		x->refused |= x->id == 0; /* nothing of it has been sent */
		h2_link_detach(x);
		x->ops->on_fail(x, failure);
	}
	h2_out_fini(&link->out);
	conn_close(link->conn);
	loop_defer(link->conn->loop, &link->grave, free_link, link);
}

void h2_link_close(struct h2_link *link)
{
	end(link, CLIENT_CLOSED);
}

/* ---- the pump ------------------------------------------------------------------------------------------------- */

void h2_link_wake(struct h2_link *link)
{
	if (!link->pumping && link->ready && !link->closed)
		conn_wake(link->conn);
}

static void feed(struct h2_link *link)
{
	struct iobuf *in = link->conn->in;
	if (!in || in->start == in->end)
		return;
	struct slice have = iobuf_slice(in);
	ssize_t used = nghttp2_session_mem_recv(link->session, (const uint8_t *)have.ptr, have.len);
	if (used < 0) {
		link->why = nghttp2_strerror((int)used);
		link->failure = CLIENT_INVALID;
		nghttp2_session_terminate_session(link->session, NGHTTP2_PROTOCOL_ERROR);
	}
	iobuf_consume(in, have.len);
}

static bool read_once(struct h2_link *link)
{
	switch (conn_read(link->conn)) {
	case IO_OK: return true;
	case IO_AGAIN: break;
	case IO_EOF:
	case IO_ERROR: end(link, link->failure); break;
	}
	return false;
}

static bool wants_input(const struct h2_link *link)
{
	return !link->closed && link->failure == CLIENT_CLOSED && !h2_out_has_backlog(&link->out);
}

/* Has it anything to live for? */
static bool is_over(const struct h2_link *link)
{
	if (link->out.broken || link->failure != CLIENT_CLOSED)
		return true;
	if (!nghttp2_session_want_read(link->session) && !nghttp2_session_want_write(link->session))
		return true;
	return link->count == 0 && (link->gone || !link->limits.keep_idle);
}

static void pump(struct h2_link *link)
{
	int reads = 0;
	link->pumping = true;
	do {
		feed(link);
		dispatch(link);
		if (link->closed)
			break;
		h2_out_pull(&link->out, link->session);
		dispatch(link);
		if (reads++ == H2_LINK_READS_PER_TURN) {
			conn_wake(link->conn);
			break;
		}
	} while (wants_input(link) && read_once(link));
	link->pumping = false;
	if (link->closed)
		return;
	h2_out_flush(&link->out);
	conn_release_input(link->conn);
	if (is_over(link))
		end(link, link->failure);
	else
		conn_set_timeout(link->conn, link->count ? link->limits.ping_ms : link->limits.idle_timeout_ms);
}

/* ---- events --------------------------------------------------------------------------------------------------- */

static void on_connected(struct conn *c, int error)
{
	struct h2_link *link = c->owner;

	if (!error && c->tls && !slice_eq(tls_alpn(c->tls), S("h2"))) {
		link->why = "the upstream does not offer HTTP/2 (ALPN)";
		error = EPROTO;
	}
	if (error) {
		end(link, CLIENT_CLOSED);
		return;
	}
	link->ready = true;
	for (struct h2_client *x = link->exchanges; x; x = x->next)
		h2_link_due(x);
	pump(link);
}

static void on_readable(struct conn *c)
{
	pump(c->owner);
}

static void on_drained(struct conn *c)
{
	struct h2_link *link = c->owner;
	for (struct h2_client *x = link->exchanges; x; x = x->next)
		if (x->id)
			h2_body_resume(&x->body, link->session, x->id);
	pump(link);
}

static void on_closed(struct conn *c)
{
	end(c->owner, CLIENT_CLOSED);
}

static void on_timeout(struct conn *c)
{
	struct h2_link *link = c->owner;
	bool is_silent = link->asking && link->asked == c->bytes_in;

	if (is_silent)
		link->why = "no answer to a PING";
	if (!link->ready || link->count == 0 || is_silent) {
		end(link, CLIENT_TIMEOUT);
		return;
	}
	link->asking = true;
	link->asked = c->bytes_in;
	nghttp2_submit_ping(link->session, NGHTTP2_FLAG_NONE, NULL);
	pump(link);
}

static const struct conn_ops conn_ops = {
        .on_connected = on_connected,
        .on_readable = on_readable,
        .on_drained = on_drained,
        .on_closed = on_closed,
        .on_timeout = on_timeout,
};

/* ---- what its set asks ---------------------------------------------------------------------------------------- */

struct h2_link *h2_link_open(struct loop *l, const struct sockaddr *to, socklen_t len, SSL *tls,
        const struct h2_link_limits *limits, void (*on_gone)(struct h2_link *link, void *arg), void *arg)
{
	struct h2_link *link = calloc(1, sizeof *link);
	if (!link)
		abort();
	if (tls)
		SSL_set_alpn_protos(tls, (const unsigned char *)"\x02h2", 3);
	link->limits = *limits;
	link->on_gone = on_gone;
	link->arg = arg;
	link->failure = CLIENT_CLOSED;
	link->conn = conn_connect(l, to, len, tls, &conn_ops, link);
	if (!link->conn) {
		free(link);
		return NULL;
	}
	link->out.conn = link->conn;
	link->session = h2_client_session(link);
	conn_set_timeout(link->conn, limits->connect_timeout_ms);
	return link;
}

bool h2_link_has_room(const struct h2_link *link)
{
	uint32_t most = nghttp2_session_get_remote_settings(link->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
	if (most > H2_LINK_STREAMS)
		most = H2_LINK_STREAMS;
	if (link->gone || (link->limits.max_requests && link->carried >= link->limits.max_requests))
		return false;
	return link->count < most && nghttp2_session_check_request_allowed(link->session);
}

bool h2_link_is_ready(const struct h2_link *link)
{
	return link->ready;
}

uint32_t h2_link_carried(const struct h2_link *link)
{
	return link->carried;
}

uint64_t h2_link_since_ms(const struct h2_link *link)
{
	return link->conn->since_ms;
}
