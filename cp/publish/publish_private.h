/* publish_private: publishing without a database, for tests. */
#ifndef CP_PUBLISH_PUBLISH_PRIVATE_H
#define CP_PUBLISH_PUBLISH_PRIVATE_H

#include "cp/publish/feed.h"
#include "cp/publish/publish.h"

/* As publish_start(), without the feed and the cluster port. publish_stop() ends it. */
struct publish *publish_open(const struct settings *s, struct err *e);
bool publish_open_cluster(struct publish *p, const struct settings *s, struct err *e);
/* What a feed does: takes the batch; any thread. */
void publish_offer(struct publish *p, struct feed_batch *b);

#endif
