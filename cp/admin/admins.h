/* admins: /admins and below: who may use the Admin API (common/entity/admin.h). Like any entity, but a token comes
 * with a new one, is shown in that answer alone, and a new one takes its place. Only for role admin. */
#ifndef CP_ADMIN_ADMINS_H
#define CP_ADMIN_ADMINS_H

#include "cp/admin/call.h"

void admin_admins(struct admin_call *c);      /* /admins */
void admin_admins_item(struct admin_call *c); /* /admins/:admins */
/* /admins/:admins/token: POST makes a new token, DELETE takes it away; both end the old one. */
void admin_admins_token(struct admin_call *c);

#endif
