/* call: what plugins do with a request, in the words of plugin.h. Everything works on the exchange: no I/O here. */
#include "common/plugin/plugin.h"

#include <stdlib.h>

#include "common/core/log.h"
#include "common/http/error_body.h"
#include "common/plugin/args.h"

/* ---- reading --------------------------------------------------------------------------------------------------- */

struct slice call_header(struct call *c, struct slice name, size_t *count)
{
	enum header_id id = header_id_of(name);
	const struct header *first = head_next(c->x->request, NULL, id, name);
	if (count) {
		*count = 0;
		for (const struct header *h = first; h; h = head_next(c->x->request, h, id, name))
			++*count;
	}
	return first ? first->value : slice_of(NULL, 0);
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
	const struct header *h = NULL;
	while ((h = head_next(c->x->request, h, HEADER_COOKIE, S("Cookie"))))
		for (struct slice rest = h->value; slice_is_set(rest);) {
			struct slice value = slice_trim(slice_cut(&rest, ';')), own = slice_cut(&value, '=');
			if (slice_is_set(value) && slice_eq(slice_trim(own), name))
				return unquoted(slice_trim(value));
		}
	return slice_of(NULL, 0);
}

struct slice call_body(struct call *c)
{
	return c->x->body;
}

struct slice call_uuid_text(struct call *c, const struct uuid *id)
{
	static const struct uuid nil;
	char *text = arena_alloc(c->x->arena, UUID_TEXT + 1);
	uuid_format(id ? id : &nil, text);
	return slice_of(text, UUID_TEXT);
}

/* ---- changing what goes upstream ------------------------------------------------------------------------------- */

void call_set_header(struct call *c, struct slice name, struct slice value)
{
	head_set(c->x->request, name, value);
}

void call_remove_header(struct call *c, struct slice name)
{
	head_remove(c->x->request, name);
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

/* ---- answering ------------------------------------------------------------------------------------------------- */

void call_respond_header(struct call *c, struct slice name, struct slice value)
{
	head_set(&c->x->added, name, value);
}

enum verdict call_reject(struct call *c, int status, struct slice message)
{
	if (!slice_is_set(message))
		message = http_default_message(c->x->arena, status);
	c->x->reply = (struct reply){.status = status, .message = message};
	return STOP;
}

enum verdict call_exit(struct call *c, int status, struct slice body, struct slice type)
{
	c->x->reply = (struct reply){.status = status, .body = body, .type = type};
	return STOP;
}

enum verdict call_exit_json(struct call *c, int status, json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);
	struct slice copy = arena_dup(c->x->arena, slice_cstr(text ? text : "null"));
	free(text);
	json_decref(body);
	return call_exit(c, status, copy, S("application/json; charset=utf-8"));
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

/* Every header is set or removed every time, so that a client's own copy never gets through (plugins.md 0.5). */
static void tell_upstream(struct call *c, const struct consumer *consumer, struct slice identifier, bool anonymous)
{
	const struct slice unset = {NULL, 0};
	set_or_remove(c, HEADER_X_CONSUMER_ID, consumer ? call_uuid_text(c, &consumer->id) : unset);
	set_or_remove(c, HEADER_X_CONSUMER_CUSTOM_ID, consumer ? consumer->custom_id : unset);
	set_or_remove(c, HEADER_X_CONSUMER_USERNAME, consumer ? consumer->username : unset);
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
