/* forward: the head of the request that the upstream sees (proxy.md 2.2, 2.3, 1.11, 1.12). A new head is built from
 * data; the client's framing fields are never copied (pitfalls.md B0-1). */
#include "dp/proxy/request.h"

#include <stdio.h>

#include "common/http/uri.h"

/* What the client's own fields contribute to the ones that we write. */
struct gathered {
	struct slice via, forwarded_for;
	bool trailers; /* TE lists "trailers" */
};

static struct slice joined(struct arena *a, struct slice list, struct slice more)
{
	return slice_is_set(list) ? ARENA_JOIN(a, list, S(", "), more) : more;
}

bool forward_is_protected(const struct header *h)
{
	switch (h->id) {
	case HEADER_COOKIE:
	case HEADER_AUTHORIZATION:
	case HEADER_FORWARDED:
	case HEADER_VIA:
	case HEADER_X_REAL_IP:
	case HEADER_X_CONSUMER_ID:
	case HEADER_X_CONSUMER_USERNAME:
	case HEADER_X_CONSUMER_CUSTOM_ID:
	case HEADER_X_CREDENTIAL_IDENTIFIER:
	case HEADER_X_ANONYMOUS_CONSUMER: return true;
	default: break;
	}
	struct slice prefix = S("X-Forwarded-");
	return h->name.len >= prefix.len && slice_ieq(slice_of(h->name.ptr, prefix.len), prefix);
}

/* Takes a field that is ours to write. False: it is forwarded as it is. */
static bool take_own(struct request *r, const struct header *h, struct gathered *g)
{
	struct arena *a = r->x.arena;
	switch (h->id) {
	case HEADER_CONNECTION:
	case HEADER_CONTENT_LENGTH:
	case HEADER_TRANSFER_ENCODING:
	case HEADER_KEEP_ALIVE:
	case HEADER_PROXY_CONNECTION:
	case HEADER_PROXY:
	case HEADER_EXPECT:
	case HEADER_UPGRADE:
	case HEADER_HTTP2_SETTINGS:
	case HEADER_TRAILER:
	case HEADER_X_REAL_IP:
	case HEADER_X_FORWARDED_HOST:
	case HEADER_X_FORWARDED_PATH:
	case HEADER_X_FORWARDED_PORT:
	case HEADER_X_FORWARDED_PREFIX:
	case HEADER_X_FORWARDED_PROTO: return true;
	case HEADER_TE: g->trailers = true; return true;
	case HEADER_VIA: g->via = joined(a, g->via, h->value); return true;
	case HEADER_X_FORWARDED_FOR: g->forwarded_for = joined(a, g->forwarded_for, h->value); return true;
	case HEADER_X_KONG_REQUEST_ID: return r->proxy->options->send_request_id;
	default: return false;
	}
}

static struct slice host_for_upstream(const struct request *r, struct slice received)
{
	if (slice_is_set(r->x.upstream.host))
		return r->x.upstream.host;
	return r->plan->route->preserve_host && slice_is_set(received) ? received : r->pick.host_header;
}

static void copy_fields(struct request *r, struct head *out, struct gathered *g)
{
	const struct head *in = r->x.request;
	for (uint32_t i = 0; i < in->count; i++) {
		const struct header *h = &in->headers[i];
		if (h->id == HEADER_HOST) {
			head_add_id(out, HEADER_HOST, host_for_upstream(r, h->value));
			continue;
		}
		if (take_own(r, h, g))
			continue;
		if (in->has_connection_options && !forward_is_protected(h) &&
		        head_has_token(in, HEADER_CONNECTION, h->name))
			continue;
		head_copy(out, h);
	}
	if (!slice_is_set(head_get(out, HEADER_HOST)))
		head_add_id(out, HEADER_HOST, host_for_upstream(r, slice_of(NULL, 0)));
}

/* The Host field in lower case, without a port. */
static struct slice forwarded_host(struct request *r)
{
	struct slice host = head_get(r->x.request, HEADER_HOST), name;
	int port;
	if (!authority_split(host, &name, &port))
		name = host;
	char *low = arena_alloc(r->x.arena, name.len);
	for (size_t i = 0; i < name.len; i++)
		low[i] = (char)ascii_lower((unsigned char)name.ptr[i]);
	return slice_of(low, name.len);
}

static struct slice port_text(struct request *r)
{
	return arena_decimal(r->x.arena, r->stream->listener ? r->stream->listener->port : 0);
}

static struct slice raw_path(const struct request *r)
{
	struct uri uri;
	return uri_split(r->x.request->target, &uri) ? uri.path : S("/");
}

static void add_forwarded(struct request *r, struct head *out, const struct gathered *g)
{
	head_add_id(out, HEADER_X_REAL_IP, r->x.client_ip);
	head_add_id(out, HEADER_X_FORWARDED_FOR, joined(r->x.arena, g->forwarded_for, r->x.client_ip));
	head_add_id(out, HEADER_X_FORWARDED_PROTO, r->x.scheme);
	head_add_id(out, HEADER_X_FORWARDED_HOST, forwarded_host(r));
	head_add_id(out, HEADER_X_FORWARDED_PORT, port_text(r));
	head_add_id(out, HEADER_X_FORWARDED_PATH, raw_path(r));
	if (r->plan->route->strip_path && r->match.prefix.len && !slice_eq(r->match.prefix, S("/")))
		head_add_id(out, HEADER_X_FORWARDED_PREFIX, uri_escape(r->x.arena, r->match.prefix));
}

/* "1.1 gatehouse/0.1.0" behind what the client sent; HTTP/1.0 counts as "1" (sic, proxy.md 2.2). */
static void add_via(struct request *r, struct head *out, const struct gathered *g)
{
	const struct proxy_options *o = r->proxy->options;
	struct slice own = o->via;
	if (r->x.request->version != HTTP_1_1)
		own = arena_printf(r->x.arena, "%s %.*s", r->x.request->version == HTTP_2 ? "2" : "1",
		        SLICE_ARG(o->server_token));
	head_add_id(out, HEADER_VIA, joined(r->x.arena, g->via, own));
}

static struct slice target_of(struct request *r)
{
	struct arena *a = r->x.arena;
	struct slice service_path = r->plan->service->path, path = r->x.upstream.path;
	if (!slice_is_set(path))
		path = router_upstream_path(a, slice_is_set(service_path) ? service_path : S("/"), &r->match,
		        r->x.path, r->proxy->options->router.flavor);
	path = uri_escape(a, path);
	return slice_is_set(r->x.query) ? ARENA_JOIN(a, path, S("?"), r->x.query) : path;
}

void forward_head(struct request *r, struct head *out)
{
	struct gathered g = {0};
	head_init(out, r->x.arena);
	out->method = slice_is_set(r->x.upstream.method) ? r->x.upstream.method : r->x.request->method;
	out->target = r->x.upstream_uri = target_of(r);
	out->content_length = -1;
	if (r->body.mode != BODY_NONE) {
		out->chunked = r->body.chunked;
		out->content_length = r->body.chunked ? -1 : r->body.length;
	} else {
		out->content_length = r->x.request->content_length;
	}
	copy_fields(r, out, &g);
	add_forwarded(r, out, &g);
	add_via(r, out, &g);
	if (g.trailers && head_has_token(r->x.request, HEADER_TE, S("trailers")))
		head_add_id(out, HEADER_TE, S("trailers"));
	if (r->proxy->options->send_request_id)
		head_add_id(out, HEADER_X_KONG_REQUEST_ID, r->x.request_id);
}
