/* cache: see cache.h. A shard is a map and a list in order of use. */
#include "dp/host/cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/core/map.h"

enum { OVERHEAD = 128 }; /* of an entry, in map and lists */

struct cache_value {
	unsigned refs; /* atomic */
	size_t len;
	char bytes[];
};

struct entry {
	struct entry *newer, *older;
	struct cache_value *value;
	uint64_t until_ms;
	size_t size;
	struct slice key;
};

struct shard {
	_Alignas(64) pthread_mutex_t lock;
	struct map entries;
	struct entry *newest, *oldest;
	size_t bytes;
};

struct cache {
	struct shard shards[CACHE_SHARDS];
	size_t shard_max;
};

struct cache *cache_new(size_t bytes_max)
{
	struct cache *c = aligned_alloc(64, sizeof *c);
	if (!c)
		abort();
	memset(c, 0, sizeof *c);
	c->shard_max = bytes_max / CACHE_SHARDS;
	for (int i = 0; i < CACHE_SHARDS; i++)
		pthread_mutex_init(&c->shards[i].lock, NULL);
	return c;
}

struct slice cache_bytes(const struct cache_value *v)
{
	return slice_of(v->bytes, v->len);
}

void cache_release(struct cache_value *v)
{
	if (__atomic_sub_fetch(&v->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(v);
}

static struct shard *shard_of(struct cache *c, struct slice key)
{
	return &c->shards[slice_hash(key) >> 59]; /* the map uses the low bits */
}

static void unlink_entry(struct shard *s, struct entry *e)
{
	*(e->newer ? &e->newer->older : &s->newest) = e->older;
	*(e->older ? &e->older->newer : &s->oldest) = e->newer;
}

static void push_newest(struct shard *s, struct entry *e)
{
	e->newer = NULL;
	e->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = e;
	s->newest = e;
}

static void drop(struct shard *s, struct entry *e)
{
	unlink_entry(s, e);
	map_remove(&s->entries, e->key);
	s->bytes -= e->size;
	cache_release(e->value);
	free((char *)e->key.ptr);
	free(e);
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	for (int i = 0; i < CACHE_SHARDS; i++) {
		struct shard *s = &c->shards[i];
		while (s->oldest)
			drop(s, s->oldest);
		map_fini(&s->entries);
		pthread_mutex_destroy(&s->lock);
	}
	free(c);
}

struct cache_value *cache_get(struct cache *c, struct slice key, uint64_t now_ms)
{
	struct shard *s = shard_of(c, key);
	struct cache_value *v = NULL;

	pthread_mutex_lock(&s->lock);
	struct entry *e = map_get(&s->entries, key);
	if (e && e->until_ms <= now_ms) {
		drop(s, e);
	} else if (e) {
		unlink_entry(s, e);
		push_newest(s, e);
		v = e->value;
		__atomic_add_fetch(&v->refs, 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&s->lock);
	return v;
}

static struct entry *new_entry(struct slice key, struct slice value, uint64_t until_ms, size_t size)
{
	struct entry *e = calloc(1, sizeof *e);
	struct cache_value *v = malloc(sizeof *v + value.len);
	if (!e || !v)
		abort();
	v->refs = 1;
	v->len = value.len;
	memcpy(v->bytes, value.ptr, value.len);
	*e = (struct entry){
	        .value = v, .until_ms = until_ms, .size = size, .key = slice_of(slice_strdup(key), key.len)};
	return e;
}

bool cache_put(struct cache *c, struct slice key, struct slice value, uint64_t until_ms)
{
	size_t size = key.len + value.len + OVERHEAD;
	if (size > c->shard_max / 4)
		return false;
	struct entry *e = new_entry(key, value, until_ms, size);
	struct shard *s = shard_of(c, key);

	pthread_mutex_lock(&s->lock);
	struct entry *old = map_get(&s->entries, key);
	if (old)
		drop(s, old);
	while (s->oldest && s->bytes + size > c->shard_max)
		drop(s, s->oldest);
	map_set(&s->entries, e->key, e);
	push_newest(s, e);
	s->bytes += size;
	pthread_mutex_unlock(&s->lock);
	return true;
}

bool cache_delete(struct cache *c, struct slice key)
{
	struct shard *s = shard_of(c, key);
	pthread_mutex_lock(&s->lock);
	struct entry *e = map_get(&s->entries, key);
	if (e)
		drop(s, e);
	pthread_mutex_unlock(&s->lock);
	return e != NULL;
}

size_t cache_purge(struct cache *c, struct slice prefix)
{
	size_t n = 0;
	for (int i = 0; i < CACHE_SHARDS; i++) {
		struct shard *s = &c->shards[i];
		pthread_mutex_lock(&s->lock);
		for (struct entry *e = s->newest, *next; e; e = next) {
			next = e->older;
			if (slice_starts(e->key, prefix)) {
				drop(s, e);
				n++;
			}
		}
		pthread_mutex_unlock(&s->lock);
	}
	return n;
}

size_t cache_size(const struct cache *c)
{
	size_t n = 0;
	for (int i = 0; i < CACHE_SHARDS; i++)
		n += __atomic_load_n(&c->shards[i].bytes, __ATOMIC_RELAXED);
	return n;
}
