/* guard: holds back a version that takes most of the routes away (the setting publish_guard; pitfalls.md A1-7: an
 * empty database, somebody's script gone wrong), and what follows it, until somebody says that it is meant, or
 * further versions have brought the routes back. What is held is in the database as ever; data planes go on with what
 * they have.
 *
 * A guard belongs to the publishing thread; what there is to know and to say about it, to any thread. */
#ifndef CP_PUBLISH_GUARD_H
#define CP_PUBLISH_GUARD_H

#include "cp/publish/feed.h"

enum { GUARD_ROUTES = 100 }; /* fewer are not guarded */

struct guard;
/* percent: of the routes that a version may take away; 0 and 100: any. release(arg): called by guard_confirm(), on
 * its thread. */
struct guard *guard_new(unsigned percent, void (*release)(void *arg), void *arg);
void guard_free(struct guard *g);

/* Is the batch to be held? published: what data planes have; NULL: nothing yet. */
bool guard_holds(const struct guard *g, const struct catalog *published, const struct feed_batch *b);
/* Takes a batch that is to be held, parsed. True: with it enough routes are there again, all may be released. */
bool guard_keep(struct guard *g, const struct catalog *published, struct feed_batch *b);
/* What is held, in order, the caller's; NULL: no more. */
struct feed_batch *guard_next(struct guard *g);

struct guard_status {
	uint64_t first, newest; /* versions that are held; 0: none */
	size_t routes_published, routes_held;
};
void guard_status(struct guard_status *out);
/* "version 42 ... is held back: ..."; false: nothing is held. */
bool guard_describe(struct err *out);
/* It is meant. False: no such version is held here. */
bool guard_confirm(uint64_t version);

#endif
