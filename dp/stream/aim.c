/* aim: see aim.h. */
#include "dp/stream/aim.h"

#include "common/core/log.h"

enum { LATER_MS = 1 };

static void set_address(struct aim *a, const struct sockaddr *to, socklen_t len)
{
	memcpy(&a->address, to, len);
	a->address_len = len;
	a->fn(a, 0);
}

static void on_resolved(void *arg, enum dns_status status, const struct dns_answer *answer, const char *text)
{
	struct aim *a = arg;

	a->lookup = NULL;
	if (status == DNS_FOUND) {
		const struct dns_address *to = &answer->addresses[answer->turn % answer->count];
		set_address(a, (const struct sockaddr *)&to->address, to->len);
		return;
	}
	log_warn("name resolution failed", LOG_SLICE("host", a->pick.host), LOG_STR("error", text));
	a->fn(a, status == DNS_NO_SUCH_NAME ? 503 : 500);
}

static void look_up(struct aim *a)
{
	struct dns_query *q = dns_lookup(a->proxy->dns, a->pick.host, a->pick.port, on_resolved, a);

	if (q) /* else the answer has been given, and the session may be over */
		a->lookup = q;
}

static void begin_again(void *arg)
{
	aim_begin(arg);
}

void aim_begin_later(struct aim *a)
{
	timeout_set(&a->proxy->loop->timeouts, &a->wait.again, LATER_MS, begin_again, a);
}

/* A stream has an address and nothing else that could be hashed (5.5). */
static uint32_t hash_of(const struct aim *a)
{
	bool by_ip = a->upstream->hash_on.kind == HASH_IP || a->upstream->hash_fallback.kind == HASH_IP;

	return balancer_hash(by_ip ? a->client_ip : S(""));
}

void aim_begin(struct aim *a)
{
	a->query.tls = a->to->tls;
	if (a->upstream && a->upstream->balance == BALANCE_HASH)
		a->query.hash = hash_of(a);
	switch (pick_next(a->to, a->upstream, &a->query, &a->pick)) {
	case BALANCER_PENDING:
		if (!pick_wait(&a->wait, a->proxy->loop, begin_again, a))
			a->fn(a, 503);
		return;
	case BALANCER_NONE: a->fn(a, 503); return;
	case BALANCER_PICKED: break;
	}
	a->begun_ns = clock_mono_ns();
	pick_keep(&a->pick, a->arena);
	if (a->pick.address_len)
		set_address(a, a->pick.address, a->pick.address_len);
	else
		look_up(a);
}

void aim_failed(struct aim *a, bool timeout)
{
	if (!a->pick.peer)
		return;
	peer_report_failure(a->pick.peer, timeout);
	pick_failed(&a->pick, &a->query, a->arena);
}

void aim_reached(struct aim *a)
{
	if (a->pick.peer)
		peer_measured(a->pick.peer, clock_mono_ns() - a->begun_ns);
}

void aim_end(struct aim *a)
{
	if (a->lookup)
		dns_cancel(a->lookup);
	a->lookup = NULL;
	timeout_clear(&a->wait.again);
	if (a->pick.peer)
		peer_release(a->pick.peer);
	a->pick.peer = NULL;
}
