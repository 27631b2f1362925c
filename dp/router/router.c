/* router: building and matching; see router.h and README.md.
 *
 * build: routes -> rules (rule_make.c), rules -> groups by host (index.c), groups -> tries by path (trie.c).
 * match: the best rule of every group that the request's host leads to; best means first in the order (order.c). */
#include "dp/router/router.h"

#include <stdlib.h>

#include "dp/router/index.h"

enum { HEADERS_DEFAULT = 100 };

struct router {
	struct arena arena;
	struct router_options options;
	struct index index;
	const struct pattern **patterns; /* to be given back */
	size_t patterns_count;
	/* Traditional only, for the entry point of step 4; see enter_later(). */
	bool has_snis;
	bool has_category[KIND_HOST * 2];
	struct rule **rules;
	size_t rules_count;
};

/* ---- build -------------------------------------------------------------------------------------------------------
 */

static void report(struct text *problems, const struct route *route, const struct err *e)
{
	char id[UUID_TEXT + 1];

	if (!problems)
		return;
	uuid_format(&route->id, id);
	text_printf(problems, "%sroute %s: %s", problems->len ? "\n" : "", id, e->message);
}

static void note_category(struct router *r, const struct route *route)
{
	unsigned kinds = order_kinds(route);

	r->has_category[kinds] = true;
	r->has_snis |= (kinds & KIND_SNI) != 0;
}

static void add_route(struct router *r, struct rule_maker *m, const struct router_entry *entry, struct text *problems)
{
	struct err e;
	size_t first = m->count;

	if (!rule_make(m, entry, &e)) {
		report(problems, entry->route, &e);
		return;
	}
	note_category(r, entry->route);
	for (size_t i = first; i < m->count; i++) {
		if (!index_add(&r->index, m->rules[i], &e)) {
			report(problems, entry->route, &e);
			return;
		}
	}
}

struct router *router_build(
        const struct router_entry *entries, size_t n, const struct router_options *options, struct text *problems)
{
	struct router *r = calloc(1, sizeof *r);

	if (!r)
		abort();
	r->options = *options;
	index_init(&r->index, &r->arena, options->flavor != ROUTER_TRADITIONAL);
	struct rule_maker m = {.arena = &r->arena, .options = &r->options};
	for (size_t i = 0; i < n; i++)
		add_route(r, &m, &entries[i], problems);
	index_finish(&r->index);
	r->patterns = m.patterns;
	r->patterns_count = m.patterns_count;
	r->rules = m.rules;
	r->rules_count = m.count;
	return r;
}

void router_free(struct router *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->patterns_count; i++)
		pattern_put(r->patterns[i]);
	free(r->patterns);
	free(r->rules);
	index_fini(&r->index);
	arena_fini(&r->arena);
	free(r);
}

/* ---- match -------------------------------------------------------------------------------------------------------
 */

static uint32_t headers_in_view(const struct router *r, const struct head *head)
{
	uint32_t most = r->options.max_headers ? r->options.max_headers : HEADERS_DEFAULT;

	return !head ? 0 : head->count < most ? head->count : most;
}

static bool some_route_has_method(const struct rule *r, const struct search *s)
{
	for (uint32_t i = 0; i < r->tests->methods_count; i++)
		if (slice_eq(r->tests->methods[i], s->request->method))
			return true;
	return false;
}

static bool names_a_header(const struct rule *r, const struct search *s)
{
	for (uint32_t t = 0; t < r->tests->headers_count; t++)
		for (uint32_t i = 0; i < s->headers_count; i++)
			if (rule_header_name_eq(s, s->request->head->headers[i].name, r->tests->headers[t].name))
				return true;
	return false;
}

static bool path_hits(const struct rule *r, struct search *s)
{
	struct slice hit;

	if (r->prefixes_count)
		return slice_starts(s->request->path, r->prefixes[0]);
	return r->patterns_count && pattern_match(r->patterns[0], s->request->path, &s->scratch, &hit);
}

/* The kinds that any route at all shares with the request; step 4. A plaintext request has no SNI. */
static unsigned kinds_hit(const struct router *r, struct search *s, bool host_hit)
{
	unsigned kinds = host_hit ? KIND_HOST : 0;

	for (size_t i = 0; i < r->rules_count; i++) {
		const struct rule *rule = r->rules[i];
		if (!(kinds & KIND_METHOD) && some_route_has_method(rule, s))
			kinds |= KIND_METHOD;
		if (!(kinds & KIND_HEADER) && names_a_header(rule, s))
			kinds |= KIND_HEADER;
		if (!(kinds & KIND_PATH) && path_hits(rule, s))
			kinds |= KIND_PATH;
	}
	return kinds;
}

/* R-1.6 (a): matching starts at the category of exactly the kinds hit, if there is one. That passes over only rules
 * with SNIs on plaintext, which match without a hit; so it is worked out only when such a rule has won. */
static void enter_later(const struct router *r, struct search *s, bool host_hit)
{
	unsigned kinds = kinds_hit(r, s, host_hit);

	if (!r->has_category[kinds] || order_category(kinds) >= s->best->category)
		return;
	s->ceiling = (uint16_t)order_category(kinds);
	s->best = NULL;
	index_search(&r->index, s);
}

bool router_match(const struct router *r, const struct router_request *q, struct router_match *out)
{
	struct search s = {
	        .request = q,
	        .headers_count = headers_in_view(r, q->head),
	        .compatible = r->options.flavor != ROUTER_TRADITIONAL,
	        .tls = slice_eq(q->scheme, S("https")),
	        .ceiling = UINT16_MAX,
	        .scratch = {.arena = q->arena},
	};

	bool host_hit = index_search(&r->index, &s);
	if (s.best && !s.compatible && !s.tls && s.best->tests->snis_count)
		enter_later(r, &s, host_hit);
	if (!s.best)
		return false;
	*out = (struct router_match){.value = s.best->value, .route = s.best->route, .prefix = s.best_prefix};
	if (s.best_pattern)
		out->captures_count = pattern_captures(s.best_pattern, q->path, &s.scratch, &out->captures);
	return true;
}
