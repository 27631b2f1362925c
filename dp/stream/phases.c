/* phases: see phases.h. */
#include "dp/stream/phases.h"

#include "common/core/clock.h"
#include "dp/proxy/tries.h"
#include "dp/tls/front.h"

struct running {
	struct host_owner owner; /* of the calls */
	struct exchange x;
	struct session_facts facts;
	struct head no_request;
	struct call *calls;
	uint32_t count, at;
	phases_fn fn;
	void *session;
	bool over;
};

/* ---- making ---------------------------------------------------------------------------------------------------- */

static void set_exchange(struct running *r, const struct phases_about *about)
{
	struct exchange *x = &r->x;

	r->no_request.arena = about->arena;
	x->arena = about->arena;
	x->session = &r->facts;
	x->request = &r->no_request;
	x->route = about->plan->route;
	x->service = about->plan->service;
	x->client_ip = about->client_ip;
	x->server_name = about->facts->sni;
	x->started_ns = about->started_ms * 1000000;
	x->started_ms = clock_wall_ms() - (int64_t)(clock_mono_ms() - about->started_ms);
	x->port = about->facts->destination_port;
	x->added.arena = x->appended.arena = about->arena;
}

static void set_calls(struct running *r, const struct chain *chain)
{
	char *state = chain->state_size ? arena_zalloc(r->x.arena, chain->state_size) : NULL;

	r->count = chain->stream_count;
	r->calls = arena_array(r->x.arena, struct call, r->count);
	for (uint32_t i = 0; i < r->count; i++) {
		const struct chain_link *link = &chain->stream_links[i];
		const struct plugin_instance *p = link->instance;
		r->calls[i] = (struct call){
		        .plugin = p->plugin,
		        .conf = p->conf,
		        .compiled = p->compiled,
		        .state = state ? state + link->state_offset : NULL,
		        .id = &p->id,
		        .route_id = p->route_id,
		        .service_id = p->service_id,
		        .x = &r->x,
		        .host = &host_vtable,
		        .owner = &r->owner,
		};
	}
}

static void resume(struct call *c, enum verdict v);

/* There is no body to wait for. */
static enum verdict read_body(struct call *c, phase_fn done)
{
	return done(c);
}

static void begin(struct phases *p, const struct phases_about *about, const struct chain *chain)
{
	p->begun = true;
	if (chain->stream_count == 0)
		return;
	struct running *r = p->running = arena_new(about->arena, struct running);
	r->owner = (struct host_owner){.worker = &about->proxy->host,
	        .snapshot = about->snapshot,
	        .resume = resume,
	        .read_body = read_body,
	        .client = about->client};
	set_exchange(r, about);
	set_calls(r, chain);
}

/* ---- preread --------------------------------------------------------------------------------------------------- */

/* The rest, beginning with a verdict of the plugin whose turn it is. */
static void run(struct running *r, enum verdict v)
{
	while (v == GO && ++r->at < r->count) {
		struct call *c = &r->calls[r->at];
		v = c->plugin->preread ? c->plugin->preread(c) : GO;
	}
	if (v == STOP)
		r->fn(r->session, r->x.reply.status ? r->x.reply.status : 500);
	else if (v == GO)
		r->fn(r->session, 0);
}

static void resume(struct call *c, enum verdict v)
{
	struct running *r = (struct running *)((char *)c->owner - offsetof(struct running, owner));

	if (!r->over && v != WAIT) /* WAIT: another effect follows the first */
		run(r, v);
}

void phases_preread(struct phases *p, const struct phases_about *about, phases_fn fn, void *session)
{
	begin(p, about, about->plan->chain);
	struct running *r = p->running;
	if (!r) {
		fn(session, 0);
		return;
	}
	r->fn = fn;
	r->session = session;
	r->at = UINT32_MAX; /* before the first */
	run(r, GO);
}

/* ---- what happens meanwhile ------------------------------------------------------------------------------------ */

void phases_tls(struct phases *p, const struct conn *client)
{
	if (p->running)
		front_describe(client->tls, p->running->x.arena, &p->running->x.tls, &p->running->x.server_name);
}

void phases_try(struct phases *p, const struct sockaddr *to)
{
	if (!p->running)
		return;
	tries_begin(&p->running->x, to);
	if (!p->running->x.chosen_ns)
		p->running->x.chosen_ns = clock_mono_ns();
}

void phases_try_failed(struct phases *p, bool timeout)
{
	if (p->running)
		tries_failed(&p->running->x, timeout, false);
}

void phases_joined(struct phases *p)
{
	if (p->running)
		p->running->x.from_upstream = true;
}

/* ---- log ------------------------------------------------------------------------------------------------------- */

void phases_end(struct phases *p, const struct phases_about *about, int status, uint64_t received, uint64_t sent)
{
	if (!p->begun && about->snapshot)
		begin(p, about, about->snapshot->global);
	struct running *r = p->running;
	if (!r)
		return;
	r->over = true;
	r->owner.client = NULL; /* it may be gone, and with it what it has shown */
	r->x.tls.client = NULL;
	r->x.tls.client_chain = NULL;
	r->x.status = status;
	r->x.ended_ns = clock_mono_ns();
	r->facts = (struct session_facts){.received = received, .sent = sent};
	if (r->x.from_upstream) {
		r->facts.upstream_received = sent;
		r->facts.upstream_sent = received;
	}
	for (uint32_t i = 0; i < r->count; i++)
		if (r->calls[i].plugin->log)
			r->calls[i].plugin->log(&r->calls[i]);
}
