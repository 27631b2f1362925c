/* level_guard: changing how much is logged, for a while (admin-api.md 8.12). One per process: the Admin API's, or the
 * status listener's. */
#ifndef COMMON_SERVE_LEVEL_GUARD_H
#define COMMON_SERVE_LEVEL_GUARD_H

#include "common/net/loop.h"

struct level_guard;

struct level_guard *level_guard_new(struct loop *l);
void level_guard_free(struct level_guard *g); /* on the loop's thread; NULL is fine */

/* "log level: notice" */
void level_guard_show(struct err *answer);
/* Changes the level, and changes it back after the timeout: seconds as text, unset: 60, 0: never. Returns the status
 * to answer with, 200 or 400; answer says what. From any thread. */
int level_guard_change(struct level_guard *g, struct slice name, struct slice timeout, struct err *answer);

#endif
