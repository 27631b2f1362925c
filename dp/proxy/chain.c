/* chain: runs a route's plugins (proxy.md 8.1). During access each plugin's configuration is chosen when its turn
 * comes and recorded; the later phases run what was recorded. A plugin that answers ends access, the rest is recorded
 * all the same.
 *
 * A phase that waits is left at run.at; its verdict comes through resume(), and the next call of the same chain_*()
 * goes on behind it. */
#include "dp/proxy/request.h"

#include "dp/proxy/respond.h"

static void resume(struct call *c, enum verdict v);

static struct request *request_of_call(struct call *c)
{
	struct host_owner *owner = c->owner;
	return (struct request *)((char *)owner - offsetof(struct request, owner));
}

/* ---- recording ------------------------------------------------------------------------------------------------- */

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
	r->owner.read_body = chain_read_body;
	if (chain->has_log)
		facts_begin(r);
}

static const struct plugin_instance *choose(struct request *r, const struct chain_link *link)
{
	if (!link->has_consumer_rows || !r->x.consumer)
		return link->instance;
	return snapshot_instance(r->snapshot, link, r->x.route, r->x.service, &r->x.consumer->id);
}

static enum body_use response_use(const struct plugin_instance *p)
{
	if (!p->plugin->response_body)
		return USE_NOTHING;
	return p->wants & WHOLE_RESPONSE_BODY ? USE_WHOLE : USE_CHANGE;
}

static void record(struct request *r, uint32_t i, const struct plugin_instance *p)
{
	const struct chain_link *link = &r->run.chain->links[i];
	r->run.calls[i] = (struct call){
	        .plugin = p->plugin,
	        .conf = p->conf,
	        .compiled = p->compiled,
	        .state = r->run.state ? r->run.state + link->state_offset : NULL,
	        .id = &p->id,
	        .route_id = p->route_id,
	        .service_id = p->service_id,
	        .consumer_id = p->consumer_id,
	        .x = &r->x,
	        .host = &host_vtable,
	        .request_use = p->plugin->request_body ? USE_CHANGE : USE_NOTHING,
	        .response_use = response_use(p),
	        .owner = &r->owner,
	};
}

/* ---- verdicts -------------------------------------------------------------------------------------------------- */

/* Calls the phase, or takes the verdict that it has come to meanwhile. */
static enum verdict run_phase(struct chain_run *run, phase_fn phase, enum tracing_what what)
{
	struct call *c = &run->calls[run->at];
	if (run->resumed) {
		run->resumed = false;
		spans_end(c->x, what);
		return run->verdict;
	}
	if (c->x->spans)
		spans_begin(c->x, what, slice_cstr(c->plugin->name));
	enum verdict v = phase(c);
	run->waiting = v == WAIT;
	if (v != WAIT)
		spans_end(c->x, what);
	return v;
}

static void resume(struct call *c, enum verdict v)
{
	struct request *r = request_of_call(c);
	if (v == WAIT) /* another effect follows the first */
		return;
	r->run.waiting = false;
	r->run.resumed = true;
	r->run.verdict = v;
	request_wake(r);
}

/* ---- before routing -------------------------------------------------------------------------------------------- */

enum flow chain_rewrite(struct request *r)
{
	struct chain_run *run = &r->run;
	if (!run->chain)
		run_init(r, r->snapshot->global);
	for (; run->at < run->chain->count && !run->waiting && !run->ended; run->at++) {
		const struct plugin_instance *p = run->chain->links[run->at].instance;
		if (!p || !p->plugin->rewrite)
			continue;
		if (!run->resumed)
			record(r, run->at, p);
		enum verdict v = run_phase(run, p->plugin->rewrite, TRACING_REWRITE);
		if (v == WAIT)
			break;
		run->ended = v == STOP;
	}
	if (run->waiting)
		return FLOW_WAIT;
	if (run->ended)
		request_goto(r, STEP_RESPOND);
	run->chain = NULL;
	return FLOW_NEXT;
}

/* ---- access ---------------------------------------------------------------------------------------------------- */

/* The whole body has to come first. */
static bool lacks_body(const struct request *r, const struct plugin_instance *p)
{
	return p->wants & WHOLE_REQUEST_BODY && r->body.mode != BODY_NONE && r->body.mode != BODY_COLLECTED;
}

/* The plugin whose turn it is. False: the request waits, for it or for the body. */
static bool run_access(struct request *r)
{
	struct chain_run *run = &r->run;
	if (run->resumed) {
		run->ended |= run_phase(run, NULL, TRACING_ACCESS) == STOP;
		return true;
	}
	const struct plugin_instance *p = choose(r, &run->chain->links[run->at]);
	if (!p)
		return true;
	bool runs = p->plugin->access && !run->ended;
	if (runs && lacks_body(r, p)) {
		body_want_whole(r);
		if (body_collect(r) != FLOW_NEXT || r->step != STEP_ACCESS)
			return false;
	}
	record(r, run->at, p);
	if (!runs)
		return true;
	enum verdict v = run_phase(run, p->plugin->access, TRACING_ACCESS);
	run->ended |= v == STOP;
	return v != WAIT;
}

/* call_read_body() of the plugin whose turn it is. False: the body is not there yet, or never will be. */
static bool give_body(struct request *r)
{
	struct chain_run *run = &r->run;
	if (body_collect(r) != FLOW_NEXT || r->step != STEP_ACCESS)
		return false;
	phase_fn done = run->body_wanted;
	run->body_wanted = NULL;
	run->verdict = done(&run->calls[run->at]);
	run->waiting = run->verdict == WAIT;
	run->resumed = !run->waiting;
	return true;
}

/* One plugin further. False: something has to come first. */
static bool access_step(struct request *r)
{
	struct chain_run *run = &r->run;
	if (run->body_wanted)
		return give_body(r);
	if (run->waiting)
		return false;
	if (!run_access(r))
		return run->body_wanted != NULL;
	run->at++;
	return true;
}

enum flow chain_access(struct request *r)
{
	struct chain_run *run = &r->run;
	if (run->chain != r->plan->chain)
		run_init(r, r->plan->chain);
	while (run->at < run->chain->count)
		if (!access_step(r))
			return r->step == STEP_ACCESS ? FLOW_WAIT : FLOW_NEXT;
	if (run->ended)
		request_goto(r, STEP_RESPOND);
	return FLOW_NEXT;
}

/* call_read_body(): the body is asked for when the plugin has returned, by access_step() above. */
enum verdict chain_read_body(struct call *c, phase_fn done)
{
	struct request *r = request_of_call(c);
	if (r->body.mode == BODY_NONE || r->body.mode == BODY_COLLECTED)
		return done(c);
	body_want_whole(r);
	r->run.body_wanted = done;
	return WAIT;
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

/* ---- the request's body ---------------------------------------------------------------------------------------- */

enum body_use chain_request_use(const struct request *r)
{
	enum body_use most = USE_NOTHING;
	if (!r->run.chain || !r->run.chain->has_request_body)
		return most;
	for (uint32_t i = 0; i < r->run.chain->count; i++)
		if (r->run.calls[i].plugin && r->run.calls[i].request_use > most)
			most = r->run.calls[i].request_use;
	return most;
}

static void give_piece(struct call *c, struct slice piece, bool last)
{
	if (c->scratch)
		text_clear(c->scratch);
	c->piece = piece;
	c->piece_last = last;
}

enum verdict chain_request_body(struct request *r, struct slice *piece, bool last)
{
	for (uint32_t i = 0; i < r->run.chain->count; i++) {
		struct call *c = &r->run.calls[i];
		if (!c->plugin || c->request_use == USE_NOTHING)
			continue;
		give_piece(c, *piece, last);
		if (c->plugin->request_body(c) == STOP)
			return STOP;
		*piece = c->piece;
	}
	return GO;
}

/* ---- the answer ------------------------------------------------------------------------------------------------ */

void chain_begin_answer(struct request *r)
{
	r->run.at = 0;
	r->run.waiting = r->run.resumed = false;
}

enum verdict chain_response_head(struct request *r)
{
	struct chain_run *run = &r->run;
	if (!run->chain || !run->chain->has_response_head)
		return GO;
	for (; run->at < run->chain->count; run->at++) {
		struct call *c = &run->calls[run->at];
		if (!c->plugin || !c->plugin->response_head)
			continue;
		enum verdict v = run->waiting ? WAIT
		                              : run_phase(run, c->plugin->response_head, TRACING_RESPONSE_HEAD);
		if (v == WAIT)
			return WAIT;
		if (v == STOP) {
			run->at++;
			return STOP;
		}
	}
	return GO;
}

enum body_use chain_response_use(const struct request *r)
{
	enum body_use most = USE_NOTHING;
	if (!r->run.chain || !r->run.chain->has_response_body)
		return most;
	for (uint32_t i = 0; i < r->run.chain->count; i++)
		if (r->run.calls[i].plugin && r->run.calls[i].response_use > most)
			most = r->run.calls[i].response_use;
	return most;
}

void chain_response_piece(struct request *r, struct slice *piece, bool last)
{
	for (uint32_t i = 0; i < r->run.chain->count; i++) {
		struct call *c = &r->run.calls[i];
		if (!c->plugin || c->response_use == USE_NOTHING)
			continue;
		give_piece(c, *piece, last);
		c->plugin->response_body(c);
		*piece = c->piece;
	}
}

enum verdict chain_whole_response(struct request *r, struct slice *body)
{
	struct chain_run *run = &r->run;
	for (; run->at < run->chain->count; run->at++) {
		struct call *c = &run->calls[run->at];
		if (!c->plugin || c->response_use == USE_NOTHING)
			continue;
		if (run->waiting)
			return WAIT;
		if (!run->resumed)
			give_piece(c, *body, true);
		enum verdict v = run_phase(run, c->plugin->response_body, 0);
		if (v == WAIT)
			return WAIT;
		if (v == STOP) {
			run->at++;
			return STOP;
		}
		*body = c->piece;
	}
	return GO;
}

/* ---- the end --------------------------------------------------------------------------------------------------- */

bool chain_has_log(const struct request *r)
{
	return r->run.chain && r->run.chain->has_log;
}

void chain_log(struct request *r)
{
	if (!chain_has_log(r))
		return;
	for (uint32_t i = 0; i < r->run.chain->count; i++) {
		struct call *c = &r->run.calls[i];
		if (c->plugin && c->plugin->log)
			c->plugin->log(c);
	}
}
