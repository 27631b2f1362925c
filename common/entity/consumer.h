/* consumer: a user or an application that calls (entities.md 4.3). */
#ifndef COMMON_ENTITY_CONSUMER_H
#define COMMON_ENTITY_CONSUMER_H

#include "common/schema/schema.h"

struct consumer {
	struct uuid id;
	int64_t created_at, updated_at;
	struct slice username, custom_id;
	struct slice_list tags;
};

extern const struct schema consumer_schema;

#endif
