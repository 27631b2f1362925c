/* checks: the cross-field rules of a record (entities.md 1.3). */
#ifndef COMMON_SCHEMA_CHECKS_H
#define COMMON_SCHEMA_CHECKS_H

#include "common/schema/schema.h"
#include "common/schema/violations.h"

/* record: what the checks' paths are relative to. prefix: put before names in messages and paths ("config." or ""). whole: the
 * complete entity, for custom checks. had_errors: fields failed already; custom and mutual checks are then left out. */
void checks_run(const struct schema *s, const json_t *record, const char *prefix, const json_t *whole, bool is_update,
	bool had_errors, struct violations *v);
/* The value at a dotted path; NULL when absent or null. */
json_t *checks_get(const json_t *record, const char *path);

#endif
