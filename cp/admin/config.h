/* config: whole documents over the Admin API (declarative-config.md 6, admin-api.md 8.8).
 *
 * Without a database POST /config replaces the configuration in memory and answers the entities. With one it applies
 * the document as one version and answers what has changed; ?dry_run=1 only says what would. GET /config exports;
 * with a database only when asked by ?export=1, because clients take the plain answer for a sign. */
#ifndef CP_ADMIN_CONFIG_H
#define CP_ADMIN_CONFIG_H

#include "cp/admin/call.h"

void admin_config(struct admin_call *c); /* /config */

#endif
