/* hint: what to do about a refusal, for people (users.md 3: "what failed, which object, why, what to do").
 *
 * It is a header, X-Gatehouse-Hint, and no member of the body: admin-api.md 3.1 allows none there, and the programs
 * that were written for Kong compare bodies. Who wants to be helped sees it with curl -i; gatectl prints it. */
#ifndef CP_ADMIN_HINT_H
#define CP_ADMIN_HINT_H

#include "cp/admin/call.h"

/* After the answer is there: sets response->hint when it is a refusal that there is something to say about. Of what a
 * client sent only plain names are repeated. */
void admin_hint(struct admin_call *c);

#endif
