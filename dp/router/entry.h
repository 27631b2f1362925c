/* entry: the entry point of the traditional order (R-1.6 step 4, consequence (a)).
 *
 * Matching starts at the category of exactly those kinds that the request shares with any route at all, when some
 * route has exactly those. A route that matches has only kinds that are hit, so nothing is lost by that, with one
 * exception: on plaintext a route with SNIs matches although no SNI is hit, and may stand in a category before the
 * entry point. */
#ifndef DP_ROUTER_ENTRY_H
#define DP_ROUTER_ENTRY_H

#include "dp/router/rule.h"

struct entry;

/* NULL when no rule has SNIs: then the entry point cannot be observed. */
struct entry *entry_new(struct rule *const *rules, size_t n);
void entry_free(struct entry *x);

/* order_category() of the entry point for a plaintext request; 0: there is none, matching starts at the first. */
unsigned entry_category(const struct entry *x, const struct search *s, bool host_hit);

#endif
