/* sinks: the queues behind call_sink() of one worker (plugins.md 0.9): entries wait here, in memory and bounded,
 * until they are delivered in batches; what fails is repeated with a growing pause and given up in time.
 *
 * A queue is known by its sink's name and kind. It copies what it needs, so that it outlives configurations; one that
 * has been empty for SINK_IDLE_MS goes. A delivery owns its entries: they no longer count for the queue's bounds. */
#ifndef DP_HOST_SINKS_H
#define DP_HOST_SINKS_H

#include "dp/host/host.h"

enum { SINK_IDLE_MS = 60000, SINK_FLUSH_MS = 50 };

struct sinks;

struct sinks *sinks_new(struct host_worker *w);
void sinks_free(struct sinks *s); /* what waits is lost */
void sinks_put(struct sinks *s, const struct sink *sink, struct slice entry);
/* The node stops: nothing waits for company any more, what failed is tried again soon. */
void sinks_flush(struct sinks *s);
/* Entries that wait or are under way; from any thread. */
uint64_t sinks_pending(const struct sinks *s);
/* Deliveries that are under way; from any thread. */
uint64_t sinks_under_way(const struct sinks *s);
/* Entries that were lost since the start; from any thread. */
uint64_t sinks_dropped(const struct sinks *s);

#endif
