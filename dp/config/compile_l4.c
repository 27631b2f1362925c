/* compile_l4: stream routes (R-1.7, "Stream routes"): each a part of its own, and a table of all of them in the order
 * in which sessions look at them. The table is made anew when one of them changes; they are few beside HTTP's. */
#include <stdlib.h>

#include "common/core/log.h"
#include "dp/config/compile.h"

static void complain(const struct route *r, const struct err *why)
{
	char id[UUID_TEXT + 1];

	uuid_format(&r->id, id);
	log_error("route cannot be used and is left out", LOG_STR("route", id), LOG_STR("problem", why->message));
}

void compile_l4_put(struct compiling *c, struct record *record)
{
	const struct route *r = record->entity;
	struct l4_route *part = part_new(sizeof *part, uuid_slice(&r->id));
	struct err e;

	c->l4_table = true;
	part_hold_record(part, record);
	part->route = r;
	part->expr = r->expression.len ? l4_expr_make(r, &part->part.arena, &e) : NULL;
	if (!r->expression.len || part->expr) {
		part_give(&c->s->l4_routes, part);
		return;
	}
	complain(r, &e);
	part_unref(part);
	pmap_remove(&c->s->l4_routes, uuid_slice(&r->id));
}

void compile_l4_remove(struct compiling *c, const struct uuid *id)
{
	if (pmap_remove(&c->s->l4_routes, uuid_slice(id)))
		c->l4_table = true;
}

static bool add(void *route, void *arg)
{
	struct l4_table *t = arg;

	t->routes[t->count++] = part_hold(t, route);
	return true;
}

static int in_order(const void *a, const void *b, void *traditional)
{
	const struct l4_route *const *one = a, *const *other = b;

	return l4_before((*one)->route, (*other)->route, *(bool *)traditional) ? -1 : 1;
}

/* ---- by name --------------------------------------------------------------------------------------------------- */

static bool is_pattern(struct slice name, const struct l4_table *t)
{
	return !t->exact_snis && name.len && (name.ptr[0] == '*' || name.ptr[name.len - 1] == '*');
}

static bool is_open(const struct route *r, const struct l4_table *t)
{
	for (size_t i = 0; i < r->snis.len; i++)
		if (is_pattern(r->snis.items[i], t))
			return true;
	return r->snis.len == 0;
}

static struct slice plain_name(struct arena *a, struct slice name)
{
	if (name.len && name.ptr[name.len - 1] == '.')
		name.len--;
	char *lower = arena_cstr(a, name);
	for (size_t i = 0; i < name.len; i++)
		lower[i] = (char)ascii_lower((unsigned char)lower[i]);
	return slice_of(lower, name.len);
}

static int by_name(const void *pa, const void *pb)
{
	const struct l4_name *a = pa, *b = pb;
	int c = slice_cmp(a->name, b->name);

	return c ? c : a->at < b->at ? -1 : a->at > b->at;
}

static void index_names(struct l4_table *t)
{
	size_t most = 0;

	for (uint32_t i = 0; i < t->count; i++)
		most += t->routes[i]->route->snis.len;
	t->names = arena_array(&t->part.arena, struct l4_name, most);
	t->open = arena_array(&t->part.arena, uint32_t, t->count);
	for (uint32_t i = 0; i < t->count; i++) {
		const struct route *r = t->routes[i]->route;
		if (is_open(r, t)) {
			t->open[t->open_count++] = i;
			continue;
		}
		for (size_t n = 0; n < r->snis.len; n++)
			t->names[t->names_count++] = (struct l4_name){
			        plain_name(&t->part.arena, r->snis.items[n]), i};
	}
	if (t->names_count)
		qsort(t->names, t->names_count, sizeof *t->names, by_name);
}

void compile_l4(struct compiling *c, const struct router_options *options)
{
	bool traditional = options->flavor == ROUTER_TRADITIONAL;
	size_t n = c->s->l4_routes.count;

	if (!c->l4_table)
		return;
	part_unref((struct l4_table *)c->s->l4);
	c->s->l4 = NULL;
	if (n == 0)
		return;
	struct l4_table *t = part_new(sizeof *t + n * sizeof *t->routes, S("l4"));
	t->exact_snis = traditional;
	pmap_each(&c->s->l4_routes, add, t);
	qsort_r(t->routes, n, sizeof *t->routes, in_order, &traditional);
	index_names(t);
	c->s->l4 = t;
}
