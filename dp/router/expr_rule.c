/* expr_rule: from a route's expression to a rule: parsed, its regexes compiled, and what it demands in any case found
 * out, by which the index files it. */
#include "dp/router/expr_match.h"

static bool has_protocol(const struct route *r, struct slice a, struct slice b)
{
	for (size_t i = 0; i < r->protocols.len; i++)
		if (slice_eq(r->protocols.items[i], a) || slice_eq(r->protocols.items[i], b))
			return true;
	return false;
}

/* A route of https alone takes plaintext too, so that it can be told to use https (1.13). */
static void set_schemes(const struct route *r, struct rule_expr *out)
{
	out->https = has_protocol(r, S("https"), S("grpcs"));
	out->http = has_protocol(r, S("http"), S("grpc")) ||
	            (r->protocols.len == 1 && slice_eq(r->protocols.items[0], S("https")));
}

/* Whatever satisfies the whole satisfies each part of a top-level conjunction. */
static void find_demands(const struct expr_node *n, struct rule_expr *out)
{
	const struct expr_predicate *p = &n->predicate;

	if (n->kind == EXPR_AND) {
		find_demands(n->left, out);
		find_demands(n->right, out);
	}
	if (n->kind != EXPR_PREDICATE || p->lower)
		return;
	bool begins = p->op == EXPR_EQ || p->op == EXPR_PREFIX;
	if (p->field == EXPR_PATH && begins && p->value.text.len > out->path.len)
		out->path = p->value.text;
	if (p->field == EXPR_HOST && p->op == EXPR_EQ && slice_find(p->value.text, '*') < 0)
		out->host = p->value.text;
}

size_t expr_rule_patterns_max(const struct route *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->expression.len; i++)
		n += r->expression.ptr[i] == '~';
	return n;
}

bool expr_rule_make(struct rule_set *set, struct rule_expr *out, struct err *e)
{
	const struct route *r = set->route;

	*out = (struct rule_expr){0};
	out->tree = expr_parse(r->expression, EXPR_HTTP, &set->arena, e);
	if (!out->tree)
		return err_prefix(e, "expression");
	out->patterns = arena_alloc(&set->arena, sizeof *out->patterns * out->tree->regexes_count);
	for (uint32_t i = 0; i < out->tree->regexes_count; i++) {
		const struct pattern *p = pattern_get(PATTERN_EXPRESSION, out->tree->regexes[i], e);
		if (!p)
			return false;
		out->patterns[i] = set->patterns[set->patterns_count++] = p;
	}
	set_schemes(r, out);
	find_demands(out->tree->root, out);
	return true;
}
