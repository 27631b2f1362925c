/* versions: the history of the configuration (users.md 2.5 and 5). */
#ifndef CP_ADMIN_VERSIONS_H
#define CP_ADMIN_VERSIONS_H

#include "cp/admin/call.h"

void admin_versions(struct admin_call *c); /* /versions */
void admin_version(struct admin_call *c);  /* /versions/:versions */

#endif
