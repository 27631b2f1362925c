/* explain: router_explain(). It finds nothing out by itself: every rule is put to the same tests as in a search, its
 * hosts by an index that holds it alone, and the winner is whom router_match() finds. */
#include <stdio.h>
#include <stdlib.h>

#include "dp/router/router_private.h"

struct candidate {
	const struct rule *rule;
	enum rule_fault fault;
	bool literal;
};

struct looking {
	const struct router *router;
	const struct router_request *request;
	struct router_explanation *out;
	struct candidate *found;
	size_t count, cap;
};

/* Do the rule's hosts match, whatever the rest of it says? *literal: by the Host as it was sent (R-1.6 (c)). */
static bool has_host(const struct looking *l, const struct rule *r, bool *literal)
{
	static const struct rule_tests none;
	struct rule bare = {.key = r->key, .set = r->set, .category = r->category, .tests = &none};
	struct search s = router_search(l->router, l->request);
	struct index alone;

	if (r->expr)
		return true; /* what it says about hosts is part of the expression */
	index_init(&alone, l->router->index.compatible);
	index_add(&alone, &bare);
	index_search(&alone, &s);
	index_fini(&alone);
	*literal = s.best_literal;
	return s.best != NULL;
}

static void note(struct looking *l, const struct rule *r, enum rule_fault fault, bool literal)
{
	if (l->count == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 32;
		struct candidate *more = arena_alloc(l->request->arena, sizeof *more * cap);
		if (l->count)
			memcpy(more, l->found, sizeof *more * l->count);
		l->found = more;
		l->cap = cap;
	}
	l->found[l->count++] = (struct candidate){r, fault, literal};
}

/* The first test that fails; the path counts before the others, since routes of other paths are of no interest. */
static enum rule_fault fault_of(const struct looking *l, const struct rule *r)
{
	static const struct rule_tests none;
	struct search s = router_search(l->router, l->request);
	struct rule path_only = *r;
	struct slice prefix;
	const struct pattern *pattern;

	path_only.tests = &none;
	if (rule_fault(&path_only, &s, &prefix, &pattern) == RULE_PATH)
		return RULE_PATH;
	return rule_fault(r, &s, &prefix, &pattern);
}

static bool look_at(void *value, void *arg)
{
	struct looking *l = arg;
	const struct rule_set *set = value;
	bool any_path = false, literal = false;

	if (!has_host(l, &set->rules[0], &literal)) {
		l->out->other_hosts++;
		return true;
	}
	for (uint32_t i = 0; i < set->count; i++) {
		enum rule_fault fault = fault_of(l, &set->rules[i]);
		any_path |= fault != RULE_PATH;
		if (fault != RULE_PATH)
			note(l, &set->rules[i], fault, literal);
	}
	l->out->other_paths += !any_path;
	return true;
}

/* As a search has it: what fits first, then by category, literal hosts, key. */
static int compare(const void *pa, const void *pb)
{
	const struct candidate *a = pa, *b = pb;

	if ((a->fault == RULE_FITS) != (b->fault == RULE_FITS))
		return a->fault == RULE_FITS ? -1 : 1;
	if (a->literal != b->literal && a->rule->category == b->rule->category)
		return a->literal ? -1 : 1;
	return rule_before(a->rule, b->rule) ? -1 : 1;
}

/* ---- words -------------------------------------------------------------------------------------------------- */

static const char *fault_text(enum rule_fault fault)
{
	switch (fault) {
	case RULE_METHOD: return "the method is another";
	case RULE_SNI: return "the server name (SNI) is another";
	case RULE_PATH: return "the path is another";
	case RULE_HEADERS: return "a header is missing or has another value";
	case RULE_EXPRESSION: return "the expression, or the protocol of the connection, does not match";
	case RULE_FITS: break;
	}
	return "";
}

/* What in the packed key of order_traditional() tells them apart. */
static const char *traditional_difference(const struct candidate *winner, const struct candidate *c)
{
	const struct order_key *a = &winner->rule->key, *b = &c->rule->key;

	if (winner->rule->category != c->rule->category)
		return "it restricts fewer kinds, or lesser ones (R-1.6 step 2)";
	if (winner->literal != c->literal)
		return "its hosts do not name the Host literally (R-1.6 c)";
	if (a->high >> 51 != b->high >> 51)
		return "submatch: the winner has plain hosts, a wildcard with port or a regex path (R-1.6 step 3)";
	if (a->high >> 35 != b->high >> 35)
		return "it has fewer headers";
	if (a->high != b->high)
		return "its regex_priority is lower";
	if (a->low >> 40 != b->low >> 40)
		return "its path is shorter";
	return a->low != b->low ? "it is younger (created_at)" : "a tie: the lower id comes first";
}

static const char *compatible_difference(
        const struct looking *l, const struct candidate *winner, const struct candidate *c)
{
	const struct order_key *a = &winner->rule->key, *b = &c->rule->key;

	if (a->high == b->high)
		return "a tie: the greater id comes first";
	if (a->high >> 56 == 0xff)
		return b->high >> 56 == 0xff ? "its priority is lower" : "routes with an expression come first";
	return arena_printf(l->request->arena,
	        "its number %llx is below %llx (R-1.7: plain hosts, regex path, number of kinds, headers, "
	        "regex_priority, path length)",
	        (unsigned long long)b->high, (unsigned long long)a->high)
	        .ptr;
}

static struct slice paths_of(struct arena *a, const struct rule *r)
{
	const struct route *route = r->set->route;
	struct text t = {0};

	if (r->expr)
		return route->expression;
	if (r->set->count == route->paths.len) /* one rule per path */
		return route->paths.items[r->number];
	for (size_t i = 0; i < route->paths.len; i++) {
		struct slice path = route->paths.items[i];
		bool is_regex = path.len && path.ptr[0] == '~';
		if (r->prefix_len ? !is_regex && path.len == r->prefix_len : is_regex || r->set->count == 1)
			text_printf(&t, "%s%.*s", t.len ? ", " : "", SLICE_ARG(path));
	}
	struct slice copy = t.len ? arena_dup(a, text_slice(&t)) : (struct slice){0};
	text_fini(&t);
	return copy;
}

static const char *why(const struct looking *l, const struct candidate *winner, const struct candidate *c)
{
	if (c->fault != RULE_FITS)
		return fault_text(c->fault);
	if (c == winner)
		return "wins";
	if (compare(c, winner) < 0)
		return "passed over: on plaintext, matching starts at the category of what the request shares with "
		       "any route (R-1.6 step 4)";
	return l->router->index.compatible ? compatible_difference(l, winner, c) : traditional_difference(winner, c);
}

static const struct candidate *find_winner(const struct looking *l)
{
	for (size_t i = 0; l->out->has_match && i < l->count; i++)
		if (l->found[i].fault == RULE_FITS && l->found[i].rule->set->route == l->out->match.route)
			return &l->found[i];
	return NULL;
}

void router_explain(const struct router *r, const struct router_request *q, struct router_explanation *out)
{
	struct looking l = {.router = r, .request = q, .out = out};

	*out = (struct router_explanation){0};
	out->has_match = router_match(r, q, &out->match);
	pmap_each(&r->sets, look_at, &l);
	if (l.count)
		qsort(l.found, l.count, sizeof *l.found, compare);
	out->count = l.count < ROUTER_EXPLAIN_MAX ? l.count : ROUTER_EXPLAIN_MAX;
	out->left_out = l.count - out->count;
	struct router_candidate *list = arena_array(q->arena, struct router_candidate, out->count);
	const struct candidate *winner = find_winner(&l);
	for (size_t i = 0; i < out->count; i++) {
		const struct candidate *c = &l.found[i];
		list[i] = (struct router_candidate){c->rule->set->route, c->rule->set->value,
		        paths_of(q->arena, c->rule), c->fault == RULE_FITS, why(&l, winner, c)};
	}
	out->candidates = list;
}
