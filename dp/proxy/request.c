/* request: the life of a request. The steps are listed once, below; the loop that drives them is request_wake().
 * Called by the codec (stream_ops) and, through request_wake(), by whatever a step waited for. */
#include "dp/proxy/request.h"

#include "common/core/log.h"
#include "common/http/uri.h"
#include "dp/proxy/respond.h"
#include "dp/tls/front.h"

static enum flow step_start(struct request *r);
static enum flow step_rewrite(struct request *r);
static enum flow step_route(struct request *r);
static enum flow step_access(struct request *r);
static enum flow step_answer(struct request *r);

static enum flow (*const steps[STEP_COUNT])(struct request *r) = {
        [STEP_START] = step_start,
        [STEP_REWRITE] = step_rewrite,
        [STEP_ROUTE] = step_route,
        [STEP_ACCESS] = step_access,
        [STEP_BODY] = body_step,
        [STEP_PICK] = attempt_pick,
        [STEP_CONNECT] = attempt_connect,
        [STEP_SEND] = attempt_send,
        [STEP_ANSWER] = step_answer,
        [STEP_RESPOND] = respond_run,
};

void request_wake(struct request *r)
{
	if (r->running || r->over)
		return;
	r->running = true;
	for (;;) {
		enum step at = r->step;
		enum flow f = steps[at](r);
		if (f == FLOW_DONE || r->over)
			return; /* the request's memory may be gone */
		if (f == FLOW_WAIT)
			break;
		if (r->step == at)
			r->step = at + 1;
	}
	r->running = false;
}

/* Who is it? A Unix socket has no address. */
static void set_client(struct request *r)
{
	const struct trust *trust = &r->proxy->options->trust;
	const struct conn *c = r->stream->conn;
	struct ip address;

	r->peer_trusted = trust_peer(trust, c);
	if (trust_client(trust, c, r->x.request, &address, &r->client_port))
		r->x.client_ip = slice_of(r->client_ip, ip_text(&address, r->client_ip));
	else
		r->x.client_ip = S("unix:");
}

static void set_exchange(struct request *r)
{
	struct stream *s = r->stream;
	struct exchange *x = &r->x;

	x->arena = &s->arena;
	x->request = &s->request;
	x->scheme = s->listener && s->listener->ssl ? S("https") : S("http");
	x->request_id = slice_of(r->id, REQUEST_ID_LEN);
	x->started_ms = clock_wall_ms();
	x->started_ns = s->started_ns;
	x->tracing = &r->proxy->options->tracing;
	if (x->tracing->what)
		x->spans = arena_new(x->arena, struct spans);
	x->port = s->listener ? s->listener->public_port : 0;
	x->connection = s->conn->serial;
	x->connection_requests = s->conn->requests;
	x->added.arena = x->appended.arena = &s->arena;
	if (s->conn->tls)
		front_describe(s->conn->tls, &s->arena, &x->tls, &x->server_name);
	request_id_next(&r->proxy->ids, r->id);
	set_client(r);
}

static void init_body(struct request *r)
{
	const struct head *h = r->x.request;
	r->body.mode = h1_request_body(h) == H1_BODY_NONE ? BODY_NONE : BODY_UNREAD;
	r->body.length = h->content_length;
	r->body.chunked = h->chunked;
}

static void request_init(struct request *r, struct stream *s)
{
	r->stream = s;
	r->proxy = s->server->context;
	s->answer_half_closed = r->proxy->options->answer_half_closed;
	r->owner.worker = &r->proxy->host;
	r->owner.client = s->conn;
	r->carrier = &carry_h1;
	set_exchange(r);
	init_body(r);
	r->lease = lease_take(r->proxy->leases);
	if (r->lease) {
		r->snapshot = r->lease->snapshot;
		r->owner.snapshot = r->snapshot;
	}
}

static enum flow step_start(struct request *r)
{
	struct uri uri;
	if (!uri_split(r->x.request->target, &uri) || !uri_normalise(r->x.arena, uri.path, &r->x.path)) {
		stream_close_after(r->stream);
		respond_failure(r, FAILURE_BAD_REQUEST);
		return FLOW_NEXT;
	}
	r->x.query = uri.query;
	r->raw_path = uri.path;
	return FLOW_NEXT;
}

static enum flow step_rewrite(struct request *r)
{
	if (!r->snapshot || !r->snapshot->global->has_rewrite)
		return FLOW_NEXT;
	return chain_rewrite(r);
}

struct ends {
	struct ip source, destination;
};

/* Expressions may ask where a connection comes from and goes to. */
static void add_ends(const struct request *r, struct router_request *q, struct ends *ends)
{
	struct sockaddr_storage here;
	socklen_t len = sizeof here;

	if (ip_parse(r->x.client_ip, &ends->source)) {
		q->source = &ends->source;
		q->source_port = r->client_port;
	}
	if (getsockname(r->stream->conn->fd, (struct sockaddr *)&here, &len) == 0 &&
	        ip_of_sockaddr((const struct sockaddr *)&here, &ends->destination))
		q->destination = &ends->destination;
}

static bool find_route(struct request *r)
{
	if (!r->snapshot)
		return false;
	struct stream *s = r->stream;
	struct router_request q = {
	        .method = s->request.method,
	        .host = head_get(&s->request, HEADER_HOST),
	        .path = r->x.path,
	        .scheme = r->x.scheme,
	        .sni = r->x.server_name,
	        .listener_port = s->listener ? s->listener->public_port : 0,
	        .head = &s->request,
	        .arena = r->x.arena,
	        .query = r->x.query,
	};
	struct ends ends;
	if (r->proxy->options->router.flavor == ROUTER_EXPRESSIONS)
		add_ends(r, &q, &ends);
	return router_match(r->snapshot->router, &q, &r->match);
}

/* proxy.md 1.13 */
static void add_debug_headers(struct request *r)
{
	struct head *to = &r->x.added;
	char id[UUID_TEXT + 1];
	if (!head_find_name(r->x.request, S("Kong-Debug")))
		return;
	uuid_format(&r->x.route->id, id);
	head_add(to, S("Kong-Route-Id"), arena_dup(r->x.arena, slice_cstr(id)));
	if (r->x.route->name.len)
		head_add(to, S("Kong-Route-Name"), r->x.route->name);
	if (!r->x.service)
		return;
	uuid_format(&r->x.service->id, id);
	head_add(to, S("Kong-Service-Id"), arena_dup(r->x.arena, slice_cstr(id)));
	if (r->x.service->name.len)
		head_add(to, S("Kong-Service-Name"), r->x.service->name);
}

/* What a route's protocols make of a request, whatever else. */
static void check_protocol(struct request *r)
{
	if (r->plan->https_only && !slice_eq(forward_scheme(r), S("https"))) {
		respond_https_only(r);
		return;
	}
	if (!r->plan->is_grpc)
		return;
	if (!slice_starts(head_get(r->x.request, HEADER_CONTENT_TYPE), S("application/grpc"))) {
		respond_failure(r, FAILURE_NOT_GRPC);
	} else if (r->x.request->version != HTTP_2) {
		respond_failure(r, FAILURE_NOT_HTTP2);
		head_add_id(&r->x.added, HEADER_UPGRADE, S("HTTP/2"));
	} else if (r->plan->grpcs_only && !slice_eq(forward_scheme(r), S("https"))) {
		respond_grpcs_only(r);
	}
}

static enum flow step_route(struct request *r)
{
	spans_begin(&r->x, TRACING_ROUTER, S(""));
	bool found = find_route(r);
	spans_end(&r->x, TRACING_ROUTER);
	if (!found) {
		respond_failure(r, FAILURE_NO_ROUTE);
		return FLOW_NEXT;
	}
	snapshot_plan(r->snapshot, r->match.route, &r->found);
	r->plan = &r->found;
	r->x.route = r->plan->route;
	r->x.service = r->plan->service;
	r->x.captures = r->match.captures;
	r->x.captures_count = r->match.captures_count;
	r->tries_left = r->plan->service ? r->plan->service->retries : 0;
	if (r->proxy->options->debug_headers)
		add_debug_headers(r);
	check_protocol(r);
	return FLOW_NEXT;
}

static enum flow step_access(struct request *r)
{
	if (r->plan->chain->count > 0) {
		enum flow f = chain_access(r);
		if (f != FLOW_NEXT || r->step != STEP_ACCESS)
			return f;
	}
	if (!r->plan->service)
		respond_failure(r, FAILURE_NO_SERVICE);
	else if (r->plan->destination->h2)
		r->carrier = &carry_h2;
	return FLOW_NEXT;
}

/* The response comes by the client's callbacks, and on_done ends the request. Here is what goes on when a plugin had
 * the answer wait. */
static enum flow step_answer(struct request *r)
{
	return answer_run(r);
}

static struct slice upstream_text(struct request *r)
{
	char text[IP_TEXT_MAX + 1];
	int port;
	if (!r->proxied || !r->resolved)
		return (struct slice){0};
	conn_address_text((const struct sockaddr *)&r->address, text, sizeof text, &port);
	return arena_printf(r->x.arena, "%s:%d", text, port);
}

static void write_access_log(struct request *r)
{
	struct access_writer *w = &r->proxy->access_log;
	const struct stream *s = r->stream;
	if (!access_writer_is_on(w))
		return;
	struct access_entry e = {
	        .request = &s->request,
	        .client_ip = r->x.client_ip,
	        .request_id = r->x.request_id,
	        .status = s->responded ? s->status : ACCESS_CLIENT_GONE,
	        .body_bytes = s->sent > s->head_sent ? s->sent - s->head_sent : 0,
	        .now_s = clock_wall_s(),
	};
	if (w->format == ACCESS_JSON) {
		e.route = r->x.route ? r->x.route->name : e.route;
		e.service = r->x.service ? r->x.service->name : e.service;
		e.upstream = upstream_text(r);
		e.duration_ms = (clock_mono_ns() - s->started_ns) / 1000000;
	}
	access_write(w, &e);
}

static void note_load(struct request *r)
{
	const struct stream *s = r->stream;
	bool answered = r->upstream_status && r->answered_ns > r->picked_ns;
	load_note(&r->proxy->load, s->responded ? s->status : 0, (clock_mono_ns() - s->started_ns) / 1000,
	        answered ? (r->answered_ns - r->picked_ns) / 1000 + 1 : 0);
}

void request_finish(struct request *r)
{
	if (r->over)
		return;
	attempt_cancel(r);
	balance_end(r);
	rate_end(r);
	chain_use_global(r);
	if (chain_has_log(r)) {
		facts_end(r);
		chain_log(r);
	}
	write_access_log(r);
	note_load(r);
	r->over = true;
	text_fini(&r->body.bytes);
	text_fini(&r->answer.held);
	if (r->lease)
		lease_give(r->lease);
	r->lease = NULL;
}

static struct request *request_of(struct stream *s)
{
	return s->data;
}

static void on_request(struct stream *s)
{
	struct request *r = request_of(s);
	request_init(r, s);
	request_wake(r);
}

static void on_bad_request(struct stream *s, const struct h1_error *why)
{
	struct request *r = request_of(s);
	log_info("bad request", LOG_STR("why", why->why), LOG_INT("status", why->status));
	if (!r->stream)
		request_init(r, s);
	attempt_cancel(r);
	respond_failure(r, FAILURE_BAD_REQUEST);
	r->x.reply.status = why->status == 494
	                            ? 400
	                            : why->status; /* 494 is how "header too large" is told from the rest */
	r->x.reply.message = http_default_message(r->x.arena, why->status);
	request_wake(r);
}

static void on_body(struct stream *s, struct slice piece, bool last)
{
	body_on_piece(request_of(s), piece, last);
}

static void on_drained(struct stream *s)
{
	struct request *r = request_of(s);
	if (r->answer.stage != ANSWER_SENT) /* an interim answer was what drained */
		return;
	if (!r->rate.timer)
		r->carrier->pause(r, false);
	tunnel_pause(&r->tunnel, false);
}

static void on_done(struct stream *s)
{
	request_finish(request_of(s));
}

static void on_abort(struct stream *s, enum stream_abort why)
{
	struct request *r = request_of(s);
	(void)why;
	if (!s->responded)
		r->x.status = ACCESS_CLIENT_GONE;
	request_finish(r);
}

const struct stream_ops proxy_stream_ops = {
        .on_request = on_request,
        .on_bad_request = on_bad_request,
        .on_body = on_body,
        .on_drained = on_drained,
        .on_done = on_done,
        .on_abort = on_abort,
};
