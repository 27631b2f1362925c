/* rules: checks one value against one field (entities.md 1.1 and 1.2). Used by load.c and checks.c. */
#ifndef COMMON_SCHEMA_RULES_H
#define COMMON_SCHEMA_RULES_H

#include "common/schema/schema.h"

/* NULL: the value is fine. Else a new error value: a string, or a tree for containers and records. *value may be replaced by its
 * normal form. A null value is fine unless the field is REQUIRED. sub: the schema of a record chosen by another field, or NULL. */
json_t *rules_check(const struct field *f, const struct schema *sub, json_t **value);
/* Is this a vault reference that the field accepts as such (entities.md 1.8)? */
bool is_vault_reference(const struct field *f, const json_t *value);

#endif
