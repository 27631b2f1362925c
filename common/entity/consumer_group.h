/* consumer_group: consumers that share configuration of plugins, and who belongs to them (plugins-beyond.md). A
 * consumer may be in several groups: the one that sorts first by name counts. */
#ifndef COMMON_ENTITY_CONSUMER_GROUP_H
#define COMMON_ENTITY_CONSUMER_GROUP_H

#include "common/schema/schema.h"

struct consumer_group {
	struct uuid id;
	int64_t created_at, updated_at;
	struct slice name;
	struct slice_list tags;
};

struct group_membership {
	struct uuid id;
	int64_t created_at;
	struct ref consumer_group, consumer;
};

extern const struct schema consumer_group_schema, group_membership_schema;

#endif
