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

/* Among many routes each is one that nobody has asked for lately, so what a usual match reads comes first, and right
 * after the set's own: about one line of memory. */
struct rule {
	struct rule_set *set;
	const struct rule_tests *tests;
	const struct rule_expr *expr; /* NULL: no expression. Else all that counts, and `prefixes` only file it */
	uint16_t category;            /* traditional: order_category(); else 0 */
	uint16_t number;              /* in its set: the last tie-breaker */
	uint32_t prefix_len;          /* of each of `prefixes`; 0: there are none */
	struct order_key key;
	/* At most one of them; neither: any path. Prefixes of one rule all have one length. */
	const struct slice *prefixes;
	const struct pattern **patterns;
	uint32_t prefixes_count, patterns_count;
};

/* All rules of one route, and what they stand on. Counted by every list that holds one of the rules; the route's
 * owner is told when the last one goes. Counts belong to the building thread. */
struct rule_set {
	unsigned refs;
	uint32_t count;
	uint32_t patterns_count;
	struct uuid id; /* of the route */
	struct arena arena;
	const struct pattern **patterns; /* of all rules, to be given back */
	void (*drop)(void *value);       /* NULL: nothing to tell */
	const struct route *route;
	void *value;
	struct rule rules[]; /* count, and room for one per path */
};

static inline struct rule_set *rule_set_ref(struct rule_set *s)
{
	s->refs++;
	return s;
}
void rule_set_unref(struct rule_set *s);

/* The order of, without ties. */
static inline bool rule_before(const struct rule *a, const struct rule *b)
{
	if (order_before(&a->key, &b->key))
		return true;
	return !order_before(&b->key, &a->key) && a->number < b->number;
}

/* What stays the same while one request looks for its rule. */
struct search {
	const struct router_request *request;
	uint32_t headers_count; /* how many of its fields count */
	uint32_t max_args;      /* and of its arguments */
	bool compatible;
	bool tls;
	uint16_t ceiling; /* rules of a greater category are passed over */
	size_t path_met;  /* rules that are looked at stand where these bytes of the path lead; 0: not known */
	struct pattern_scratch scratch;

	const struct rule *best;
	bool best_literal; /* found by the Host as it was sent: R-1.6 (c) */
	struct slice best_prefix;
	const struct pattern *best_pattern;
};

/* NULL with e set: the route cannot work. Starts with one reference; entry->value is the set's from then on. */
struct rule_set *rule_make(const struct router_entry *entry, const struct router_options *options, struct err *e);

/* The first test of a rule, cheapest first, that a request fails. */
enum rule_fault { RULE_FITS, RULE_METHOD, RULE_SNI, RULE_PATH, RULE_HEADERS, RULE_EXPRESSION };
enum rule_fault rule_fault(
        const struct rule *r, struct search *s, struct slice *prefix, const struct pattern **pattern);

/* Does everything but the host match? Then the matched part of the path is in *prefix (unset: the route has no
 * paths) and the pattern that matched it in *pattern. */
bool rule_matches(const struct rule *r, struct search *s, struct slice *prefix, const struct pattern **pattern);

/* "name:80" without its port, which goes to *port (may be NULL; else left alone when there is none). Cut at the first
 * colon that digits alone follow: brackets mean nothing (R-1.5, IPv6). */
struct slice host_without_port(struct slice host, int *port);

/* Header names equal: case-insensitive, and in the compatible flavour '-' equals '_'. */
bool rule_header_name_eq(const struct search *s, struct slice a, struct slice b);

#endif
