/* compile_destinations: from services, upstreams and targets to where requests go (proxy.md 5.1, R-1.12). Called by
 * compile.c on the main thread, for what has changed.
 *
 * A service does not know whether its host names an upstream: that is looked up per request, so that an upstream that
 * comes, goes or changes concerns no service. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "common/entity/target.h"
#include "dp/config/compile.h"

enum { HTTP_PORT = 80, HTTPS_PORT = 443, HOST_TEXT_MAX = 64 };

static struct slice lower_case(struct arena *a, struct slice s)
{
	char *lower = arena_alloc(a, s.len + 1);

	for (size_t i = 0; i < s.len; i++)
		lower[i] = (char)ascii_lower((unsigned char)s.ptr[i]);
	lower[s.len] = '\0';
	return slice_of(lower, s.len);
}

static struct slice without_brackets(struct slice s)
{
	if (s.len >= 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']')
		return slice_of(s.ptr + 1, s.len - 2);
	return s;
}

/* An IP literal as a socket address; brackets around IPv6 may be there. False: it is a name. */
static bool to_address(struct slice host, int port, struct sockaddr_storage *out, socklen_t *len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	struct slice bare = without_brackets(host);
	char text[HOST_TEXT_MAX];

	if (bare.len >= sizeof text)
		return false;
	memcpy(text, bare.ptr, bare.len);
	text[bare.len] = '\0';
	memset(out, 0, sizeof *out);
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		*len = sizeof *v4;
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		*len = sizeof *v6;
		return true;
	}
	return false;
}

static bool has_port(struct slice host)
{
	ptrdiff_t colon = slice_find(host, ':');

	if (host.len && host.ptr[0] == '[')
		return host.ptr[host.len - 1] != ']';
	return colon >= 0 && slice_find(slice_from(host, (size_t)colon + 1), ':') < 0;
}

struct slice destination_host_header(struct arena *a, struct slice host, int port, bool tls)
{
	bool bare_v6 = host.len && host.ptr[0] != '[' && slice_find(host, ':') >= 0 && !has_port(host);
	const char *open = bare_v6 ? "[" : "", *close = bare_v6 ? "]" : "";

	if (has_port(host) || (port == (tls ? HTTPS_PORT : HTTP_PORT) && !bare_v6))
		return host;
	if (port == (tls ? HTTPS_PORT : HTTP_PORT))
		return arena_printf(a, "[%.*s]", SLICE_ARG(host));
	return arena_printf(a, "%s%.*s%s:%d", open, SLICE_ARG(host), close, port);
}

/* ---- upstreams and their targets ---------------------------------------------------------------------------- */

struct loading {
	struct upstream_def *def;
	struct arena *arena;
	size_t cap;
};

/* "host:port", as targets are stored (entities.md 4.7). */
static void split_target(struct slice target, struct slice *host, int *port)
{
	int64_t number = 0;
	size_t colon = target.len;

	while (colon > 0 && target.ptr[colon - 1] != ':')
		colon--;
	*host = slice_of(target.ptr, colon ? colon - 1 : target.len);
	*port = colon && slice_to_int(slice_from(target, colon), &number) ? (int)number : 0;
}

static struct target_def *new_target(struct loading *l)
{
	struct upstream_def *d = l->def;

	if (d->targets_count == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 4;
		struct target_def *more = arena_array(l->arena, struct target_def, l->cap);
		if (d->targets_count)
			memcpy(more, d->targets, sizeof *more * d->targets_count);
		d->targets = more;
	}
	return &d->targets[d->targets_count++];
}

static bool load_target(struct record *r, void *arg)
{
	struct loading *l = arg;
	const struct target *entity = r->entity;
	const struct upstream *u = l->def->upstream;
	struct target_def *t = new_target(l);
	struct slice host;

	split_target(entity->target, &host, &t->port);
	t->host = lower_case(l->arena, host);
	t->weight = entity->weight;
	t->id = entity->id;
	t->is_address = to_address(t->host, t->port, &t->address, &t->address_len);
	for (int tls = 0; tls < 2; tls++)
		t->host_header[tls] = destination_host_header(
		        l->arena, u->host_header.len ? u->host_header : t->host, t->port, tls);
	return true;
}

/* In an order that is the same on every node. */
static int compare_targets(const void *pa, const void *pb)
{
	const struct target_def *a = pa, *b = pb;
	int c = slice_cmp(a->host, b->host);

	if (c == 0)
		c = a->port < b->port ? -1 : a->port > b->port;
	return c ? c : memcmp(a->id.bytes, b->id.bytes, sizeof a->id.bytes);
}

static enum balance balance_of(struct slice algorithm)
{
	return slice_eq(algorithm, S("consistent-hashing"))  ? BALANCE_HASH
	       : slice_eq(algorithm, S("least-connections")) ? BALANCE_LEAST_CONNECTIONS
	       : slice_eq(algorithm, S("latency"))           ? BALANCE_LATENCY
	                                                     : BALANCE_ROUND_ROBIN;
}

static enum hash_kind hash_kind_of(struct slice word)
{
	static const struct slice words[] = {SLICE("none"), SLICE("consumer"), SLICE("ip"), SLICE("header"),
	        SLICE("cookie"), SLICE("path"), SLICE("query_arg"), SLICE("uri_capture")};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (slice_eq(word, words[i]))
			return (enum hash_kind)i;
	return HASH_NONE;
}

/* A cookie has one name, whichever of the two it is for. */
static struct hash_input hash_input_of(const struct upstream *u, bool fallback)
{
	struct hash_input in = {.kind = hash_kind_of(fallback ? u->hash_fallback : u->hash_on)};

	if (in.kind == HASH_HEADER)
		in.name = fallback ? u->hash_fallback_header : u->hash_on_header;
	else if (in.kind == HASH_COOKIE)
		in.name = u->hash_on_cookie;
	else if (in.kind == HASH_QUERY_ARG)
		in.name = fallback ? u->hash_fallback_query_arg : u->hash_on_query_arg;
	else if (in.kind == HASH_URI_CAPTURE)
		in.name = fallback ? u->hash_fallback_uri_capture : u->hash_on_uri_capture;
	return in;
}

static void put_upstream(struct compiling *c, struct record *r)
{
	const struct upstream *u = r->entity;
	struct upstream_def *def = part_new(sizeof *def, u->name);
	struct loading l = {def, &def->part.arena, 0};

	part_hold_record(def, r);
	def->upstream = u;
	def->balance = balance_of(u->algorithm);
	def->hash_on = hash_input_of(u, false);
	def->hash_fallback = hash_input_of(u, true);
	catalog_each_ref(c->is, &target_schema, schema_field(&target_schema, S("upstream")), &u->id, load_target, &l);
	if (def->targets_count)
		qsort(def->targets, def->targets_count, sizeof *def->targets, compare_targets);
	part_give(&c->s->upstreams, def);
}

/* Another one may have taken the name already. */
static void drop_upstream(struct compiling *c, const struct record *r)
{
	const struct upstream *u = r->entity;
	const struct upstream_def *def = pmap_get(&c->s->upstreams, u->name);

	if (def && uuid_eq(&def->upstream->id, &u->id))
		pmap_remove(&c->s->upstreams, u->name);
}

static bool touch_upstream(struct record *was, struct record *is, void *arg)
{
	struct compiling *c = arg;

	compile_touch(&c->upstreams, is ? &is->id : &was->id);
	return true;
}

static bool touch_upstream_of(struct record *was, struct record *is, void *arg)
{
	struct compiling *c = arg;

	if (was)
		compile_touch(&c->upstreams, &((const struct target *)was->entity)->upstream.id);
	if (is)
		compile_touch(&c->upstreams, &((const struct target *)is->entity)->upstream.id);
	return true;
}

static bool make_upstream(struct compiling *c, const struct uuid *id)
{
	const struct record *was = catalog_get(c->was, &upstream_schema, id);
	struct record *is = catalog_get(c->is, &upstream_schema, id);

	if (was)
		drop_upstream(c, was);
	if (is)
		put_upstream(c, is);
	return true;
}

void compile_upstreams(struct compiling *c)
{
	catalog_diff(c->was, c->is, &upstream_schema, touch_upstream, c);
	catalog_diff(c->was, c->is, &target_schema, touch_upstream_of, c);
	compile_each(c, &c->upstreams, make_upstream);
}

/* ---- services ----------------------------------------------------------------------------------------------- */

static bool is_tls(struct slice protocol)
{
	return slice_eq(protocol, S("https")) || slice_eq(protocol, S("grpcs")) || slice_eq(protocol, S("wss")) ||
	       slice_eq(protocol, S("tls"));
}

static void init_destination(struct destination *to, struct arena *a, const struct service *service)
{
	to->host = lower_case(a, service->host);
	to->port = (int)service->port;
	to->tls = is_tls(service->protocol);
	to->h2 = slice_starts(service->protocol, S("grpc"));
	to->is_address = to_address(to->host, to->port, &to->address, &to->address_len);
	to->host_header = destination_host_header(a, to->host, to->port, to->tls);
}

static void put_service(struct compiling *c, struct record *r)
{
	struct service_part *part = part_new(sizeof *part, uuid_slice(&r->id));
	struct chain *chain = compile_service_chain(c, &r->id);

	part_hold_record(part, r);
	part->service = r->entity;
	part->chain = part_hold(part, chain);
	part_unref(chain); /* the part holds it now */
	init_destination(&part->destination, &part->part.arena, part->service);
	part_give(&c->s->services, part);
}

static bool is_enabled(const struct record *service)
{
	return ((const struct service *)service->entity)->enabled;
}

static bool complain_of_route(struct record *route, void *arg)
{
	struct compiling *c = arg;
	char text[UUID_TEXT + 1];

	uuid_format(&route->id, text);
	return err_set(c->e, "route %s refers to a service that is no longer there", text);
}

static bool make_service(struct compiling *c, const struct uuid *id)
{
	const struct record *was = catalog_get(c->was, &service_schema, id);
	struct record *is = catalog_get(c->is, &service_schema, id);

	if (!is) {
		pmap_remove(&c->s->services, uuid_slice(id));
		return catalog_each_ref(c->is, &route_schema, compile_route_service(), id, complain_of_route, c);
	}
	put_service(c, is);
	if (was && is_enabled(was) != is_enabled(is))
		compile_touch(&c->switched, id);
	return true;
}

static bool touch_service(struct record *was, struct record *is, void *arg)
{
	struct compiling *c = arg;

	compile_touch(&c->services, is ? &is->id : &was->id);
	return true;
}

bool compile_services(struct compiling *c)
{
	catalog_diff(c->was, c->is, &service_schema, touch_service, c);
	return compile_each(c, &c->services, make_service);
}
