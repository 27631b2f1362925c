/* rule: one thing that the router ranks and tests: a route with one of its paths (traditional) or with one group of
 * its paths (compatible) step 1 and. Hosts are not in here: the index finds rules by host. */
#ifndef DP_ROUTER_RULE_H
#define DP_ROUTER_RULE_H

#include "dp/router/order.h"
#include "dp/router/pattern.h"

struct header_test {
	struct slice name;
	const struct slice *values;      /* equal to one of them, or */
	const struct pattern **patterns; /* matched by one of them */
	uint32_t values_count, patterns_count;
};

struct sni_test {
	enum { SNI_EXACT, SNI_ENDS, SNI_STARTS } how;
	struct slice text;
};

/* Shared by the rules of a route. */
struct rule_tests {
	const struct slice *methods;
	const struct header_test *headers;
	const struct sni_test *snis;
	uint32_t methods_count, headers_count, snis_count;
};

struct rule {
	struct order_key key;
	uint16_t category; /* traditional: order_category(); else 0 */
	const struct route *route;
	void *value;
	const struct rule_tests *tests;
	/* Neither: any path. Prefixes of one rule all have one length. */
	const struct slice *prefixes;
	const struct pattern **patterns;
	uint32_t prefixes_count, patterns_count;
};

/* What stays the same while one request looks for its rule. */
struct search {
	const struct router_request *request;
	uint32_t headers_count; /* how many of its fields count */
	bool compatible;
	bool tls;
	uint16_t ceiling; /* rules of a greater category are passed over */
	struct pattern_scratch scratch;

	const struct rule *best;
	bool best_literal; /* found by the Host as it was sent: R-1.6 (c) */
	struct slice best_prefix;
	const struct pattern *best_pattern;
};

/* Where rules are made: the arena of the router, and the list of patterns that it must give back. */
struct rule_maker {
	struct arena *arena;
	const struct router_options *options;
	struct rule **rules;
	size_t count, cap;
	const struct pattern **patterns;
	size_t patterns_count, patterns_cap;
};

/* Adds the rules of one route to m->rules. False with e set: the route cannot work, and nothing was added. */
bool rule_make(struct rule_maker *m, const struct router_entry *entry, struct err *e);

/* Does everything but the host match? Then the matched part of the path is in *prefix (unset: the route has no
 * paths) and the pattern that matched it in *pattern. */
bool rule_matches(const struct rule *r, struct search *s, struct slice *prefix, const struct pattern **pattern);

/* Header names equal: case-insensitive, and in the compatible flavour '-' equals '_'. */
bool rule_header_name_eq(const struct search *s, struct slice a, struct slice b);

#endif
