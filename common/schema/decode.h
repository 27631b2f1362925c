/* decode: from the rendered form of a record to its C struct. */
#ifndef COMMON_SCHEMA_DECODE_H
#define COMMON_SCHEMA_DECODE_H

#include "common/schema/schema.h"

/* Fills *out (schema->size bytes, zeroed here) from a rendered object that schema_load() made. Strings, lists and
 * nested records are copied onto the arena. A missing or null key leaves the member unset or zero.
 * Fails only on a value of the wrong JSON type, i.e. when the object did not come from schema_load(). */
bool schema_decode(const struct schema *s, const json_t *rendered, struct arena *a, void *out, struct err *e);

/* What a vault reference, {vault://...}, of a REFERENCEABLE field stands for, on the arena; it takes the reference's
 * place in the struct. A data plane sets this once, before it decodes records; elsewhere references stay as they are.
 */
typedef struct slice (*decode_secret_fn)(struct slice reference, struct arena *a, void *arg);
void decode_use_secrets(decode_secret_fn fn, void *arg); /* NULL: none */

/* As schema_decode, for the sub-schema's record found under `config` of a plugin. NULL on failure. */
void *schema_decode_new(const struct schema *s, const json_t *rendered, struct arena *a, struct err *e);

#endif
