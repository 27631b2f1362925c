/* l4: see l4.h. */
#include "dp/router/l4.h"

#include "dp/router/expr_match.h"

/* Of traditional fields no priority reaches as high. */
#define EXPRESSIONS_FIRST (UINT64_C(0xFF) << 56)

static bool has_protocol(const struct route *r, enum l4_protocol protocol)
{
	static const struct slice names[] = {SLICE("tcp"), SLICE("tls"), SLICE("udp"), SLICE("tls_passthrough")};

	for (size_t i = 0; i < r->protocols.len; i++)
		if (slice_eq(r->protocols.items[i], names[protocol]))
			return true;
	return false;
}

static bool item_matches(const struct cidr_port *item, const struct ip *address, int port)
{
	struct ip_range range;

	if (item->port.set && item->port.value != port)
		return false;
	return !slice_is_set(item->ip) || (ip_range_parse(item->ip, &range) && ip_range_has(&range, address));
}

static bool list_matches(const struct record_list *list, const struct ip *address, int port)
{
	for (size_t i = 0; i < list->len; i++)
		if (item_matches(LIST_AT(*list, struct cidr_port, i), address, port))
			return true;
	return list->len == 0;
}

static bool sni_matches(struct slice wanted, struct slice sni, bool exact)
{
	if (wanted.len && wanted.ptr[wanted.len - 1] == '.')
		wanted.len--;
	if (!exact && wanted.len && wanted.ptr[0] == '*') {
		wanted = slice_from(wanted, 1);
		return sni.len >= wanted.len && slice_ieq(slice_from(sni, sni.len - wanted.len), wanted);
	}
	if (!exact && wanted.len && wanted.ptr[wanted.len - 1] == '*') {
		wanted.len--;
		return sni.len >= wanted.len && slice_ieq(slice_of(sni.ptr, wanted.len), wanted);
	}
	return slice_ieq(wanted, sni);
}

bool l4_has_sni(const struct route *r, struct slice sni, bool exact_snis)
{
	for (size_t i = 0; i < r->snis.len; i++)
		if (sni_matches(r->snis.items[i], sni, exact_snis))
			return true;
	return r->snis.len == 0;
}

/* A session without TLS satisfies any SNI, as with HTTP (R-1.10: net.protocol != "tls" || ...). */
static bool snis_match(const struct route *r, const struct l4_session *s, bool exact)
{
	return s->protocol == L4_TCP || s->protocol == L4_UDP || l4_has_sni(r, s->sni, exact);
}

bool l4_matches(const struct route *r, const struct l4_session *s, bool exact_snis)
{
	return has_protocol(r, s->protocol) && snis_match(r, s, exact_snis) &&
	       list_matches(&r->sources, &s->source, s->source_port) &&
	       list_matches(&r->destinations, &s->destination, s->destination_port);
}

/* 8 if any item has a plain ip, 4 if any has a port, 1 if any has a range. */
static uint64_t list_bits(const struct record_list *list)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < list->len; i++) {
		const struct cidr_port *item = LIST_AT(*list, struct cidr_port, i);
		bool is_range = slice_find(item->ip, '/') >= 0;
		bits |= item->port.set ? 4 : 0;
		bits |= !slice_is_set(item->ip) ? 0 : is_range ? 1 : 8;
	}
	return bits;
}

uint64_t l4_priority(const struct route *r)
{
	bool first = r->snis.len > 0 || (r->sources.len > 0 && r->destinations.len > 0);

	if (r->expression.len)
		return EXPRESSIONS_FIRST | (uint64_t)r->priority;
	return (uint64_t)first << 61 | list_bits(&r->sources) << 4 | list_bits(&r->destinations);
}

bool l4_before(const struct route *a, const struct route *b, bool traditional)
{
	uint64_t of_a = l4_priority(a), of_b = l4_priority(b);
	int ids = memcmp(a->id.bytes, b->id.bytes, sizeof a->id.bytes);

	if (of_a != of_b)
		return of_a > of_b;
	if (!traditional)
		return ids > 0;
	return a->created_at != b->created_at ? a->created_at < b->created_at : ids < 0;
}

/* ---- expressions ----------------------------------------------------------------------------------------------- */

struct l4_expr {
	const struct route *route;
	const struct expr *tree;
	const struct pattern **patterns;
};

static void put_pattern(void *pattern)
{
	pattern_put(pattern);
}

const struct l4_expr *l4_expr_make(const struct route *r, struct arena *a, struct err *e)
{
	struct l4_expr *x = arena_new(a, struct l4_expr);

	x->route = r;
	x->tree = expr_parse(r->expression, EXPR_STREAM, a, e);
	if (!x->tree)
		return err_prefix(e, "expression"), NULL;
	x->patterns = arena_array(a, const struct pattern *, x->tree->regexes_count);
	for (uint32_t i = 0; i < x->tree->regexes_count; i++) {
		x->patterns[i] = pattern_get(PATTERN_EXPRESSION, x->tree->regexes[i], e);
		if (!x->patterns[i])
			return NULL;
		arena_defer(a, put_pattern, (void *)(uintptr_t)x->patterns[i]);
	}
	return x;
}

bool l4_expr_matches(const struct l4_expr *x, const struct l4_session *s)
{
	static const struct slice names[] = {SLICE("tcp"), SLICE("tls"), SLICE("udp"), SLICE("tcp")};
	struct router_request q = {.scheme = names[s->protocol],
	        .sni = s->sni,
	        .listener_port = s->destination_port,
	        .source = &s->source,
	        .source_port = s->source_port,
	        .destination = &s->destination,
	        .arena = s->arena};
	struct search search = {.request = &q, .scratch = {.arena = s->arena}};
	const struct pattern *pattern;
	struct slice prefix;

	return has_protocol(x->route, s->protocol) &&
	       expr_matches(x->tree, (const struct pattern *const *)x->patterns, &search, &prefix, &pattern);
}
