/* probe: see probe.h. tcp and http; what speaks HTTP/2 is in probe_grpc.c. */
#include "dp/upstream/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/ip.h"
#include "common/core/release.h"
#include "common/http/uri.h"
#include "common/net/conn.h"
#include "common/net/tls.h"
#include "dp/upstream/probe_private.h"

enum { STATUS_LINE_MAX = 1024, UNSET_TIMEOUT_MS = 60 * 1000 };

static const struct conn_ops ops;

/* ---- the end --------------------------------------------------------------------------------------------------- */

static void free_probe(void *arg)
{
	struct probe *p = arg;

	text_fini(&p->request);
	free(p);
}

/* Ends once; the memory stays until the end of the turn: callers on the stack still look at it. */
void probe_end(struct probe *p, enum probe_outcome outcome, int status, const char *detail)
{
	if (p->over)
		return;
	p->over = true;
	if (p->grpc)
		probe_grpc_free(p);
	if (p->conn)
		conn_close(p->conn);
	p->conn = NULL;
	loop_defer(p->loop, &p->grave, free_probe, p);
	if (p->fn)
		p->fn(p->arg, outcome, status, detail);
}

void probe_cancel(struct probe *p)
{
	p->fn = NULL;
	probe_end(p, PROBE_CONNECTION, 0, "cancelled");
}

/* ---- the request ----------------------------------------------------------------------------------------------- */

static bool is_clean(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] < ' ' && s.ptr[i] != '\t')
			return false;
	return true;
}

static void put_header(struct text *t, struct slice name, struct slice value)
{
	if (is_clean(value))
		text_printf(t, "%.*s: %.*s\r\n", SLICE_ARG(name), SLICE_ARG(value));
}

/* DEV-12: HTTP/1.1 that closes. A Host among the headers takes the place of ours. */
static void write_request(struct text *t, const struct active_checks *checks, struct slice host)
{
	text_printf(t, "GET %.*s HTTP/1.1\r\n", SLICE_ARG(checks->http_path));
	for (size_t i = 0; i < checks->headers.len; i++) {
		const struct list_pair *h = &checks->headers.items[i];
		if (slice_ieq(h->key, S("Host")) && h->values.len > 0)
			host = h->values.items[0];
	}
	put_header(t, S("Host"), host);
	text_puts(t, "Connection: close\r\n");
	for (size_t i = 0; i < checks->headers.len; i++) {
		const struct list_pair *h = &checks->headers.items[i];
		for (size_t k = 0; !slice_ieq(h->key, S("Host")) && k < h->values.len; k++)
			put_header(t, h->key, h->values.items[k]);
	}
	text_puts(t, "\r\n");
}

/* ---- the answer ------------------------------------------------------------------------------------------------ */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int probe_read_status(struct slice in)
{
	ptrdiff_t end = slice_find(in, '\n');

	if (end < 0)
		return in.len < STATUS_LINE_MAX ? -1 : 0;
	struct slice line = slice_trim(slice_of(in.ptr, (size_t)end));
	if (line.len < 12 || !slice_starts(line, S("HTTP/")) || !is_digit(line.ptr[5]) || line.ptr[6] != '.' ||
	        !is_digit(line.ptr[7]) || line.ptr[8] != ' ' || (line.len > 12 && line.ptr[12] != ' '))
		return 0;
	if (!is_digit(line.ptr[9]) || !is_digit(line.ptr[10]) || !is_digit(line.ptr[11]))
		return 0;
	return (line.ptr[9] - '0') * 100 + (line.ptr[10] - '0') * 10 + (line.ptr[11] - '0');
}

static void look_at_answer(struct probe *p)
{
	int status = p->conn->in ? probe_read_status(iobuf_slice(p->conn->in)) : -1;

	if (status > 0)
		probe_end(p, PROBE_STATUS, status, "status");
	else if (status == 0)
		probe_end(p, PROBE_NOT_HTTP, 0, "not a status line");
}

static void on_readable(struct conn *c)
{
	struct probe *p = c->owner;

	if (p->grpc) {
		probe_grpc_read(p);
		return;
	}
	enum io_result r = conn_read(c);
	look_at_answer(p);
	if (!p->over && (r == IO_EOF || r == IO_ERROR))
		probe_end(p, PROBE_CONNECTION, 0, "closed before an answer");
}

/* ---- the connection -------------------------------------------------------------------------------------------- */

static void on_connected(struct conn *c, int error)
{
	struct probe *p = c->owner;

	if (error) {
		probe_end(p, PROBE_CONNECTION, 0, error == EPROTO ? "TLS handshake" : strerror(error));
		return;
	}
	if (p->is_tcp) {
		probe_end(p, PROBE_CONNECTED, 0, "connected");
		return;
	}
	conn_set_timeout(c, p->timeout_ms);
	if (p->is_grpc)
		probe_grpc_begin(p);
	else if (!conn_write_slice(c, text_slice(&p->request)))
		probe_end(p, PROBE_CONNECTION, 0, "closed while sending");
}

static void on_closed(struct conn *c)
{
	probe_end(c->owner, PROBE_CONNECTION, 0, "closed");
}

static void on_timeout(struct conn *c)
{
	probe_end(c->owner, PROBE_TIMEOUT, 0, "timeout");
}

static const struct conn_ops ops = {
        .on_readable = on_readable,
        .on_connected = on_connected,
        .on_closed = on_closed,
        .on_timeout = on_timeout,
};

static void on_no_start(void *arg)
{
	probe_end(arg, PROBE_CONNECTION, 0, "cannot connect");
}

/* Of host_header only the name counts for SNI. NULL: it cannot be set up. */
static SSL *new_tls(const struct probe_request *r, bool grpc)
{
	static const struct pair none;
	struct slice name = r->checks->https_sni, ignored_host;
	SSL_CTX *context = r->outward ? outward_for_plugins(r->outward, r->checks->https_verify_certificate) : NULL;
	char text[256];
	int port;

	if (!slice_is_set(name))
		name = authority_split(r->host, &ignored_host, &port) ? ignored_host : r->host;
	if (!context || name.len >= sizeof text)
		return NULL;
	memcpy(text, name.ptr, name.len);
	text[name.len] = '\0';
	SSL *tls = tls_connect(context, text);
	if (grpc)
		SSL_set_alpn_protos(tls, (const unsigned char *)"\x02h2", 3);
	if (r->pair && r->pair->cert)
		tls_use_pairs(tls, r->pair, &none);
	return tls;
}

static bool ends_in_s(struct slice type) /* https, grpcs */
{
	return type.len > 0 && type.ptr[type.len - 1] == 's';
}

struct probe *probe_start(const struct probe_request *r, probe_fn fn, void *arg)
{
	struct probe *p = calloc(1, sizeof *p);

	if (!p)
		abort();
	*p = (struct probe){.loop = r->loop, .fn = fn, .arg = arg};
	p->is_tcp = slice_eq(r->checks->type, S("tcp"));
	p->is_grpc = slice_starts(r->checks->type, S("grpc"));
	p->is_tls = ends_in_s(r->checks->type);
	p->timeout_ms = r->checks->timeout > 0 ? (uint32_t)(r->checks->timeout * 1000) + 1 : UNSET_TIMEOUT_MS;
	if (p->is_grpc)
		text_put(&p->request, r->host); /* :authority */
	else
		write_request(&p->request, r->checks, r->host);
	SSL *tls = p->is_tls ? new_tls(r, p->is_grpc) : NULL;
	if (!p->is_tls || tls)
		p->conn = conn_connect(r->loop, &r->to.address.any, r->to.len, tls, &ops, p);
	if (p->conn)
		conn_set_timeout(p->conn, p->timeout_ms);
	else
		loop_defer(r->loop, &p->start, on_no_start, p);
	return p;
}
