/* worker: one thread of the data plane: its loop, its listeners, and all that a request needs on it. Workers share
 * only what struct node names. */
#ifndef DP_WORKER_H
#define DP_WORKER_H

#include "common/settings/settings.h"
#include "dp/addresses.h"
#include "dp/proxy/proxy.h"
#include "dp/stream/streams.h"
#include "dp/tls/front.h"

/* What all workers of this process share; read-only for them, but for the counters, which lock for themselves. */
struct node {
	const struct settings *settings;
	const struct proxy_options *options;
	struct addresses addresses;
	struct lease_board *board;
	struct balance_thread *balance;
	struct counters *counters, *shared_counters; /* the latter: with other nodes */
	struct cache *cache;
	struct redis_set *redis; /* the main thread's, for orders */
	struct slice node_id;
	struct outward *outward; /* TLS towards upstreams, and of requests that plugins make */
	struct front *front;     /* TLS of the listeners; NULL: none has ssl */
	struct access_log *access_log, *stream_log;
};

struct worker;

/* Opens the listeners and starts the thread. */
struct worker *worker_start(const struct node *node, unsigned number, struct err *e);
/* Stops accepting; busy connections end after their response. From the main thread. */
void worker_drain(struct worker *w);
/* Ends the thread (closing what is still open) and frees. */
void worker_stop(struct worker *w);
/* What it has done; from any thread. */
const struct node_load *worker_load(const struct worker *w);
/* Connections now open; from any thread, approximate. */
unsigned worker_active(const struct worker *w);
/* Entries for collectors that wait or are under way, and those lost since the start; from any thread. */
uint64_t worker_unsent(const struct worker *w);
uint64_t worker_lost(const struct worker *w);
struct server_stats worker_stats(const struct worker *w);
/* Its figures for /metrics; may be read while it runs. */
struct meter *worker_meter(const struct worker *w);
uint64_t worker_deliveries(const struct worker *w); /* under way */

#endif
