/* rule_list: see rule_list.h. Adding and removing copy one pointer per rule: cheap as long as a list is short, and a
 * long one (rules that nothing tells apart) costs its requests far more than its changes. */
#include "dp/router/rule_list.h"

#include <stdlib.h>

static struct rule_list *resize(struct rule_list *l, uint32_t cap)
{
	l = realloc(l, sizeof *l + cap * sizeof l->rules[0]);
	if (!l)
		abort();
	l->cap = cap;
	return l;
}

static struct rule_list *copy_of(const struct rule_list *l, uint32_t cap)
{
	struct rule_list *copy = resize(NULL, cap);

	copy->refs = 1;
	copy->key = l->key;
	copy->count = l->count;
	for (uint32_t i = 0; i < l->count; i++) {
		rule_set_ref(l->rules[i]->set);
		copy->rules[i] = l->rules[i];
	}
	return copy;
}

/* *l, held by nobody else and with room for `count` rules. */
static struct rule_list *own(struct rule_list **l, uint32_t count)
{
	static const struct rule_list empty;
	struct rule_list *was = *l;

	if (!was)
		return *l = copy_of(&empty, count);
	if (was->refs > 1) {
		was->refs--;
		return *l = copy_of(was, count);
	}
	return *l = was->cap >= count ? was : resize(was, count + count / 2);
}

/* Where r is, or where it belongs. */
static uint32_t place_of(const struct rule_list *l, const struct rule *r)
{
	uint32_t low = 0, high = l ? l->count : 0;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (rule_before(l->rules[middle], r))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool rule_list_has(const struct rule_list *l, const struct rule *r)
{
	uint32_t at = place_of(l, r);

	return l && at < l->count && l->rules[at] == r;
}

void rule_list_add(struct rule_list **l, const struct rule *r)
{
	uint32_t at = place_of(*l, r), count = *l ? (*l)->count : 0;

	if (at < count && (*l)->rules[at] == r) /* a host or a path that the route names twice */
		return;
	struct rule_list *to = own(l, count + 1);
	memmove(&to->rules[at + 1], &to->rules[at], (count - at) * sizeof to->rules[0]);
	to->rules[at] = r;
	to->count++;
	rule_set_ref(r->set);
}

bool rule_list_remove(struct rule_list **l, const struct rule *r)
{
	uint32_t at = place_of(*l, r), count = *l ? (*l)->count : 0;

	if (at == count || (*l)->rules[at] != r)
		return false;
	if (count == 1) {
		rule_list_unref(*l);
		*l = NULL;
		return true;
	}
	struct rule_list *from = own(l, count);
	memmove(&from->rules[at], &from->rules[at + 1], (count - at - 1) * sizeof from->rules[0]);
	from->count--;
	rule_set_unref(r->set);
	return true;
}

void rule_list_unref(struct rule_list *l)
{
	if (!l || --l->refs > 0)
		return;
	for (uint32_t i = 0; i < l->count; i++)
		rule_set_unref(l->rules[i]->set);
	free(l);
}

/* ---- searching ---------------------------------------------------------------------------------------------- */

static bool comes_before_best(const struct rule *r, bool literal, const struct search *s)
{
	if (!s->best)
		return true;
	if (literal != s->best_literal && r->category == s->best->category)
		return literal;
	return rule_before(r, s->best);
}

bool rule_list_try(const struct rule *r, struct search *s, bool literal)
{
	struct slice prefix;
	const struct pattern *pattern;

	if (!comes_before_best(r, literal, s))
		return true;
	if (r->category > s->ceiling || !rule_matches(r, s, &prefix, &pattern))
		return false;
	s->best = r;
	s->best_literal = literal;
	s->best_prefix = prefix;
	s->best_pattern = pattern;
	return true;
}

void rule_list_search(const struct rule_list *l, uint32_t from, struct search *s, bool literal)
{
	for (uint32_t i = from; l && i < l->count && !rule_list_try(l->rules[i], s, literal); i++)
		continue;
}
