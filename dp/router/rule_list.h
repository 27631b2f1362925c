/* rule_list: rules in their order, of which a request wants the first that matches. The smallest piece of a router
 * that several versions share: counted, and copied before it changes when somebody else holds it too.
 *
 * Counts are plain integers and belong to the thread that builds; any thread may read a list that is held. */
#ifndef DP_ROUTER_RULE_LIST_H
#define DP_ROUTER_RULE_LIST_H

#include "dp/router/rule.h"

struct rule_list {
	unsigned refs;
	uint32_t count, cap;
	uint64_t key; /* for whoever files lists by a number (candidates.c) */
	const struct rule *rules[];
};

/* The list at *l (NULL: empty) with r in its place; *l is the caller's own from then on. */
void rule_list_add(struct rule_list **l, const struct rule *r);
/* Without r; an empty list becomes NULL. False: it was not there, nothing has changed. */
bool rule_list_remove(struct rule_list **l, const struct rule *r);
bool rule_list_has(const struct rule_list *l, const struct rule *r);

static inline struct rule_list *rule_list_ref(struct rule_list *l)
{
	if (l)
		l->refs++;
	return l;
}
void rule_list_unref(struct rule_list *l); /* NULL is fine */

/* Puts the first that matches, of those from number `from` on, into s->best when it comes before what is there. */
void rule_list_search(const struct rule_list *l, uint32_t from, struct search *s, bool literal);
/* The same for one rule. True: no rule after it can be better than s->best is now. */
bool rule_list_try(const struct rule *r, struct search *s, bool literal);

#endif
