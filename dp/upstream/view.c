/* view: what the balance thread makes of an upstream's definition, the addresses behind its names, and how they are:
 * a form in which picking is quick. Never changes once it is published, but for the tree of least-connections and
 * latency. */
#include <stdlib.h>

#include "common/core/clock.h"
#include "common/core/ip.h"
#include "common/core/log.h"
#include "dp/upstream/balancer_private.h"

enum { ENDPOINTS_MAX = 16 };

bool is_entry_available(const struct view *v, const struct entry *e)
{
	return e->weight > 0 && e->endpoints_count > 0 && (!v->rules.in_use || is_health_good(&e->peer->health));
}

/* ---- entries --------------------------------------------------------------------------------------------------- */

struct building {
	struct view *v;
	uint32_t cap;
	uint32_t target;
	const struct target_def *def;
};

static struct entry *add_entry(struct building *g, struct slice text, int port, int64_t weight)
{
	struct view *v = g->v;

	if (v->count == BALANCER_ENTRIES_MAX)
		return NULL;
	if (v->count == g->cap) {
		g->cap = g->cap ? g->cap * 2 : 8;
		struct entry *more = arena_array(&v->arena, struct entry, g->cap);
		if (v->count)
			memcpy(more, v->entries, sizeof *more * v->count);
		v->entries = more;
	}
	struct entry *e = &v->entries[v->count++];
	e->peer = balancer_peer(v->balancer, text, port, g->def->host);
	e->weight = weight;
	e->target = g->target;
	e->host = g->def->host;
	e->host_header[0] = g->def->host_header[0];
	e->host_header[1] = g->def->host_header[1];
	v->total += (uint64_t)weight;
	return e;
}

static void set_endpoint(struct endpoint *to, const struct sockaddr *from, socklen_t len, int port)
{
	if (len > sizeof to->address)
		return;
	memcpy(&to->address, from, len);
	to->len = len;
	if (port < 0)
		return;
	if (to->address.any.sa_family == AF_INET6)
		to->address.v6.sin6_port = htons((uint16_t)port);
	else
		to->address.v4.sin_port = htons((uint16_t)port);
}

static void give_endpoints(struct view *v, struct entry *e, const struct endpoint *from, size_t n)
{
	e->endpoints = arena_array(&v->arena, struct endpoint, n);
	memcpy(e->endpoints, from, sizeof *from * n);
	e->endpoints_count = (uint32_t)n;
}

static void add_literal(struct building *g)
{
	const struct target_def *t = g->def;
	struct endpoint to = {.len = 0};
	struct entry *e = add_entry(g, t->host, t->port, t->weight);

	set_endpoint(&to, (const struct sockaddr *)&t->address, t->address_len, -1);
	if (e)
		give_endpoints(g->v, e, &to, 1);
}

/* IPv6 in brackets, as Kong writes it. */
static struct slice address_text(struct arena *a, const struct dns_address *from)
{
	char text[IP_TEXT_MAX + 2];
	struct ip ip;

	if (!ip_of_sockaddr((const struct sockaddr *)&from->address, &ip))
		return S("?");
	size_t len = ip_text(&ip, text);
	return from->address.ss_family == AF_INET6 ? arena_printf(a, "[%.*s]", (int)len, text)
	                                           : arena_dup(a, slice_of(text, len));
}

static void add_address(struct building *g, const struct dns_address *address)
{
	struct view *v = g->v;
	struct endpoint to = {.len = 0};
	struct entry *e = add_entry(g, address_text(&v->arena, address), g->def->port, g->def->weight);

	set_endpoint(&to, (const struct sockaddr *)&address->address, address->len, g->def->port);
	if (e)
		give_endpoints(v, e, &to, 1);
}

/* the upstream's host_header, else the target's name, or the record's; with the record's port. */
static void set_service_host(struct building *g, struct entry *e, struct slice record_name, int port)
{
	struct view *v = g->v;
	const struct upstream *u = v->hold->def->upstream;
	struct slice host = u->host_header.len ? u->host_header
	                    : u->use_srv_name  ? arena_dup(&v->arena, record_name)
	                                       : g->def->host;

	for (int tls = 0; tls < 2; tls++)
		e->host_header[tls] = destination_host_header(&v->arena, host, port, tls);
}

/* Port and weight are the record's; a target without weight gets no traffic whatever its records say. */
static void add_service(struct building *g, const struct dns_set *set, size_t i)
{
	const struct dns_record *r = &set->records[i];
	struct endpoint to[ENDPOINTS_MAX];
	int port = r->port ? r->port : g->def->port;
	int64_t weight = g->def->weight == 0 ? 0 : r->weight ? r->weight : 1;
	struct entry *e = add_entry(g, slice_cstr(r->name), port, weight);
	size_t n = names_endpoints(g->v->balancer, g->def, i, to, ENDPOINTS_MAX);

	for (size_t k = 0; k < n; k++)
		set_endpoint(&to[k], &to[k].address.any, to[k].len, port);
	if (!e)
		return;
	if (n)
		give_endpoints(g->v, e, to, n);
	set_service_host(g, e, slice_cstr(r->name), port);
}

static void add_target(struct building *g)
{
	bool is_pending = false;

	if (g->def->is_address) {
		add_literal(g);
		return;
	}
	const struct dns_set *set = names_find(g->v->balancer, g->def, &is_pending);
	g->v->is_pending |= is_pending;
	for (size_t i = 0; set && i < set->count; i++) {
		if (set->type == DNS_TYPE_SRV)
			add_service(g, set, i);
		else
			add_address(g, &set->records[i].address);
	}
}

/* Within a target by "ip:port", as Kong sorts them: the same on every node, in whatever order DNS answers. */
static int compare_entries(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;

	if (a->target != b->target)
		return a->target < b->target ? -1 : 1;
	int c = slice_cmp(a->peer->text, b->peer->text);
	return c ? c : a->peer->port - b->peer->port;
}

static void add_entries(struct view *v, const struct upstream_def *def)
{
	struct building g = {.v = v};

	for (size_t i = 0; i < def->targets_count; i++) {
		g.target = (uint32_t)i;
		g.def = &def->targets[i];
		add_target(&g);
	}
	if (v->count)
		qsort(v->entries, v->count, sizeof *v->entries, compare_entries);
	if (v->count == BALANCER_ENTRIES_MAX)
		log_error("an upstream has more addresses than are used", LOG_SLICE("upstream", v->balancer->name),
		        LOG_INT("limit", BALANCER_ENTRIES_MAX));
}

/* ---- views ----------------------------------------------------------------------------------------------------- */

static void hold_peers(struct view *v)
{
	for (uint32_t i = 0; i < v->count; i++) {
		v->entries[i].peer->views++;
		v->entries[i].peer->gone_ms = 0;
	}
}

static void build_algorithm(struct view *v, const struct upstream_def *def, struct ring *ring)
{
	switch (v->balance) {
	case BALANCE_HASH:
		if (ring)
			ring->refs++;
		v->ring = ring ? ring : hash_ring_new(v, def);
		hash_build(v);
		break;
	case BALANCE_LEAST_CONNECTIONS:
	case BALANCE_LATENCY: break; /* under the lock, when it is published */
	case BALANCE_ROUND_ROBIN: round_robin_build(v); break;
	}
}

struct view *view_build(struct balancer *b, struct ring *ring)
{
	struct arena arena;

	arena_init_small(&arena, 1024);
	struct view *v = arena_new(&arena, struct view);
	v->arena = arena;
	v->balancer = b;
	v->hold = b->hold;
	v->hold->refs++;
	const struct upstream_def *def = v->hold->def;
	v->balance = def->balance;
	health_rules_init(&v->rules, &def->upstream->healthchecks);
	add_entries(v, def);
	hold_peers(v);
	build_algorithm(v, def, ring);
	return v;
}

void view_free(struct view *v)
{
	for (uint32_t i = 0; i < v->count; i++) {
		struct peer *p = v->entries[i].peer;
		if (--p->views == 0)
			p->gone_ms = clock_mono_ms();
	}
	def_hold_unref(v->balancer->owner, v->hold);
	hash_ring_unref(v->ring);
	struct arena arena = v->arena; /* v is in it */
	arena_fini(&arena);
}
