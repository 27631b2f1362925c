/* peer: one address of a target: how long it is remembered, what workers and probes tell of it, and what follows. See
 * balancer.h for the threads. */
#include <math.h>
#include <stdlib.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/core/text.h"
#include "dp/upstream/balancer_private.h"

/* ---- peers ----------------------------------------------------------------------------------------------------- */

static struct slice peer_key(struct text *t, struct slice text, int port, struct slice host)
{
	text_printf(t, "%.*s|%d|%.*s", SLICE_ARG(text), port, SLICE_ARG(host));
	return text_slice(t);
}

/* What comes late into a balancer that is at work starts slowly. */
static void begin_ramp(struct peer *p)
{
	if (p->balancer->owner->o.slow_start_ms)
		atomic_store(&p->ramp_from_ms, clock_mono_ms());
}

static struct peer *peer_new(struct balancer *b, struct slice text, int port, struct slice host)
{
	struct peer *p = calloc(1, sizeof *p);

	if (!p)
		abort();
	p->balancer = b;
	p->text = slice_of(slice_strdup(text), text.len);
	p->host = slice_of(slice_strdup(host), host.len);
	p->port = port;
	p->gone_ms = clock_mono_ms();
	if (atomic_load(&b->view))
		begin_ramp(p);
	return p;
}

void peer_free(struct peer *p)
{
	free((char *)p->text.ptr);
	free((char *)p->host.ptr);
	free(p);
}

struct peer *balancer_peer(struct balancer *b, struct slice text, int port, struct slice host)
{
	struct text key = {0};

	peer_key(&key, text, port, host);
	struct peer *p = map_get(&b->peers, text_slice(&key));
	if (!p) {
		p = peer_new(b, text, port, host);
		map_set(&b->peers, text_slice(&key), p);
	}
	text_fini(&key);
	return p;
}

static bool is_forgotten(const struct peer *p, uint64_t now)
{
	return p->views == 0 && now - p->gone_ms > PEER_REMEMBERED_MS && atomic_load(&p->active) == 0;
}

/* Under the lock: whoever has just let go of a peer has done so entirely. */
void balancer_purge_peers(struct balancer *b, uint64_t now)
{
	struct slice key;
	void *value;

	pthread_mutex_lock(&b->lock);
	for (size_t at = 0; map_next(&b->peers, &at, &key, &value);) {
		if (!is_forgotten(value, now))
			continue;
		map_remove(&b->peers, key);
		peer_free(value);
		at = 0;
	}
	pthread_mutex_unlock(&b->lock);
}

/* ---- slow start ------------------------------------------------------------------------------------------------ */

double peer_ramp(const struct peer *p, uint32_t slow_start_ms)
{
	uint64_t from = slow_start_ms ? atomic_load_explicit(&p->ramp_from_ms, memory_order_relaxed) : 0;
	uint64_t age = from ? clock_mono_ms() - from : 0;

	if (!from || age >= slow_start_ms)
		return 1;
	double share = (double)age / slow_start_ms;
	return share < 0.1 ? 0.1 : share;
}

/* Of every n turns n * ramp are taken, evenly. */
bool peer_takes_turn(struct peer *p, uint32_t slow_start_ms)
{
	if (!slow_start_ms || !atomic_load_explicit(&p->ramp_from_ms, memory_order_relaxed))
		return true;
	double ramp = peer_ramp(p, slow_start_ms);
	if (ramp >= 1) {
		atomic_store_explicit(&p->ramp_from_ms, 0, memory_order_relaxed);
		return true;
	}
	double turn = (double)atomic_fetch_add_explicit(&p->turn, 1, memory_order_relaxed);
	return floor((turn + 1) * ramp) > floor(turn * ramp);
}

/* ---- what became of a try -------------------------------------------------------------------------------------- */

/* The key of a peer has changed; it may not be in the view any more. Under the lock. */
static void update_key(struct peer *p)
{
	struct view *v = atomic_load(&p->balancer->view);

	if (v && view_uses_tree(v) && p->index < v->count && v->entries[p->index].peer == p)
		least_update(v, p->index);
}

static bool is_in_tree(const struct peer *p)
{
	const struct view *v = atomic_load_explicit(&p->balancer->view, memory_order_acquire);
	return v && view_uses_tree(v);
}

/* Letting go comes last: the peer may be freed from then on. */
void peer_release(struct peer *p)
{
	struct balancer *b = p->balancer;

	if (!is_in_tree(p)) {
		atomic_fetch_sub_explicit(&p->active, 1, memory_order_release);
		return;
	}
	pthread_mutex_lock(&b->lock);
	atomic_fetch_sub(&p->active, 1);
	update_key(p);
	pthread_mutex_unlock(&b->lock);
}

void peer_measured(struct peer *p, uint64_t ns)
{
	struct balancer *b = p->balancer;
	const struct view *v = atomic_load_explicit(&b->view, memory_order_acquire);

	if (!v || v->balance != BALANCE_LATENCY)
		return;
	pthread_mutex_lock(&b->lock);
	least_measured(p, ns);
	update_key(p);
	pthread_mutex_unlock(&b->lock);
}

/* ---- reports --------------------------------------------------------------------------------------------------- */

static void on_change(struct peer *p, enum health_change change, const char *why, int detail)
{
	struct balancer *b = p->balancer;

	log_notice(change == HEALTH_RISEN ? "a target is healthy again" : "a target has become unhealthy",
	        LOG_SLICE("upstream", b->name), LOG_SLICE("host", p->host), LOG_SLICE("ip", p->text),
	        LOG_INT("port", p->port), LOG_STR("why", why), LOG_INT("detail", detail));
	if (change == HEALTH_RISEN)
		begin_ramp(p);
	atomic_fetch_add_explicit(&b->owner->changes, 1, memory_order_relaxed);
	pthread_mutex_lock(&b->lock);
	if (atomic_load(&b->view))
		balancer_recount(b);
	pthread_mutex_unlock(&b->lock);
	balancer_refresh_later(b);
}

void peer_report(
        struct peer *p, const struct health_limits *l, enum health_counter counter, const char *why, int detail)
{
	enum health_change change = health_report(&p->health, counter, l->limit[counter]);

	if (change != HEALTH_SAME)
		on_change(p, change, why, detail);
}

void peer_mark(struct peer *p, bool healthy)
{
	enum health_change change = health_mark(&p->health, healthy);

	if (change != HEALTH_SAME)
		on_change(p, change, "marked", 0);
}

/* The passive limits that hold now; NULL: nothing is counted. */
static const struct health_limits *passive_limits(const struct peer *p)
{
	const struct view *v = atomic_load_explicit(&p->balancer->view, memory_order_acquire);

	return v && v->rules.in_use ? &v->rules.passive : NULL;
}

void peer_report_failure(struct peer *p, bool timeout)
{
	const struct health_limits *l = passive_limits(p);

	if (l)
		peer_report(
		        p, l, timeout ? HEALTH_TIMEOUT : HEALTH_TCP, timeout ? "timeout" : "connection failed", 0);
}

void peer_report_status(struct peer *p, int status)
{
	const struct health_limits *l = passive_limits(p);
	enum health_counter counter = l ? health_judge(l, status) : HEALTH_COUNTERS;

	if (counter != HEALTH_COUNTERS)
		peer_report(p, l, counter, "status", status);
}
