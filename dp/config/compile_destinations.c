/* compile_destinations: from services, upstreams and targets to where requests go (proxy.md 5.1, R-1.12). Called by
 * compile.c, once per service; the targets of an upstream are made once however many services use it. */
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

/* the port is left away when it is the scheme's own; IPv6 stands in brackets. */
static struct slice host_header(struct arena *a, struct slice host, int port, bool tls)
{
	bool bare_v6 = host.len && host.ptr[0] != '[' && slice_find(host, ':') >= 0 && !has_port(host);
	const char *open = bare_v6 ? "[" : "", *close = bare_v6 ? "]" : "";

	if (has_port(host) || (port == (tls ? HTTPS_PORT : HTTP_PORT) && !bare_v6))
		return host;
	if (port == (tls ? HTTPS_PORT : HTTP_PORT))
		return arena_printf(a, "[%.*s]", SLICE_ARG(host));
	return arena_printf(a, "%s%.*s%s:%d", open, SLICE_ARG(host), close, port);
}

/* ---- targets ------------------------------------------------------------------------------------------------ */

struct target_array {
	struct target_def *items;
	size_t len, cap;
};

struct loading {
	struct arena *arena;
	const struct upstream *upstream;
	bool tls;
	struct target_array *out;
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
	struct target_array *t = l->out;

	if (t->len == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 4;
		struct target_def *more = arena_array(l->arena, struct target_def, t->cap);
		if (t->len)
			memcpy(more, t->items, sizeof *more * t->len);
		t->items = more;
	}
	return &t->items[t->len++];
}

static bool load_target(struct record *r, void *arg)
{
	struct loading *l = arg;
	const struct target *entity = r->entity;
	struct target_def *t = new_target(l);
	struct slice host;

	split_target(entity->target, &host, &t->port);
	t->host = lower_case(l->arena, host);
	t->weight = entity->weight;
	t->id = entity->id;
	t->is_address = to_address(t->host, t->port, &t->address, &t->address_len);
	t->host_header = host_header(
	        l->arena, l->upstream->host_header.len ? l->upstream->host_header : t->host, t->port, l->tls);
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

static const struct target_array *targets_of(struct destinations *d, const struct upstream *u, bool tls)
{
	void **at = id_table_at(&d->targets[tls], &u->id);

	if (*at)
		return *at;
	struct target_array *t = *at = arena_new(&d->snapshot->arena, struct target_array);
	struct loading l = {&d->snapshot->arena, u, tls, t};
	catalog_each_ref(d->snapshot->catalog, &target_schema, d->target_upstream, &u->id, load_target, &l);
	if (t->len)
		qsort(t->items, t->len, sizeof *t->items, compare_targets);
	return t;
}

/* ---- services ----------------------------------------------------------------------------------------------- */

void destinations_init(struct destinations *d, struct snapshot *s)
{
	*d = (struct destinations){.snapshot = s};
	if (catalog_count(s->catalog, &upstream_schema)) {
		d->upstream_name = schema_field(&upstream_schema, S("name"));
		d->target_upstream = schema_field(&target_schema, S("upstream"));
	}
}

void destinations_fini(struct destinations *d)
{
	id_table_fini(&d->targets[false]);
	id_table_fini(&d->targets[true]);
}

static bool is_tls(struct slice protocol)
{
	return slice_eq(protocol, S("https")) || slice_eq(protocol, S("grpcs")) || slice_eq(protocol, S("wss")) ||
	       slice_eq(protocol, S("tls"));
}

static const struct upstream *upstream_named(const struct destinations *d, struct slice name)
{
	if (!d->upstream_name)
		return NULL;
	const struct record *r = catalog_find(d->snapshot->catalog, &upstream_schema, d->upstream_name, name);
	return r ? r->entity : NULL;
}

const struct destination *destinations_of(struct destinations *d, const struct service *service)
{
	struct arena *a = &d->snapshot->arena;
	struct destination *to = arena_new(a, struct destination);

	to->host = lower_case(a, service->host);
	to->port = (int)service->port;
	to->tls = is_tls(service->protocol);
	to->is_address = to_address(to->host, to->port, &to->address, &to->address_len);
	to->host_header = host_header(a, to->host, to->port, to->tls);
	if (!to->is_address)
		to->upstream = upstream_named(d, service->host);
	if (to->upstream) {
		const struct target_array *targets = targets_of(d, to->upstream, to->tls);
		to->targets = targets->items;
		to->targets_count = targets->len;
	}
	return to;
}
