/* fill: completes a record: auto values, defaults, nested records, all fields in the table's order (entities.md 1.4 step 2). */
#ifndef COMMON_SCHEMA_FILL_H
#define COMMON_SCHEMA_FILL_H

#include "common/schema/load.h"

/* Replaces *record by a complete one. LOAD_UPDATE: nothing gets a default but what a newer table has added. */
void fill_record(const struct schema *s, const struct schema *sub, json_t **record, const struct load_options *o);

#endif
