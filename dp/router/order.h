/* order: which of two rules comes first when both match (proxy.md 1.6 and 1.7). Everything that the order looks at is
 * packed into one key when a rule is made; comparing is comparing numbers. The greater key comes first. */
#ifndef DP_ROUTER_ORDER_H
#define DP_ROUTER_ORDER_H

#include "common/core/uuid.h"
#include "dp/router/router.h"

/* What a route restricts (R-1.6 step 2). */
enum { KIND_HOST = 64, KIND_HEADER = 32, KIND_PATH = 16, KIND_METHOD = 8, KIND_SNI = 4 };

struct order_key {
	uint64_t high, low, id_high, id_low;
};

/* What is to be ranked: a route with one path (traditional) or one group of paths (compatible). */
struct order_subject {
	const struct route *route;
	unsigned kinds;
	bool is_regex;
	size_t path_length; /* of a plain path; 0 for a regex or none */
	struct uuid id;     /* of the route, or derived: order_derived_id() */
};

unsigned order_kinds(const struct route *r);
struct order_key order_traditional(const struct order_subject *s);
struct order_key order_compatible(const struct order_subject *s, enum router_calculation calculation);
/* Of a route with an expression: before all others. */
struct order_key order_expression(const struct route *r);

/* Id of the n-th group of paths of a route (from 1): a name-based UUID. */
struct uuid order_derived_id(const struct uuid *route, unsigned n);

/* steps 2 and 4: the category of a set of kinds as a number; the greater one is tried first. */
unsigned order_category(unsigned kinds);

static inline bool order_before(const struct order_key *a, const struct order_key *b)
{
	if (a->high != b->high)
		return a->high > b->high;
	if (a->low != b->low)
		return a->low > b->low;
	if (a->id_high != b->id_high)
		return a->id_high > b->id_high;
	return a->id_low > b->id_low;
}

#endif
