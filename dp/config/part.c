/* part: see part.h. */
#include "dp/config/part.h"

#include <stdlib.h>

enum { ROOM = 160 }; /* for what a usual part owns besides itself */

void *part_new(size_t size, struct slice key)
{
	struct arena arena;

	arena_init_small(&arena, size + key.len + ROOM);
	struct part *p = arena_zalloc(&arena, size);
	p->refs = 1;
	p->key = arena_dup(&arena, key);
	p->arena = arena;
	return p;
}

void *part_ref(void *part)
{
	struct part *p = part;

	if (p)
		p->refs++;
	return p;
}

void part_unref(void *part)
{
	struct part *p = part;

	if (!p || --p->refs > 0)
		return;
	struct arena arena = p->arena; /* p is in it */
	arena_fini(&arena);
}

static void let_go_of_record(void *record)
{
	record_unref(record);
}

void *part_hold(void *part, const void *other)
{
	struct part *p = part;

	if (other)
		arena_defer(&p->arena, part_unref, part_ref((void *)other)); /* its count is ours to change */
	return (void *)other;
}

void part_hold_record(void *part, struct record *r)
{
	struct part *p = part;

	arena_defer(&p->arena, let_go_of_record, record_ref(r));
}

static struct slice part_key(const void *value, const void *context)
{
	return ((const struct part *)value)->key;
}

const struct pmap_ops part_ops = {part_key, part_ref, part_unref};

void part_give(struct pmap *m, void *part)
{
	pmap_put(m, part);
	part_unref(part);
}
