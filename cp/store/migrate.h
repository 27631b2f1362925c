/* migrate: brings a database to this release's schema. Safe to repeat, and to run from several places at once
 * (advisory lock). Tables of kinds come from their schemas; numbered files in migrations/ hold what schemas do not
 * say. */
#ifndef CP_STORE_MIGRATE_H
#define CP_STORE_MIGRATE_H

#include "cp/store/store.h"

enum migrate_state { MIGRATE_EMPTY, MIGRATE_PENDING, MIGRATE_CURRENT, MIGRATE_NEWER };

bool migrate_status(struct store *st, enum migrate_state *out, struct err *e);
/* progress is called once per step with its name. */
bool migrate_run(struct store *st, void (*progress)(const char *step, void *arg), void *arg, struct err *e);

#endif
