/* request-termination: answers requests itself, all of them or those with a trigger (plugins.md 3.4). Its priority is
 * so low that authentication and limits answer before it. */
#include <unistd.h>

#include "common/plugin/plugin.h"
#include "common/schema/violations.h"

struct request_termination {
	int64_t status_code;
	struct slice message, content_type, body, trigger;
	bool echo;
};

static const struct field fields[] = {
        FIELD(struct request_termination, status_code, .flags = REQUIRED, .dflt = "503", BETWEEN(100, 599),
                .doc = "Status of the answer."),
        FIELD(struct request_termination, message,
                .doc = "Message of the answer, sent as JSON. Unset: the status's own."),
        FIELD(struct request_termination, content_type, .doc = "Content-Type of `body`."),
        FIELD(struct request_termination, body, .doc = "Body of the answer, sent as it is."),
        FIELD(struct request_termination, echo, .flags = REQUIRED, .dflt = "false",
                .doc = "Answer with a copy of the request, for debugging."),
        FIELD(struct request_termination, trigger, .format = FORMAT_HEADER_NAME,
                .doc = "Only requests that have a header or a query argument of this name are answered here."),
        {0},
};

static bool is_given(const json_t *conf, const char *name)
{
	return json_is_string(json_object_get(conf, name));
}

static void check_conf(const json_t *merged, bool is_update, struct violations *v)
{
	const json_t *conf = json_object_get(merged, "config");
	bool message = is_given(conf, "message"), type = is_given(conf, "content_type"),
	     body = is_given(conf, "body");

	if (message && (type || body))
		violations_add(v, "config", "message cannot be used with content_type or body");
	else if (type && !body)
		violations_add(v, "config", "content_type requires a body");
	else if (json_is_true(json_object_get(conf, "echo")) && (type || body))
		violations_add(v, "config", "echo cannot be used with content_type and body");
}

static const struct entity_check checks[] = {CUSTOM(check_conf), {0}};

static const struct schema config = {
        .name = "request-termination",
        .size = sizeof(struct request_termination),
        .fields = fields,
        .checks = checks,
};

/* ---- messages -------------------------------------------------------------------------------------------------- */

/* NULL: the status has none of its own. */
static const char *default_message(int64_t status)
{
	switch (status) {
	case 401: return "Unauthorized";
	case 404: return "Not found";
	case 405: return "Method not allowed";
	case 500: return "An unexpected error occurred";
	case 502: return "Bad Gateway";
	case 503: return "Service unavailable";
	default: return NULL;
	}
}

static json_t *string_of(struct slice s)
{
	json_t *text = slice_is_set(s) ? json_stringn(s.ptr, s.len) : NULL;
	return text ? text : json_null(); /* what is not UTF-8 cannot be shown */
}

static json_t *message_of(const struct request_termination *conf)
{
	const char *own = default_message(conf->status_code);
	return slice_is_set(conf->message) ? string_of(conf->message) : own ? json_string(own) : NULL;
}

/* ---- echo ------------------------------------------------------------------------------------------------------ */

/* One value, or a list for repeats. */
static void add_value(json_t *object, struct slice name, json_t *value)
{
	json_t *there = json_object_getn(object, name.ptr, name.len);
	if (!there) {
		json_object_setn_new(object, name.ptr, name.len, value);
	} else if (json_is_array(there)) {
		json_array_append_new(there, value);
	} else {
		json_t *list = json_array();
		json_array_append(list, there);
		json_array_append_new(list, value);
		json_object_setn_new(object, name.ptr, name.len, list);
	}
}

static json_t *headers_of(struct call *c)
{
	json_t *headers = json_object();
	for (uint32_t i = 0; i < c->x->request->count; i++) {
		const struct header *h = &c->x->request->headers[i];
		char *low = arena_cstr(c->x->arena, h->name);
		for (size_t k = 0; k < h->name.len; k++)
			low[k] = (char)ascii_lower((unsigned char)low[k]);
		add_value(headers, slice_of(low, h->name.len), string_of(h->value));
	}
	return headers;
}

static json_t *args_of(struct arg_list args)
{
	json_t *object = json_object();
	for (size_t i = 0; i < args.len; i++)
		add_value(object, args.items[i].name,
		        slice_is_set(args.items[i].value) ? string_of(args.items[i].value) : json_true());
	return object;
}

static json_t *captures_of(struct call *c)
{
	json_t *object = json_object();
	for (size_t i = 0; i < c->x->captures_count; i++)
		add_value(object, c->x->captures[i].key, string_of(c->x->captures[i].value));
	return object;
}

static json_t *body_of(struct call *c)
{
	struct arg_list form = call_form_args(c);
	if (form.len)
		return args_of(form);
	json_t *json = call_body(c).len ? call_body_json(c) : NULL;
	return json ? json_incref(json) : json_null();
}

static json_t *request_of(struct call *c)
{
	struct slice host = call_header(c, S("Host"), NULL), name;
	int port;
	if (!authority_split(host, &name, &port))
		name = host;
	return json_pack("{s:o,s:o,s:i,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "scheme", string_of(c->x->scheme), "host",
	        string_of(name), "port", c->x->port, "headers", headers_of(c), "query", args_of(call_query_args(c)),
	        "body", body_of(c), "raw_body", string_of(slice_is_set(call_body(c)) ? call_body(c) : S("")),
	        "method", string_of(call_method(c)), "path", string_of(c->x->path), "uri_captures", captures_of(c));
}

static json_t *entity_of(struct call *c, const struct schema *kind, const struct uuid *id)
{
	struct slice text = id ? c->host->entity_json(c, kind, id) : slice_of(NULL, 0);
	json_t *json = text.len ? json_loadb(text.ptr, text.len, 0, NULL) : NULL;
	return json ? json : json_null();
}

static enum verdict echo(struct call *c)
{
	const struct request_termination *conf = c->conf;
	char host[256] = "";
	json_t *message = message_of(conf);

	gethostname(host, sizeof host - 1);
	return call_exit_json(c, (int)conf->status_code,
	        json_pack("{s:o,s:{s:o,s:i,s:s},s:o,s:o,s:o}", "message", message ? message : json_null(), "kong",
	                "node_id", string_of(call_node_id(c)), "worker_pid", (int)getpid(), "hostname", host,
	                "request", request_of(c), "matched_route",
	                entity_of(c, &route_schema, c->x->route ? &c->x->route->id : NULL), "matched_service",
	                entity_of(c, &service_schema, c->x->service ? &c->x->service->id : NULL)));
}

/* ---- access ---------------------------------------------------------------------------------------------------- */

static bool is_triggered(struct call *c, struct slice trigger)
{
	size_t in_header, in_query;
	if (!slice_is_set(trigger))
		return true;
	call_header(c, trigger, &in_header);
	call_query(c, trigger, &in_query);
	return in_header || in_query;
}

static enum verdict on_access(struct call *c)
{
	const struct request_termination *conf = c->conf;
	int status = (int)conf->status_code;

	if (!is_triggered(c, conf->trigger))
		return GO;
	if (conf->echo)
		return call_read_body(c, echo);
	if (slice_is_set(conf->body))
		return call_exit(c, status, conf->body, conf->content_type);
	json_t *message = message_of(conf);
	if (message)
		return call_exit_json(c, status, json_pack("{s:o}", "message", message));
	return call_exit(c, status, slice_of(NULL, 0), slice_of(NULL, 0));
}

const struct plugin request_termination_plugin = {
        .name = "request-termination",
        .priority = 2,
        .scopes = SCOPE_ALL,
        .protocols = PROTOCOLS_HTTP,
        .config = &config,
        .access = on_access,
        .doc = "Answers requests instead of an upstream.",
        .example = "{'status_code':503,'message':'Back in an hour'}",
};
