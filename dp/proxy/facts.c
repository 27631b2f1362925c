/* facts: what happened to a request, for the plugins that log it (plugins.md 0.10, proxy.md 11.3). Kept only when one
 * of the request's plugins has a log phase: others pay nothing. */
#include "dp/proxy/request.h"
#include "dp/proxy/tries.h"

void facts_try_begin(struct request *r)
{
	if (chain_has_log(r))
		tries_begin(&r->x, (const struct sockaddr *)&r->address);
}

void facts_try_answered(struct request *r, int status)
{
	struct upstream_try *t = tries_current(&r->x);
	if (!t)
		return;
	t->status = status;
	t->reused = r->reused;
}

void facts_try_failed(struct request *r, enum client_failure why)
{
	tries_failed(&r->x, why == CLIENT_TIMEOUT, r->reused);
}

/* As it was on the wire, but for blanks around values. */
static uint64_t head_size(const struct request *r)
{
	const struct head *h = &r->stream->request;
	uint64_t size = h->method.len + h->target.len + sizeof "  HTTP/1.1\r\n\r\n" - 1;
	for (uint32_t i = 0; i < h->count; i++)
		size += h->headers[i].name.len + h->headers[i].value.len + 4;
	return size;
}

void facts_begin(struct request *r)
{
	if (!r->x.request_size)
		r->x.request_size = head_size(r);
}

void facts_end(struct request *r)
{
	struct exchange *x = &r->x;
	if (!x->status)
		x->status = r->stream->status;
	x->request_size += r->stream->body_received;
	x->response_size = r->stream->sent;
	x->chosen_ns = r->proxied ? r->picked_ns : 0;
	x->first_byte_ns = r->upstream_status ? r->answered_ns : 0;
	x->ended_ns = clock_mono_ns();
}
