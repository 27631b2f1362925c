/* json_schema: a table as JSON Schema (2020-12), the dialect of OpenAPI 3.1.
 *
 * Says as much of a field's rules as the dialect can: types (null where it means "unset"), choices, limits, lengths,
 * patterns of formats, defaults, examples. What it cannot say is in words (description) or in keys of our own:
 * x-reference (a kind), x-referenceable (may be {vault://...}), x-secret, x-unique, x-immutable, x-format, x-made-up,
 * and x-when-set (clients see it only when it is not null). */
#ifndef COMMON_SCHEMA_JSON_SCHEMA_H
#define COMMON_SCHEMA_JSON_SCHEMA_H

#include "common/schema/schema.h"

/* {"type":"object","properties":{...},"additionalProperties":false}; new reference. Hidden fields and those of
 * another router flavor are left out, ttl and shorthands are there. Nothing is required: a PATCH may send any part;
 * see schema_needs(). */
json_t *schema_json_schema(const struct schema *s);
json_t *field_json_schema(const struct field *f);
/* The names of the fields that a new record must be given: required, without a default, not made up. New reference.
 */
json_t *schema_needs(const struct schema *s);
/* An object with those fields, and values that they accept as far as the table knows any. New reference. */
json_t *schema_example(const struct schema *s);

#endif
