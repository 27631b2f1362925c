/* index: see index.h. The flavours differ in how a host is split from its port and in what '*' may stand for; the
 * table in is the contract for every line that tells them apart. */
#include "dp/router/index.h"

#include <stdio.h>
#include <stdlib.h>

#include "dp/router/expr_match.h"

enum { NO_PORT = -1, PORT_TEXT = 8 };

/* ---- groups: the rules of one host value --------------------------------------------------------------------- */

struct group {
	unsigned refs;
	uint32_t name_len;
	struct trie_node *trie;
	char name[]; /* lower case; "name:port" when the value has a port */
};

static struct slice group_name(const void *value, const void *context)
{
	const struct group *g = value;

	return slice_of(g->name, g->name_len);
}

static void *group_hold(void *value)
{
	struct group *g = value;

	g->refs++;
	return g;
}

static void group_drop(void *value)
{
	struct group *g = value;

	if (--g->refs > 0)
		return;
	trie_unref(g->trie);
	free(g);
}

static const struct pmap_ops group_ops = {group_name, group_hold, group_drop};

static struct group *group_new(struct slice name, struct trie_node *trie)
{
	struct group *g = malloc(sizeof *g + name.len);

	if (!g)
		abort();
	*g = (struct group){.refs = 1, .name_len = (uint32_t)name.len, .trie = trie};
	if (name.len)
		memcpy(g->name, name.ptr, name.len);
	return g;
}

/* The group out of the map, the caller's own; a new one when there is none. */
static struct group *take_group(struct pmap *m, struct slice name)
{
	struct group *g = pmap_get(m, name);

	if (!g)
		return group_new(name, NULL);
	group_hold(g);
	pmap_remove(m, name);
	if (g->refs == 1)
		return g;
	struct group *copy = group_new(name, trie_ref(g->trie));
	group_drop(g);
	return copy;
}

static void give_group(struct pmap *m, struct group *g)
{
	if (g->trie)
		pmap_put(m, g);
	group_drop(g);
}

void index_init(struct index *x, bool compatible)
{
	*x = (struct index){.compatible = compatible};
	for (int how = 0; how < HOST_HOWS; how++)
		for (int ported = 0; ported < 2; ported++)
			pmap_init(&x->hosts[how][ported], &group_ops, NULL);
}

struct index index_copy(const struct index *x)
{
	struct index copy = *x;

	for (int how = 0; how < HOST_HOWS; how++)
		for (int ported = 0; ported < 2; ported++)
			copy.hosts[how][ported] = pmap_copy(&x->hosts[how][ported]);
	trie_ref(copy.any_host);
	return copy;
}

void index_fini(struct index *x)
{
	for (int how = 0; how < HOST_HOWS; how++)
		for (int ported = 0; ported < 2; ported++)
			pmap_fini(&x->hosts[how][ported]);
	trie_unref(x->any_host);
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

struct slice host_without_port(struct slice host, int *port)
{
	int32_t found = cut_port(&host, slice_find(host, ':'));

	if (port && found != NO_PORT)
		*port = found;
	return host;
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

/* "name:port" in `out`, which has PORT_TEXT bytes more than the name. */
static struct slice with_port(char *out, struct slice name, int32_t port)
{
	if (name.len)
		memcpy(out, name.ptr, name.len);
	return slice_of(out, name.len + (size_t)snprintf(out + name.len, PORT_TEXT, ":%d", (int)port));
}

/* A host value of a route: which map it is filed in, under which name. */
struct place {
	enum host_how how;
	bool has_port;
	struct slice name; /* in `text` */
	char text[];
};

static struct place *place_of(const struct index *x, struct slice value)
{
	struct place *p = malloc(sizeof *p + value.len + PORT_TEXT);

	if (!p)
		abort();
	lower_into(p->text, value);
	struct slice host = slice_of(p->text, value.len);
	ptrdiff_t star = slice_find(host, '*');
	int32_t port = NO_PORT;
	if (star >= 0)
		port = cut_port(&host, last_colon(host));
	else if (x->compatible)
		port = cut_port(&host, slice_find(host, ':'));
	p->how = star < 0 ? HOST_EXACT : star == 0 ? HOST_ENDS : HOST_STARTS;
	p->has_port = port != NO_PORT;
	p->name = p->how == HOST_ENDS     ? slice_from(host, 1)
	          : p->how == HOST_STARTS ? slice_of(host.ptr, host.len - 1)
	                                  : host;
	if (p->has_port)
		p->name = with_port((char *)p->name.ptr, p->name, port);
	return p;
}

typedef void (*trie_change)(struct trie_node **root, const struct rule *r, bool compatible);

static void change_group(struct index *x, struct slice host, const struct rule *r, trie_change change)
{
	struct place *p = place_of(x, host);
	struct pmap *m = &x->hosts[p->how][p->has_port];
	struct group *g = take_group(m, p->name);

	change(&g->trie, r, x->compatible);
	give_group(m, g);
	free(p);
}

static void change_groups(struct index *x, const struct rule *r, trie_change change)
{
	struct slice_list demanded = {r->expr ? &r->expr->host : NULL, r->expr && slice_is_set(r->expr->host)};
	const struct slice_list *hosts = r->expr ? &demanded : &r->set->route->hosts;

	for (size_t i = 0; i < hosts->len; i++)
		change_group(x, hosts->items[i], r, change);
	if (hosts->len == 0)
		change(&x->any_host, r, x->compatible);
}

void index_add(struct index *x, const struct rule *r)
{
	change_groups(x, r, trie_add);
}

void index_remove(struct index *x, const struct rule *r)
{
	change_groups(x, r, trie_remove);
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

static bool try_host(const struct pmap *m, struct search *s, struct slice name, bool literal)
{
	const struct group *g = pmap_get(m, name);

	if (!g)
		return false;
	trie_search(g->trie, s, literal);
	return true;
}

static bool try_with_port(const struct pmap *m, struct search *s, struct slice name, int32_t port)
{
	char small[256 + PORT_TEXT];
	char *room = name.len <= 256 ? small : arena_alloc(s->request->arena, name.len + PORT_TEXT);

	return try_host(m, s, with_port(room, name, port), false);
}

static bool try_with_and_without_port(
        const struct index *x, struct search *s, const struct host_view *v, enum host_how how, struct slice name)
{
	bool hit = try_host(&x->hosts[how][false], s, name, false);

	if (x->hosts[how][true].count && v->port != NO_PORT)
		hit |= try_with_port(&x->hosts[how][true], s, name, v->port);
	return hit;
}

static bool search_exact(const struct index *x, struct search *s, const struct host_view *v)
{
	if (x->compatible)
		return try_with_and_without_port(x, s, v, HOST_EXACT, v->name);
	bool hit = try_host(&x->hosts[HOST_EXACT][false], s, v->whole, true);
	if (v->name.len != v->whole.len)
		hit |= try_host(&x->hosts[HOST_EXACT][false], s, v->name, false);
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

static bool has_hosts(const struct index *x, enum host_how how)
{
	return x->hosts[how][false].count || x->hosts[how][true].count;
}

static bool search_hosts(const struct index *x, struct search *s)
{
	struct slice host = s->request->host;
	char small[256];
	char *lower = host.len <= sizeof small ? small : arena_alloc(s->request->arena, host.len);
	bool hit = false;

	lower_into(lower, host);
	struct host_view v = {.whole = slice_of(lower, host.len)};
	if (x->compatible)
		view_compatible(&v, s->request->listener_port);
	else
		view_traditional(&v, s->tls);
	if (has_hosts(x, HOST_EXACT))
		hit |= search_exact(x, s, &v);
	if (has_hosts(x, HOST_ENDS))
		hit |= search_ends(x, s, &v);
	if (has_hosts(x, HOST_STARTS))
		hit |= search_starts(x, s, &v);
	return hit;
}

bool index_search(const struct index *x, struct search *s)
{
	bool any = has_hosts(x, HOST_EXACT) || has_hosts(x, HOST_ENDS) || has_hosts(x, HOST_STARTS);
	bool hit = any && search_hosts(x, s);

	trie_search(x->any_host, s, false);
	return hit;
}
