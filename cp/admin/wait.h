/* wait: ?wait=all&timeout=5s on a write: it is answered when all data planes have it (users.md 2.3). */
#ifndef CP_ADMIN_WAIT_H
#define CP_ADMIN_WAIT_H

#include "cp/admin/call.h"

enum { ADMIN_WAIT_DEFAULT_MS = 5000, ADMIN_WAIT_MAX_MS = 600000 };

/* Reads the two arguments into c->wait_ms (0: not asked for), before anything is written. False: the answer (400) is
 * ready. */
bool admin_wait_read(struct admin_call *c);
/* "5s", "500ms", "2m"; a number alone is seconds. */
bool admin_duration(struct slice text, int64_t *ms);

/* Has the write come as far as it can? Then its response says how far. Any thread. */
bool admin_wait_is_over(struct admin_response *r);
/* When it has not in time: the write stands, so the answer is 202 with the progress, the data planes that lag, and
 * the answer that would have been given as `entity`. */
void admin_wait_give_up(struct admin_response *r);

void admin_progress(struct admin_call *c); /* /versions/:versions/progress */

#endif
