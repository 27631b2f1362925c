/* vault: where data planes find the secrets that fields refer to, {vault://prefix/name} (entities.md 4.11,
 * declarative-config.md 8, plugins-beyond.md 14). */
#ifndef COMMON_ENTITY_VAULT_H
#define COMMON_ENTITY_VAULT_H

#include "common/schema/schema.h"

struct vault {
	struct uuid id;
	struct slice prefix, name, description;
	int64_t created_at, updated_at;
	struct slice_list tags;
	/* config: decoded by the schema that `name` chooses, see record.h */
};

struct env_vault {
	struct slice prefix; /* of the variables' names */
};

struct file_vault {
	struct slice path; /* a directory, one file per secret; or one JSON file, a member per secret */
};

extern const struct schema vault_schema;

/* The config of an installed vault; NULL: no such vault. */
const struct schema *vault_config(struct slice name);

#endif
