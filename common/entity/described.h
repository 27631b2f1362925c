/* described: entities that have a description under /schemas (and can be validated) but no rows here: filter chains
 * (WebAssembly is off), workspaces (there is one), tags and data planes (made from other things), parameters and the
 * counters of rate-limiting (kept elsewhere). entities.md 4.14 to 4.18. */
#ifndef COMMON_ENTITY_DESCRIBED_H
#define COMMON_ENTITY_DESCRIBED_H

#include "common/schema/schema.h"

extern const struct schema filter_chain_schema, workspace_schema, tag_schema, parameter_schema,
        clustering_data_plane_schema, ratelimiting_metric_schema;

/* NULL: none of that name. */
const struct schema *described_by_name(struct slice name);

#endif
