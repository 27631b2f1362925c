/* router: building and matching; see router.h and README.md.
 *
 * build: routes -> rules (rule_make.c), rules -> groups by host (index.c), groups -> tries by path (trie.c).
 * match: the best rule of every group that the request's host leads to; best means first in the order (order.c). */
#include "dp/router/router.h"

#include <stdlib.h>

#include "dp/router/entry.h"
#include "dp/router/index.h"

enum { HEADERS_DEFAULT = 100 };

struct router {
	struct arena arena;
	struct router_options options;
	struct index index;
	const struct pattern **patterns; /* to be given back */
	size_t patterns_count;
	struct entry *entry; /* traditional with SNIs only */
};

/* ---- build -------------------------------------------------------------------------------------------------- */

static void report(struct text *problems, const struct route *route, const struct err *e)
{
	char id[UUID_TEXT + 1];

	if (!problems)
		return;
	uuid_format(&route->id, id);
	text_printf(problems, "%sroute %s: %s", problems->len ? "\n" : "", id, e->message);
}

static void add_route(struct router *r, struct rule_maker *m, const struct router_entry *entry, struct text *problems)
{
	struct err e;
	size_t first = m->count;

	if (!index_accepts(entry->route, &e) || !rule_make(m, entry, &e)) {
		report(problems, entry->route, &e);
		return;
	}
	for (size_t i = first; i < m->count; i++)
		index_add(&r->index, m->rules[i]);
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
	if (options->flavor == ROUTER_TRADITIONAL)
		r->entry = entry_new(m.rules, m.count);
	free(m.rules);
	return r;
}

void router_free(struct router *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->patterns_count; i++)
		pattern_put(r->patterns[i]);
	free(r->patterns);
	entry_free(r->entry);
	index_fini(&r->index);
	arena_fini(&r->arena);
	free(r);
}

/* ---- match -------------------------------------------------------------------------------------------------- */

static uint32_t headers_in_view(const struct router *r, const struct head *head)
{
	uint32_t most = r->options.max_headers ? r->options.max_headers : HEADERS_DEFAULT;

	return !head ? 0 : head->count < most ? head->count : most;
}

/* R-1.6 (a). What is passed over are only rules with SNIs, which match on plaintext without a hit; so it is worked
 * out only when such a rule has won. */
static void enter_later(const struct router *r, struct search *s, bool host_hit)
{
	unsigned category = entry_category(r->entry, s, host_hit);

	if (category == 0 || category >= s->best->category)
		return;
	s->ceiling = (uint16_t)category;
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
	if (s.best && r->entry && !s.tls && s.best->tests->snis_count)
		enter_later(r, &s, host_hit);
	if (!s.best)
		return false;
	*out = (struct router_match){.value = s.best->value, .route = s.best->route, .prefix = s.best_prefix};
	if (s.best_pattern)
		out->captures_count = pattern_captures(s.best_pattern, q->path, &s.scratch, &out->captures);
	return true;
}
