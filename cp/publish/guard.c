/* guard: see guard.h. While batches are held, a candidate catalog shows what would be if they were not. */
#include "cp/publish/guard.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/core/log.h"
#include "common/entity/route.h"

struct guard {
	unsigned percent;
	struct feed_batch **held;
	size_t count, next, cap;
	struct catalog *candidate; /* NULL: nothing is held */
};

/* One per process: Admin threads ask without a handle. */
static struct {
	pthread_mutex_t lock;
	struct guard_status status;
	void (*release)(void *arg);
	void *arg;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void set_status(struct guard_status status)
{
	pthread_mutex_lock(&table.lock);
	table.status = status;
	pthread_mutex_unlock(&table.lock);
}

struct guard *guard_new(unsigned percent, void (*release)(void *arg), void *arg)
{
	struct guard *g = calloc(1, sizeof *g);

	if (!g)
		abort();
	g->percent = percent;
	pthread_mutex_lock(&table.lock);
	table.status = (struct guard_status){0};
	table.release = release;
	table.arg = arg;
	pthread_mutex_unlock(&table.lock);
	return g;
}

void guard_free(struct guard *g)
{
	if (!g)
		return;
	pthread_mutex_lock(&table.lock);
	table.release = NULL;
	table.status = (struct guard_status){0};
	pthread_mutex_unlock(&table.lock);
	while (g->next < g->count)
		feed_batch_free(g->held[g->next++]);
	if (g->candidate)
		catalog_free(g->candidate);
	free(g->held);
	free(g);
}

/* ---- judging --------------------------------------------------------------------------------------------------- */

static size_t routes_after(const struct catalog *before, const struct feed_batch *b)
{
	size_t n = b->snapshot ? 0 : catalog_count(before, &route_schema);

	for (size_t i = 0; i < b->n; i++) {
		const struct change *c = &b->changes[i];
		if (c->kind != &route_schema)
			continue;
		bool was = !b->snapshot && catalog_get(before, c->kind, &c->id), is = slice_is_set(c->json);
		n = n + is - was;
	}
	return n;
}

static bool is_too_few(const struct guard *g, size_t before, size_t after)
{
	return g->percent > 0 && g->percent < 100 && before >= GUARD_ROUTES &&
	       after * 100 < before * (100 - g->percent);
}

bool guard_holds(const struct guard *g, const struct catalog *published, const struct feed_batch *b)
{
	if (g->candidate)
		return true;
	return published && is_too_few(g, catalog_count(published, &route_schema), routes_after(published, b));
}

/* ---- holding --------------------------------------------------------------------------------------------------- */

static void apply(struct guard *g, const struct catalog *published, const struct feed_batch *b)
{
	if (b->snapshot && g->candidate) {
		catalog_free(g->candidate);
		g->candidate = NULL;
	}
	if (!g->candidate)
		g->candidate = b->snapshot ? catalog_new() : catalog_copy(published);
	for (size_t i = 0; i < b->n; i++) {
		if (b->records[i])
			catalog_put(g->candidate, b->records[i]);
		else if (!slice_is_set(b->changes[i].json))
			catalog_remove(g->candidate, b->changes[i].kind, &b->changes[i].id);
	}
}

static void push(struct guard *g, struct feed_batch *b)
{
	if (g->count == g->cap) {
		g->cap = g->cap ? g->cap * 2 : 8;
		g->held = realloc(g->held, g->cap * sizeof(struct feed_batch *));
		if (!g->held)
			abort();
	}
	g->held[g->count++] = b;
}

bool guard_keep(struct guard *g, const struct catalog *published, struct feed_batch *b)
{
	bool is_first = !g->candidate;
	size_t before = catalog_count(published, &route_schema);

	feed_batch_parse(b);
	apply(g, published, b);
	push(g, b);
	size_t after = catalog_count(g->candidate, &route_schema);
	set_status((struct guard_status){g->held[0]->version, b->version, before, after});
	if (is_first)
		log_error("a version takes most of the routes away and is held back until it is confirmed",
		        LOG_INT("version", b->version), LOG_INT("routes", before), LOG_INT("left", after));
	return !is_too_few(g, before, after);
}

struct feed_batch *guard_next(struct guard *g)
{
	if (g->next < g->count)
		return g->held[g->next++];
	if (g->candidate)
		catalog_free(g->candidate);
	g->candidate = NULL;
	g->count = g->next = 0;
	set_status((struct guard_status){0});
	return NULL;
}

/* ---- for other threads ----------------------------------------------------------------------------------------- */

void guard_status(struct guard_status *out)
{
	pthread_mutex_lock(&table.lock);
	*out = table.status;
	pthread_mutex_unlock(&table.lock);
}

bool guard_describe(struct err *out)
{
	struct guard_status s;

	guard_status(&s);
	if (s.newest == 0)
		return false;
	err_set(out,
	        "version %" PRIu64 " is held back, and what follows it: %zu of %zu routes would be left"
	        " (publish_guard); if that is meant, POST /versions/%" PRIu64 "/publish, else roll back",
	        s.first, s.routes_held, s.routes_published, s.newest);
	return true;
}

bool guard_confirm(uint64_t version)
{
	pthread_mutex_lock(&table.lock);
	bool is_held = version > 0 && version >= table.status.first && version <= table.status.newest &&
	               table.release;
	if (is_held)
		table.release(table.arg);
	pthread_mutex_unlock(&table.lock);
	return is_held;
}
