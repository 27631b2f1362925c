/* tries: see tries.h. */
#include "dp/proxy/tries.h"

#include <arpa/inet.h>
#include <time.h>

#include "common/net/conn.h"

static int64_t wall_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct upstream_try *add(struct exchange *x)
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

struct upstream_try *tries_begin(struct exchange *x, const struct sockaddr *to)
{
	char *ip = arena_alloc(x->arena, INET6_ADDRSTRLEN);
	struct upstream_try *t = add(x);

	*t = (struct upstream_try){.started_ns = wall_ns()};
	conn_address_text(to, ip, INET6_ADDRSTRLEN, &t->port);
	t->ip = slice_cstr(ip);
	return t;
}

struct upstream_try *tries_current(struct exchange *x)
{
	return x->tries_count ? &x->tries[x->tries_count - 1] : NULL;
}

void tries_failed(struct exchange *x, bool timeout, bool reused)
{
	struct upstream_try *t = tries_current(x);

	if (!t)
		return;
	t->failed = true;
	t->code = timeout ? 504 : 502;
	t->reused = reused;
}
