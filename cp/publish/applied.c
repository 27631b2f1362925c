/* applied: see applied.h. */
#include "cp/publish/applied.h"

#include "cp/publish/feed.h"
#include "cp/publish/nodes.h"

void applied_wait(uint64_t version, int timeout_ms, unsigned *applied, unsigned *connected)
{
	feed_nudge(); /* quicker than the notification, which goes through the database */
	nodes_wait(version, timeout_ms, applied, connected);
}
