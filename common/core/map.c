/* map: see map.h. Linear probing, at most 3/4 full, removal by shifting back. */
#include "common/core/map.h"

#include <stdlib.h>

void map_fini(struct map *m)
{
	for (size_t i = 0; i < m->cap; i++)
		free(m->slots[i].key);
	free(m->slots);
	*m = (struct map){0};
}

static struct map_entry *find(const struct map *m, struct slice key, uint64_t hash)
{
	for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct map_entry *e = &m->slots[i];
		if (!e->key || (e->hash == hash && slice_eq(slice_of(e->key, e->len), key)))
			return e;
	}
}

void *map_get_hashed(const struct map *m, struct slice key, uint64_t hash)
{
	if (m->count == 0)
		return NULL;
	struct map_entry *e = find(m, key, hash);
	return e->key ? e->value : NULL;
}

void *map_get(const struct map *m, struct slice key)
{
	return map_get_hashed(m, key, slice_hash(key));
}

static void grow(struct map *m)
{
	struct map old = *m;
	m->cap = old.cap ? old.cap * 2 : 16;
	m->slots = calloc(m->cap, sizeof *m->slots);
	if (!m->slots)
		abort();
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].key)
			*find(m, slice_of(old.slots[i].key, old.slots[i].len), old.slots[i].hash) = old.slots[i];
	free(old.slots);
}

void *map_set(struct map *m, struct slice key, void *value)
{
	if ((m->count + 1) * 4 > m->cap * 3)
		grow(m);
	uint64_t hash = slice_hash(key);
	struct map_entry *e = find(m, key, hash);
	if (e->key) {
		void *was = e->value;
		e->value = value;
		return was;
	}
	*e = (struct map_entry){slice_strdup(key), key.len, hash, value};
	m->count++;
	return NULL;
}

static void close_gap(struct map *m, size_t hole)
{
	size_t mask = m->cap - 1;
	for (size_t i = (hole + 1) & mask; m->slots[i].key; i = (i + 1) & mask) {
		size_t home = m->slots[i].hash & mask;
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = (struct map_entry){0};
}

void *map_remove(struct map *m, struct slice key)
{
	if (m->count == 0)
		return NULL;
	struct map_entry *e = find(m, key, slice_hash(key));
	if (!e->key)
		return NULL;
	void *was = e->value;
	free(e->key);
	m->count--;
	close_gap(m, (size_t)(e - m->slots));
	return was;
}

bool map_next(const struct map *m, size_t *at, struct slice *key, void **value)
{
	while (*at < m->cap) {
		const struct map_entry *e = &m->slots[(*at)++];
		if (!e->key)
			continue;
		*key = slice_of(e->key, e->len);
		*value = e->value;
		return true;
	}
	return false;
}
