/* queue_conf: the `queue` record shared by plugins that deliver in batches, and what older configurations say instead
 * (plugins.md 0.9). */
#ifndef COMMON_PLUGIN_QUEUE_CONF_H
#define COMMON_PLUGIN_QUEUE_CONF_H

#include "common/plugin/plugin.h"

struct queue_conf {
	int64_t max_batch_size, max_entries, concurrency_limit;
	double max_coalescing_delay, max_retry_time, initial_retry_delay, max_retry_delay; /* seconds */
	struct opt_int max_bytes;
};

extern const struct schema queue_conf_schema;

/* In the numbers of a sink. legacy_size and legacy_flush_s: the old queue_size and flush_timeout; what differs from
 * their old defaults (1 and 2) wins. */
struct sink_queue queue_conf_read(
        const struct queue_conf *q, struct opt_int legacy_size, struct opt_num legacy_flush_s);

#endif
