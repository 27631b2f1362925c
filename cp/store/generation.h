/* generation: one state of the configuration in memory: a catalog that never changes, in the order of ids. For
 * memory*.c only. */
#ifndef CP_STORE_GENERATION_H
#define CP_STORE_GENERATION_H

#include "common/model/catalog.h"
#include "common/model/kinds.h"

struct generation;

/* Takes the catalog, whose records must be nobody else's by the time another thread sees the generation (references
 * of records are plain counts). One reference. */
struct generation *generation_new(struct catalog *c);
struct generation *generation_ref(struct generation *g); /* any thread */
void generation_unref(struct generation *g);             /* any thread; NULL is fine */
/* Makes g the version that comes after `before`, whose reference it takes (NULL: none); that one's own predecessor is
 * let go. */
void generation_follow(struct generation *g, struct generation *before, uint64_t version);

uint64_t generation_version(const struct generation *g);
/* The one before, with a reference for the caller; NULL: not kept. With memory.c's lock held. */
struct generation *generation_hold_before(const struct generation *g);
const struct catalog *generation_catalog(const struct generation *g);
/* The records of a kind, ascending by id. */
struct record *const *generation_rows(const struct generation *g, const struct schema *kind, size_t *n);

/* The present one, held, and (unless NULL) the one before it: memory.c. */
struct generation *generation_hold(struct generation **before);

#endif
