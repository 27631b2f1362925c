/* queue_conf: see queue_conf.h. */
#include "common/plugin/queue_conf.h"

static const struct field fields[] = {
        FIELD(struct queue_conf, max_batch_size, .dflt = "1", BETWEEN(1, 1000000),
                .doc = "How many entries are sent together at most."),
        FIELD(struct queue_conf, max_coalescing_delay, .dflt = "1", BETWEEN(0, 3600),
                .doc = "Seconds that the first entry of a batch may wait for others."),
        FIELD(struct queue_conf, max_entries, .dflt = "10000", BETWEEN(1, 1000000),
                .doc = "How many entries may wait; when there are more, the oldest are dropped."),
        FIELD(struct queue_conf, max_bytes,
                .doc = "How many bytes of entries may wait. Never more than 32 MiB, whatever is said here."),
        FIELD(struct queue_conf, max_retry_time, .dflt = "60",
                .doc = "Seconds after which a delivery that fails is given up; -1: it is never repeated."),
        FIELD(struct queue_conf, initial_retry_delay, .dflt = "0.01", BETWEEN(0.001, 1000000),
                .doc = "Seconds before the first repetition; each further one waits twice as long."),
        FIELD(struct queue_conf, max_retry_delay, .dflt = "60", BETWEEN(0.001, 1000000),
                .doc = "The longest pause between repetitions, in seconds."),
        FIELD(struct queue_conf, concurrency_limit, .dflt = "1", .one_of = ONE_OF("-1", "1"),
                .doc = "1: one delivery after the other; -1: every entry at once and by itself."),
        {0},
};

const struct schema queue_conf_schema = {
        .name = "queue",
        .size = sizeof(struct queue_conf),
        .fields = fields,
        .doc = "How entries wait until they are sent.",
};

static uint32_t in_ms(double seconds)
{
	double ms = seconds * 1000;
	return ms < 1 ? (ms > 0) : ms > 2e9 ? 2000000000 : (uint32_t)ms;
}

struct sink_queue queue_conf_read(const struct queue_conf *q, const struct queue_legacy *old)
{
	bool old_size = old->size.set && old->size.value > 0 && old->size.value != old->size_was;
	bool old_flush = old->flush_s.set && old->flush_s.value != old->flush_was_s;

	return (struct sink_queue){
	        .batch_size = (uint32_t)(old_size ? old->size.value : q->max_batch_size),
	        .coalesce_ms = in_ms(old_flush ? old->flush_s.value : q->max_coalescing_delay),
	        .entries_max = (uint32_t)q->max_entries,
	        .bytes_max = q->max_bytes.set && q->max_bytes.value > 0 ? (uint64_t)q->max_bytes.value : 0,
	        .retry_ms = q->max_retry_time < 0 ? -1 : (int64_t)(q->max_retry_time * 1000),
	        .retry_first_ms = in_ms(q->initial_retry_delay),
	        .retry_last_ms = in_ms(q->max_retry_delay),
	        .each_alone = q->concurrency_limit == -1,
	};
}
