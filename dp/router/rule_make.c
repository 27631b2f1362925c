/* rule_make: from a route to its rules. Called by router.c for every route that comes; the invariant is that all
 * patterns taken here are in the set, which gives them back at its end, whatever happens. */
#include <stdlib.h>

#include "dp/router/expr_match.h"

enum { SMALL = 128 }; /* enough for the usual route: one rule with plain tests */

struct rule_maker {
	struct rule_set *set;
	struct arena *arena; /* the set's */
	const struct router_options *options;
};

static bool is_regex(struct slice path)
{
	return path.len > 0 && path.ptr[0] == '~';
}

static const struct pattern *take_pattern(
        struct rule_maker *m, enum pattern_kind kind, struct slice text, struct err *e)
{
	const struct pattern *p = pattern_get(kind, text, e);

	if (p)
		m->set->patterns[m->set->patterns_count++] = p;
	return p;
}

/* ---- tests that the rules of a route share ------------------------------------------------------------------ */

static bool is_header_regex(struct slice value, bool alone, bool compatible)
{
	return slice_starts(value, S("~*")) && (alone || compatible);
}

static bool make_header(struct rule_maker *m, const struct list_pair *pair, struct header_test *t, struct err *e)
{
	bool compatible = m->options->flavor != ROUTER_TRADITIONAL, alone = pair->values.len == 1;
	enum pattern_kind kind = compatible ? PATTERN_HEADER_COMPATIBLE : PATTERN_HEADER_TRADITIONAL;
	struct slice *values = arena_array(m->arena, struct slice, pair->values.len);

	t->name = pair->key;
	t->values = values;
	t->patterns = arena_alloc(m->arena, sizeof *t->patterns * pair->values.len);
	for (size_t i = 0; i < pair->values.len; i++) {
		struct slice value = pair->values.items[i];
		if (!is_header_regex(value, alone, compatible))
			values[t->values_count++] = value;
		else if (!(t->patterns[t->patterns_count++] = take_pattern(m, kind, slice_from(value, 2), e)))
			return false;
	}
	return true;
}

static bool make_headers(struct rule_maker *m, const struct list_map *headers, struct rule_tests *t, struct err *e)
{
	struct header_test *tests = arena_array(m->arena, struct header_test, headers->len);

	t->headers = tests;
	t->headers_count = (uint32_t)headers->len;
	for (size_t i = 0; i < headers->len; i++)
		if (!make_header(m, &headers->items[i], &tests[i], e))
			return false;
	return true;
}

/* Wildcards are known to the compatible flavour only. */
static struct sni_test make_sni(struct slice sni, bool compatible)
{
	if (sni.len > 0 && sni.ptr[sni.len - 1] == '.')
		sni.len--;
	if (compatible && sni.len > 0 && sni.ptr[0] == '*')
		return (struct sni_test){SNI_ENDS, slice_from(sni, 1)};
	if (compatible && sni.len > 0 && sni.ptr[sni.len - 1] == '*')
		return (struct sni_test){SNI_STARTS, slice_of(sni.ptr, sni.len - 1)};
	return (struct sni_test){SNI_EXACT, sni};
}

static const struct rule_tests *make_tests(struct rule_maker *m, const struct route *r, struct err *e)
{
	static const struct rule_tests none;

	if (!r->methods.len && !r->headers.len && !r->snis.len)
		return &none;
	struct rule_tests *t = arena_new(m->arena, struct rule_tests);
	t->methods = r->methods.items;
	t->methods_count = (uint32_t)r->methods.len;
	if (r->snis.len) {
		struct sni_test *snis = arena_array(m->arena, struct sni_test, r->snis.len);
		for (size_t i = 0; i < r->snis.len; i++)
			snis[i] = make_sni(r->snis.items[i], m->options->flavor != ROUTER_TRADITIONAL);
		t->snis = snis;
		t->snis_count = (uint32_t)r->snis.len;
	}
	return make_headers(m, &r->headers, t, e) ? t : NULL;
}

/* ---- paths -------------------------------------------------------------------------------------------------- */

/* All paths of `paths` are regexes, or all are prefixes of one length; or there are none. */
static bool set_paths(struct rule_maker *m, struct rule *r, const struct slice *paths, size_t n, struct err *e)
{
	enum pattern_kind kind = m->options->flavor == ROUTER_TRADITIONAL ? PATTERN_PATH_TRADITIONAL
	                                                                  : PATTERN_PATH_COMPATIBLE;

	if (n == 0 || !is_regex(paths[0])) {
		r->prefixes = paths;
		r->prefixes_count = (uint32_t)n;
		r->prefix_len = n ? (uint32_t)paths[0].len : 0;
		return true;
	}
	r->patterns = arena_alloc(m->arena, sizeof *r->patterns * n);
	for (size_t i = 0; i < n; i++)
		if (!(r->patterns[r->patterns_count++] = take_pattern(m, kind, slice_from(paths[i], 1), e)))
			return false;
	return true;
}

static bool make_rule(struct rule_maker *m, const struct rule *like, struct order_subject *subject,
        const struct slice *paths, size_t n, struct err *e)
{
	struct rule *r = &m->set->rules[m->set->count];

	*r = *like;
	r->number = (uint16_t)m->set->count;
	if (!set_paths(m, r, paths, n, e))
		return false;
	subject->is_regex = r->patterns_count > 0;
	subject->path_length = r->prefix_len;
	if (m->options->flavor == ROUTER_TRADITIONAL) {
		r->category = (uint16_t)order_category(subject->kinds);
		r->key = order_traditional(subject);
	} else {
		r->key = order_compatible(subject, m->options->calculation);
	}
	m->set->count++;
	return true;
}

/* step 1: each path on its own. */
static bool split_traditional(
        struct rule_maker *m, const struct rule *like, struct order_subject *subject, struct err *e)
{
	const struct slice_list *paths = &subject->route->paths;

	for (size_t i = 0; i < paths->len; i++)
		if (!make_rule(m, like, subject, &paths->items[i], 1, e))
			return false;
	return true;
}

static bool in_one_group(struct slice a, struct slice b)
{
	return is_regex(a) == is_regex(b) && (is_regex(a) || a.len == b.len);
}

/* The paths of the group that paths[at] opens, moved together on the arena; 0: it belongs to an earlier one. */
static size_t gather_group(struct arena *a, const struct slice_list *paths, size_t at, const struct slice **out)
{
	size_t n = 0;

	for (size_t i = 0; i < at; i++)
		if (in_one_group(paths->items[i], paths->items[at]))
			return 0;
	struct slice *group = arena_alloc(a, sizeof *group * (paths->len - at));
	for (size_t i = at; i < paths->len; i++)
		if (in_one_group(paths->items[i], paths->items[at]))
			group[n++] = paths->items[i];
	*out = group;
	return n;
}

/* all regexes together, and the prefixes of each length; more than one group get derived ids. */
static bool split_compatible(
        struct rule_maker *m, const struct rule *like, struct order_subject *subject, struct err *e)
{
	const struct slice_list *paths = &subject->route->paths;
	const struct slice *group;
	unsigned number = 0;

	for (size_t at = 0; at < paths->len; at++) {
		size_t n = gather_group(m->arena, paths, at, &group);
		if (n == 0)
			continue;
		if (n < paths->len)
			subject->id = order_derived_id(&subject->route->id, ++number);
		if (!make_rule(m, like, subject, group, n, e))
			return false;
	}
	return true;
}

/* At most one rule per path. */
static size_t rules_max(const struct route *r)
{
	return r->paths.len ? r->paths.len : 1;
}

/* At most one pattern per path or header value. */
static void make_room(struct rule_maker *m, const struct route *r)
{
	size_t patterns = r->paths.len + expr_rule_patterns_max(r);

	for (size_t i = 0; i < r->headers.len; i++)
		patterns += r->headers.items[i].values.len;
	m->set->patterns = arena_alloc(m->arena, sizeof *m->set->patterns * patterns);
}

static bool make_expression(struct rule_maker *m, const struct route *route, struct err *e)
{
	static const struct rule_tests none;
	struct rule_expr *x = arena_new(m->arena, struct rule_expr);

	make_room(m, route);
	if (!expr_rule_make(m->set, x, e))
		return false;
	m->set->rules[m->set->count++] = (struct rule){.set = m->set,
	        .key = order_expression(route),
	        .tests = &none,
	        .expr = x,
	        .prefixes = &x->path,
	        .prefixes_count = x->path.len > 0};
	return true;
}

static bool make_rules(struct rule_maker *m, const struct route *route, struct err *e)
{
	struct order_subject subject = {.route = route, .kinds = order_kinds(route), .id = route->id};
	struct rule like = {.set = m->set};

	if (m->options->flavor == ROUTER_EXPRESSIONS && route->expression.len)
		return make_expression(m, route, e);
	if (subject.kinds == 0)
		return err_set(e, "no hosts, paths, methods, headers or snis to match by");
	if (route->paths.len > UINT16_MAX)
		return err_set(e, "%zu paths, expected at most %d", route->paths.len, UINT16_MAX);
	make_room(m, route);
	if (!(like.tests = make_tests(m, route, e)))
		return false;
	if (route->paths.len <= 1)
		return make_rule(m, &like, &subject, route->paths.items, route->paths.len, e);
	if (m->options->flavor == ROUTER_TRADITIONAL)
		return split_traditional(m, &like, &subject, e);
	return split_compatible(m, &like, &subject, e);
}

struct rule_set *rule_make(const struct router_entry *entry, const struct router_options *options, struct err *e)
{
	struct rule_set *set = calloc(1, sizeof *set + rules_max(entry->route) * sizeof set->rules[0]);

	if (!set)
		abort();
	*set = (struct rule_set){.refs = 1, .id = entry->route->id, .route = entry->route, .value = entry->value};
	arena_init_small(&set->arena, SMALL);
	struct rule_maker m = {.set = set, .arena = &set->arena, .options = options};
	if (make_rules(&m, entry->route, e)) {
		set->drop = options->drop;
		return set;
	}
	rule_set_unref(set);
	return NULL;
}

void rule_set_unref(struct rule_set *s)
{
	if (--s->refs > 0)
		return;
	for (uint32_t i = 0; i < s->patterns_count; i++)
		pattern_put(s->patterns[i]);
	if (s->drop)
		s->drop(s->value);
	arena_fini(&s->arena);
	free(s);
}
