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

static void move(struct chain_link *links, uint32_t from, uint32_t to)
{
	struct chain_link link = links[from];
	if (from < to)
		memmove(&links[from], &links[from + 1], (to - from) * sizeof link);
	else
		memmove(&links[to + 1], &links[to], (from - to) * sizeof link);
	links[to] = link;
}

/* True: link i has been moved. */
static bool move_before(struct chain_link *links, uint32_t i, const struct slice_list *names)
{
	for (uint32_t k = 0; k < i; k++)
		if (is_named(names, links[k].plugin)) {
			move(links, i, k);
			return true;
		}
	return false;
}

static bool move_after(struct chain_link *links, uint32_t count, uint32_t i, const struct slice_list *names)
{
	for (uint32_t k = count; k-- > i + 1;)
		if (is_named(names, links[k].plugin)) {
			move(links, i, k);
			return true;
		}
	return false;
}

/* One wish that is not met yet; false: all are. */
static bool meet_one(struct chain_link *links, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct plugin_instance *p = links[i].instance;
		if (p && p->ordering &&
		        (move_before(links, i, &p->ordering->before.access) ||
		                move_after(links, count, i, &p->ordering->after.access)))
			return true;
	}
	return false;
}

void compile_order(struct chain_link *links, uint32_t count)
{
	for (uint32_t tries = count * count; tries > 0; tries--)
		if (!meet_one(links, count))
			return;
	if (count > 0 && meet_one(links, count))
		log_warn("the ordering of plugins contradicts itself", LOG_STR("plugin", links[0].plugin->name),
		        LOG_INT("plugins", count));
}
