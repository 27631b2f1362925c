/* entry: the entry point of the traditional order (R-1.6 step 4, consequence (a)).
 *
 * Matching starts at the category of exactly those kinds that the request shares with any route at all, when some
 * route has exactly those. A route that matches has only kinds that are hit, so nothing is lost by that, with one
 * exception: on plaintext a route with SNIs matches although no SNI is hit, and may stand in a category before the
 * entry point. So a router needs this only while some route has SNIs. */
#ifndef DP_ROUTER_ENTRY_H
#define DP_ROUTER_ENTRY_H

#include "common/core/pmap.h"
#include "dp/router/trie.h"

/* Every method, header name, path and set of kinds that any route has, each apart from the others. Embedded by value;
 * shared between versions. */
struct entry {
	struct pmap uses;
	struct trie_node *paths;
};

void entry_init(struct entry *x);
struct entry entry_copy(const struct entry *x);
void entry_fini(struct entry *x);

void entry_add(struct entry *x, const struct rule_set *set);
void entry_remove(struct entry *x, const struct rule_set *set);

/* order_category() of the entry point for a plaintext request; 0: there is none, matching starts at the first. */
unsigned entry_category(const struct entry *x, const struct search *s, bool host_hit);

#endif
