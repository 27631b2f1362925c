/* kong_schema: the language in which Kong describes its own records, as schemas of bodies (plugins-beyond.md 2,
 * `version` kong): an array of fields, each an object of one key, {"age": {"type": "integer", "required": true}}.
 * Types are string, number, integer, boolean, array, set, map and record; patterns are Lua's
 * (common/plugin/lua_pattern.h). */
#ifndef COMMON_JSONSCHEMA_KONG_SCHEMA_H
#define COMMON_JSONSCHEMA_KONG_SCHEMA_H

#include "common/jsonschema/jsonschema.h"

struct kong_schema;

/* text: the fields as JSON. NULL with e: "at age.between: ...". */
const struct kong_schema *kong_schema_compile(struct arena *a, struct slice text, struct err *e);
bool kong_schema_validate(const struct kong_schema *s, const json_t *value, struct jsonschema_failures *failures);

#endif
