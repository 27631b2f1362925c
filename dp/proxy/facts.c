/* facts: what happened to a request, for the plugins that log it (plugins.md 0.10, proxy.md 11.3). Kept only when one
 * of the request's plugins has a log phase: others pay nothing. */
#include "dp/proxy/request.h"

#include <arpa/inet.h>

static int64_t wall_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct upstream_try *add_try(struct exchange *x)
{
	if (x->tries_count == x->tries_cap) {
		x->tries_cap = x->tries_cap ? x->tries_cap * 2 : 2;
		struct upstream_try *more = arena_array(x->arena, struct upstream_try, x->tries_cap);
		if (x->tries_count)
			memcpy(more, x->tries, sizeof *more * x->tries_count);
		x->tries = more;
	}
	return &x->tries[x->tries_count++];
}

static struct upstream_try *current_try(struct request *r)
{
	return r->x.tries_count ? &r->x.tries[r->x.tries_count - 1] : NULL;
}

void facts_try_begin(struct request *r)
{
	if (!chain_has_log(r))
		return;
	char *ip = arena_alloc(r->x.arena, INET6_ADDRSTRLEN);
	struct upstream_try *t = add_try(&r->x);
	*t = (struct upstream_try){.started_ns = wall_ns()};
	conn_address_text((struct sockaddr *)&r->address, ip, INET6_ADDRSTRLEN, &t->port);
	t->ip = slice_cstr(ip);
}

void facts_try_answered(struct request *r, int status)
{
	struct upstream_try *t = current_try(r);
	if (!t)
		return;
	t->status = status;
	t->reused = r->reused;
}

void facts_try_failed(struct request *r, enum client_failure why)
{
	struct upstream_try *t = current_try(r);
	if (!t)
		return;
	t->failed = true;
	t->code = why == CLIENT_TIMEOUT ? 504 : 502;
	t->reused = r->reused;
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
