/* calculation: which routes stand in another order under the other route_match_calculation. Asked once, when
 * a data plane starts: so that whoever relies on the documented order learns where the released one differs. */
#include <stdlib.h>

#include "dp/router/router_private.h"

struct ranked {
	const struct rule *rule;
	struct order_key other; /* under the other calculation */
};

struct ranking {
	struct ranked *items;
	size_t count;
	enum router_calculation other;
};

static struct order_key other_key(const struct rule *r, enum router_calculation other)
{
	const struct route *route = r->set->route;
	struct order_subject subject = {.route = route,
	        .kinds = order_kinds(route),
	        .is_regex = r->patterns_count > 0,
	        .path_length = r->prefix_len};
	struct order_key k = order_compatible(&subject, other);

	k.id_high = r->key.id_high; /* also of a derived id */
	k.id_low = r->key.id_low;
	return k;
}

static bool rank_set(void *value, void *arg)
{
	const struct rule_set *set = value;
	struct ranking *to = arg;

	for (uint32_t i = 0; i < set->count; i++)
		if (!set->rules[i].expr)
			to->items[to->count++] = (struct ranked){
			        &set->rules[i], other_key(&set->rules[i], to->other)};
	return true;
}

static bool count_rules(void *value, void *arg)
{
	*(size_t *)arg += ((const struct rule_set *)value)->count;
	return true;
}

static int compare(const void *pa, const void *pb)
{
	const struct ranked *a = pa, *b = pb;

	return rule_before(a->rule, b->rule) ? -1 : rule_before(b->rule, a->rule);
}

/* Where any two routes stand the other way round, two neighbours do. */
void router_each_inversion(const struct router *r, unsigned most, router_pair_fn fn, void *arg)
{
	struct ranking all = {.other = r->options.calculation == ROUTER_STRICT ? ROUTER_ORIGINAL : ROUTER_STRICT};
	size_t rules = 0;

	if (r->options.flavor == ROUTER_TRADITIONAL)
		return;
	pmap_each(&r->sets, count_rules, &rules);
	all.items = malloc(sizeof *all.items * (rules + 1));
	if (!all.items)
		abort();
	pmap_each(&r->sets, rank_set, &all);
	qsort(all.items, all.count, sizeof *all.items, compare);
	for (size_t i = 1; i < all.count && most > 0; i++) {
		const struct ranked *a = &all.items[i - 1], *b = &all.items[i];
		if (a->rule->set == b->rule->set || !order_before(&b->other, &a->other))
			continue;
		fn(a->rule->set->route, b->rule->set->route, arg);
		most--;
	}
	free(all.items);
}
