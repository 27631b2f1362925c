/* prober: see prober.h. */
#include "dp/upstream/prober.h"

#include <stdlib.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/core/uuid.h"
#include "common/http/uri.h"
#include "dp/upstream/probe.h"

struct probing { /* one address of a round */
	struct half *half;
	struct peer *peer;
	struct probe *probe; /* NULL: waits for its turn */
	struct endpoint to;
	struct probing *next;
};

struct half {
	struct prober *prober;
	bool healthy; /* goes over those that are */
	uint32_t interval_ms;
	struct loop_timer *timer;
	struct probing *waiting, *running;
};

struct prober {
	struct balancer *balancer;
	struct half halves[2];
	int64_t running;
	struct pair pair;
};

/* ---- outcomes -------------------------------------------------------------------------------------------------- */

/* A3-5: what is in neither list changes nothing, and somebody should know. */
static void note_ignored(struct peer *p, int status)
{
	if (p->ignored_status == status)
		return;
	p->ignored_status = status;
	log_notice("a probe's status is in neither list and is ignored", LOG_SLICE("upstream", p->balancer->name),
	        LOG_SLICE("ip", p->text), LOG_INT("port", p->port), LOG_INT("status", status));
}

static void report_status(struct peer *p, const struct health_limits *l, int status)
{
	enum health_counter counter = health_judge(l, status);

	if (counter == HEALTH_COUNTERS) {
		note_ignored(p, status);
		return;
	}
	p->ignored_status = 0;
	peer_report(p, l, counter, "probe", status);
}

static void report(struct peer *p, enum probe_outcome outcome, int status, const char *detail)
{
	const struct view *v = atomic_load(&p->balancer->view);
	const struct health_limits *l = v && v->rules.in_use ? &v->rules.active : NULL;

	if (!l)
		return;
	switch (outcome) {
	case PROBE_STATUS: report_status(p, l, status); break;
	case PROBE_CONNECTED: peer_report(p, l, HEALTH_SUCCESS, "probe", 0); break;
	case PROBE_NOT_HTTP: peer_report(p, l, HEALTH_HTTP, detail, 0); break;
	case PROBE_CONNECTION: peer_report(p, l, HEALTH_TCP, detail, 0); break;
	case PROBE_TIMEOUT: peer_report(p, l, HEALTH_TIMEOUT, detail, 0); break;
	}
}

/* ---- rounds ---------------------------------------------------------------------------------------------------- */

static void start_waiting(struct half *h);

static void unlink_running(struct probing *g)
{
	struct probing **at = &g->half->running;

	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
}

/* The round has held the peer like a view does. */
static void probing_free(struct probing *g)
{
	g->peer->probing = false;
	if (--g->peer->views == 0)
		g->peer->gone_ms = clock_mono_ms();
	free(g);
}

static void on_probed(void *arg, enum probe_outcome outcome, int status, const char *detail)
{
	struct probing *g = arg;
	struct half *h = g->half;

	unlink_running(g);
	h->prober->running--;
	report(g->peer, outcome, status, detail);
	probing_free(g);
	start_waiting(&h->prober->halves[0]);
	start_waiting(&h->prober->halves[1]);
}

/* 6.4: the upstream's host_header, else the target's host or ip; without a port. */
static struct slice host_of(const struct upstream *u, const struct peer *p)
{
	struct slice host;
	int port;

	if (u->host_header.len && authority_split(u->host_header, &host, &port))
		return host;
	return u->host_header.len ? u->host_header : p->host;
}

static void start(struct probing *g)
{
	struct prober *r = g->half->prober;
	struct balancer *b = r->balancer;
	const struct upstream *u = b->hold->def->upstream;
	const struct pair *node = b->owner->o.outward ? outward_pair(b->owner->o.outward) : NULL;
	const struct probe_request request = {.loop = b->owner->o.loop,
	        .checks = &u->healthchecks.active,
	        .host = host_of(u, g->peer),
	        .to = g->to,
	        .outward = b->owner->o.outward,
	        .pair = r->pair.cert ? &r->pair : node};

	g->next = g->half->running;
	g->half->running = g;
	r->running++;
	g->probe = probe_start(&request, on_probed, g);
}

static void start_waiting(struct half *h)
{
	const struct balancer *b = h->prober->balancer;
	int64_t most = b->hold ? b->hold->def->upstream->healthchecks.active.concurrency : 0;

	while (h->waiting && h->prober->running < most) {
		struct probing *g = h->waiting;
		h->waiting = g->next;
		start(g);
	}
}

static void add_probing(struct half *h, const struct entry *e)
{
	struct probing *g = calloc(1, sizeof *g);
	uint32_t turn = e->endpoints_count > 1 ? atomic_fetch_add(&e->peer->turn, 1) % e->endpoints_count : 0;

	if (!g)
		abort();
	*g = (struct probing){.half = h, .peer = e->peer, .to = e->endpoints[turn], .next = h->waiting};
	h->waiting = g;
	e->peer->probing = true;
	e->peer->views++;
	e->peer->gone_ms = 0;
}

static void arm(struct half *h, uint32_t ms);

/* While the round before is still running, there is none. */
static void begin_round(void *arg)
{
	struct half *h = arg;
	const struct view *v = atomic_load(&h->prober->balancer->view);

	arm(h, h->interval_ms - h->interval_ms / 20 + random_below(h->interval_ms / 10 + 1));
	if (h->waiting || h->running || !v)
		return;
	for (uint32_t i = 0; i < v->count; i++) {
		const struct entry *e = &v->entries[i];
		bool good = is_health_good(&e->peer->health);
		if (e->weight > 0 && e->endpoints_count > 0 && good == h->healthy && !e->peer->probing)
			add_probing(h, e);
	}
	start_waiting(h);
}

static void arm(struct half *h, uint32_t ms)
{
	loop_timer_free(h->timer);
	h->timer = loop_timer_new(h->prober->balancer->owner->o.loop, ms ? ms : 1, false, begin_round, h);
}

/* ---- beginning and end ----------------------------------------------------------------------------------------- */

static void end_half(struct half *h)
{
	loop_timer_free(h->timer);
	h->timer = NULL;
	h->interval_ms = 0;
	while (h->waiting) {
		struct probing *g = h->waiting;
		h->waiting = g->next;
		probing_free(g);
	}
	while (h->running) {
		struct probing *g = h->running;
		h->running = g->next;
		h->prober->running--;
		probe_cancel(g->probe);
		probing_free(g);
	}
}

static void sync_half(struct half *h, double interval_s)
{
	uint32_t ms = interval_s > 0 ? (uint32_t)(interval_s * 1000) + (interval_s < 0.001) : 0;

	if (ms == h->interval_ms)
		return;
	end_half(h);
	h->interval_ms = ms;
	if (ms)
		arm(h, 1 + random_below(ms));
}

static struct prober *prober_new(struct balancer *b)
{
	struct prober *r = calloc(1, sizeof *r);

	if (!r)
		abort();
	r->balancer = b;
	r->halves[0] = (struct half){.prober = r, .healthy = false};
	r->halves[1] = (struct half){.prober = r, .healthy = true};
	return r;
}

void prober_sync(struct balancer *b)
{
	const struct active_checks *a = &b->hold->def->upstream->healthchecks.active;

	if (!b->prober && a->healthy.interval <= 0 && a->unhealthy.interval <= 0)
		return;
	if (!b->prober)
		b->prober = prober_new(b);
	sync_half(&b->prober->halves[0], a->unhealthy.interval);
	sync_half(&b->prober->halves[1], a->healthy.interval);
}

void prober_take_certificate(struct balancer *b, const struct snapshot *s)
{
	const struct ref *wanted = b->hold ? &b->hold->def->upstream->client_certificate : NULL;
	const struct certificate_part *c = wanted && wanted->set ? snapshot_certificate(s, &wanted->id) : NULL;

	if (!b->prober || (c && c->pair.cert == b->prober->pair.cert))
		return;
	pair_fini(&b->prober->pair);
	b->prober->pair = (struct pair){0};
	if (c && c->pair.cert)
		pair_share(&b->prober->pair, &c->pair);
}

void prober_end(struct balancer *b)
{
	if (!b->prober)
		return;
	end_half(&b->prober->halves[0]);
	end_half(&b->prober->halves[1]);
	pair_fini(&b->prober->pair);
	free(b->prober);
	b->prober = NULL;
}
