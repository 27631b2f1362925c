/* body: the request's body on its way to the upstream.
 *
 * Small bodies are collected before a target is chosen, so that a failed try can be repeated and a chunked one gets a
 * length (proxy.md 2.1). What does not fit, or what request_buffering forbids to hold, streams with back-pressure. A
 * body that a plugin wants whole is collected up to BODY_WHOLE_MAX; above that the answer is 413. */
#include "dp/proxy/request.h"

#include "dp/proxy/respond.h"

static bool may_collect(const struct request *r)
{
	if (r->body.whole_wanted)
		return true;
	if (r->carrier == &carry_h2) /* gRPC streams (proxy.md 7.5) */
		return false;
	return r->plan->route->request_buffering &&
	       (r->body.chunked || r->body.length <= (int64_t)r->proxy->options->body_buffer);
}

static size_t collect_limit(const struct request *r)
{
	return r->body.whole_wanted ? BODY_WHOLE_MAX : r->proxy->options->body_buffer;
}

void body_want_whole(struct request *r)
{
	r->body.whole_wanted = true;
}

/* A plugin has put another body in its place. That one is whole and framed by its own length, whatever the client's
 * was and whether or not it has been read. */
static void use_replacement(struct request *r)
{
	r->body.mode = BODY_COLLECTED;
	r->body.length = (int64_t)r->x.body.len;
	r->body.chunked = false;
}

/* STEP_BODY, after access: plugins with a request_body phase see what was collected as one piece, once. */
static enum flow filter(struct request *r)
{
	struct slice body = r->x.body, was = body;
	if (r->body.is_filtered || r->body.mode != BODY_COLLECTED || chain_request_use(r) == USE_NOTHING)
		return FLOW_NEXT;
	r->body.is_filtered = true;
	if (chain_request_body(r, &body, true) == STOP) {
		request_goto(r, STEP_RESPOND);
		return FLOW_NEXT;
	}
	if (body.ptr != was.ptr || body.len != was.len) {
		r->x.body = body;
		use_replacement(r);
	}
	return FLOW_NEXT;
}

enum flow body_step(struct request *r)
{
	enum flow f = body_collect(r);
	return f == FLOW_NEXT && r->step == STEP_BODY ? filter(r) : f;
}

enum flow body_collect(struct request *r)
{
	struct body *b = &r->body;
	if (r->x.body_replaced) {
		use_replacement(r);
		return FLOW_NEXT;
	}
	if (b->mode == BODY_UNREAD) {
		if (!may_collect(r))
			return FLOW_NEXT;
		b->mode = BODY_COLLECTING;
		stream_read_body(r->stream, true); /* may deliver pieces from inside */
	}
	return b->mode == BODY_COLLECTING ? FLOW_WAIT : FLOW_NEXT;
}

static void collected(struct request *r)
{
	r->body.mode = BODY_COLLECTED;
	r->body.length = (int64_t)r->body.bytes.len;
	r->body.chunked = false;
	r->x.body = text_slice(&r->body.bytes);
}

static void refuse(struct request *r);

/* Plugins that only look at pieces see them as they come, and need not wait for the rest to refuse a body. */
static bool look_at(struct request *r, struct slice piece, bool last)
{
	if (r->step != STEP_BODY || chain_request_use(r) != USE_READ)
		return true;
	r->body.is_filtered = true;
	return chain_request_body(r, &piece, last) != STOP;
}

static void collect(struct request *r, struct slice piece, bool last)
{
	struct body *b = &r->body;
	if (!look_at(r, piece, last)) {
		refuse(r);
		return;
	}
	text_put(&b->bytes, piece);
	b->last_seen = last;
	bool is_over = b->bytes.len > collect_limit(r);
	if (last && !(is_over && b->whole_wanted)) {
		collected(r);
	} else if (is_over) {
		stream_read_body(r->stream, false);
		b->mode = BODY_STREAMING;
		if (b->whole_wanted)
			respond_failure(r, FAILURE_TOO_LARGE);
	} else {
		return;
	}
	request_wake(r);
}

void body_plan_streaming(struct request *r)
{
	if (r->body.mode != BODY_UNREAD && r->body.mode != BODY_STREAMING)
		return;
	r->body.use = chain_request_use(r);
	if (r->body.use == USE_CHANGE)
		r->body.chunked = true;
}

/* A plugin refuses what it has seen of the body. Once the answer has begun, all that is left is to cut it. */
static void refuse(struct request *r)
{
	struct stream *s = r->stream;
	stream_read_body(s, false);
	if (r->answer.stage != ANSWER_SENT) {
		attempt_cancel(r);
		request_goto(r, STEP_RESPOND);
		request_wake(r);
		return;
	}
	request_finish(r);
	stream_abort(s);
}

void body_start_streaming(struct request *r)
{
	if (r->body.mode == BODY_UNREAD)
		r->body.is_kept = r->carrier == &carry_h2;
	r->body.mode = BODY_STREAMING;
	stream_read_body(r->stream, true);
}

/* What may be sent a second time is kept as long as it is small. */
static void keep(struct request *r, struct slice piece)
{
	struct body *b = &r->body;
	if (!b->is_kept)
		return;
	b->is_kept = b->bytes.len + piece.len <= r->proxy->options->body_buffer;
	if (b->is_kept)
		text_put(&b->bytes, piece);
	else
		text_fini(&b->bytes);
}

static void pass_on(struct request *r, struct slice piece, bool last)
{
	keep(r, piece);
	r->carrier->send_piece(r, piece, last);
	if (!r->over && r->carrier->is_open(r) && r->carrier->queued(r) > STREAM_HIGH_WATER)
		stream_read_body(r->stream, false);
}

void body_on_piece(struct request *r, struct slice piece, bool last)
{
	if (r->body.mode == BODY_COLLECTING) {
		collect(r, piece, last);
		return;
	}
	if (r->stream->status == 101) {
		upgrade_on_piece(r, piece, last);
		return;
	}
	r->body.last_seen = last;
	if (!r->carrier->is_open(r))
		return; /* the upstream has answered early, or is gone: the codec drains */
	if (r->body.use != USE_NOTHING && chain_request_body(r, &piece, last) == STOP) {
		refuse(r);
		return;
	}
	pass_on(r, piece, last);
}

void body_send_held(struct request *r)
{
	struct slice held = text_slice(&r->body.bytes);
	if (r->body.is_kept)
		r->carrier->send_piece(r, held, r->body.last_seen); /* once more */
	else if (r->body.is_filtered)
		pass_on(r, held, false);
	else
		body_on_piece(r, held, false);
}

void body_on_upstream_drained(struct request *r)
{
	if (r->body.mode == BODY_STREAMING && !r->body.last_seen)
		stream_read_body(r->stream, true);
}
