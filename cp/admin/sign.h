/* sign: who is behind a change, and why: written into the version that a request makes (users.md 2.5, 5.1). */
#ifndef CP_ADMIN_SIGN_H
#define CP_ADMIN_SIGN_H

#include "cp/admin/call.h"

enum { ADMIN_AUTHOR_MAX = 255, ADMIN_MESSAGE_MAX = 4096 }; /* bytes */

/* Signs what the call will write: the author is c->author, or, when nobody had to say who they are, the header
 * X-Gatehouse-Author; the message is ?message= or the header X-Gatehouse-Message. False: the answer (400: too long,
 * or no text) is ready. */
bool admin_sign(struct admin_call *c);

#endif
