/* compile_l4: stream routes (R-1.7, "Stream routes"): each a part of its own, and a table of all of them in the order
 * in which sessions look at them. The table is made anew when one of them changes; they are few beside HTTP's. */
#include <stdlib.h>

#include "common/core/log.h"
#include "dp/config/compile.h"

/* Expressions speak of streams too, but are not matched there. */
static bool is_usable(const struct route *r)
{
	char id[UUID_TEXT + 1];

	if (r->expression.len == 0)
		return true;
	uuid_format(&r->id, id);
	log_error("route cannot be used and is left out: stream routes are matched by fields, not by an expression",
	        LOG_STR("route", id));
	return false;
}

void compile_l4_put(struct compiling *c, struct record *record)
{
	const struct route *r = record->entity;

	c->l4_table = true;
	if (!is_usable(r)) {
		pmap_remove(&c->s->l4_routes, uuid_slice(&r->id));
		return;
	}
	struct l4_route *part = part_new(sizeof *part, uuid_slice(&r->id));
	part_hold_record(part, record);
	part->route = r;
	part->value = record;
	part_give(&c->s->l4_routes, part);
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
	c->s->l4 = t;
}
