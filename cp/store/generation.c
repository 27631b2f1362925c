/* generation: see generation.h. */
#include "cp/store/generation.h"

#include <stdatomic.h>
#include <stdlib.h>

struct rows {
	struct record **items;
	size_t len;
};

struct generation {
	atomic_uint refs;
	uint64_t version;
	struct catalog *catalog;
	struct generation *before;
	struct rows rows[KINDS_MAX];
};

static bool add_row(struct record *r, void *arg)
{
	struct rows *rows = arg;
	rows->items[rows->len++] = r;
	return true;
}

static int by_id(const void *a, const void *b)
{
	const struct record *x = *(struct record *const *)a, *y = *(struct record *const *)b;
	return memcmp(x->id.bytes, y->id.bytes, sizeof x->id.bytes);
}

struct generation *generation_new(struct catalog *c)
{
	struct generation *g = calloc(1, sizeof *g);

	if (!g)
		abort();
	g->refs = 1;
	g->catalog = c;
	for (size_t k = 0; k < kinds_count(); k++) {
		g->rows[k].items = calloc(catalog_count(c, kinds_at(k)) + 1, sizeof(struct record *));
		if (!g->rows[k].items)
			abort();
		catalog_each(c, kinds_at(k), add_row, &g->rows[k]);
		qsort(g->rows[k].items, g->rows[k].len, sizeof(struct record *), by_id);
	}
	return g;
}

struct generation *generation_ref(struct generation *g)
{
	atomic_fetch_add(&g->refs, 1);
	return g;
}

void generation_unref(struct generation *g)
{
	if (!g || atomic_fetch_sub(&g->refs, 1) > 1)
		return;
	generation_unref(g->before);
	for (size_t k = 0; k < KINDS_MAX; k++)
		free(g->rows[k].items);
	catalog_free(g->catalog);
	free(g);
}

void generation_follow(struct generation *g, struct generation *before, uint64_t version)
{
	g->version = version;
	catalog_set_version(g->catalog, version);
	if (!before)
		return;
	/* one step back is enough for the difference; a chain would grow for ever */
	struct generation *older = before->before;
	before->before = NULL;
	generation_unref(older);
	g->before = before;
}

uint64_t generation_version(const struct generation *g)
{
	return g->version;
}

struct generation *generation_hold_before(const struct generation *g)
{
	return g->before ? generation_ref(g->before) : NULL;
}

const struct catalog *generation_catalog(const struct generation *g)
{
	return g->catalog;
}

struct record *const *generation_rows(const struct generation *g, const struct schema *kind, size_t *n)
{
	const struct rows *rows = &g->rows[kinds_index(kind)];
	*n = rows->len;
	return rows->items;
}
