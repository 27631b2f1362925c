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
	case HEADER_X_CONSUMER_GROUPS:
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

struct slice forward_upstream_host(const struct request *r)
{
	return host_for_upstream(r, head_get(r->x.request, HEADER_HOST));
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
		if (r->proxy->options->drop_underscores && slice_find(h->name, '_') >= 0)
			continue;
		if (in->has_connection_options && !forward_is_protected(h) &&
		        head_has_token(in, HEADER_CONNECTION, h->name))
			continue;
		head_copy(out, h);
	}
	if (!slice_is_set(head_get(out, HEADER_HOST)))
		head_add_id(out, HEADER_HOST, host_for_upstream(r, slice_of(NULL, 0)));
}

/* ---- R-2.3 ---------------------------------------------------------------------------------------------------- */

/* The first of the client's own fields, when its peer may speak for it. */
static struct slice told(const struct request *r, enum header_id id)
{
	return r->peer_trusted ? head_get(r->x.request, id) : (struct slice){0};
}

struct slice forward_scheme(const struct request *r)
{
	struct slice said = told(r, HEADER_X_FORWARDED_PROTO);
	return slice_is_set(said) ? said : r->x.scheme;
}

/* The Host field in lower case, without a port. */
static struct slice plain_host(struct request *r)
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

struct slice forward_host(struct request *r)
{
	struct slice said = told(r, HEADER_X_FORWARDED_HOST);
	return slice_is_set(said) ? said : plain_host(r);
}

static struct slice forward_port(const struct request *r)
{
	struct slice said = told(r, HEADER_X_FORWARDED_PORT);
	if (slice_is_set(said))
		return said;
	return r->stream->listener ? slice_cstr(r->stream->listener->public_text) : S("0");
}

static struct slice forward_path(const struct request *r)
{
	struct slice said = told(r, HEADER_X_FORWARDED_PATH);
	return slice_is_set(said) ? said : r->raw_path;
}

/* Unset: nothing was stripped. */
static struct slice forward_prefix(struct request *r)
{
	struct slice said = told(r, HEADER_X_FORWARDED_PREFIX);
	if (slice_is_set(said))
		return said;
	if (!r->plan->route->strip_path || r->match.prefix.len == 0 || slice_eq(r->match.prefix, S("/")))
		return (struct slice){0};
	return uri_escape(r->x.arena, r->match.prefix);
}

/* The TCP peer, whatever it says of the client. */
static struct slice peer_ip(struct request *r)
{
	struct ip peer;
	char text[IP_TEXT_MAX];
	if (!ip_of_sockaddr(&r->stream->conn->peer.any, &peer))
		return S("unix:");
	return arena_dup(r->x.arena, slice_of(text, ip_text(&peer, text)));
}

static void add_forwarded(struct request *r, struct head *out, const struct gathered *g)
{
	struct slice before = g->forwarded_for, prefix = forward_prefix(r);
	head_add_id(out, HEADER_X_REAL_IP, r->x.client_ip);
	head_add_id(out, HEADER_X_FORWARDED_FOR,
	        slice_is_set(before) ? joined(r->x.arena, before, peer_ip(r)) : r->x.client_ip);
	head_add_id(out, HEADER_X_FORWARDED_PROTO, forward_scheme(r));
	head_add_id(out, HEADER_X_FORWARDED_HOST, forward_host(r));
	head_add_id(out, HEADER_X_FORWARDED_PORT, forward_port(r));
	head_add_id(out, HEADER_X_FORWARDED_PATH, forward_path(r));
	if (slice_is_set(prefix))
		head_add_id(out, HEADER_X_FORWARDED_PREFIX, prefix);
}

/* ---- the rest -------------------------------------------------------------------------------------------------- */

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
	if (!slice_is_set(path) && r->carrier == &carry_h2) /* as it came (proxy.md 1.11) */
		return r->x.request->target;
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
	r->upgrade = upgrade_wanted(r);
	if (slice_is_set(r->upgrade))
		head_add_id(out, HEADER_UPGRADE, r->upgrade);
	add_forwarded(r, out, &g);
	add_via(r, out, &g);
	if (g.trailers && head_has_token(r->x.request, HEADER_TE, S("trailers")))
		head_add_id(out, HEADER_TE, S("trailers"));
	if (r->proxy->options->send_request_id)
		head_add_id(out, HEADER_X_KONG_REQUEST_ID, r->x.request_id);
}
