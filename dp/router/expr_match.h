/* expr_match: routes with an expression (proxy.md ): evaluated as a tree, filed by what the expression demands
 * of host and path in any case. */
#ifndef DP_ROUTER_EXPR_MATCH_H
#define DP_ROUTER_EXPR_MATCH_H

#include "common/expr/expr.h"
#include "dp/router/rule.h"

/* What a rule with an expression has besides; on the arena of its set. */
struct rule_expr {
	const struct expr *tree;
	const struct pattern **patterns; /* by number of the regex */
	bool http, https;                /* connections that the route's protocols leave in */
	struct slice host;               /* unset: any. Whatever matches has this Host (without port) */
	struct slice path;               /* what it begins with; may be empty */
};

/* From route->expression. The patterns taken are added to set->patterns, for which there must be room. */
bool expr_rule_make(struct rule_set *set, struct rule_expr *out, struct err *e);
/* How many patterns a route's expression may need at most. */
size_t expr_rule_patterns_max(const struct route *r);

/* Does the tree say yes? *prefix and *pattern are of the last predicate on http.path that did. patterns: by number of
 * the regex. */
bool expr_matches(const struct expr *tree, const struct pattern *const *patterns, struct search *s,
        struct slice *prefix, const struct pattern **pattern);
/* As rule_matches(). */
bool expr_rule_matches(
        const struct rule_expr *x, struct search *s, struct slice *prefix, const struct pattern **pattern);

#endif
