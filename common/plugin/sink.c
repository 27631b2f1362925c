/* sink: what plugins need to describe where entries go (effects.h). Delivering is dp/host/sinks.c. */
#include "common/plugin/plugin.h"

static void mix(uint64_t *h, struct slice s)
{
	*h = (*h ^ slice_hash(s)) * UINT64_C(0x9e3779b97f4a7c15) + s.len + slice_is_set(s);
}

static struct slice bytes_of(const void *p, size_t n)
{
	return slice_of(p, n);
}

void sink_ready(struct sink *s)
{
	uint64_t h = 0;
	struct slice all[] = {s->name, s->url, s->method, s->host, s->tls_name, s->path, s->context};
	int64_t numbers[] = {s->kind, s->timeout_ms, s->keepalive_ms, s->status_below, s->port, s->tls, s->tls_verify,
	        s->reopen, s->queue.batch_size, s->queue.coalesce_ms, s->queue.entries_max,
	        (int64_t)s->queue.bytes_max, s->queue.retry_ms, s->queue.retry_first_ms, s->queue.retry_last_ms,
	        s->queue.each_alone, (int64_t)(intptr_t)s->encode};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		mix(&h, all[i]);
	mix(&h, bytes_of(numbers, sizeof numbers));
	for (uint32_t i = 0; i < s->headers.count; i++) {
		mix(&h, s->headers.headers[i].name);
		mix(&h, s->headers.headers[i].value);
	}
	s->fingerprint = h;
}

void sink_encode_lines(const struct sink_batch *b, struct text *out)
{
	for (size_t i = 0; i < b->n; i++) {
		text_put(out, b->entries[i]);
		text_putc(out, '\n');
	}
}

void sink_encode_array(const struct sink_batch *b, struct text *out)
{
	for (size_t i = 0; i < b->n; i++) {
		text_putc(out, i ? ',' : '[');
		text_put(out, b->entries[i]);
	}
	text_putc(out, ']');
}
