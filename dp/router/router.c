/* router: changing and matching; see router.h and README.md.
 *
 * change: route -> rules (rule_make.c), rules -> tries by host (index.c), within them by path (trie.c).
 * match: the best rule of every trie that the request's host leads to; best means first in the order (order.c). */
#include "dp/router/router_private.h"

#include <stdlib.h>

enum { HEADERS_DEFAULT = 100, ARGS_DEFAULT = 100 };

static struct slice set_id(const void *value, const void *context)
{
	return uuid_slice(&((const struct rule_set *)value)->id);
}

static void *set_hold(void *value)
{
	return rule_set_ref(value);
}

static void set_drop(void *value)
{
	rule_set_unref(value);
}

static const struct pmap_ops set_ops = {set_id, set_hold, set_drop};

static struct router *allocate(void)
{
	struct router *r = malloc(sizeof *r);

	if (!r)
		abort();
	return r;
}

struct router *router_new(const struct router_options *options)
{
	struct router *r = allocate();

	*r = (struct router){.options = *options};
	pmap_init(&r->sets, &set_ops, NULL);
	index_init(&r->index, options->flavor != ROUTER_TRADITIONAL);
	entry_init(&r->entry);
	return r;
}

struct router *router_copy(const struct router *r)
{
	struct router *copy = allocate();

	*copy = *r;
	copy->sets = pmap_copy(&r->sets);
	copy->index = index_copy(&r->index);
	copy->entry = entry_copy(&r->entry);
	return copy;
}

void router_free(struct router *r)
{
	if (!r)
		return;
	entry_fini(&r->entry);
	index_fini(&r->index);
	pmap_fini(&r->sets);
	free(r);
}

size_t router_count(const struct router *r)
{
	return r->sets.count;
}

/* ---- changing ----------------------------------------------------------------------------------------------- */

static bool note_entry(void *set, void *router)
{
	struct router *r = router;

	entry_add(&r->entry, set);
	return true;
}

/* The first route with SNIs makes the entry point observable, the last one ends that. */
static void count_snis(struct router *r, const struct rule_set *set, bool comes)
{
	bool has_snis = set->route->snis.len > 0, was_needed = r->with_snis > 0;

	if (r->options.flavor != ROUTER_TRADITIONAL)
		return;
	r->with_snis += has_snis ? (comes ? 1 : (size_t)-1) : 0;
	if (r->with_snis == 0) {
		entry_fini(&r->entry);
		entry_init(&r->entry);
	} else if (!was_needed) {
		pmap_each(&r->sets, note_entry, r);
	} else if (comes) {
		entry_add(&r->entry, set);
	} else {
		entry_remove(&r->entry, set);
	}
}

bool router_remove(struct router *r, const struct uuid *id)
{
	struct rule_set *set = pmap_get(&r->sets, uuid_slice(id));

	if (!set)
		return false;
	rule_set_ref(set);
	pmap_remove(&r->sets, uuid_slice(id));
	for (uint32_t i = 0; i < set->count; i++)
		index_remove(&r->index, &set->rules[i]);
	count_snis(r, set, false);
	rule_set_unref(set);
	return true;
}

bool router_put(struct router *r, const struct router_entry *entry, struct err *e)
{
	router_remove(r, &entry->route->id);
	if (!index_accepts(entry->route, e))
		return false;
	struct rule_set *set = rule_make(entry, &r->options, e);
	if (!set)
		return false;
	pmap_put(&r->sets, set);
	for (uint32_t i = 0; i < set->count; i++)
		index_add(&r->index, &set->rules[i]);
	count_snis(r, set, true);
	rule_set_unref(set);
	return true;
}

static void report(struct text *problems, const struct route *route, const struct err *e)
{
	char id[UUID_TEXT + 1];

	if (!problems)
		return;
	uuid_format(&route->id, id);
	text_printf(problems, "%sroute %s: %s", problems->len ? "\n" : "", id, e->message);
}

struct router *router_build(
        const struct router_entry *entries, size_t n, const struct router_options *options, struct text *problems)
{
	struct router *r = router_new(options);
	struct err e;

	for (size_t i = 0; i < n; i++)
		if (!router_put(r, &entries[i], &e))
			report(problems, entries[i].route, &e);
	return r;
}

/* ---- match -------------------------------------------------------------------------------------------------- */

static uint32_t headers_in_view(const struct router *r, const struct head *head)
{
	uint32_t most = r->options.max_headers ? r->options.max_headers : HEADERS_DEFAULT;

	return !head ? 0 : head->count < most ? head->count : most;
}

/* R-1.6 (a). What is passed over are only rules with SNIs, which match on plaintext without a hit; so it is worked
 * out only when such a rule has won. */
static void enter_later(const struct router *r, struct search *s, bool host_hit)
{
	unsigned category = entry_category(&r->entry, s, host_hit);

	if (category == 0 || category >= s->best->category)
		return;
	s->ceiling = (uint16_t)category;
	s->best = NULL;
	index_search(&r->index, s);
}

struct search router_search(const struct router *r, const struct router_request *q)
{
	return (struct search){
	        .request = q,
	        .headers_count = headers_in_view(r, q->head),
	        .max_args = r->options.max_args ? r->options.max_args : ARGS_DEFAULT,
	        .compatible = r->options.flavor != ROUTER_TRADITIONAL,
	        .tls = slice_eq(q->scheme, S("https")),
	        .ceiling = UINT16_MAX,
	        .scratch = {.arena = q->arena},
	};
}

bool router_match(const struct router *r, const struct router_request *q, struct router_match *out)
{
	struct search s = router_search(r, q);
	bool host_hit = index_search(&r->index, &s);
	if (s.best && r->with_snis && !s.tls && s.best->tests->snis_count)
		enter_later(r, &s, host_hit);
	if (!s.best)
		return false;
	*out = (struct router_match){
	        .value = s.best->set->value, .route = s.best->set->route, .prefix = s.best_prefix};
	if (s.best_pattern)
		out->captures_count = pattern_captures(s.best_pattern, q->path, &s.scratch, &out->captures);
	return true;
}
