/* part: one compiled thing of a snapshot (a service's destination, a route's chain, an instance of a plugin), shared
 * by all snapshots of which it is true.
 *
 * Invariants: a part never changes after it was put into a map; what it points into, it holds until its own end
 * (part_hold, part_hold_record), so parts may refer to each other freely as long as nobody refers in a circle. Counts
 * are plain integers: parts are made, held and let go by the main thread; workers read those of a snapshot that they
 * lease. */
#ifndef DP_CONFIG_PART_H
#define DP_CONFIG_PART_H

#include "common/core/pmap.h"
#include "common/model/record.h"

/* First member of every struct that is a part. */
struct part {
	unsigned refs;
	struct slice key;   /* under which maps find it */
	struct arena arena; /* holds the part itself too, and all that it owns */
};

/* A zeroed struct of `size` bytes that begins with a struct part; key is copied. One reference, the caller's. */
void *part_new(size_t size, struct slice key);
void *part_ref(void *part); /* returns part; NULL is fine, for both */
void part_unref(void *part);

/* `other` lives at least as long as `part`; returns it. NULL is fine. */
void *part_hold(void *part, const void *other);
void part_hold_record(void *part, struct record *r);

extern const struct pmap_ops part_ops; /* of maps from key to part */

/* Puts the part into the map and gives the caller's reference away. */
void part_give(struct pmap *m, void *part);

#endif
