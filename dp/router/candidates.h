/* candidates: the rules at one place of the index (a host and a path), of which a request wants the first that
 * matches.
 *
 * A few are tested one after the other. Many (thousands of routes on one host and path that differ by a header, the
 * SNI or the method) are found by a hash of the value that tells most of them apart, so that nearly all are never
 * looked at. Shared between versions like everything in a router: see rule_list.h. */
#ifndef DP_ROUTER_CANDIDATES_H
#define DP_ROUTER_CANDIDATES_H

#include "dp/router/rule_list.h"

struct keyed;

struct candidates {               /* zeroed: empty; embedded by value */
	const struct rule *first; /* of plain: mostly it is the only one, and matches; NULL: plain is empty */
	struct rule_list *plain;  /* those to test one by one */
	struct keyed *keyed;      /* the others; NULL: none */
};

static inline bool candidates_is_empty(const struct candidates *c)
{
	return !c->first && !c->keyed;
}

void candidates_add(struct candidates *c, const struct rule *r, bool compatible);
void candidates_remove(struct candidates *c, const struct rule *r, bool compatible);

/* One holder more, and one less. */
struct candidates candidates_copy(const struct candidates *c);
void candidates_fini(struct candidates *c);

void candidates_search(const struct candidates *c, struct search *s, bool literal);

#endif
