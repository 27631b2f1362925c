/* pmap: a persistent map from byte strings to pointers. Copies are cheap because they share structure.
 *
 * A hash array mapped trie, 32-way. pmap_copy() is O(1); a change after a copy costs O(log n) new nodes and leaves
 * every other copy as it was; a change to nodes that nobody shares happens in place, so bulk loading is cheap too.
 *
 * Threads: reference counts are plain integers. All copies, changes and frees of maps that share structure belong to
 * one thread (the one that owns configuration); any number of threads may read a map that does not change meanwhile.
 *
 * Keys and values: a value carries its key. `ops` says how to read the key of a value and how to hold one. */
#ifndef COMMON_CORE_PMAP_H
#define COMMON_CORE_PMAP_H

#include "common/core/slice.h"

struct pmap_ops {
	struct slice (*key)(const void *value, const void *context); /* must stay valid and equal while held */
	void *(*ref)(void *value); /* returns value; called when one more map node holds it */
	void (*unref)(void *value);
};

struct pmap_node;

/* Embedded by value. */
struct pmap {
	struct pmap_node *root; /* NULL: empty */
	size_t count;
	const struct pmap_ops *ops;
	const void *context; /* passed to ops->key: e.g. which field */
};

void pmap_init(struct pmap *m, const struct pmap_ops *ops, const void *context);
void pmap_fini(struct pmap *m);
struct pmap pmap_copy(const struct pmap *m);

void *pmap_get(const struct pmap *m, struct slice key); /* NULL when absent */
/* Adds value (one reference more), replacing the value of equal key if there is one. */
void pmap_put(struct pmap *m, void *value);
bool pmap_remove(struct pmap *m, struct slice key); /* false: was not there */

/* Calls fn for every value, in no particular order, until it returns false. The map must not change meanwhile. */
typedef bool (*pmap_fn)(void *value, void *arg);
bool pmap_each(const struct pmap *m, pmap_fn fn, void *arg); /* false: stopped early */

/* Calls fn for every key under which the two maps (of equal ops and context) hold different pointers, until it
 * returns false; NULL stands for absent. What they share is skipped, so this costs what differs and not what is
 * there. */
typedef bool (*pmap_diff_fn)(void *was, void *is, void *arg);
bool pmap_diff(const struct pmap *was, const struct pmap *is, pmap_diff_fn fn, void *arg); /* false: stopped early */

#endif
