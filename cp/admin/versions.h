/* versions: the history of the configuration (users.md 2.5 and 5). */
#ifndef CP_ADMIN_VERSIONS_H
#define CP_ADMIN_VERSIONS_H

#include "cp/admin/call.h"

void admin_versions(struct admin_call *c);        /* /versions */
void admin_version(struct admin_call *c);         /* /versions/:versions, one or a range */
void admin_rollback(struct admin_call *c);        /* /versions/:versions/rollback */
void admin_version_publish(struct admin_call *c); /* /versions/:versions/publish: cp/publish/guard.h */

/* The number that stands in the path for :versions. False: the answer (400) is ready. */
bool admin_version_param(struct admin_call *c, uint64_t *version);

/* A read with ?version=N sees the configuration as of that version. False: the answer (400, 404, 410) is ready. */
bool admin_look_back(struct admin_call *c);
/* After it, in any case. */
void admin_look_ahead(struct admin_call *c);

#endif
