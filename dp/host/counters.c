/* counters: see counters.h.
 *
 * The keys of one decision may fall into different shards. They are locked in ascending order, each once, so that two
 * decisions never wait for each other in a circle. */
#include "dp/host/counters.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/core/map.h"

struct cell {
	int64_t value, others; /* others: of other nodes */
	uint64_t ends_ms;
	bool is_news; /* counted since others were told */
};

struct shard {
	_Alignas(64) pthread_mutex_t lock;
	struct map cells;
	uint64_t swept_ms;
};

struct counters {
	struct shard shards[COUNTERS_SHARDS];
	uint64_t dropped; /* atomic */
};

struct counters *counters_new(void)
{
	struct counters *c = aligned_alloc(64, sizeof *c);
	if (!c)
		abort();
	memset(c, 0, sizeof *c);
	for (int i = 0; i < COUNTERS_SHARDS; i++)
		pthread_mutex_init(&c->shards[i].lock, NULL);
	return c;
}

void counters_free(struct counters *c)
{
	for (int i = 0; i < COUNTERS_SHARDS; i++) {
		struct slice key;
		void *cell;
		for (size_t at = 0; map_next(&c->shards[i].cells, &at, &key, &cell);)
			free(cell);
		map_fini(&c->shards[i].cells);
		pthread_mutex_destroy(&c->shards[i].lock);
	}
	free(c);
}

static unsigned shard_of(const struct counter *counter)
{
	return (unsigned)(counter->hash >> 58); /* the map uses the low bits */
}

/* Hashes the keys. Which shards a decision touches, as bits. */
static uint64_t shards_of(struct counter *list, size_t n)
{
	uint64_t bits = 0;
	for (size_t i = 0; i < n; i++) {
		list[i].hash = slice_hash(list[i].key);
		bits |= (uint64_t)1 << shard_of(&list[i]);
	}
	return bits;
}

static void lock_all(struct counters *c, uint64_t bits)
{
	for (; bits; bits &= bits - 1)
		pthread_mutex_lock(&c->shards[__builtin_ctzll(bits)].lock);
}

static void unlock_all(struct counters *c, uint64_t bits)
{
	for (; bits; bits &= bits - 1)
		pthread_mutex_unlock(&c->shards[__builtin_ctzll(bits)].lock);
}

/* Drops cells whose window is over; when that is not enough, those ending within `soon_ms`. */
static size_t sweep(struct shard *s, uint64_t until_ms)
{
	size_t count = 0, cap = s->cells.count;
	struct slice *over = malloc((cap ? cap : 1) * sizeof *over);
	struct slice key;
	void *value;

	if (!over)
		abort();
	for (size_t at = 0; map_next(&s->cells, &at, &key, &value);)
		if (((struct cell *)value)->ends_ms <= until_ms)
			over[count++] = slice_of(slice_strdup(key), key.len);
	for (size_t i = 0; i < count; i++) {
		free(map_remove(&s->cells, over[i]));
		free((char *)over[i].ptr);
	}
	free(over);
	return count;
}

static void make_room(struct counters *c, struct shard *s, uint64_t now_ms)
{
	if (now_ms - s->swept_ms > 10000) {
		sweep(s, now_ms);
		s->swept_ms = now_ms;
	}
	for (uint64_t soon_ms = 1000; s->cells.count >= COUNTERS_MAX; soon_ms *= 4) {
		size_t dropped = sweep(s, now_ms + soon_ms);
		__atomic_fetch_add(&c->dropped, dropped, __ATOMIC_RELAXED);
	}
}

static struct cell *cell_of(struct counters *c, const struct counter *counter, uint64_t now_ms)
{
	struct shard *s = &c->shards[shard_of(counter)];
	struct cell *cell = map_get_hashed(&s->cells, counter->key, counter->hash);
	if (!cell) {
		make_room(c, s, now_ms);
		cell = calloc(1, sizeof *cell);
		if (!cell)
			abort();
		map_set(&s->cells, counter->key, cell);
	}
	if (cell->ends_ms <= now_ms)
		*cell = (struct cell){.ends_ms = now_ms + (uint64_t)counter->window_s * 1000};
	return cell;
}

static int64_t weight_of(const struct counter *counter)
{
	return counter->add ? counter->add : 1;
}

/* cell: NULL when several were asked for: it may have been dropped since, to make room for another of them. */
static void add_to(struct counters *c, const struct counter *counter, struct cell *cell)
{
	if (!cell)
		cell = map_get_hashed(&c->shards[shard_of(counter)].cells, counter->key, counter->hash);
	if (!cell)
		return;
	cell->value += weight_of(counter);
	if (cell->value < 0)
		cell->value = 0;
	cell->is_news = true;
}

void counters_count(struct counters *c, struct count *count, uint64_t now_ms)
{
	struct counter *list = count->counters;
	uint64_t bits = shards_of(list, count->n);
	bool allowed = true;
	struct cell *cell = NULL;

	lock_all(c, bits);
	for (size_t i = 0; i < count->n; i++) {
		cell = cell_of(c, &list[i], now_ms);
		list[i].used = cell->value + cell->others;
		allowed = allowed && list[i].used + weight_of(&list[i]) <= list[i].limit;
	}
	for (size_t i = 0; i < count->n && !count->peek && (allowed || count->count_denied); i++)
		add_to(c, &list[i], count->n == 1 ? cell : NULL);
	unlock_all(c, bits);
}

/* ---- shared by nodes ------------------------------------------------------------------------------------------- */

static bool tell_shard(struct shard *s, uint64_t now_ms, counter_news_fn fn, void *arg)
{
	struct slice key;
	void *value;
	for (size_t at = 0; map_next(&s->cells, &at, &key, &value);) {
		struct cell *cell = value;
		if (!cell->is_news || cell->ends_ms <= now_ms)
			continue;
		if (!fn(arg, key, cell->value, (uint32_t)((cell->ends_ms - now_ms) / 1000 + 1)))
			return true;
		cell->is_news = false;
	}
	return false;
}

bool counters_news(struct counters *c, unsigned *shard, uint64_t now_ms, counter_news_fn fn, void *arg)
{
	for (int i = 0; i < COUNTERS_SHARDS; i++) {
		struct shard *s = &c->shards[*shard];
		pthread_mutex_lock(&s->lock);
		bool is_full = tell_shard(s, now_ms, fn, arg);
		pthread_mutex_unlock(&s->lock);
		if (is_full)
			return true;
		*shard = (*shard + 1) % COUNTERS_SHARDS;
	}
	return false;
}

static void change(struct counters *c, struct slice key, bool is_news, int64_t others)
{
	uint64_t hash = slice_hash(key);
	struct shard *s = &c->shards[hash >> 58];
	pthread_mutex_lock(&s->lock);
	struct cell *cell = map_get_hashed(&s->cells, key, hash);
	if (cell && is_news)
		cell->is_news = true;
	else if (cell)
		cell->others = others;
	pthread_mutex_unlock(&s->lock);
}

void counters_learn(struct counters *c, struct slice key, int64_t others)
{
	change(c, key, false, others);
}

void counters_tell_again(struct counters *c, struct slice key)
{
	if (slice_is_set(key)) {
		change(c, key, true, 0);
		return;
	}
	for (int i = 0; i < COUNTERS_SHARDS; i++) {
		struct shard *s = &c->shards[i];
		void *value;
		pthread_mutex_lock(&s->lock);
		for (size_t at = 0; map_next(&s->cells, &at, &key, &value);)
			((struct cell *)value)->is_news |= ((struct cell *)value)->value > 0;
		pthread_mutex_unlock(&s->lock);
	}
}

uint64_t counters_dropped(const struct counters *c)
{
	return __atomic_load_n(&c->dropped, __ATOMIC_RELAXED);
}

size_t counters_size(const struct counters *c)
{
	size_t n = 0;
	for (int i = 0; i < COUNTERS_SHARDS; i++)
		n += c->shards[i].cells.count;
	return n;
}
