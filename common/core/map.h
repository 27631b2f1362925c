/* map: a mutable hash table from byte strings to pointers. Keys are copied; values belong to the caller.
 * Open addressing; a zeroed struct is a valid empty map. Not thread-safe. For state, not for configuration:
 * configuration lives in a pmap, whose copies are cheap. */
#ifndef COMMON_CORE_MAP_H
#define COMMON_CORE_MAP_H

#include "common/core/slice.h"

struct map_entry {
	char *key; /* NULL: free slot */
	size_t len;
	uint64_t hash;
	void *value;
};

struct map {
	struct map_entry *slots;
	size_t count, cap;
};

void map_fini(struct map *m);                                               /* frees keys, not values */
void *map_get(const struct map *m, struct slice key);                       /* NULL when absent */
void *map_get_hashed(const struct map *m, struct slice key, uint64_t hash); /* hash: slice_hash(key) */
void *map_set(struct map *m, struct slice key, void *value); /* value not NULL; returns the value replaced, or NULL */
void *map_remove(struct map *m, struct slice key);           /* returns what was there, or NULL */

/* Steps over all entries in no particular order: start with *at = 0; false at the end. Do not change the map
 * meanwhile. */
bool map_next(const struct map *m, size_t *at, struct slice *key, void **value);

#endif
