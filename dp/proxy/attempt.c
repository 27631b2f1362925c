/* attempt: one try to have the request answered by an upstream: choose an address, connect, send; and what follows
 * when that fails (proxy.md 3.2, 3.3; DEV-6). */
#include "dp/proxy/request.h"

#include "common/core/log.h"
#include "dp/host/dial.h"
#include "dp/proxy/respond.h"

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
	*out = (struct destination){
	        .host = u->target, .port = u->port, .tls = r->plan->destination->tls, .h2 = r->plan->destination->h2};
	out->is_address = dial_address(u->target, u->port, &out->address, &out->address_len);
	out->host_header = u->port == (out->tls ? 443 : 80)
	                           ? u->target
	                           : ARENA_JOIN(r->x.arena, u->target, S(":"), arena_decimal(r->x.arena, u->port));
	return out;
}

enum flow attempt_pick(struct request *r)
{
	if (r->lookup)
		return FLOW_WAIT;
	if (r->resolved)
		return FLOW_NEXT;
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

bool attempt_begin(struct request *r, struct party **party)
{
	r->proxied = true;
	r->tried++;
	r->picked_ns = clock_mono_ns();
	r->try = (struct try){0};
	facts_try_begin(r);
	if (find_party(r, party))
		return true;
	respond_failure(r, FAILURE_INVALID_ANSWER);
	return false;
}

enum flow attempt_connect(struct request *r)
{
	return r->carrier->connect(r);
}

/* ---- sending --------------------------------------------------------------------------------------------------- */

static void send_head(struct request *r)
{
	struct head out;
	body_plan_streaming(r);
	forward_head(r, &out);
	r->carrier->send_head(r, &out, r->x.body, r->body.mode == BODY_NONE || r->body.mode == BODY_COLLECTED);
}

/* What was collected before the body turned out to be too large to hold, then the rest as it comes. */
static void stream_body(struct request *r)
{
	if (r->body.mode == BODY_STREAMING && r->body.bytes.len)
		body_send_held(r);
	if (!r->over && r->carrier->is_open(r))
		body_start_streaming(r);
}

enum flow attempt_send(struct request *r)
{
	r->written = true;
	request_goto(r, STEP_ANSWER); /* callbacks may come from inside the writes */
	send_head(r);
	if (!r->over && r->step == STEP_ANSWER && r->carrier->is_open(r) &&
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
	const struct body *b = &r->body;
	if (!r->plan->route->request_buffering)
		return false;
	return b->mode == BODY_NONE || b->mode == BODY_COLLECTED || (b->mode == BODY_STREAMING && b->is_kept);
}

/* May the same bytes be sent again? Only when we still have them, and not to a server that may have acted on them. */
static bool can_replay(const struct request *r, bool stale)
{
	const struct proxy_options *o = r->proxy->options;
	if (!r->written)
		return true;
	if (r->answer.stage != ANSWER_NONE || !is_whole(r))
		return false;
	return r->try.refused || is_idempotent(r->x.request->method) ||
	       (o->retry.conditions & RETRY_NON_IDEMPOTENT) || (stale && o->retry_stale_post);
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
	LOG_AT(why == CLIENT_INVALID || r->try.why ? LOG_WARN : LOG_INFO, "try failed",
	        LOG_SLICE("request_id", r->x.request_id), LOG_SLICE("host", r->pick.host_header),
	        LOG_STR("why", why == CLIENT_TIMEOUT  ? "timeout"
	                       : why == CLIENT_CLOSED ? "closed"
	                                              : "invalid response"),
	        LOG_STR("detail", r->try.why), LOG_INT("reused", r->reused),
	        LOG_INT("age_ms", r->reused ? timeouts_now() - r->conn_since_ms : 0));
}

void attempt_failed(struct request *r, enum client_failure why)
{
	if (r->stream->responded) {
		struct stream *s = r->stream;
		request_finish(r);
		stream_abort(s); /* the client must see that the response is incomplete */
		return;
	}
	facts_try_failed(r, why);
	bool stale = r->reused && r->written && why == CLIENT_CLOSED && !r->try.heard && !r->try.refused;
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
	timeout_clear(&r->pick_wait.again);
	r->x.trailers = NULL;
	r->carrier->cancel(r);
}

/* ---- being answered -------------------------------------------------------------------------------------------- */

/* A status that proxy_next_upstream names. The answer is dropped with its connection. */
static bool is_passed_over(struct request *r, int status)
{
	unsigned conditions = r->proxy->options->retry.conditions & RETRY_STATUSES;
	return conditions && may_try_again(r, conditions & condition_of_status(status)) && can_replay(r, false);
}

void attempt_answered(struct request *r, struct head *response, struct slice piece, bool last)
{
	if (!is_passed_over(r, response->status)) {
		answer_begin(r, response, piece, last);
		return;
	}
	r->carrier->cancel(r);
	facts_try_answered(r, response->status);
	balance_answered(r, response->status);
	r->tries_left--;
	r->fresh_only = false;
	next_try(r);
}
