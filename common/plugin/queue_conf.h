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

/* What older configurations say of batches: a value that differs from its old default wins. */
struct queue_legacy {
	struct opt_int size;
	int64_t size_was;
	struct opt_num flush_s;
	double flush_was_s;
};
/* In the numbers of a sink. */
struct sink_queue queue_conf_read(const struct queue_conf *q, const struct queue_legacy *old);

#endif
