/* feed: reads what is new in the database, on a thread of its own, and hands it on in batches of one version each.
 *
 * It sleeps until the database notifies, a nudge comes, or a second has passed; so a lost notification costs a second
 * at most. While the database is away it tries again and again, and what has been published stays. When it is back it
 * may be another one, or a standby that lacks the last versions, perhaps with others of their numbers: then the
 * history gets another epoch, so that no data plane takes the one for the other. */
#ifndef CP_PUBLISH_FEED_H
#define CP_PUBLISH_FEED_H

#include "common/sync/delta.h"
#include "cp/store/store.h"

struct feed_batch {
	char *epoch;
	uint64_t base, version;
	bool snapshot; /* changes are the whole content of `version`; base is 0 */
	struct change *changes;
	size_t n, cap;
	struct arena arena;      /* holds the changes' JSON */
	struct record **records; /* n of them, once feed_batch_parse() has run; NULL: removed, or does not load */
};
struct feed_batch *feed_batch_new(struct slice epoch, uint64_t base, uint64_t version, bool snapshot);
void feed_batch_add(struct feed_batch *b, const struct schema *kind, const struct uuid *id, struct slice json);
/* Makes the changes' records, which takes a while when there are many; others may read the changes meanwhile. */
void feed_batch_parse(struct feed_batch *b);
void feed_batch_free(struct feed_batch *b);

/* Called on the feed's thread, in order of versions; b is the callee's. */
typedef void (*feed_fn)(struct feed_batch *b, void *arg);

struct feed *feed_start(const struct settings *s, feed_fn fn, void *arg, struct err *e);
/* No call of fn comes after feed_stop(). Two steps, so that feed_last_read_ms() may be asked in between. NULL is fine
 * for both. */
void feed_stop(struct feed *f);
void feed_free(struct feed *f);
/* When the database last answered (monotonic ms; 0: not yet). Any thread. */
uint64_t feed_last_read_ms(const struct feed *f);

/* Look now: something has been committed. Any thread, also when there is no feed. */
void feed_nudge(void);

#endif
