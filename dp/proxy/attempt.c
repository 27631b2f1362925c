/* attempt: one try to have the request answered by an upstream: choose an address, connect, send; and what follows
 * when that fails (proxy.md 3.2, 3.3; DEV-6). */
#include "dp/proxy/request.h"

#include <arpa/inet.h>
#include <errno.h>

#include "common/core/log.h"
#include "common/http/h1_write.h"
#include "dp/host/dial.h"
#include "dp/proxy/respond.h"

static const struct h1_client_ops client_ops;
static const struct conn_ops connect_ops;

/* ---- which address --------------------------------------------------------------------------------------------- */

static void set_address(struct request *r, const struct sockaddr *to, socklen_t len)
{
	memcpy(&r->address, to, len);
	r->address_len = len;
	r->resolved = true;
}

static void on_resolved(void *arg, enum dns_status status, const struct dns_answer *answer, const char *text)
{
	struct request *r = arg;
	r->lookup = NULL;
	spans_end(&r->x, TRACING_DNS);
	if (status == DNS_FOUND) {
		const struct dns_address *a = &answer->addresses[answer->turn % answer->count];
		set_address(r, (const struct sockaddr *)&a->address, a->len);
	} else {
		log_warn("name resolution failed", LOG_SLICE("host", r->pick.host), LOG_STR("error", text));
		respond_failure(r, status == DNS_NO_SUCH_NAME ? FAILURE_NO_SUCH_NAME : FAILURE_RESOLVER);
		if (status == DNS_FAILED)
			r->x.reply.message = arena_printf(r->x.arena,
			        "failed the initial dns/balancer resolve for '%.*s' with: %s",
			        SLICE_ARG(r->pick.host), text);
	}
	request_wake(r);
}

/* A plugin has said where this request goes: call_set_upstream(). set_address() copies what the pick points to. */
static const struct destination *go_elsewhere(struct request *r, struct destination *out)
{
	const struct upstream_changes *u = &r->x.upstream;
	*out = (struct destination){.host = u->target, .port = u->port, .tls = r->plan->destination->tls};
	out->is_address = dial_address(u->target, u->port, &out->address, &out->address_len);
	out->host_header = u->port == (out->tls ? 443 : 80)
	                           ? u->target
	                           : ARENA_JOIN(r->x.arena, u->target, S(":"), arena_decimal(r->x.arena, u->port));
	return out;
}

static bool is_proxied(struct slice protocol)
{
	return slice_eq(protocol, S("http")) || slice_eq(protocol, S("https"));
}

enum flow attempt_pick(struct request *r)
{
	if (r->lookup)
		return FLOW_WAIT;
	if (r->resolved)
		return FLOW_NEXT;
	if (!is_proxied(r->plan->service->protocol)) {
		log_error("services of this protocol are not proxied in this release",
		        LOG_SLICE("protocol", r->plan->service->protocol), LOG_SLICE("request_id", r->x.request_id));
		respond_failure(r, FAILURE_INVALID_ANSWER);
		return FLOW_NEXT;
	}
	struct destination elsewhere;
	const struct destination *to = r->plan->destination;
	const struct upstream_def *upstream = r->plan->upstream;
	if (slice_is_set(r->x.upstream.target)) {
		to = go_elsewhere(r, &elsewhere);
		upstream = snapshot_upstream(r->snapshot, r->x.upstream.target);
	}
	r->upstream = upstream;
	switch (balance_pick(r, to, upstream)) {
	case BALANCER_PICKED: break;
	case BALANCER_PENDING: return FLOW_WAIT;
	case BALANCER_NONE: respond_failure(r, r->proxied ? FAILURE_UNAVAILABLE : FAILURE_NO_PEER); return FLOW_NEXT;
	}
	if (r->pick.address_len) {
		set_address(r, r->pick.address, r->pick.address_len);
		return FLOW_NEXT;
	}
	spans_begin(&r->x, TRACING_DNS, r->pick.host);
	r->lookup = dns_lookup(r->proxy->dns, r->pick.host, r->pick.port, on_resolved, r);
	return r->lookup ? FLOW_WAIT : FLOW_NEXT;
}

/* ---- connecting ------------------------------------------------------------------------------------------------ */

static bool take_pooled(struct request *r)
{
	r->reused = false;
	if (r->fresh_only)
		return false;
	r->conn = pool_take(&r->proxy->pool, (struct sockaddr *)&r->address, r->address_len, r->party);
	r->reused = r->conn != NULL;
	if (r->reused)
		r->conn_since_ms = r->conn->since_ms;
	return r->reused;
}

static void try_failed(struct request *r, enum client_failure why);

static void on_connected(struct conn *c, int error)
{
	struct request *r = c->owner;
	r->connecting = NULL;
	if (error) {
		r->client.why = party_problem(c->tls);
		conn_close(c);
		try_failed(r, CLIENT_CLOSED);
		return;
	}
	r->conn = c;
	request_wake(r);
}

static void on_connect_closed(struct conn *c)
{
	on_connected(c, ECONNRESET);
}

static void on_connect_timeout(struct conn *c)
{
	struct request *r = c->owner;
	r->connecting = NULL;
	conn_close(c);
	try_failed(r, CLIENT_TIMEOUT);
}

static const struct conn_ops connect_ops = {
        .on_connected = on_connected,
        .on_readable = on_connect_closed,
        .on_drained = on_connect_closed,
        .on_closed = on_connect_closed,
        .on_timeout = on_connect_timeout,
};

/* Whom TLS is to be spoken with. False: that cannot be said, and what was meant for TLS never goes in the clear. */
static bool find_party(struct request *r, struct party **out)
{
	struct party_wanted wanted = {
	        .snapshot = r->snapshot,
	        .service = r->plan->service,
	        .upstream = r->upstream ? r->upstream->upstream : NULL,
	        .host = forward_upstream_host(r),
	        .address = (const struct sockaddr *)&r->address,
	        .address_len = r->address_len,
	        .arena = r->x.arena,
	};
	struct err e;

	*out = NULL;
	r->party = 0;
	if (!r->plan->destination->tls)
		return true;
	*out = party_find(&r->proxy->parties, &wanted, &e);
	if (*out)
		r->party = party_serial(*out);
	else
		log_error("no TLS towards the upstream", LOG_SLICE("request_id", r->x.request_id),
		        LOG_STR("why", e.message));
	return *out != NULL;
}

enum flow attempt_connect(struct request *r)
{
	struct party *party;

	if (r->conn)
		return FLOW_NEXT;
	if (r->connecting)
		return FLOW_WAIT;
	r->proxied = true;
	r->tried++;
	r->picked_ns = clock_mono_ns();
	facts_try_begin(r);
	if (!find_party(r, &party)) {
		respond_failure(r, FAILURE_INVALID_ANSWER);
		return FLOW_NEXT;
	}
	if (take_pooled(r))
		return FLOW_NEXT;
	r->connecting = conn_connect(r->proxy->loop, (struct sockaddr *)&r->address, r->address_len,
	        party ? party_connect(party) : NULL, &connect_ops, r);
	if (!r->connecting) {
		try_failed(r, CLIENT_CLOSED);
		return FLOW_NEXT;
	}
	conn_set_timeout(r->connecting, (uint32_t)r->plan->service->connect_timeout);
	return FLOW_WAIT;
}

/* ---- sending --------------------------------------------------------------------------------------------------- */

static void write_request(struct request *r)
{
	struct head out;
	body_plan_streaming(r);
	forward_head(r, &out);
	bool upgrades = slice_is_set(r->upgrade);
	r->client.upgrade = upgrades;
	char *bytes = arena_alloc(r->x.arena, h1_write_bound(&out));
	struct iovec parts[2] = {
	        {bytes, h1_write_request(
	                        bytes, &out, upgrades ? r->proxy->options->upgrade_connection : S("keep-alive"))},
	        {(void *)r->x.body.ptr, r->x.body.len},
	};
	bool whole = r->body.mode == BODY_NONE || r->body.mode == BODY_COLLECTED;
	h1_client_write(&r->client, parts, whole && r->x.body.len ? 2 : 1, whole);
}

/* What was collected before the body turned out to be too large to hold, then the rest as it comes. */
static void stream_body(struct request *r)
{
	if (r->body.mode == BODY_STREAMING && r->body.bytes.len)
		body_send_held(r);
	if (!r->over && r->client.conn)
		body_start_streaming(r);
}

enum flow attempt_send(struct request *r)
{
	struct conn *c = r->conn;
	r->conn = NULL;
	r->client.limits = &r->proxy->options->response_limits;
	r->client.read_timeout_ms = (uint32_t)r->plan->service->read_timeout;
	r->client.write_timeout_ms = (uint32_t)r->plan->service->write_timeout;
	struct slice method = slice_is_set(r->x.upstream.method) ? r->x.upstream.method : r->x.request->method;
	h1_client_start(&r->client, c, r->x.arena, method, &client_ops, r);
	c->requests++;
	r->written = true;
	request_goto(r, STEP_ANSWER); /* callbacks may come from inside the writes */
	write_request(r);
	if (!r->over && r->step == STEP_ANSWER && r->client.conn &&
	        (r->body.mode == BODY_UNREAD || r->body.mode == BODY_STREAMING))
		stream_body(r);
	return r->over ? FLOW_DONE : FLOW_NEXT;
}

/* ---- failing --------------------------------------------------------------------------------------------------- */

static bool is_idempotent(struct slice method)
{
	return !slice_eq(method, S("POST")) && !slice_eq(method, S("LOCK")) && !slice_eq(method, S("PATCH"));
}

/* Do we still have all that was sent? */
static bool is_whole(const struct request *r)
{
	return r->plan->route->request_buffering && (r->body.mode == BODY_NONE || r->body.mode == BODY_COLLECTED);
}

/* May the same bytes be sent again? Only when we still have them, and not to a server that may have acted on them. */
static bool can_replay(const struct request *r, bool stale)
{
	const struct proxy_options *o = r->proxy->options;
	if (!r->written)
		return true;
	if (r->answer.stage != ANSWER_NONE || !is_whole(r))
		return false;
	return is_idempotent(r->x.request->method) || (o->retry.conditions & RETRY_NON_IDEMPOTENT) ||
	       (stale && o->retry_stale_post);
}

/* Is another try allowed after one that ended like this? */
static bool may_try_again(const struct request *r, unsigned condition)
{
	const struct retry_rules *rules = &r->proxy->options->retry;
	if (!(rules->conditions & condition) || r->tries_left <= 0)
		return false;
	if (rules->tries && r->tried >= rules->tries)
		return false;
	uint64_t spent_ms = (clock_mono_ns() - r->stream->started_ns) / 1000000;
	return !rules->timeout_ms || spent_ms < rules->timeout_ms;
}

static unsigned condition_of(enum client_failure why)
{
	return why == CLIENT_TIMEOUT ? RETRY_TIMEOUT : why == CLIENT_INVALID ? RETRY_INVALID : RETRY_ERROR;
}

static unsigned condition_of_status(int status)
{
	switch (status) {
	case 403: return RETRY_403;
	case 404: return RETRY_404;
	case 429: return RETRY_429;
	case 500: return RETRY_500;
	case 502: return RETRY_502;
	case 503: return RETRY_503;
	case 504: return RETRY_504;
	default: return 0;
	}
}

static void next_try(struct request *r)
{
	r->written = false;
	request_goto(r, r->fresh_only ? STEP_CONNECT : STEP_PICK);
	if (!r->fresh_only)
		r->resolved = false;
	request_wake(r);
}

/* An answer that is none, and a certificate that is not believed, are somebody's mistake, and are told; that
 * connections fail is expected. */
static void log_failure(const struct request *r, enum client_failure why)
{
	LOG_AT(why == CLIENT_INVALID || r->client.why ? LOG_WARN : LOG_INFO, "try failed",
	        LOG_SLICE("request_id", r->x.request_id), LOG_SLICE("host", r->pick.host_header),
	        LOG_STR("why", why == CLIENT_TIMEOUT  ? "timeout"
	                       : why == CLIENT_CLOSED ? "closed"
	                                              : "invalid response"),
	        LOG_STR("detail", r->client.why), LOG_INT("reused", r->reused),
	        LOG_INT("age_ms", r->reused ? timeouts_now() - r->conn_since_ms : 0));
}

static void try_failed(struct request *r, enum client_failure why)
{
	if (r->stream->responded) {
		struct stream *s = r->stream;
		request_finish(r);
		stream_abort(s); /* the client must see that the response is incomplete */
		return;
	}
	facts_try_failed(r, why);
	bool stale = r->reused && r->written && why == CLIENT_CLOSED && !r->client.received_any;
	bool again = can_replay(r, stale);
	log_failure(r, why);
	if (!stale || !again) /* proxy.md 2.4 */
		balance_failed(r, why);
	r->fresh_only = stale;
	if (again && (stale || may_try_again(r, condition_of(why)))) {
		r->tries_left -= !stale; /* proxy.md 2.4: a stale connection is no try */
		r->tried -= stale;
		next_try(r);
		return;
	}
	respond_failure(r, why == CLIENT_TIMEOUT ? FAILURE_UPSTREAM_TIMEOUT : FAILURE_INVALID_ANSWER);
	request_wake(r);
}

void attempt_cancel(struct request *r)
{
	if (r->lookup)
		dns_cancel(r->lookup);
	r->lookup = NULL;
	if (r->connecting)
		conn_close(r->connecting);
	r->connecting = NULL;
	timeout_clear(&r->pick_again);
	if (r->conn)
		conn_close(r->conn);
	r->conn = NULL;
	h1_client_cancel(&r->client);
	tunnel_cancel(&r->tunnel);
}

/* ---- the client's callbacks ------------------------------------------------------------------------------------ */

static void on_reusable(struct h1_client *x, struct conn *c)
{
	struct request *r = x->owner;
	pool_give(&r->proxy->pool, c, (struct sockaddr *)&r->address, r->address_len, r->party);
}

/* A status that proxy_next_upstream names. The answer is dropped with its connection. */
static bool is_passed_over(struct request *r, int status)
{
	unsigned conditions = r->proxy->options->retry.conditions & RETRY_STATUSES;
	return conditions && may_try_again(r, conditions & condition_of_status(status)) && can_replay(r, false);
}

static void on_head(struct h1_client *x, struct head *response, struct slice piece, bool last)
{
	struct request *r = x->owner;
	if (is_passed_over(r, response->status)) {
		h1_client_cancel(x);
		facts_try_answered(r, response->status);
		balance_answered(r, response->status);
		r->tries_left--;
		r->fresh_only = false;
		next_try(r);
		return;
	}
	answer_begin(x->owner, response, piece, last);
}

static void on_piece(struct h1_client *x, struct slice piece, bool last)
{
	answer_piece(x->owner, piece, last);
}

static void on_upgrade(struct h1_client *x, struct head *response, struct conn *c)
{
	struct request *r = x->owner;
	upgrade_take(r, c);
	answer_begin(r, response, S(""), false);
}

static void on_client_drained(struct h1_client *x)
{
	body_on_upstream_drained(x->owner);
}

static void on_fail(struct h1_client *x, enum client_failure why)
{
	try_failed(x->owner, why);
}

static const struct h1_client_ops client_ops = {
        .on_reusable = on_reusable,
        .on_head = on_head,
        .on_piece = on_piece,
        .on_upgrade = on_upgrade,
        .on_drained = on_client_drained,
        .on_fail = on_fail,
};
