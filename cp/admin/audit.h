/* audit: every write that somebody asked for is on record, granted or refused: cp/store/audit.h.
 *
 * Failed logins that tried to write are on record too, without a name. Requests that showed no login at all, and
 * those that must wait after failed logins, are not: they cost nothing to send, and would fill the disk. */
#ifndef CP_ADMIN_AUDIT_H
#define CP_ADMIN_AUDIT_H

#include "cp/admin/call.h"

/* Before the handler, when it is known who asks (or that a login failed). */
void admin_audit_begin(struct admin_call *c);
/* After it: what no commit has put on record. A database that is away does not change the answer; the log says it. */
void admin_audit_end(struct admin_call *c);

void admin_audit_requests(struct admin_call *c); /* /audit/requests */

#endif
