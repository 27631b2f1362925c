/* describe: a schema in the shape of Kong's /schemas endpoints (admin-api.md 8.6). */
#ifndef COMMON_SCHEMA_DESCRIBE_H
#define COMMON_SCHEMA_DESCRIBE_H

#include "common/schema/schema.h"

/* {"fields":[{"id":{"type":"string",...}},...],"entity_checks":[...]}; a new reference. */
json_t *schema_describe(const struct schema *s);

#endif
