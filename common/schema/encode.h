/* encode: from a C struct back to the JSON text of its rendered form: decode.h the other way round. */
#ifndef COMMON_SCHEMA_ENCODE_H
#define COMMON_SCHEMA_ENCODE_H

#include "common/core/text.h"
#include "common/schema/schema.h"

/* Appends the compact text of `entity`, a struct of s. sub, config: of kinds with a sub-schema, what stands under
 * `config`; else NULL. expires_at: of kinds with a ttl, Unix seconds; 0: never.
 *
 * Not every text comes back as it was: a struct does not know 5 from 5.0, an absent record from one whose fields are
 * all unset, a secret from the reference to it. Who needs the very text compares once and keeps it if it differs. */
void schema_encode(const struct schema *s, const void *entity, const struct schema *sub, const void *config,
        double expires_at, struct text *out);

#endif
