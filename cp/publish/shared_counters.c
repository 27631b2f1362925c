/* shared_counters: see shared_counters.h. */
#include "cp/publish/shared_counters.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/core/map.h"

enum { SWEEP_MS = 10000 };

struct share { /* one node's */
	struct uuid node;
	uint64_t said;      /* in its last Poll here */
	uint64_t here;      /* what its Polls here have said in all, over restarts */
	uint64_t elsewhere; /* what another control plane knows of it in all */
};

struct total {
	struct total *newer, *older; /* by changed_ms */
	char *key;
	uint64_t sum, ends_ms, changed_ms;
	struct share *shares;
	size_t count;
};

static struct {
	pthread_mutex_t lock;
	struct map totals; /* key -> struct total */
	struct total *newest, *oldest;
	uint64_t swept_ms;
	bool has_news;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint64_t count_of(const struct share *s)
{
	return s->here > s->elsewhere ? s->here : s->elsewhere;
}

static void unlink_total(struct total *t)
{
	*(t->newer ? &t->newer->older : &table.newest) = t->older;
	*(t->older ? &t->older->newer : &table.oldest) = t->newer;
}

static void link_newest(struct total *t)
{
	t->newer = NULL;
	t->older = table.newest;
	*(table.newest ? &table.newest->newer : &table.oldest) = t;
	table.newest = t;
}

static void free_total(struct total *t)
{
	unlink_total(t);
	free(t->shares);
	free(t->key);
	free(t);
}

static void sweep(uint64_t now_ms)
{
	for (struct total *t = table.oldest, *next; t; t = next) {
		next = t->newer;
		if (t->ends_ms > now_ms)
			continue;
		map_remove(&table.totals, slice_cstr(t->key));
		free_total(t);
	}
	table.swept_ms = now_ms;
}

/* NULL: there is no room for another. */
static struct total *find_or_add(struct slice key)
{
	struct total *t = map_get(&table.totals, key);
	if (t || table.totals.count >= SHARED_COUNTERS_MAX)
		return t;
	t = calloc(1, sizeof *t);
	if (!t)
		abort();
	t->key = slice_strdup(key);
	link_newest(t);
	map_set(&table.totals, key, t);
	return t;
}

/* The window of this name that is open now. */
static struct total *total_of(struct slice key, uint64_t left_ms, uint64_t now_ms)
{
	struct total *t = find_or_add(key);
	if (!t)
		return NULL;
	if (t->ends_ms <= now_ms) { /* new, or another window */
		free(t->shares);
		t->shares = NULL;
		t->sum = t->count = 0;
		t->ends_ms = 0;
	}
	if (now_ms + left_ms > t->ends_ms)
		t->ends_ms = now_ms + left_ms;
	return t;
}

static struct share *share_of(struct total *t, const struct uuid *node)
{
	for (size_t i = 0; i < t->count; i++)
		if (uuid_eq(&t->shares[i].node, node))
			return &t->shares[i];
	t->shares = realloc(t->shares, (t->count + 1) * sizeof *t->shares);
	if (!t->shares)
		abort();
	t->shares[t->count] = (struct share){.node = *node};
	return &t->shares[t->count++];
}

/* A node that says less than before has begun anew: what it said then has happened all the same. One that has told
 * another control plane before may have begun anew there. */
static void hear(struct share *s, uint64_t said)
{
	if (s->here == 0)
		s->here = said > s->elsewhere ? said : s->elsewhere;
	else
		s->here += said >= s->said ? said - s->said : said;
	s->said = said;
}

static uint64_t take(const struct uuid *node, const Gatehouse__Sync__CounterReport *r, uint64_t now_ms)
{
	struct total *t = total_of(slice_cstr(r->key), (uint64_t)r->seconds_left * 1000, now_ms);
	if (!t)
		return 0;
	struct share *s = share_of(t, node);
	uint64_t before = count_of(s);
	if (r->count != s->said) {
		t->changed_ms = now_ms;
		unlink_total(t);
		link_newest(t);
		table.has_news = true;
	}
	hear(s, r->count);
	t->sum += count_of(s) - before;
	return t->sum - s->said;
}

void shared_counters_answer(
        const struct uuid *node, const Gatehouse__Sync__Poll *p, Gatehouse__Sync__Envelope *e, uint64_t now_ms)
{
	size_t n = p->n_counters < SHARED_COUNTERS_POLL ? p->n_counters : SHARED_COUNTERS_POLL;

	if (n == 0)
		return;
	pthread_mutex_lock(&table.lock);
	if (now_ms - table.swept_ms > SWEEP_MS)
		sweep(now_ms);
	e->counters = calloc(n, sizeof *e->counters);
	Gatehouse__Sync__CounterTotal *all = calloc(n, sizeof *all);
	if (!e->counters || !all)
		abort();
	for (size_t i = 0; i < n; i++) {
		const Gatehouse__Sync__CounterReport *r = p->counters[i];
		if (strlen(r->key) > SHARED_COUNTERS_KEY)
			continue;
		gatehouse__sync__counter_total__init(&all[e->n_counters]);
		all[e->n_counters].key = r->key;
		all[e->n_counters].others = take(node, r, now_ms);
		e->counters[e->n_counters] = &all[e->n_counters];
		e->n_counters++;
	}
	pthread_mutex_unlock(&table.lock);
	if (e->n_counters == 0) {
		free(all);
		free(e->counters);
		e->counters = NULL;
	}
}

void shared_counters_release(Gatehouse__Sync__Envelope *e)
{
	if (!e->n_counters)
		return;
	free(e->counters[0]);
	free(e->counters);
}

/* ---- other control planes -------------------------------------------------------------------------------------- */

bool shared_counters_have_news(void)
{
	pthread_mutex_lock(&table.lock);
	bool has_news = table.has_news;
	pthread_mutex_unlock(&table.lock);
	return has_news;
}

static json_t *export_one(const struct total *t, uint64_t now_ms)
{
	json_t *nodes = json_object();
	char id[UUID_TEXT + 1];

	for (size_t i = 0; i < t->count; i++) {
		if (t->shares[i].here == 0)
			continue;
		uuid_format(&t->shares[i].node, id);
		json_object_set_new(nodes, id, json_integer((json_int_t)t->shares[i].here));
	}
	return json_pack("{s:I, s:o}", "left", (json_int_t)((t->ends_ms - now_ms + 999) / 1000), "nodes", nodes);
}

json_t *shared_counters_export(uint64_t now_ms)
{
	json_t *out = json_object();

	pthread_mutex_lock(&table.lock);
	for (struct total *t = table.newest; t && json_object_size(out) < SHARED_COUNTERS_EXPORT; t = t->older) {
		if (t->changed_ms + SHARED_COUNTERS_EXPORT_MS < now_ms)
			break;
		if (t->ends_ms > now_ms)
			json_object_set_new(out, t->key, export_one(t, now_ms));
	}
	table.has_news = false;
	pthread_mutex_unlock(&table.lock);
	return out;
}

static void import_one(struct total *t, const json_t *nodes)
{
	const char *id;
	json_t *count;
	struct uuid node;

	json_object_foreach((json_t *)nodes, id, count)
	{
		json_int_t n = json_integer_value(count);
		if (n <= 0 || !uuid_parse(slice_cstr(id), &node))
			continue;
		struct share *s = share_of(t, &node);
		uint64_t before = count_of(s);
		if ((uint64_t)n > s->elsewhere)
			s->elsewhere = (uint64_t)n;
		t->sum += count_of(s) - before;
	}
}

void shared_counters_import(const json_t *counters, uint64_t age_ms, uint64_t now_ms)
{
	const char *key;
	json_t *one;

	pthread_mutex_lock(&table.lock);
	json_object_foreach((json_t *)counters, key, one)
	{
		json_int_t left_ms = json_integer_value(json_object_get(one, "left")) * 1000 - (json_int_t)age_ms;
		struct total *t = left_ms > 0 && strlen(key) <= SHARED_COUNTERS_KEY
		                          ? total_of(slice_cstr(key), (uint64_t)left_ms, now_ms)
		                          : NULL;
		if (t)
			import_one(t, json_object_get(one, "nodes"));
	}
	pthread_mutex_unlock(&table.lock);
}

size_t shared_counters_size(void)
{
	return table.totals.count;
}

void shared_counters_clear(void)
{
	pthread_mutex_lock(&table.lock);
	while (table.newest)
		free_total(table.newest);
	map_fini(&table.totals);
	table.totals = (struct map){0};
	table.has_news = false;
	pthread_mutex_unlock(&table.lock);
}
