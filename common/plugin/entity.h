/* entity: the plugin entity, i.e. one configuration of a plugin and what it is attached to (entities.md 4.5).
 * Here and not in common/entity because its `config` is checked by the plugin that `name` names. */
#ifndef COMMON_PLUGIN_ENTITY_H
#define COMMON_PLUGIN_ENTITY_H

#include "common/plugin/ordering.h"
#include "common/schema/violations.h"

struct plugin_entity {
	struct uuid id;
	int64_t created_at, updated_at;
	struct slice name, instance_name;
	struct ref route, service, consumer, consumer_group;
	struct slice_list protocols, tags;
	bool enabled;
	struct ordering ordering;
	/* config: decoded by the plugin's own schema, see record.h */
};

extern const struct schema plugin_schema;

/* The last validation in the control plane: does the plugin's own compile() accept the config of this complete
 * record? Adds to v at "config" when it does not. */
void plugin_check_config(const json_t *record, struct violations *v);

#endif
