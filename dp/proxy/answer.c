/* answer: the response on its way to the client, the upstream's or our own (proxy.md 4.1, 4.3). A new head is built
 * from data; framing is ours.
 *
 * An answer goes through the stages of enum answer_stage; answer_run() takes it as far as it can get. What a plugin
 * waits for, or wants whole, is held meanwhile: the head is copied (the upstream's lies in its input buffer), pieces
 * are collected, the upstream is paused. Most answers are not held: they go from the first stage to the last at once.
 */
#include "dp/proxy/request.h"

#include "common/core/log.h"
#include "dp/proxy/respond.h"

static struct slice milliseconds(struct arena *a, uint64_t from_ns, uint64_t to_ns)
{
	return arena_decimal(a, to_ns > from_ns ? (int64_t)((to_ns - from_ns) / 1000000) : 0);
}

/* Media types that get a charset when they name none. */
static bool wants_charset(struct slice type)
{
	static const struct slice types[] = {SLICE("text/html"), SLICE("text/xml"), SLICE("text/plain"),
	        SLICE("text/vnd.wap.wml"), SLICE("application/javascript"), SLICE("application/rss+xml")};
	if (type.len < 8 || (type.ptr[0] != 't' && type.ptr[0] != 'a'))
		return false;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (slice_ieq(type, types[i]))
			return true;
	return false;
}

static bool starts_ieq(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && slice_ieq(slice_of(s.ptr, prefix.len), prefix);
}

/* Fields of the upstream that do not reach the client. */
static bool is_dropped(const struct request *r, const struct head *up, const struct header *h)
{
	switch (h->id) {
	case HEADER_CONNECTION:
	case HEADER_KEEP_ALIVE:
	case HEADER_TRANSFER_ENCODING:
	case HEADER_CONTENT_LENGTH:
	case HEADER_TRAILER:
	case HEADER_X_ACCEL_BUFFERING:
	case HEADER_X_ACCEL_LIMIT_RATE: return true;
	case HEADER_UPGRADE: return !slice_is_set(r->upgrade) || !slice_ieq(h->value, r->upgrade);
	case HEADER_OTHER:
		if (starts_ieq(h->name, S("X-Accel-")) || slice_ieq(h->name, S("X-Pad")))
			return true;
		break;
	default: break;
	}
	return up->has_connection_options && !forward_is_protected(h) &&
	       head_has_token(up, HEADER_CONNECTION, h->name);
}

/* "2" over HTTP/2 (proxy.md 4.3). */
struct slice answer_via(const struct request *r)
{
	const struct proxy_options *o = r->proxy->options;
	if (r->carrier == &carry_h1)
		return o->via;
	return arena_printf(r->x.arena, "%s %.*s", r->carrier->via, SLICE_ARG(o->server_token));
}

static void copy_fields(struct request *r, const struct head *up, struct head *out)
{
	const struct proxy_options *o = r->proxy->options;
	bool has_server = false;
	struct slice via = {0}, own = answer_via(r);

	for (uint32_t i = 0; i < up->count; i++) {
		const struct header *h = &up->headers[i];
		if (h->id == HEADER_X_ACCEL_LIMIT_RATE)
			rate_begin(r, h->value);
		if (is_dropped(r, up, h))
			continue;
		if (h->id == HEADER_VIA && o->show_via) {
			via = slice_is_set(via) ? ARENA_JOIN(r->x.arena, via, S(", "), h->value) : h->value;
			continue;
		}
		if (h->id == HEADER_X_KONG_REQUEST_ID && o->show_request_id)
			continue;
		has_server |= h->id == HEADER_SERVER;
		head_copy(out, h);
	}
	if (!has_server && o->show_server)
		head_add_id(out, HEADER_SERVER, o->server_token);
	if (o->show_via)
		head_add_id(out, HEADER_VIA, slice_is_set(via) ? ARENA_JOIN(r->x.arena, via, S(", "), own) : own);
}

/* What plugins have set already, over what is there. */
static void add_set_by_plugins(struct request *r, struct head *out)
{
	for (uint32_t i = 0; i < r->x.added.count; i++)
		head_set_field(out, &r->x.added.headers[i]);
	for (uint32_t i = 0; i < r->x.appended.count; i++)
		head_copy(out, &r->x.appended.headers[i]);
}

/* An upstream that is a gateway itself sends such fields too: ours take their place. */
static void add_own_headers(struct request *r, struct head *out)
{
	const struct proxy_options *o = r->proxy->options;
	struct arena *a = r->x.arena;
	uint64_t started_ns = r->stream->started_ns;

	if (r->proxied) {
		if (o->show_upstream_latency)
			head_set_id(
			        out, HEADER_X_KONG_UPSTREAM_LATENCY, milliseconds(a, r->picked_ns, r->answered_ns));
		if (o->show_proxy_latency)
			head_set_id(out, HEADER_X_KONG_PROXY_LATENCY, milliseconds(a, started_ns, r->picked_ns));
	} else if (o->show_response_latency) {
		head_set_id(out, HEADER_X_KONG_RESPONSE_LATENCY, milliseconds(a, started_ns, clock_mono_ns()));
	}
	if (o->show_upstream_status && r->upstream_status)
		head_set_id(out, HEADER_X_KONG_UPSTREAM_STATUS, arena_printf(a, "%d", r->upstream_status));
	if (o->show_request_id)
		head_add_id(out, HEADER_X_KONG_REQUEST_ID, r->x.request_id);
}

/* How the body is framed for the client: as the upstream did, unless plugins may change its length. */
static void set_framing(struct request *r, const struct head *up, struct head *out)
{
	enum h1_body body = h1_response_body(up, r->x.request->method);
	r->answer.has_body = body != H1_BODY_NONE;
	out->content_length = up->content_length;
	out->chunked = false;
	if (r->answer.has_body && body != H1_BODY_LENGTH) {
		out->content_length = -1;
		out->chunked = true;
	}
}

/* ---- holding --------------------------------------------------------------------------------------------------- */

/* The client takes bytes slower than the upstream sends them: stop reading until on_drained. */
static void hold_back(struct request *r, bool last)
{
	if (last || r->over)
		return;
	if (stream_queued(r->stream) > STREAM_HIGH_WATER)
		r->carrier->pause(r, true);
	if (r->rate.per_second)
		rate_hold(r);
}

/* The head's slices may lie in the upstream's input buffer, which is gone when the callback returns. */
static void keep_head(struct request *r)
{
	struct head *h = &r->answer.head;
	size_t size = h->reason.len;

	for (uint32_t i = 0; i < h->count; i++)
		size += h->headers[i].name.len + h->headers[i].value.len;
	char *at = arena_alloc(r->x.arena, size);
#define KEEP(s)                                               \
	do {                                                  \
		if ((s).len)                                  \
			memcpy(at, (s).ptr, (s).len);         \
		(s).ptr = (s).ptr ? at : NULL, at += (s).len; \
	} while (0)
	KEEP(h->reason);
	for (uint32_t i = 0; i < h->count; i++) {
		KEEP(h->headers[i].name);
		KEEP(h->headers[i].value);
	}
#undef KEEP
}

/* What has come of the body is kept until the stage is over. */
static void hold(struct request *r)
{
	struct answer *a = &r->answer;
	if (a->is_held)
		return;
	a->is_held = true;
	keep_head(r);
	text_put(&a->held, a->piece);
	a->piece = text_slice(&a->held);
}

static void hold_more(struct request *r, struct slice piece, bool last)
{
	struct answer *a = &r->answer;
	text_put(&a->held, piece);
	a->piece = text_slice(&a->held);
	a->last = last;
}

/* ---- stages ---------------------------------------------------------------------------------------------------- */

/* x.reply takes the place of this answer: the plugins behind see that one. */
static void replace(struct request *r)
{
	r->answer.is_ours = false;
	attempt_cancel(r);
	request_goto(r, STEP_RESPOND);
}

static void refuse_large(struct request *r)
{
	log_warn("the upstream's response is larger than a plugin may buffer", LOG_INT("bytes", r->answer.piece.len),
	        LOG_SLICE("request_id", r->x.request_id));
	respond_failure(r, FAILURE_ANSWER_TOO_LARGE);
}

/* The plugins have seen the head. Who wants the body, and how? */
static enum verdict after_head(struct request *r)
{
	struct answer *a = &r->answer;
	a->use = a->has_body ? chain_response_use(r) : USE_NOTHING;
	a->stage = a->use == USE_WHOLE ? ANSWER_COLLECTING : ANSWER_BODY;
	chain_begin_answer(r);
	if (!a->has_body && chain_response_use(r) >= USE_CHANGE)
		a->head.content_length = -1; /* HEAD: what the length would be, nobody knows */
	return GO;
}

static enum verdict collect(struct request *r)
{
	struct answer *a = &r->answer;
	if (a->piece.len > BODY_WHOLE_MAX) {
		refuse_large(r);
		return STOP;
	}
	if (!a->last)
		return WAIT;
	a->stage = ANSWER_BODY;
	return GO;
}

/* A body that is whole when it gets here has a length afterwards, whatever plugins do to it. */
static enum verdict run_body(struct request *r)
{
	struct answer *a = &r->answer;
	if (a->use == USE_NOTHING)
		return GO;
	if (!a->last) {
		if (a->use == USE_CHANGE) {
			a->head.content_length = -1;
			a->head.chunked = true;
		}
		chain_response_piece(r, &a->piece, false);
		return GO;
	}
	enum verdict v = chain_whole_response(r, &a->piece);
	if (v == GO && a->use != USE_READ) {
		a->head.content_length = (int64_t)a->piece.len;
		a->head.chunked = false;
	}
	return v;
}

static enum verdict run_stage(struct request *r)
{
	enum verdict v;

	switch (r->answer.stage) {
	case ANSWER_HEAD: v = chain_response_head(r); return v == GO ? after_head(r) : v;
	case ANSWER_COLLECTING: return collect(r);
	case ANSWER_BODY:
		v = run_body(r);
		if (v == GO)
			r->answer.stage = ANSWER_SENT;
		return v;
	case ANSWER_NONE:
	case ANSWER_SENT: break;
	}
	return GO;
}

/* Behind the plugins, who see the type as the upstream has said it: a cache knows "text/plain" by that name. */
static void add_charset(struct request *r, struct head *out)
{
	struct slice charset = r->proxy->options->charset;
	struct header *type = head_find(out, HEADER_CONTENT_TYPE);
	bool is_upstreams = r->x.from_upstream || r->x.reply.as_proxied;
	if (is_upstreams && type && slice_is_set(charset) && wants_charset(type->value))
		type->value = ARENA_JOIN(r->x.arena, type->value, charset);
}

static enum flow send_answer(struct request *r)
{
	struct answer *a = &r->answer;
	bool was_held = a->is_held, last = a->last;

	add_charset(r, &a->head);
	add_own_headers(r, &a->head);
	if (chain_has_log(r) && !was_held)
		keep_head(r);
	stream_respond(r->stream, &a->head, a->piece, last && !r->x.trailers);
	if (last && r->x.trailers)
		stream_send_trailers(r->stream, r->x.trailers);
	if (r->over)
		return FLOW_DONE;
	if (a->head.status == 101)
		upgrade_begin(r);
	if (was_held && !last)
		r->carrier->pause(r, false); /* further pieces may come from inside */
	if (!r->over)
		hold_back(r, last);
	return r->over ? FLOW_DONE : FLOW_WAIT;
}

/* The stage waits, for a plugin or for more of the body. */
static enum flow wait_for_more(struct request *r)
{
	enum step at = r->step;
	hold(r);
	r->carrier->pause(r, r->answer.stage != ANSWER_COLLECTING); /* pieces may come from inside */
	if (r->over)
		return FLOW_DONE;
	return r->step == at ? FLOW_WAIT : FLOW_NEXT;
}

enum flow answer_run(struct request *r)
{
	enum verdict v = GO;

	if (r->answer.stage == ANSWER_NONE || r->answer.stage == ANSWER_SENT)
		return FLOW_WAIT;
	while (v == GO && r->answer.stage != ANSWER_SENT)
		v = run_stage(r);
	if (v == WAIT)
		return wait_for_more(r);
	if (v == GO)
		return send_answer(r);
	replace(r);
	return FLOW_NEXT;
}

/* An answer in the place of another goes on behind the plugins that have seen that one. */
static void take_over(struct request *r)
{
	struct answer *a = &r->answer;
	if (r->run.waiting) /* for what no longer matters: resume() will not find it waiting */
		r->run.at++;
	r->run.waiting = r->run.resumed = false;
	if (a->stage == ANSWER_COLLECTING)
		after_head(r);
}

void answer_start(struct request *r, struct slice piece, bool last)
{
	struct answer *a = &r->answer;
	balance_add_cookie(r, &a->head);
	add_set_by_plugins(r, &a->head);
	r->x.response = &a->head;
	a->piece = piece;
	a->last = last;
	a->is_held = false;
	text_clear(&a->held);
	if (a->stage != ANSWER_NONE) {
		take_over(r);
		return;
	}
	a->stage = ANSWER_HEAD;
	chain_begin_answer(r);
}

/* ---- the upstream's -------------------------------------------------------------------------------------------- */

void answer_begin(struct request *r, struct head *up, struct slice piece, bool last)
{
	struct head *out = &r->answer.head;
	r->answered_ns = clock_mono_ns();
	r->upstream_status = up->status;
	r->x.from_upstream = true;
	facts_try_answered(r, up->status);
	balance_answered(r, up->status);
	head_init(out, r->x.arena);
	out->status = up->status;
	out->reason = up->reason;
	copy_fields(r, up, out);
	set_framing(r, up, out);
	answer_start(r, piece, last);
	if (answer_run(r) == FLOW_NEXT)
		request_wake(r);
}

void answer_piece(struct request *r, struct slice piece, bool last)
{
	struct answer *a = &r->answer;
	if (a->stage != ANSWER_SENT) {
		hold_more(r, piece, last);
		if (a->stage == ANSWER_COLLECTING && answer_run(r) == FLOW_NEXT)
			request_wake(r);
		return;
	}
	if (a->use != USE_NOTHING)
		chain_response_piece(r, &piece, last);
	stream_send(r->stream, piece, last && !r->x.trailers);
	if (last && r->x.trailers)
		stream_send_trailers(r->stream, r->x.trailers);
	hold_back(r, last);
}
