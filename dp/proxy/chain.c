/* chain: runs a route's plugins (proxy.md 8.1). During access each plugin's configuration is chosen when its turn
 * comes and recorded; the later phases run what was recorded. A plugin that answers ends access, the rest is recorded
 * all the same. */
#include "dp/proxy/request.h"

#include "dp/proxy/respond.h"

static void resume(struct call *c, enum verdict v);

static void run_init(struct request *r, const struct chain *chain)
{
	struct chain_run *run = &r->run;
	run->chain = chain;
	run->calls = arena_array(r->x.arena, struct call, chain->count);
	if (!run->state &&
	        r->snapshot->state_size) /* one block per request: a plugin finds in access what it left in rewrite */
		run->state = arena_zalloc(r->x.arena, r->snapshot->state_size);
	run->at = 0;
	r->owner.resume = resume;
}

static const struct plugin_instance *choose(struct request *r, const struct chain_link *link)
{
	if (!link->has_consumer_rows || !r->x.consumer)
		return link->instance;
	return snapshot_instance(r->snapshot, link, r->x.route, r->x.service, &r->x.consumer->id);
}

static void record(struct request *r, uint32_t i, const struct plugin_instance *p)
{
	const struct chain_link *link = &r->run.chain->links[i];
	r->run.calls[i] = (struct call){
	        .plugin = p->plugin,
	        .conf = p->conf,
	        .compiled = p->compiled,
	        .state = r->run.state ? r->run.state + link->state_offset : NULL,
	        .route_id = p->route_id,
	        .service_id = p->service_id,
	        .consumer_id = p->consumer_id,
	        .x = &r->x,
	        .host = &host_vtable,
	        .owner = &r->owner,
	};
}

/* STOP ends access for the rest; WAIT parks the request. */
static void take_verdict(struct request *r, enum verdict v)
{
	if (v == WAIT)
		r->run.waiting = true;
	else if (v == STOP)
		r->run.ended = true;
	if (v != WAIT)
		r->run.at++;
}

static void resume(struct call *c, enum verdict v)
{
	struct host_owner *owner = c->owner;
	struct request *r = (struct request *)((char *)owner - offsetof(struct request, owner));
	r->run.waiting = false;
	take_verdict(r, v);
	request_wake(r);
}

/* The plugin whose turn it is. False: it needs the whole body first. */
static bool run_access(struct request *r)
{
	const struct chain_link *link = &r->run.chain->links[r->run.at];
	const struct plugin_instance *p = choose(r, link);

	if (!p) {
		r->run.at++;
		return true;
	}
	bool runs = p->plugin->access && !r->run.ended;
	if (runs && (p->wants & WHOLE_REQUEST_BODY) && r->body.mode != BODY_NONE && r->body.mode != BODY_COLLECTED)
		return false;
	record(r, r->run.at, p);
	if (!runs)
		r->run.at++;
	else
		take_verdict(r, p->plugin->access(&r->run.calls[r->run.at]));
	return true;
}

enum flow chain_access(struct request *r)
{
	struct chain_run *run = &r->run;
	if (run->chain != r->plan->chain)
		run_init(r, r->plan->chain);
	while (run->at < run->chain->count && !run->waiting) {
		if (run_access(r))
			continue;
		body_want_whole(r);
		enum flow f = body_collect(r);
		if (f != FLOW_NEXT || r->step != STEP_ACCESS)
			return f;
	}
	if (run->waiting)
		return FLOW_WAIT;
	if (run->ended)
		request_goto(r, STEP_RESPOND);
	return FLOW_NEXT;
}

enum flow chain_rewrite(struct request *r)
{
	struct chain_run *run = &r->run;
	if (!run->chain)
		run_init(r, r->snapshot->global);
	while (run->at < run->chain->count && !run->waiting && !run->ended) {
		const struct chain_link *link = &run->chain->links[run->at];
		if (!link->instance || !link->instance->plugin->rewrite) {
			run->at++;
			continue;
		}
		record(r, run->at, link->instance);
		take_verdict(r, link->instance->plugin->rewrite(&run->calls[run->at]));
	}
	if (run->waiting)
		return FLOW_WAIT;
	if (run->ended)
		request_goto(r, STEP_RESPOND);
	run->chain = NULL;
	return FLOW_NEXT;
}

void chain_use_global(struct request *r)
{
	if (r->run.chain || !r->snapshot || r->snapshot->global->count == 0)
		return;
	run_init(r, r->snapshot->global);
	for (uint32_t i = 0; i < r->run.chain->count; i++)
		if (r->run.chain->links[i].instance)
			record(r, i, r->run.chain->links[i].instance);
}

void chain_response_head(struct request *r)
{
	if (!r->run.chain || !r->run.chain->has_response_head)
		return;
	for (uint32_t i = 0; i < r->run.chain->count; i++) {
		struct call *c = &r->run.calls[i];
		if (c->plugin && c->plugin->response_head)
			c->plugin->response_head(c);
	}
}

bool chain_has_response_body(const struct request *r)
{
	return r->run.chain && r->run.chain->has_response_body;
}

struct slice chain_response_body(struct request *r, struct slice piece, bool last)
{
	for (uint32_t i = 0; i < r->run.chain->count; i++) {
		struct call *c = &r->run.calls[i];
		if (!c->plugin || !c->plugin->response_body)
			continue;
		c->piece = piece;
		c->piece_last = last;
		c->plugin->response_body(c);
		piece = c->piece;
	}
	return piece;
}

void chain_log(struct request *r)
{
	if (!r->run.chain || !r->run.chain->has_log)
		return;
	for (uint32_t i = 0; i < r->run.chain->count; i++) {
		struct call *c = &r->run.calls[i];
		if (c->plugin && c->plugin->log)
			c->plugin->log(c);
	}
}
