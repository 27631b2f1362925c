/* diff: what is different between two states of one record, field by field, without giving secrets away.
 *
 * For people who ask what a version changed, or what a document would. */
#ifndef COMMON_MODEL_DIFF_H
#define COMMON_MODEL_DIFF_H

#include "common/schema/schema.h"

/* [{"field":"config.minute","from":5,"to":10}, ...] in the table's order; a new reference. from NULL: the record is
 * new; to NULL: it is gone; both stored forms. Records are taken apart, lists and maps compared whole. `id` and times
 * of the last change are left out: they are no news. Secrets appear as "*** (1a2b3c4d)", a hash that tells equal from
 * different and depends on salt, so that nobody can look values up in a table made beforehand. */
json_t *diff_fields(const struct schema *kind, const json_t *from, const json_t *to, struct slice salt);

/* What people call the record: its name, or the value of its endpoint key unless that is a secret. NULL: nothing. */
const char *diff_name(const struct schema *kind, const json_t *record);

#endif
