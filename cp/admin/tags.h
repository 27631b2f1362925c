/* tags: which entities carry which tags (admin-api.md 8.7). */
#ifndef CP_ADMIN_TAGS_H
#define CP_ADMIN_TAGS_H

#include "cp/admin/call.h"

void admin_tags(struct admin_call *c);     /* /tags */
void admin_tags_one(struct admin_call *c); /* /tags/:tag */

#endif
