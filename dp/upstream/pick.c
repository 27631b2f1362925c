/* pick: see pick.h. */
#include "dp/upstream/pick.h"

#include "common/core/clock.h"

enum { AGAIN_MS = 10, AGAIN_FOR_MS = 5000 };

static enum balancer_answer pick_peer(const struct upstream_def *u, const struct balancer_query *q, struct pick *out)
{
	struct balancer_pick b;
	enum balancer_answer answer = balancer_pick(u, q, &b);

	if (answer == BALANCER_PICKED)
		*out = (struct pick){.host = b.host,
		        .address = &b.to->address.any,
		        .address_len = b.to->len,
		        .host_header = b.host_header,
		        .peer = b.peer};
	return answer;
}

enum balancer_answer pick_next(
        const struct destination *to, const struct upstream_def *u, const struct balancer_query *q, struct pick *out)
{
	if (u)
		return pick_peer(u, q, out);
	*out = (struct pick){
	        .host = to->host,
	        .port = to->port,
	        .address = (const struct sockaddr *)&to->address,
	        .address_len = to->is_address ? to->address_len : 0,
	        .host_header = to->host_header,
	};
	return BALANCER_PICKED;
}

void pick_keep(struct pick *p, struct arena *a)
{
	if (!p->peer)
		return;
	p->host = arena_dup(a, p->host);
	p->host_header = arena_dup(a, p->host_header);
}

void pick_failed(struct pick *p, struct balancer_query *q, struct arena *a)
{
	struct peer **all = arena_array(a, struct peer *, q->failed_count + 1);

	if (q->failed_count)
		memcpy(all, q->failed, sizeof *all * q->failed_count);
	all[q->failed_count++] = p->peer;
	q->failed = all;
	peer_release(p->peer);
	p->peer = NULL;
}

bool pick_wait(struct pick_wait *w, struct loop *l, void (*fn)(void *arg), void *arg)
{
	uint64_t now = clock_mono_ms();

	if (!w->until_ms)
		w->until_ms = now + AGAIN_FOR_MS;
	if (now >= w->until_ms)
		return false;
	timeout_set(&l->timeouts, &w->again, AGAIN_MS, fn, arg);
	return true;
}
