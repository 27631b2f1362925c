/* document_feed: the configuration of a data plane without a control plane: a file, read at start and whenever asked.
 * Belongs to the main loop's thread. Everything behind the replica is as with a control plane. */
#ifndef DP_CONFIG_DOCUMENT_FEED_H
#define DP_CONFIG_DOCUMENT_FEED_H

#include "common/model/document_source.h"
#include "dp/config/replica.h"
#include "dp/config/subscriber.h"

struct document_feed;

/* Reads the file into the replica. NULL with *why, several lines, when it is broken or cannot be applied. */
struct document_feed *document_feed_start(
        const char *path, const struct settings *s, struct replica *r, struct text *why);
/* Reads it again as the next version; a broken file changes nothing and is logged. */
void document_feed_reload(struct document_feed *f);
void document_feed_stop(struct document_feed *f); /* NULL is fine */
/* As subscriber_status(): in step with itself. */
void document_feed_status(const struct document_feed *f, struct subscriber_status *out);

#endif
