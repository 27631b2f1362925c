/* call: what plugins do with a request, in the words of plugin.h. Everything works on the exchange: no I/O here. */
#include "common/plugin/plugin.h"

#include "common/core/log.h"
#include "common/core/text.h"
#include "common/http/error_body.h"
#include "common/plugin/args.h"

/* ---- reading --------------------------------------------------------------------------------------------------- */

static struct slice find_header(const struct head *head, struct slice name, size_t *count)
{
	enum header_id id = header_id_of(name);
	const struct header *first = head_next(head, NULL, id, name);
	if (count) {
		*count = 0;
		for (const struct header *h = first; h; h = head_next(head, h, id, name))
			++*count;
	}
	return first ? first->value : slice_of(NULL, 0);
}

struct slice call_header(struct call *c, struct slice name, size_t *count)
{
	return find_header(c->x->request, name, count);
}

struct slice call_query(struct call *c, struct slice name, size_t *count)
{
	return args_get(c->x->arena, c->x->query, name, count);
}

/* A cookie's value, without the quotes that RFC 6265 allows around it. */
static struct slice unquoted(struct slice value)
{
	if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
		return slice_of(value.ptr + 1, value.len - 2);
	return value;
}

struct slice call_cookie(struct call *c, struct slice name)
{
	return unquoted(head_cookie(c->x->request, name));
}

struct slice call_body(struct call *c)
{
	return c->x->body;
}

struct arg_list call_query_args(struct call *c)
{
	return args_list(c->x->arena, c->x->query);
}

struct slice call_method(struct call *c)
{
	struct slice changed = c->x->upstream.method;
	return slice_is_set(changed) ? changed : c->x->request->method;
}

struct slice call_capture(struct call *c, struct slice name)
{
	for (size_t i = 0; i < c->x->captures_count; i++)
		if (slice_eq(c->x->captures[i].key, name))
			return c->x->captures[i].value;
	return slice_of(NULL, 0);
}

void call_share(struct call *c, struct slice name, struct slice value)
{
	struct shared_value *v = arena_new(c->x->arena, struct shared_value);
	*v = (struct shared_value){name, value, c->x->shared};
	c->x->shared = v;
}

struct slice call_shared(struct call *c, struct slice name)
{
	const struct shared_value *v = c->x->shared;
	while (v && !slice_eq(v->name, name))
		v = v->next;
	return v ? v->value : slice_of(NULL, 0);
}

struct slice call_uuid_text(struct call *c, const struct uuid *id)
{
	return id ? arena_uuid(c->x->arena, id) : S("00000000-0000-0000-0000-000000000000");
}

/* ---- changing what goes upstream ------------------------------------------------------------------------------- */

/* Host stays in the request's head as the client sent it: routing, logs and X-Forwarded-Host look at it. */
void call_set_header(struct call *c, struct slice name, struct slice value)
{
	if (header_id_of(name) == HEADER_HOST)
		c->x->upstream.host = value;
	else
		head_set(c->x->request, name, value);
}

void call_add_header(struct call *c, struct slice name, struct slice value)
{
	if (header_id_of(name) != HEADER_HOST)
		head_add(c->x->request, name, value);
}

void call_remove_header(struct call *c, struct slice name)
{
	head_remove(c->x->request, name);
}

void call_set_method(struct call *c, struct slice method)
{
	c->x->upstream.method = method;
}

void call_set_path(struct call *c, struct slice path)
{
	c->x->upstream.path = path;
}

void call_set_upstream(struct call *c, struct slice host, int port)
{
	c->x->upstream.target = host;
	c->x->upstream.port = port;
}

void call_set_query(struct call *c, struct slice query)
{
	c->x->query = query;
}

void call_set_query_args(struct call *c, const struct arg_list *args)
{
	c->x->query = args->len ? args_text(c->x->arena, args) : slice_of(NULL, 0);
}

void call_remove_query(struct call *c, struct slice name)
{
	struct slice kept = args_remove(c->x->arena, c->x->query, name);
	if (kept.ptr != c->x->query.ptr)
		c->x->query = kept.len ? kept : slice_of(NULL, 0);
}

void call_set_body(struct call *c, struct slice body)
{
	c->x->body = body;
	c->x->body_replaced = true;
	c->x->body_args = NULL;
}

/* ---- bodies in pieces ------------------------------------------------------------------------------------------ */

void call_use_request_body(struct call *c, enum body_use use)
{
	c->request_use = use == USE_WHOLE ? USE_CHANGE : use;
}

void call_use_response_body(struct call *c, enum body_use use)
{
	c->response_use = use;
}

void call_replace_piece(struct call *c, struct slice piece)
{
	c->piece = piece;
}

static void free_scratch(void *text)
{
	text_fini(text);
}

struct text *call_scratch(struct call *c)
{
	if (!c->scratch) {
		c->scratch = arena_new(c->x->arena, struct text);
		arena_defer(c->x->arena, free_scratch, c->scratch);
	}
	return c->scratch;
}

/* ---- answering ------------------------------------------------------------------------------------------------- */

/* `added` is what an answer that is yet to be made will begin with; the one that stands gets it at once. */
void call_respond_header(struct call *c, struct slice name, struct slice value)
{
	head_set(&c->x->added, name, value);
	if (c->x->response)
		head_set(c->x->response, name, value);
}

void call_respond_id(struct call *c, enum header_id id, struct slice value)
{
	head_set_id(&c->x->added, id, value);
	if (c->x->response)
		head_set_id(c->x->response, id, value);
}

void call_add_respond_header(struct call *c, struct slice name, struct slice value)
{
	head_add(&c->x->appended, name, value);
	if (c->x->response)
		head_add(c->x->response, name, value);
}

void call_remove_respond_header(struct call *c, struct slice name)
{
	head_remove(&c->x->added, name);
	head_remove(&c->x->appended, name);
	if (c->x->response)
		head_remove(c->x->response, name);
}

struct slice call_response_header(struct call *c, struct slice name, size_t *count)
{
	return find_header(c->x->response, name, count);
}

int call_response_status(struct call *c)
{
	return c->x->response ? c->x->response->status : c->x->status;
}

void call_set_response_status(struct call *c, int status)
{
	c->x->response->status = status;
	c->x->response->reason = slice_of(NULL, 0);
}

enum verdict call_reject(struct call *c, int status, struct slice message)
{
	if (!slice_is_set(message))
		message = http_default_message(c->x->arena, status);
	c->x->reply = (struct reply){.status = status, .message = message};
	return STOP;
}

/* What Kong's HTTP layer does with an answer of these statuses that has no body of its own (plugins.md 0.4). */
static enum verdict exit_without_body(struct call *c, int status)
{
	switch (status) {
	case 400:
	case 411:
	case 412:
	case 413:
	case 414:
	case 417:
		call_reject(c, status, slice_of(NULL, 0));
		c->x->reply.plain = true;
		return STOP;
	case 494:
		call_reject(c, 400, http_default_message(c->x->arena, 494));
		c->x->reply.plain = true;
		return STOP;
	case 504:
		call_reject(c, 504, S("The upstream server is timing out"));
		c->x->reply.plain = true;
		return STOP;
	case 408:
	case 444:
	case 499: c->x->reply = (struct reply){.status = status, .hang_up = true}; return STOP;
	default: c->x->reply = (struct reply){.status = status}; return STOP;
	}
}

enum verdict call_exit(struct call *c, int status, struct slice body, struct slice type)
{
	if (!slice_is_set(body) && !c->x->response)
		return exit_without_body(c, status);
	c->x->reply = (struct reply){.status = status, .body = body, .type = type};
	return STOP;
}

enum verdict call_exit_json(struct call *c, int status, json_t *body)
{
	struct slice text = args_json(c->x->arena, body);
	json_decref(body);
	return call_exit(c, status, text, S("application/json; charset=utf-8"));
}

enum verdict call_fault(struct call *c, const char *why)
{
	log_error("plugin failed", LOG_STR("plugin", c->plugin->name), LOG_STR("why", why),
	        LOG_SLICE("request", c->x->request_id));
	return call_reject(c, 500, S("An unexpected error occurred"));
}

/* ---- identity -------------------------------------------------------------------------------------------------- */

static void set_or_remove(struct call *c, enum header_id id, struct slice value)
{
	if (slice_is_set(value))
		head_set_id(c->x->request, id, value);
	else
		head_remove_id(c->x->request, id);
}

/* "gold, silver"; unset: the consumer is in no group. */
static struct slice groups_text(struct call *c, const struct consumer *consumer)
{
	struct slice_list groups = consumer ? call_consumer_groups(c, consumer) : (struct slice_list){0};
	struct slice text = {NULL, 0};
	for (size_t i = 0; i < groups.len; i++)
		text = i ? ARENA_JOIN(c->x->arena, text, S(", "), groups.items[i]) : groups.items[i];
	return text;
}

/* Every header is set or removed every time, so that a client's own copy never gets through (plugins.md 0.5). */
static void tell_upstream(struct call *c, const struct consumer *consumer, struct slice identifier, bool anonymous)
{
	const struct slice unset = {NULL, 0};
	set_or_remove(c, HEADER_X_CONSUMER_ID, consumer ? call_uuid_text(c, &consumer->id) : unset);
	set_or_remove(c, HEADER_X_CONSUMER_CUSTOM_ID, consumer ? consumer->custom_id : unset);
	set_or_remove(c, HEADER_X_CONSUMER_USERNAME, consumer ? consumer->username : unset);
	set_or_remove(c, HEADER_X_CONSUMER_GROUPS, groups_text(c, consumer));
	set_or_remove(c, HEADER_X_CREDENTIAL_IDENTIFIER, identifier);
	set_or_remove(c, HEADER_X_ANONYMOUS_CONSUMER, anonymous ? S("true") : unset);
}

void call_authenticated(
        struct call *c, const struct consumer *consumer, const struct uuid *credential, struct slice identifier)
{
	c->x->consumer = consumer;
	c->x->has_credential = true;
	c->x->credential_id = credential ? *credential : (struct uuid){{0}};
	if (!slice_is_set(identifier) && credential)
		identifier = call_uuid_text(c, credential);
	tell_upstream(c, consumer, identifier, false);
}

static const struct consumer *find_anonymous(struct call *c, struct slice anonymous)
{
	struct uuid id;
	const struct consumer *found = NULL;
	if (uuid_parse(anonymous, &id))
		found = call_find(c, &consumer_schema, "id", uuid_slice(&id));
	return found ? found : call_find(c, &consumer_schema, "username", anonymous);
}

enum verdict call_anonymous(struct call *c, struct slice anonymous)
{
	const struct consumer *consumer = find_anonymous(c, anonymous);
	if (!consumer)
		return call_reject(c, 500,
		        arena_printf(c->x->arena, "anonymous consumer %.*s is configured but doesn't exist",
		                SLICE_ARG(anonymous)));
	c->x->consumer = consumer;
	c->x->has_credential = false;
	c->x->credential_id = (struct uuid){{0}};
	tell_upstream(c, consumer, slice_of(NULL, 0), true);
	return GO;
}

void call_ask_client_certificate(struct call *c)
{
	c->x->tls.was_asked = true;
}
