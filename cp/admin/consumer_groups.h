/* consumer_groups: who belongs to which group: /consumer_groups/:g/consumers[/:c] and
 * /consumers/:c/consumer_groups[/:g] (plugins-beyond.md, users.md 2.7). Handlers for the table of routes.c; the path
 * says from which side is asked. */
#ifndef CP_ADMIN_CONSUMER_GROUPS_H
#define CP_ADMIN_CONSUMER_GROUPS_H

#include "cp/admin/call.h"

/* GET; POST {"consumer": "carl"} or {"group": "gold"}, one or a list; DELETE: all of them. */
void admin_memberships(struct admin_call *c);
/* GET and PUT answer with the other side's entity; PUT of a member changes nothing; DELETE. */
void admin_membership(struct admin_call *c);

#endif
