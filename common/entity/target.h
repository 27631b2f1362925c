/* target: one host:port of an upstream (entities.md 4.7). */
#ifndef COMMON_ENTITY_TARGET_H
#define COMMON_ENTITY_TARGET_H

#include "common/schema/schema.h"

struct target {
	struct uuid id;
	double created_at, updated_at; /* seconds with a fraction */
	struct ref upstream;
	struct slice target; /* "host:port" */
	int64_t weight;
	struct slice_list tags;
};

extern const struct schema target_schema;

#endif
