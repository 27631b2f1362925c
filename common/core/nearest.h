/* nearest: of several words the one that was probably meant, for "did you mean". */
#ifndef COMMON_CORE_NEAREST_H
#define COMMON_CORE_NEAREST_H

#include "common/core/slice.h"

struct nearest {
	struct slice word;
	const char *best; /* NULL: none is near */
	size_t distance;  /* of best: letters that are missing, too many, other, or swapped with their neighbour */
};

/* word must outlive *n. */
void nearest_begin(struct nearest *n, struct slice word);
/* One of the words there are, which must outlive *n. It is near when at most a third of the letters of `word`, and at
 * most three, differ; of two that are equally near the first one offered is kept. */
void nearest_offer(struct nearest *n, const char *candidate);

#endif
