/* revoked: the nodes that are let in no more, as this process knows them. The database has them (cp/store/enrol.h); a
 * copy on disk is for a start while that is away. Any thread. */
#ifndef CP_PUBLISH_REVOKED_H
#define CP_PUBLISH_REVOKED_H

#include <jansson.h>

#include "common/core/err.h"
#include "common/core/slice.h"

/* Is this node revoked? Asked for every connection. */
bool revoked_has(const char *id);
/* One more. Whoever has asked (revoked_tell) hears of it. */
void revoked_add(const char *id);
/* All of them, as store_revoked() gives them; path: where to keep a copy when something has changed, NULL: nowhere.
 */
void revoked_learn(const json_t *rows, const char *path);
/* The copy; a file that is not there is an empty one. */
void revoked_load(const char *path);
/* fn(arg) is called, on whichever thread, when there are new ones; NULL: nobody. */
void revoked_tell(void (*fn)(void *arg), void *arg);
void revoked_clear(void);

#endif
