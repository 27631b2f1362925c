/* index: see index.h. The flavours differ in how a host is split from its port and in what '*' may stand for; the
 * table in is the contract for every line that tells them apart. */
#include "dp/router/index.h"

#include <stdlib.h>

enum { FEW = 8 };

/* ---- groups ------------------------------------------------------------------------------------------------- */

static void group_add(struct group *g, struct arena *a, struct rule *r)
{
	if (g->count == g->cap) {
		uint32_t cap = g->cap ? g->cap * 2 : 2;
		struct rule **more = arena_alloc(a, sizeof *more * cap);
		if (g->count)
			memcpy(more, g->rules, sizeof *more * g->count);
		g->rules = more;
		g->cap = cap;
	}
	g->rules[g->count++] = r;
}

static int compare_rules(const void *pa, const void *pb)
{
	const struct rule *a = *(struct rule *const *)pa, *b = *(struct rule *const *)pb;

	return order_before(&a->key, &b->key) ? -1 : order_before(&b->key, &a->key);
}

static void group_finish(struct group *g, struct arena *a, bool compatible)
{
	if (g->count > 1)
		qsort(g->rules, g->count, sizeof *g->rules, compare_rules);
	if (g->count > FEW)
		g->trie = trie_build(a, g->rules, g->count, compatible);
}

static void group_search(const struct group *g, struct search *s, bool literal)
{
	const struct candidates few = {.rules = g->rules, .count = g->count};

	if (g->trie)
		trie_search(g->trie, s, literal);
	else
		candidates_search(&few, s, literal);
}

/* ---- the table ---------------------------------------------------------------------------------------------- */

static uint64_t hash_host(enum host_how how, struct slice name, int32_t port)
{
	return slice_hash(name) ^ ((uint64_t)(uint32_t)port << 2 | how) * UINT64_C(0x9e3779b97f4a7c15);
}

static struct index_slot *find_slot(const struct index *x, enum host_how how, struct slice name, int32_t port)
{
	uint64_t hash = hash_host(how, name, port);

	for (size_t at = hash & x->mask;; at = (at + 1) & x->mask) {
		struct index_slot *slot = &x->slots[at];
		if (!slot->group)
			return slot;
		if (slot->hash == hash && slot->how == how && slot->port == port && slice_eq(slot->name, name))
			return slot;
	}
}

static struct index_slot *new_slots(size_t n)
{
	struct index_slot *slots = calloc(n, sizeof *slots);

	if (!slots)
		abort();
	return slots;
}

static void grow(struct index *x)
{
	struct index old = *x;

	x->mask = old.mask * 2 + 1;
	x->slots = new_slots(x->mask + 1);
	for (size_t i = 0; i <= old.mask; i++)
		if (old.slots[i].group)
			*find_slot(x, old.slots[i].how, old.slots[i].name, old.slots[i].port) = old.slots[i];
	free(old.slots);
}

static struct group *group_of(struct index *x, enum host_how how, struct slice name, int32_t port)
{
	if (x->count * 2 > x->mask)
		grow(x);
	struct index_slot *slot = find_slot(x, how, name, port);
	if (!slot->group) {
		*slot = (struct index_slot){
		        arena_new(x->arena, struct group), name, hash_host(how, name, port), port, how};
		x->count++;
		x->has[how] = true;
		x->has_ports |= port != NO_PORT;
	}
	return slot->group;
}

void index_init(struct index *x, struct arena *a, bool compatible)
{
	*x = (struct index){.arena = a, .compatible = compatible, .mask = 15};
	x->slots = new_slots(x->mask + 1);
}

void index_fini(struct index *x)
{
	free(x->slots);
}

void index_finish(struct index *x)
{
	for (size_t i = 0; i <= x->mask; i++)
		if (x->slots[i].group)
			group_finish(x->slots[i].group, x->arena, x->compatible);
	group_finish(&x->any_host, x->arena, x->compatible);
}

/* ---- the hosts of routes ------------------------------------------------------------------------------------ */

static bool is_digits(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
	return s.len > 0;
}

static int32_t port_of(struct slice digits)
{
	int64_t port;

	return slice_to_int(digits, &port) && port <= 65535 ? (int32_t)port : 65536; /* a port that nobody has */
}

/* Cuts a port off at the colon at `colon`, when digits follow. */
static int32_t cut_port(struct slice *host, ptrdiff_t colon)
{
	if (colon < 0)
		return NO_PORT;
	struct slice digits = slice_from(*host, (size_t)colon + 1);
	if (!is_digits(digits))
		return NO_PORT;
	host->len = (size_t)colon;
	return port_of(digits);
}

static ptrdiff_t last_colon(struct slice s)
{
	for (size_t i = s.len; i-- > 0;)
		if (s.ptr[i] == ':')
			return (ptrdiff_t)i;
	return -1;
}

static void lower_into(char *out, struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		out[i] = (char)ascii_lower((unsigned char)s.ptr[i]);
}

static bool is_well_formed(struct slice host)
{
	ptrdiff_t star = slice_find(host, '*');

	if (star < 0)
		return true;
	cut_port(&host, last_colon(host));
	if (slice_find(slice_from(host, (size_t)star + 1), '*') >= 0)
		return false;
	if (host.len == 1)
		return true;
	return star == 0 ? host.ptr[1] == '.' : (size_t)star + 1 == host.len && host.ptr[star - 1] == '.';
}

bool index_accepts(const struct route *route, struct err *e)
{
	for (size_t i = 0; i < route->hosts.len; i++)
		if (!is_well_formed(route->hosts.items[i]))
			return err_set(e, "invalid host '%.*s': expected '*' for the leftmost or the rightmost label",
			        SLICE_ARG(route->hosts.items[i]));
	return true;
}

static struct group *group_of_value(struct index *x, struct slice value)
{
	char *lower = arena_alloc(x->arena, value.len);
	lower_into(lower, value);
	struct slice host = slice_of(lower, value.len);
	ptrdiff_t star = slice_find(host, '*');
	int32_t port = NO_PORT;

	if (star >= 0)
		port = cut_port(&host, last_colon(host));
	else if (x->compatible)
		port = cut_port(&host, slice_find(host, ':'));
	if (star < 0)
		return group_of(x, HOST_EXACT, host, port);
	if (star == 0)
		return group_of(x, HOST_ENDS, slice_from(host, 1), port);
	return group_of(x, HOST_STARTS, slice_of(host.ptr, host.len - 1), port);
}

void index_add(struct index *x, struct rule *r)
{
	const struct slice_list *hosts = &r->route->hosts;

	for (size_t i = 0; i < hosts->len; i++)
		group_add(group_of_value(x, hosts->items[i]), x->arena, r);
	if (hosts->len == 0)
		group_add(&x->any_host, x->arena, r);
}

/* ---- the host of a request ---------------------------------------------------------------------------------- */

struct host_view {
	struct slice whole; /* lower case */
	struct slice name;  /* for values without a port */
	struct slice wild;  /* what "*.x" is compared with */
	int32_t port;       /* for values with a port (traditional: with a wildcard and a port) */
	bool is_completed;  /* traditional: a port is thought behind `whole`, so "x." matches "x.*" */
};

static void view_compatible(struct host_view *v, int listener_port)
{
	v->name = v->whole;
	v->port = cut_port(&v->name, slice_find(v->name, ':'));
	if (v->port == NO_PORT)
		v->port = listener_port;
	v->wild = v->name;
}

/* Where the port begins, the colon included: "name:80", "name:", "[::1]:80". -1: no port; -2: cannot be split. */
static ptrdiff_t port_start(struct slice s)
{
	ptrdiff_t colon = slice_find(s, ':');

	if (s.len > 0 && s.ptr[0] == '[') {
		ptrdiff_t close = slice_find(s, ']');
		if (close < 0)
			return -2;
		if ((size_t)close + 1 == s.len)
			return -1;
		colon = s.ptr[close + 1] == ':' ? close + 1 : -1;
		if (colon < 0)
			return -2;
	}
	if (colon < 0)
		return -1;
	struct slice rest = slice_from(s, (size_t)colon + 1);
	return rest.len == 0 || is_digits(rest) ? colon : -2;
}

static struct slice without_brackets(struct slice s)
{
	if (s.len >= 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']')
		return slice_of(s.ptr + 1, s.len - 2);
	return s;
}

static void view_traditional(struct host_view *v, bool tls)
{
	ptrdiff_t colon = port_start(v->whole);

	v->name = v->wild = v->whole;
	v->port = NO_PORT;
	if (colon == -2) {
		v->port = cut_port(&v->wild, last_colon(v->wild));
		return;
	}
	if (colon >= 0)
		v->port = cut_port(&v->wild, colon);
	if (colon >= 0)
		v->wild.len = (size_t)colon; /* also for "name:" */
	v->name = without_brackets(v->wild);
	v->is_completed = v->port == NO_PORT;
	if (v->is_completed)
		v->port = tls ? 443 : 80;
}

static bool try_host(
        const struct index *x, struct search *s, enum host_how how, struct slice name, int32_t port, bool literal)
{
	const struct index_slot *slot = find_slot(x, how, name, port);

	if (!slot->group)
		return false;
	group_search(slot->group, s, literal);
	return true;
}

static bool try_with_and_without_port(
        const struct index *x, struct search *s, const struct host_view *v, enum host_how how, struct slice name)
{
	bool hit = try_host(x, s, how, name, NO_PORT, false);

	if (x->has_ports && v->port != NO_PORT)
		hit |= try_host(x, s, how, name, v->port, false);
	return hit;
}

static bool search_exact(const struct index *x, struct search *s, const struct host_view *v)
{
	if (x->compatible)
		return try_with_and_without_port(x, s, v, HOST_EXACT, v->name);
	bool hit = try_host(x, s, HOST_EXACT, v->whole, NO_PORT, true);
	if (v->name.len != v->whole.len)
		hit |= try_host(x, s, HOST_EXACT, v->name, NO_PORT, false);
	return hit;
}

/* "*.x": in the traditional flavour '*' stands for one byte at least. */
static bool search_ends(const struct index *x, struct search *s, const struct host_view *v)
{
	bool hit = false;

	for (size_t i = x->compatible ? 0 : 1; i < v->wild.len; i++)
		if (v->wild.ptr[i] == '.')
			hit |= try_with_and_without_port(x, s, v, HOST_ENDS, slice_from(v->wild, i));
	if (x->compatible || v->wild.len)
		hit |= try_with_and_without_port(x, s, v, HOST_ENDS, S(""));
	return hit;
}

static bool search_starts(const struct index *x, struct search *s, const struct host_view *v)
{
	struct slice host = x->compatible ? v->name : v->whole;
	bool hit = false;

	for (size_t i = 0; i < host.len; i++)
		if (host.ptr[i] == '.' && (x->compatible || i + 1 < host.len || v->is_completed))
			hit |= try_with_and_without_port(x, s, v, HOST_STARTS, slice_of(host.ptr, i + 1));
	return hit;
}

bool index_search(const struct index *x, struct search *s)
{
	struct slice host = s->request->host;
	struct host_view v;
	char small[256];
	bool hit = false;

	if (x->count) {
		char *lower = host.len <= sizeof small ? small : arena_alloc(s->request->arena, host.len);
		lower_into(lower, host);
		v = (struct host_view){.whole = slice_of(lower, host.len)};
		if (x->compatible)
			view_compatible(&v, s->request->listener_port);
		else
			view_traditional(&v, s->tls);
		hit |= x->has[HOST_EXACT] && search_exact(x, s, &v);
		hit |= x->has[HOST_ENDS] && search_ends(x, s, &v);
		hit |= x->has[HOST_STARTS] && search_starts(x, s, &v);
	}
	group_search(&x->any_host, s, false);
	return hit;
}
