/* fetch: see fetch.h. Plain connections are kept for the next fetch of the same address when the caller says so;
 * those with TLS are closed. */
#include "dp/host/fetch.h"

#include <stdlib.h>

#include "common/core/base64.h"
#include "common/http/h1_write.h"
#include "dp/client/h1_client.h"
#include "dp/host/dial.h"

enum { ANSWER_MAX = 1024 * 1024, TIMEOUT_MS = 10000 };

struct fetching {
	struct host_worker *worker;
	struct arena *arena;
	struct fetch *f;
	fetch_fn fn;
	void *arg;
	struct url {
		bool tls;
		struct slice userinfo, authority, host, target;
		int port;
	} url;
	struct dial *dial;
	struct h1_client client;
	struct sockaddr_storage address;
	socklen_t address_len;
	bool reused, over;
	struct text body;
	struct loop_deferred grave;
};

/* ---- the url --------------------------------------------------------------------------------------------------- */

static bool read_url(struct arena *a, struct slice text, struct url *out)
{
	*out = (struct url){0};
	if (slice_starts(text, S("https://")))
		out->tls = true;
	else if (!slice_starts(text, S("http://")))
		return false;
	text = slice_from(text, out->tls ? 8 : 7);
	size_t n = 0, at = 0;
	bool has_user = false;
	while (n < text.len && text.ptr[n] != '/' && text.ptr[n] != '?' && text.ptr[n] != '#') {
		if (text.ptr[n] == '@') {
			has_user = true;
			at = n;
		}
		n++;
	}
	out->authority = slice_of(text.ptr, n);
	if (has_user) {
		out->userinfo = slice_of(text.ptr, at);
		out->authority = slice_of(text.ptr + at + 1, n - at - 1);
	}
	struct slice target = slice_from(text, n), fragment = target;
	target = slice_cut(&fragment, '#');
	out->target = target.len == 0 ? S("/") : target.ptr[0] == '?' ? ARENA_JOIN(a, S("/"), target) : target;
	if (!authority_split(out->authority, &out->host, &out->port))
		return false;
	if (out->port < 0)
		out->port = out->tls ? 443 : 80;
	return out->host.len > 0;
}

/* ---- the end --------------------------------------------------------------------------------------------------- */

static void free_fetching(void *arg)
{
	free(arg);
}

static void end(struct fetching *g, const char *error)
{
	if (g->over)
		return;
	g->over = true;
	g->f->error = error;
	dial_cancel(g->dial);
	g->dial = NULL;
	h1_client_cancel(&g->client);
	if (!error)
		g->f->answer = arena_dup(g->arena, text_slice(&g->body));
	text_fini(&g->body);
	loop_defer(g->worker->loop, &g->grave, free_fetching, g);
	if (g->fn)
		g->fn(g->arg);
}

void fetch_cancel(struct fetching *g)
{
	if (!g)
		return;
	g->fn = NULL;
	end(g, "cancelled");
}

/* ---- the answer ------------------------------------------------------------------------------------------------ */

static void keep_head(struct fetching *g, const struct head *from)
{
	struct head *h = arena_new(g->arena, struct head);
	head_init(h, g->arena);
	h->status = from->status;
	for (uint32_t i = 0; i < from->count; i++) {
		struct header *copy = head_copy(h, &from->headers[i]);
		copy->name = arena_dup(g->arena, copy->name);
		copy->value = arena_dup(g->arena, copy->value);
	}
	g->f->response = h;
	g->f->status = from->status;
}

static void take_piece(struct fetching *g, struct slice piece, bool last)
{
	size_t max = g->f->answer_max ? g->f->answer_max : ANSWER_MAX;
	if (g->body.len + piece.len > max) {
		end(g, "the answer is too large");
		return;
	}
	text_put(&g->body, piece);
	if (last)
		end(g, NULL);
}

static void on_head(struct h1_client *x, struct head *response, struct slice piece, bool last)
{
	struct fetching *g = x->owner;
	keep_head(g, response);
	take_piece(g, piece, last);
}

static void on_piece(struct h1_client *x, struct slice piece, bool last)
{
	take_piece(x->owner, piece, last);
}

static void on_reusable(struct h1_client *x, struct conn *c)
{
	struct fetching *g = x->owner;
	if (g->f->keepalive_ms && !g->url.tls)
		pool_give(&g->worker->fetch_pool, c, (struct sockaddr *)&g->address, g->address_len, 0);
	else
		conn_close(c);
}

static void dial(struct fetching *g);

/* A kept connection may have gone stale: then once more with a fresh one, when nothing can have been acted on. */
static void on_fail(struct h1_client *x, enum client_failure why)
{
	struct fetching *g = x->owner;
	if (g->reused && why == CLIENT_CLOSED && !g->client.received_any && !g->over) {
		g->reused = false;
		dial(g);
		return;
	}
	end(g, why == CLIENT_TIMEOUT ? "timeout" : why == CLIENT_CLOSED ? "closed" : "the answer is not HTTP");
}

static void on_drained(struct h1_client *x)
{
}

static const struct h1_client_ops ops = {
        .on_reusable = on_reusable,
        .on_head = on_head,
        .on_piece = on_piece,
        .on_drained = on_drained,
        .on_fail = on_fail,
};

/* ---- the request ----------------------------------------------------------------------------------------------- */

static void build_head(struct fetching *g, struct head *out)
{
	const struct fetch *f = g->f;
	struct arena *a = g->arena;

	head_init(out, a);
	out->method = slice_is_set(f->method) ? f->method : S("GET");
	out->target = g->url.target;
	out->content_length = slice_is_set(f->body) ? (int64_t)f->body.len : -1;
	head_add_id(out, HEADER_HOST, g->url.authority);
	if (g->url.userinfo.len)
		head_add_id(out, HEADER_AUTHORIZATION,
		        ARENA_JOIN(a, S("Basic "),
		                base64_encode(a, uri_decode(a, g->url.userinfo, false), BASE64_STANDARD, true)));
	for (uint32_t i = 0; f->headers && i < f->headers->count; i++)
		if (f->headers->headers[i].id != HEADER_HOST)
			head_copy(out, &f->headers->headers[i]);
}

static void use(struct fetching *g, struct conn *c)
{
	struct head out;
	struct fetch *f = g->f;

	build_head(g, &out);
	char *bytes = arena_alloc(g->arena, h1_write_bound(&out));
	struct slice connection = f->keepalive_ms && !g->url.tls ? S("keep-alive") : S("close");
	struct iovec parts[2] = {
	        {bytes, h1_write_request(bytes, &out, connection)}, {(void *)f->body.ptr, f->body.len}};
	g->client.limits = &h1_default_limits;
	g->client.read_timeout_ms = g->client.write_timeout_ms = f->timeout_ms ? f->timeout_ms : TIMEOUT_MS;
	h1_client_start(&g->client, c, g->arena, out.method, &ops, g);
	c->requests++;
	h1_client_write(&g->client, parts, f->body.len ? 2 : 1, true);
}

static void on_dialled(void *arg, struct conn *c, const char *why)
{
	struct fetching *g = arg;
	g->dial = NULL;
	if (!c) {
		end(g, why);
		return;
	}
	memcpy(&g->address, &c->peer, c->peer_len);
	g->address_len = c->peer_len;
	use(g, c);
}

static void dial(struct fetching *g)
{
	struct dial_to to = {.host = g->url.host,
	        .port = g->url.port,
	        .tls = g->url.tls,
	        .tls_verify = g->f->tls_verify,
	        .tls_name = g->f->tls_name,
	        .timeout_ms = g->f->timeout_ms};
	struct dialer from = host_dialer(g->worker);
	g->dial = dial_start(&from, &to, on_dialled, g);
}

/* Only addresses can be looked for among kept connections: names are resolved again, which is cheap (cached) and
 * follows changes. */
static struct conn *take_kept(struct fetching *g)
{
	struct sockaddr_storage address;
	socklen_t len;
	if (g->url.tls || !g->f->keepalive_ms || !dial_address(g->url.host, g->url.port, &address, &len))
		return NULL;
	struct conn *c = pool_take(&g->worker->fetch_pool, (struct sockaddr *)&address, len, 0);
	if (c) {
		memcpy(&g->address, &address, len);
		g->address_len = len;
	}
	return c;
}

struct fetching *fetch_start(struct host_worker *w, struct arena *a, struct fetch *f, fetch_fn fn, void *arg)
{
	struct fetching *g = calloc(1, sizeof *g);
	if (!g)
		abort();
	*g = (struct fetching){.worker = w, .arena = a, .f = f, .fn = fn, .arg = arg};
	if (!read_url(a, f->url, &g->url)) {
		end(g, "the url is not one of http or https");
		return NULL;
	}
	struct conn *kept = take_kept(g);
	g->reused = kept != NULL;
	if (kept)
		use(g, kept);
	else
		dial(g);
	return g->over ? NULL : g;
}
