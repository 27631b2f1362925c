/* sinks: see sinks.h. How bytes get there is sink_send.c. */
#include "dp/host/sinks.h"

#include <stdlib.h>

#include "common/core/log.h"
#include "common/core/map.h"
#include "dp/host/sinks_private.h"

enum { ENTRIES_MAX = 10000, ALONE_MAX = 1000, ENCODED_MORE = 1024 };

struct sinks {
	struct host_worker *worker;
	struct map queues; /* kind and name -> struct queue */
	bool flushing;
	uint64_t pending, under_way, dropped; /* one writer */
};

#define ADD(counter, n) __atomic_store_n(&(counter), (counter) + (uint64_t)(n), __ATOMIC_RELAXED)

uint64_t sinks_pending(const struct sinks *s)
{
	return __atomic_load_n(&s->pending, __ATOMIC_RELAXED);
}

uint64_t sinks_under_way(const struct sinks *s)
{
	return __atomic_load_n(&s->under_way, __ATOMIC_RELAXED);
}

uint64_t sinks_dropped(const struct sinks *s)
{
	return __atomic_load_n(&s->dropped, __ATOMIC_RELAXED);
}

struct sinks *sinks_new(struct host_worker *w)
{
	struct sinks *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->worker = w;
	return s;
}

/* ---- entries --------------------------------------------------------------------------------------------------- */

static uint32_t free_entries(struct entry *e)
{
	uint32_t n = 0;
	while (e) {
		struct entry *next = e->next;
		free(e);
		e = next;
		n++;
	}
	return n;
}

static struct entry *take_first(struct queue *q)
{
	struct entry *e = q->first;
	q->first = e->next;
	if (!q->first)
		q->last = &q->first;
	q->count--;
	q->bytes -= e->len;
	e->next = NULL;
	return e;
}

static void append(struct queue *q, struct slice bytes)
{
	struct entry *e = malloc(sizeof *e + bytes.len);
	if (!e)
		abort();
	e->next = NULL;
	e->len = bytes.len;
	memcpy(e->bytes, bytes.ptr, bytes.len);
	*q->last = e;
	q->last = &e->next;
	q->count++;
	q->bytes += e->len;
	ADD(q->sinks->pending, 1);
}

static void lose(struct sinks *s, uint32_t n)
{
	ADD(s->dropped, n);
	ADD(s->pending, -(int64_t)n);
}

/* ---- deliveries ------------------------------------------------------------------------------------------------ */

static void schedule(struct queue *q);

static void end_delivery(struct delivery *d)
{
	struct queue *q = d->queue;
	timeout_clear(&d->timer);
	text_fini(&d->body);
	arena_fini(&d->arena);
	if (d->prev)
		d->prev->next = d->next;
	else
		q->under_way = d->next;
	if (d->next)
		d->next->prev = d->prev;
	free(d);
	q->deliveries--;
	ADD(q->sinks->under_way, -1);
}

static void encode(struct delivery *d)
{
	struct slice *entries = arena_array(&d->arena, struct slice, d->count);
	size_t n = 0, all = 0;
	for (struct entry *e = d->first; e; e = e->next) {
		entries[n++] = slice_of(e->bytes, e->len);
		all += e->len + 1;
	}
	text_reserve(&d->body, all + ENCODED_MORE);
	if (d->queue->sink.encode)
		d->queue->sink.encode(
		        &(struct sink_batch){&d->queue->sink, d->queue->worker->node_id, entries, n}, &d->body);
	else
		for (size_t i = 0; i < n; i++)
			text_put(&d->body, entries[i]);
}

static void begin_delivery(struct queue *q, uint32_t n)
{
	struct delivery *d = calloc(1, sizeof *d);
	struct entry **last = &d->first;
	if (!d)
		abort();
	d->queue = q;
	arena_init(&d->arena);
	for (; d->count < n && q->first; d->count++) {
		*last = take_first(q);
		last = &(*last)->next;
	}
	encode(d);
	d->since_ms = clock_mono_ms();
	d->pause_ms = q->sink.queue.retry_first_ms;
	d->next = q->under_way;
	if (d->next)
		d->next->prev = d;
	q->under_way = d;
	q->deliveries++;
	ADD(q->sinks->under_way, 1);
	if (q->count * 10 < q->sink.queue.entries_max * 8)
		q->warned = false;
	sink_send(d);
}

static void try_again(void *arg)
{
	sink_send(arg);
}

static void give_up(struct delivery *d, const char *error)
{
	struct queue *q = d->queue;
	log_error("entries were lost: they could not be delivered", LOG_STR("plugin", q->sink.plugin),
	        LOG_SLICE("queue", q->sink.name), LOG_INT("entries", d->count), LOG_STR("error", error));
	lose(q->sinks, free_entries(d->first));
	end_delivery(d);
	schedule(q);
}

void sink_sent(struct delivery *d, const char *error)
{
	struct queue *q = d->queue;
	struct sinks *s = q->sinks;
	const struct sink_queue *conf = &q->sink.queue;

	if (!error) {
		ADD(s->pending, -(int64_t)free_entries(d->first));
		end_delivery(d);
		schedule(q);
		return;
	}
	if (conf->retry_ms < 0 || clock_mono_ms() - d->since_ms > (uint64_t)conf->retry_ms) {
		give_up(d, error);
		return;
	}
	log_warn("delivery failed, will be repeated", LOG_STR("plugin", q->sink.plugin),
	        LOG_SLICE("queue", q->sink.name), LOG_STR("error", error), LOG_INT("pause_ms", d->pause_ms));
	uint32_t pause = s->flushing && d->pause_ms > SINK_FLUSH_MS ? SINK_FLUSH_MS : d->pause_ms;
	timeout_set(&s->worker->loop->timeouts, &d->timer, pause ? pause : 1, try_again, d);
	d->pause_ms = d->pause_ms * 2 < conf->retry_last_ms ? d->pause_ms * 2 : conf->retry_last_ms;
}

/* ---- queues ---------------------------------------------------------------------------------------------------- */

static void free_queue(struct queue *q)
{
	timeout_clear(&q->timer);
	while (q->under_way) {
		struct delivery *d = q->under_way;
		sink_cancel(d);
		lose(q->sinks, free_entries(d->first));
		end_delivery(d);
	}
	sink_close(q);
	lose(q->sinks, free_entries(q->first));
	arena_fini(&q->arena);
	q->is_gone = true;
	if (!q->is_due)
		free(q);
}

static struct slice key_of(const struct sink *sink, char *out, size_t size)
{
	size_t n = sink->name.len < size - 1 ? sink->name.len : size - 1;
	out[0] = (char)('0' + sink->kind);
	memcpy(out + 1, sink->name.ptr, n);
	return slice_of(out, n + 1);
}

static void on_idle(void *arg)
{
	struct queue *q = arg;
	char key[512];
	if (q->count || q->deliveries || q->is_due)
		return;
	map_remove(&q->sinks->queues, key_of(&q->sink, key, sizeof key));
	free_queue(q);
}

/* Sends what is due. Only from the loop: a plugin is on the stack when an entry is put. */
static void run(void *arg)
{
	struct queue *q = arg;
	if (q->is_gone) {
		free(q);
		return;
	}
	uint32_t size = q->sink.queue.each_alone || !q->sink.queue.batch_size ? 1 : q->sink.queue.batch_size;
	q->is_due = false;
	timeout_clear(&q->timer);
	if (q->sink.queue.each_alone)
		while (q->count && q->deliveries < ALONE_MAX)
			begin_delivery(q, 1);
	else if (q->count && !q->deliveries)
		begin_delivery(q, size);
	if (!q->count && !q->deliveries && !q->is_due)
		timeout_set(&q->worker->loop->timeouts, &q->timer, SINK_IDLE_MS, on_idle, q);
}

static void make_due(struct queue *q)
{
	if (q->is_due)
		return;
	q->is_due = true;
	loop_defer(q->worker->loop, &q->due, run, q);
}

static void on_coalesced(void *arg)
{
	make_due(arg);
}

/* Is it time, or may others join the batch? */
static void schedule(struct queue *q)
{
	const struct sink_queue *conf = &q->sink.queue;
	bool is_full = q->count >= (conf->batch_size ? conf->batch_size : 1) || conf->each_alone;
	uint32_t wait_ms = q->sinks->flushing && conf->coalesce_ms > SINK_FLUSH_MS ? SINK_FLUSH_MS
	                                                                           : conf->coalesce_ms;

	if (q->deliveries && !conf->each_alone)
		return;
	if (!q->count || is_full || !wait_ms)
		make_due(q);
	else if (q->timer.fn != on_coalesced || !is_timeout_set(&q->timer))
		timeout_set(&q->worker->loop->timeouts, &q->timer, wait_ms, on_coalesced, q);
}

static void copy_sink(struct queue *q, const struct sink *from)
{
	struct arena *a = &q->arena;
	arena_reset(a);
	q->sink = *from;
	struct slice *all[] = {&q->sink.name, &q->sink.url, &q->sink.method, &q->sink.host, &q->sink.tls_name,
	        &q->sink.path, &q->sink.context};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		*all[i] = arena_dup(a, *all[i]);
	head_init(&q->sink.headers, a);
	for (uint32_t i = 0; i < from->headers.count; i++)
		head_add(&q->sink.headers, arena_dup(a, from->headers.headers[i].name),
		        arena_dup(a, from->headers.headers[i].value));
	if (!q->sink.queue.entries_max)
		q->sink.queue.entries_max = ENTRIES_MAX;
	if (!q->sink.queue.bytes_max || q->sink.queue.bytes_max > SINK_BYTES_MAX)
		q->sink.queue.bytes_max = SINK_BYTES_MAX;
}

static struct queue *queue_of(struct sinks *s, const struct sink *sink)
{
	char text[512];
	struct slice key = key_of(sink, text, sizeof text);
	struct queue *q = map_get(&s->queues, key);
	if (!q) {
		q = calloc(1, sizeof *q);
		if (!q)
			abort();
		q->sinks = s;
		q->worker = s->worker;
		q->last = &q->first;
		q->fd = -1;
		arena_init(&q->arena);
		map_set(&s->queues, key, q);
		copy_sink(q, sink);
	} else if (q->sink.fingerprint != sink->fingerprint && !q->deliveries) {
		sink_close(q); /* a delivery under way still looks at the old one */
		copy_sink(q, sink);
	}
	return q;
}

/* The oldest go first. */
static void make_room(struct queue *q, size_t len)
{
	const struct sink_queue *conf = &q->sink.queue;
	uint32_t lost = 0;
	while (q->count && (q->count >= conf->entries_max || q->bytes + len > conf->bytes_max)) {
		free(take_first(q));
		lost++;
	}
	lose(q->sinks, lost);
	if (!q->warned && (lost || (uint64_t)q->count * 10 >= (uint64_t)conf->entries_max * 8)) {
		q->warned = true;
		log_warn(lost ? "queue full, dropping old entries until processing is successful again"
		              : "queue is nearly full",
		        LOG_STR("plugin", q->sink.plugin), LOG_SLICE("queue", q->sink.name),
		        LOG_INT("entries", q->count));
	}
}

void sinks_put(struct sinks *s, const struct sink *sink, struct slice entry)
{
	struct queue *q = queue_of(s, sink);
	if (entry.len > q->sink.queue.bytes_max) {
		log_warn("entry is larger than its queue", LOG_STR("plugin", q->sink.plugin),
		        LOG_INT("bytes", entry.len));
		ADD(s->dropped, 1);
		return;
	}
	make_room(q, entry.len);
	append(q, entry);
	schedule(q);
}

void sinks_flush(struct sinks *s)
{
	struct slice key;
	void *value;
	s->flushing = true;
	for (size_t at = 0; map_next(&s->queues, &at, &key, &value);) {
		struct queue *q = value;
		timeout_clear(&q->timer);
		if (q->count)
			schedule(q);
	}
}

void sinks_free(struct sinks *s)
{
	struct slice key;
	void *value;
	if (!s)
		return;
	for (size_t at = 0; map_next(&s->queues, &at, &key, &value);)
		free_queue(value);
	map_fini(&s->queues);
	free(s);
}
