/* candidates: rules in their order, of which a request wants the first that matches.
 *
 * A few are tested one after the other. Many (thousands of routes on one host and path that differ by a header, the
 * SNI or the method) are found by a hash of the value that tells most of them apart, so that nearly all are never
 * looked at. */
#ifndef DP_ROUTER_CANDIDATES_H
#define DP_ROUTER_CANDIDATES_H

#include "dp/router/rule.h"

struct keyed;

struct candidates {
	struct rule **rules; /* those to test one by one */
	uint32_t count;
	const struct keyed *keyed; /* the others; NULL: none */
};

/* `rules` are in their order and must live as long. */
void candidates_init(struct candidates *c, struct arena *a, struct rule **rules, size_t n, bool compatible);

/* Puts the first that matches into s->best when it comes before what is there. */
void candidates_search(const struct candidates *c, struct search *s, bool literal);

#endif
