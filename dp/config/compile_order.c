/* compile_order: moves the plugins of a chain to where their configurations' `ordering` wants them (ordering.h). A
 * wish changes as little as it can: the plugin goes right before the first, or right behind the last, of those that
 * it names. Wishes that contradict each other cannot all be met; the chain then keeps what it has come to, and the
 * log says so. */
#include "common/core/log.h"
#include "dp/config/compile.h"

static bool is_named(const struct slice_list *names, const struct plugin *p)
{
	for (size_t i = 0; i < names->len; i++)
		if (slice_eq(names->items[i], slice_cstr(p->name)))
			return true;
	return false;
}

static void move(struct chain *c, uint32_t from, uint32_t to)
{
	struct chain_link link = c->links[from];
	if (from < to)
		memmove(&c->links[from], &c->links[from + 1], (to - from) * sizeof link);
	else
		memmove(&c->links[to + 1], &c->links[to], (from - to) * sizeof link);
	c->links[to] = link;
}

/* True: link i has been moved. */
static bool move_before(struct chain *c, uint32_t i, const struct slice_list *names)
{
	for (uint32_t k = 0; k < i; k++)
		if (is_named(names, c->links[k].plugin)) {
			move(c, i, k);
			return true;
		}
	return false;
}

static bool move_after(struct chain *c, uint32_t i, const struct slice_list *names)
{
	for (uint32_t k = c->count; k-- > i + 1;)
		if (is_named(names, c->links[k].plugin)) {
			move(c, i, k);
			return true;
		}
	return false;
}

/* One wish that is not met yet; false: all are. */
static bool meet_one(struct chain *c)
{
	for (uint32_t i = 0; i < c->count; i++) {
		const struct plugin_instance *p = c->links[i].instance;
		if (p && p->ordering &&
		        (move_before(c, i, &p->ordering->before.access) ||
		                move_after(c, i, &p->ordering->after.access)))
			return true;
	}
	return false;
}

void compile_order(struct chain *c)
{
	for (uint32_t tries = c->count * c->count; tries > 0; tries--)
		if (!meet_one(c))
			return;
	if (c->count > 0 && meet_one(c))
		log_warn("the ordering of plugins contradicts itself", LOG_STR("plugin", c->links[0].plugin->name),
		        LOG_INT("plugins", c->count));
}
