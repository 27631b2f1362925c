/* sink_send: the ways in which a delivery reaches its collector: HTTP, TCP, UDP, a file, the machine's syslog. None
 * of them waits: what cannot be taken at once by a file or a datagram socket has failed. */
#include <errno.h>
#include <fcntl.h>
#include <sys/un.h>
#include <unistd.h>

#include "dp/host/sinks_private.h"

static struct host_worker *worker_of(const struct delivery *d)
{
	return d->queue->worker;
}

static uint32_t timeout_of(const struct delivery *d)
{
	return d->queue->sink.timeout_ms ? d->queue->sink.timeout_ms : 10000;
}

/* ---- HTTP ------------------------------------------------------------------------------------------------------ */

static void on_fetched(void *arg)
{
	struct delivery *d = arg;
	int below = d->queue->sink.status_below ? d->queue->sink.status_below : 300;
	const char *error = d->fetch.error;
	d->fetching = NULL;
	if (!error && d->fetch.status >= below)
		error = arena_cstr(&d->arena, arena_printf(&d->arena, "status %d", d->fetch.status));
	sink_sent(d, error);
}

static void send_http(struct delivery *d)
{
	const struct sink *s = &d->queue->sink;
	arena_reset(&d->arena);
	d->fetch = (struct fetch){.method = s->method,
	        .url = s->url,
	        .headers = &s->headers,
	        .body = text_slice(&d->body),
	        .timeout_ms = timeout_of(d),
	        .keepalive_ms = s->keepalive_ms,
	        .tls_verify = s->tls_verify,
	        .tls_name = s->tls_name};
	struct fetching *g = fetch_start(worker_of(d), &d->arena, &d->fetch, on_fetched, d);
	if (g) /* else it is over already, and d perhaps gone */
		d->fetching = g;
}

/* ---- TCP ------------------------------------------------------------------------------------------------------- */

static void tcp_over(struct queue *q, const char *error)
{
	struct delivery *d = q->user;
	q->user = NULL;
	if (error && q->conn) {
		conn_close(q->conn);
		q->conn = NULL;
	} else if (q->conn) {
		conn_set_timeout(q->conn, q->sink.keepalive_ms ? q->sink.keepalive_ms : 1);
	}
	if (d)
		sink_sent(d, error);
}

static void on_tcp_drained(struct conn *c)
{
	tcp_over(c->owner, NULL);
}

static void on_tcp_closed(struct conn *c)
{
	tcp_over(c->owner, "closed");
}

static void on_tcp_timeout(struct conn *c)
{
	tcp_over(c->owner, "timeout");
}

/* Collectors have nothing to say; what they say is dropped. */
static void on_tcp_readable(struct conn *c)
{
	enum io_result r;
	while ((r = conn_read(c)) == IO_OK) {
		iobuf_consume(c->in, iobuf_slice(c->in).len);
		conn_release_input(c);
	}
	if (r == IO_EOF || r == IO_ERROR)
		tcp_over(c->owner, "closed");
}

static const struct conn_ops tcp_ops = {
        .on_readable = on_tcp_readable,
        .on_drained = on_tcp_drained,
        .on_closed = on_tcp_closed,
        .on_timeout = on_tcp_timeout,
};

static void write_tcp(struct delivery *d)
{
	struct queue *q = d->queue;
	q->user = d;
	conn_set_timeout(q->conn, timeout_of(d));
	if (!conn_write_slice(q->conn, text_slice(&d->body)))
		tcp_over(q, "closed");
	else if (!q->conn->queued)
		tcp_over(q, NULL);
}

static void on_dialled(void *arg, struct conn *c, const char *why)
{
	struct delivery *d = arg;
	d->dial = NULL;
	if (!c) {
		sink_sent(d, why);
		return;
	}
	if (d->queue->conn)
		conn_close(d->queue->conn);
	d->queue->conn = c;
	conn_adopt(c, &tcp_ops, d->queue);
	write_tcp(d);
}

static void send_tcp(struct delivery *d)
{
	const struct sink *s = &d->queue->sink;
	struct conn *kept = d->queue->conn;
	if (kept && !kept->peer_closed && !d->queue->user) {
		write_tcp(d);
		return;
	}
	struct dial_to to = {s->host, s->port, s->tls, s->tls_verify, s->tls_name, timeout_of(d)};
	struct dialer from = host_dialer(worker_of(d));
	struct dial *dial = dial_start(&from, &to, on_dialled, d);
	if (dial)
		d->dial = dial;
}

/* ---- UDP ------------------------------------------------------------------------------------------------------- */

static void send_datagram(struct delivery *d, const struct sockaddr *to, socklen_t len)
{
	struct queue *q = d->queue;
	if (q->fd < 0)
		q->fd = socket(to->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool sent = q->fd >= 0 &&
	            sendto(q->fd, d->body.ptr ? d->body.ptr : "", d->body.len, MSG_NOSIGNAL, to, len) >= 0;
	const char *error = sent ? NULL : strerror(errno);
	if (!sent)
		sink_close(q);
	sink_sent(d, error);
}

static void on_resolved(void *arg, enum dns_status status, const struct dns_answer *answer, const char *text)
{
	struct delivery *d = arg;
	d->query = NULL;
	if (status == DNS_FOUND)
		send_datagram(d, (const struct sockaddr *)&answer->addresses[0].address, answer->addresses[0].len);
	else
		sink_sent(d, text ? text : "name not found");
}

static void send_udp(struct delivery *d)
{
	const struct sink *s = &d->queue->sink;
	struct sockaddr_storage address;
	socklen_t len;
	if (dial_address(s->host, s->port, &address, &len)) {
		send_datagram(d, (struct sockaddr *)&address, len);
		return;
	}
	if (!worker_of(d)->dns) {
		sink_sent(d, "names cannot be looked up");
		return;
	}
	struct dns_query *query = dns_lookup(worker_of(d)->dns, s->host, s->port, on_resolved, d);
	if (query)
		d->query = query;
}

/* ---- a file ---------------------------------------------------------------------------------------------------- */

static const char *write_file(struct delivery *d)
{
	struct queue *q = d->queue;
	if (q->fd < 0)
		q->fd = open(arena_cstr(&d->arena, q->sink.path),
		        O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0644);
	if (q->fd < 0)
		return strerror(errno);
	for (struct slice rest = text_slice(&d->body); rest.len;) {
		ssize_t n = write(q->fd, rest.ptr, rest.len);
		if (n < 0 && errno != EINTR)
			return strerror(errno);
		rest = slice_from(rest, n > 0 ? (size_t)n : 0);
	}
	return NULL;
}

static void send_file(struct delivery *d)
{
	const char *error = write_file(d);
	if (error || d->queue->sink.reopen)
		sink_close(d->queue);
	sink_sent(d, error);
}

/* ---- syslog ---------------------------------------------------------------------------------------------------- */

static bool open_syslog(struct queue *q)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	q->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (q->sink.path.len && q->sink.path.len < sizeof to.sun_path) {
		memcpy(to.sun_path, q->sink.path.ptr, q->sink.path.len);
		to.sun_path[q->sink.path.len] = '\0';
	}
	return q->fd >= 0 && connect(q->fd, (struct sockaddr *)&to, sizeof to) == 0;
}

static void send_syslog(struct delivery *d)
{
	struct queue *q = d->queue;
	bool ok = q->fd >= 0 || open_syslog(q);
	for (struct entry *e = d->first; ok && e; e = e->next)
		ok = send(q->fd, e->bytes, e->len, MSG_NOSIGNAL) >= 0;
	const char *error = ok ? NULL : strerror(errno);
	if (!ok)
		sink_close(q);
	sink_sent(d, error);
}

/* ---- all of them ----------------------------------------------------------------------------------------------- */

void sink_send(struct delivery *d)
{
	static void (*const ways[])(struct delivery * d) = {[SINK_HTTP] = send_http,
	        [SINK_TCP] = send_tcp,
	        [SINK_UDP] = send_udp,
	        [SINK_FILE] = send_file,
	        [SINK_SYSLOG] = send_syslog};
	ways[d->queue->sink.kind](d);
}

void sink_cancel(struct delivery *d)
{
	fetch_cancel(d->fetching);
	dial_cancel(d->dial);
	if (d->query)
		dns_cancel(d->query);
	if (d->queue->user == d)
		d->queue->user = NULL;
	d->fetching = NULL;
	d->dial = NULL;
	d->query = NULL;
}

void sink_close(struct queue *q)
{
	if (q->fd >= 0)
		close(q->fd);
	if (q->conn)
		conn_close(q->conn);
	q->fd = -1;
	q->conn = NULL;
}
