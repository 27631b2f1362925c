/* kinds: all entity schemas there are: the core ones of kinds.def, then those that plugins bring. */
#ifndef COMMON_MODEL_KINDS_H
#define COMMON_MODEL_KINDS_H

#include "common/schema/schema.h"

enum { KINDS_MAX = 128 };

/* In an order in which a kind stands after every kind it refers to; fixed for the life of the process. */
size_t kinds_count(void);
const struct schema *kinds_at(size_t i);
const struct schema *kinds_by_name(struct slice name); /* "services"; NULL: unknown */
const struct schema *kinds_by_path(struct slice path); /* "key-auths"; NULL: unknown */
size_t kinds_index(const struct schema *kind);         /* position for kinds_at */

/* ---- private kinds: those with .is_private, which only the control plane has ----------------------------------- */

const struct schema *kinds_private_at(size_t i); /* NULL beyond the last */

#endif
