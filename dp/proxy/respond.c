/* respond: see respond.h. */
#include "dp/proxy/respond.h"

#include "common/http/grpc_status.h"

static const struct {
	int status;
	bool engine;
	struct slice message;
} failures[] = {
#define FAILURE(id, status, engine, message) {status, engine, SLICE(message)},
#include "dp/proxy/failures.def"
#undef FAILURE
};

void respond_failure(struct request *r, enum failure why)
{
	r->x.reply = (struct reply){.status = failures[why].status, .message = failures[why].message};
	r->answer.is_ours = false;
	if (failures[why].engine) {
		struct slice type = head_get(r->x.request, HEADER_CONTENT_TYPE);
		r->error_type = slice_is_set(type) ? type : r->proxy->options->error_default_type;
	}
	request_goto(r, STEP_RESPOND);
}

/* Where the same is to be had over https: the path and query as they came. */
static struct slice https_location(struct request *r)
{
	struct slice query = r->x.query;
	return ARENA_JOIN(r->x.arena, S("https://"), forward_host(r), r->raw_path,
	        slice_is_set(query) ? S("?") : S(""), slice_is_set(query) ? query : S(""));
}

/* A route that only speaks https was asked over http (proxy.md 1.13). */
void respond_https_only(struct request *r)
{
	int status = (int)r->plan->route->https_redirect_status_code;
	respond_failure(r, FAILURE_HTTPS_ONLY);
	if (status == 426) {
		head_add_id(&r->x.added, HEADER_UPGRADE, S("TLS/1.2, HTTP/1.1"));
		return;
	}
	r->x.reply = (struct reply){.status = status, .body = S("")};
	head_add_id(&r->x.added, HEADER_LOCATION, https_location(r));
}

void respond_grpcs_only(struct request *r)
{
	struct head *to = &r->x.added;
	r->x.reply = (struct reply){.status = 200, .body = S("")};
	r->answer.is_ours = false;
	head_add_id(to, HEADER_CONTENT_TYPE, S("application/grpc"));
	head_add(to, S("grpc-status"), S("1"));
	head_add(to, S("grpc-message"), S("gRPC request matched gRPCs route"));
	request_goto(r, STEP_RESPOND);
}

/* All lines of Accept as one. */
static struct slice accepted(const struct request *r)
{
	const struct head *in = r->x.request;
	struct slice all = head_get(in, HEADER_ACCEPT);
	const struct header *h = slice_is_set(all) ? head_find(in, HEADER_ACCEPT) : NULL;
	while (h && (h = head_next(in, h, HEADER_ACCEPT, (struct slice){0})) != NULL)
		all = ARENA_JOIN(r->x.arena, all, S(","), h->value);
	return all;
}

/* The body of the reply and its media type. */
static struct slice body_of(struct request *r, struct slice *type)
{
	const struct reply *reply = &r->x.reply;
	if (!slice_is_set(reply->message)) {
		*type = reply->type;
		return slice_is_set(reply->body) ? reply->body : S("");
	}
	struct slice accept = accepted(r);
	enum error_kind kind = error_body_negotiate(
	        slice_is_set(accept) ? accept : r->error_type, reply->plain ? ERROR_PLAIN : ERROR_JSON);
	struct slice template = r->proxy->options->error_templates[kind];
	*type = error_body_type(kind);
	return slice_is_set(template) ? error_body_from(r->x.arena, template, kind, reply->message, r->x.request_id)
	                              : error_body(r->x.arena, kind, reply->message, r->x.request_id);
}

static bool starts_with_grpc(struct slice type)
{
	struct slice grpc = S("application/grpc");
	return type.len >= grpc.len && slice_ieq(slice_of(type.ptr, grpc.len), grpc);
}

/* a gRPC client reads the status from fields, not from a body. What the engine itself answers tells its
 * message, the rest the name of the status. */
static bool is_grpc_answer(struct request *r)
{
	const struct head *in = r->x.request;
	if (!slice_is_set(r->x.reply.message))
		return false;
	if (slice_is_set(r->error_type)) {
		struct slice accept = head_get(in, HEADER_ACCEPT);
		return starts_with_grpc(slice_is_set(accept) ? accept : r->error_type);
	}
	return in->version == HTTP_2 && starts_with_grpc(head_get(in, HEADER_CONTENT_TYPE));
}

static void add_grpc_status(struct request *r, struct head *out)
{
	int status = grpc_status_of(r->x.reply.status);
	head_add_id(out, HEADER_CONTENT_TYPE, S("application/grpc"));
	head_add(out, S("grpc-status"), arena_decimal(r->x.arena, status));
	head_add(out, S("grpc-message"), slice_is_set(r->error_type) ? r->x.reply.message : grpc_status_name(status));
}

static void begin(struct request *r)
{
	struct slice type = {0}, body = S("");
	struct head *out = &r->answer.head;
	bool grpc = is_grpc_answer(r);
	if (!grpc)
		body = body_of(r, &type);

	attempt_cancel(r);
	head_init(out, r->x.arena);
	*out = (struct head){.arena = out->arena, .headers = out->headers, .cap = out->cap};
	out->status = r->x.reply.status;
	out->content_length = (int64_t)body.len;
	r->x.from_upstream = false;
	r->answer.has_body = r->answer.is_ours = true;
	if (grpc)
		add_grpc_status(r, out);
	if (slice_is_set(type))
		head_add_id(out, HEADER_CONTENT_TYPE, type);
	if (r->proxy->options->show_server)
		head_add_id(out, HEADER_SERVER, r->proxy->options->server_token);
	if (r->x.reply.as_proxied && !r->proxied) {
		r->proxied = true;
		r->picked_ns = clock_mono_ns();
	}
	if (r->proxied) {
		r->answered_ns = clock_mono_ns();
		if (r->proxy->options->show_via)
			head_add_id(out, HEADER_VIA, answer_via(r));
	}
	chain_use_global(r);
	answer_start(r, body, true);
}

static enum flow hang_up(struct request *r)
{
	struct stream *s = r->stream;
	r->x.status = r->x.reply.status;
	chain_use_global(r);
	request_finish(r);
	stream_abort(s);
	return FLOW_DONE;
}

enum flow respond_run(struct request *r)
{
	enum flow f;
	if (r->x.reply.hang_up)
		return hang_up(r);
	do {
		if (!r->answer.is_ours)
			begin(r);
		f = answer_run(r);
	} while (f == FLOW_NEXT);
	return f;
}
