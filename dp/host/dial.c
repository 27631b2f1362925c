/* dial: see dial.h. */
#include "dp/host/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "common/net/tls.h"

struct dial {
	struct dialer from;
	struct dial_to to;
	dial_fn fn;
	void *arg;
	struct dns_query *query;
	struct conn *conn;
	bool over;
	struct timeout deadline;
	struct loop_deferred grave;
};

bool dial_address(struct slice host, int port, struct sockaddr_storage *out, socklen_t *len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	char text[INET6_ADDRSTRLEN + 1];

	if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
		host = slice_of(host.ptr + 1, host.len - 2);
	if (host.len == 0 || host.len >= sizeof text)
		return false;
	memcpy(text, host.ptr, host.len);
	text[host.len] = '\0';
	memset(out, 0, sizeof *out);
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		*len = sizeof *v4;
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		return false;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port);
	*len = sizeof *v6;
	return true;
}

static void free_dial(void *arg)
{
	free(arg);
}

/* Ends once. The memory stays until the end of the turn: callers on the stack still look at it. */
static void end(struct dial *d, struct conn *c, const char *why)
{
	if (d->over)
		return;
	d->over = true;
	timeout_clear(&d->deadline);
	if (d->query)
		dns_cancel(d->query);
	if (d->conn && d->conn != c)
		conn_close(d->conn);
	d->query = NULL;
	d->conn = NULL;
	loop_defer(d->from.loop, &d->grave, free_dial, d);
	if (d->fn)
		d->fn(d->arg, c, why);
}

static void on_connected(struct conn *c, int error)
{
	struct dial *d = c->owner;
	if (!error)
		conn_set_timeout(c, 0);
	end(d, error ? NULL : c, error ? strerror(error) : NULL);
}

static void on_failed(struct conn *c)
{
	end(c->owner, NULL, "closed");
}

static const struct conn_ops ops = {
        .on_connected = on_connected,
        .on_readable = on_failed,
        .on_drained = on_failed,
        .on_closed = on_failed,
        .on_timeout = on_failed,
};

static SSL *new_tls(const struct dial *d)
{
	const struct dial_to *to = &d->to;
	struct slice name = slice_is_set(to->tls_name) ? to->tls_name : to->host;
	SSL_CTX *context = d->from.outward ? outward_for_plugins(d->from.outward, to->tls_verify) : NULL;
	char text[256];
	if (!context || name.len >= sizeof text)
		return NULL;
	memcpy(text, name.ptr, name.len);
	text[name.len] = '\0';
	return tls_connect(context, text);
}

static void connect_to(struct dial *d, const struct sockaddr *address, socklen_t len)
{
	SSL *tls = d->to.tls ? new_tls(d) : NULL;
	if (d->to.tls && !tls) {
		end(d, NULL, "TLS cannot be set up");
		return;
	}
	d->conn = conn_connect(d->from.loop, address, len, tls, &ops, d);
	if (!d->conn)
		end(d, NULL, strerror(errno));
}

static void on_resolved(void *arg, enum dns_status status, const struct dns_answer *answer, const char *text)
{
	struct dial *d = arg;
	d->query = NULL;
	if (status != DNS_FOUND) {
		end(d, NULL, text ? text : "name not found");
		return;
	}
	const struct dns_address *a = &answer->addresses[answer->turn % answer->count];
	connect_to(d, (const struct sockaddr *)&a->address, a->len);
}

static void on_deadline(void *arg)
{
	end(arg, NULL, "timeout");
}

struct dial *dial_start(const struct dialer *from, const struct dial_to *to, dial_fn fn, void *arg)
{
	struct sockaddr_storage address;
	socklen_t len;
	struct dial *d = calloc(1, sizeof *d);

	if (!d)
		abort();
	*d = (struct dial){.from = *from, .to = *to, .fn = fn, .arg = arg};
	timeout_set(&from->loop->timeouts, &d->deadline, to->timeout_ms ? to->timeout_ms : 10000, on_deadline, d);
	if (dial_address(to->host, to->port, &address, &len))
		connect_to(d, (const struct sockaddr *)&address, len);
	else if (from->dns)
		d->query = dns_lookup(from->dns, to->host, to->port, on_resolved, d);
	else
		end(d, NULL, "names cannot be looked up");
	return d->over ? NULL : d;
}

void dial_cancel(struct dial *d)
{
	if (!d)
		return;
	d->fn = NULL;
	end(d, NULL, NULL);
}
