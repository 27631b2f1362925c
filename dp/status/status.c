/* status: see status.h. Every answer is short and made at once, but for POST, which waits for its small body. */
#include "dp/status/status.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/http/form.h"
#include "common/http/uri.h"
#include "common/serve/access_log.h"
#include "common/serve/level_guard.h"
#include "common/serve/node_metrics.h"
#include "common/serve/node_status.h"
#include "dp/config/order_inbox.h"
#include "dp/status/explain.h"
#include "dp/status/metrics.h"
#include "dp/status/upstreams.h"

enum { BODY_MAX = 4096, EXPLANATION_MAX = ORDER_RESULT_MAX - 1024 };

struct status {
	struct server server;
	struct arena arena;
	struct listener **listeners;
	size_t count;
	status_fn fill;
	void *arg;
	struct level_guard *level;
	struct access_writer access_log;
	bool told_to_drain; /* by POST /status/ready */
};

/* ---- answers ----------------------------------------------------------------------------------------------------
 */

static void answer_text(struct stream *s, int code, struct slice type, struct slice text)
{
	struct head out;
	head_init(&out, &s->arena);
	out.status = code;
	out.content_length = (int64_t)text.len;
	if (type.len)
		head_add_id(&out, HEADER_CONTENT_TYPE, type);
	stream_respond(s, &out, text, true);
}

static void answer(struct stream *s, int code, json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT);
	answer_text(s, code, S("application/json; charset=utf-8"), slice_cstr(text));
	free(text);
	json_decref(body);
}

static void answer_message(struct stream *s, int code, const char *message)
{
	answer(s, code, json_pack("{s:s}", "message", message));
}

static struct status_report report_of(struct status *st)
{
	struct status_report r = {.error = ""};

	st->fill(st->arg, &r);
	r.draining |= st->told_to_drain;
	return r;
}

/* ---- /status ----------------------------------------------------------------------------------------------------
 */

/* Kong's configuration_hash: 32 hexadecimal digits, zeros when there is none. Ours is made of epoch and version. */
static json_t *hash_of(const struct status_report *r)
{
	char text[33];
	snprintf(text, sizeof text, "%016llx%016llx", (unsigned long long)(r->version ? slice_hash(r->epoch) : 0),
	        (unsigned long long)r->version);
	return json_string(text);
}

static json_t *status_body(const struct status_report *r, const struct size_form *form)
{
	json_t *own = json_pack("{s:s%,s:I,s:s%,s:b,s:s}", "epoch", r->epoch.ptr ? r->epoch.ptr : "", r->epoch.len,
	        "config_version", (json_int_t)r->version, "node_id", r->node_id.ptr ? r->node_id.ptr : "",
	        r->node_id.len, "connected", r->connected, "error", r->error);
	return json_pack("{s:o,s:o,s:o,s:o}", "memory", node_memory_json(form), "server", node_server_json(&r->proxy),
	        "configuration_hash", hash_of(r), "gatehouse", own);
}

/* Unset: not there. A bare name has an empty value. */
static struct slice argument(struct slice query, struct slice wanted)
{
	struct slice name, value;
	while (query_next(&query, &name, &value))
		if (slice_eq(name, wanted))
			return slice_is_set(value) ? value : S("");
	return (struct slice){0};
}

static void show_status(struct status *st, struct stream *s, const struct uri *uri)
{
	struct size_form form;
	struct err e;
	if (!size_form_read(argument(uri->query, S("unit")), argument(uri->query, S("scale")), &form, &e)) {
		answer_message(s, 400, e.message);
		return;
	}
	struct status_report r = report_of(st);
	answer(s, 200, status_body(&r, &form));
}

/* ---- /status/ready ----------------------------------------------------------------------------------------------
 */

static void show_ready(struct status *st, struct stream *s, const struct uri *uri)
{
	struct status_report r = report_of(st);
	(void)uri;
	if (r.draining)
		answer_message(s, 503, "draining");
	else if (!r.has_config)
		answer_message(s, 503, "no configuration available (configuration hash is not initialized)");
	else
		answer_message(s, 200, "ready");
}

static bool says_draining(struct stream *s, struct slice body)
{
	struct form form;
	struct err e;
	if (!form_parse_urlencoded(&s->arena, body, &form, &e))
		return false;
	for (size_t i = 0; i < form.count; i++)
		if (slice_eq(form.fields[i].name, S("status")))
			return slice_eq(form.fields[i].value, S("draining"));
	json_t *json = json_loadb(body.ptr, body.len, 0, NULL);
	const char *status = json_string_value(json_object_get(json, "status"));
	bool drains = status && strcmp(status, "draining") == 0;
	json_decref(json);
	return drains;
}

static void end_ready(struct status *st, struct stream *s, struct slice body)
{
	if (!says_draining(s, body)) {
		answer_message(s, 400, "expected status=draining");
		return;
	}
	st->told_to_drain = true;
	answer_text(s, 204, S(""), S(""));
}

/* ---- /metrics, /explain, /debug
 * -------------------------------------------------------------------------------------------
 */

static void show_metrics(struct status *st, struct stream *s, const struct uri *uri)
{
	struct status_report r = report_of(st);
	struct text out = {0};
	(void)uri;
	metrics_render(&r, &out);
	answer_text(s, 200, S(NODE_METRICS_TYPE), text_slice(&out));
	text_fini(&out);
}

static void show_explanation(struct status *st, struct stream *s, const struct uri *uri)
{
	struct status_report r = report_of(st);
	struct err e;

	json_t *body = explain(&r, uri->query, &s->arena, &e);
	if (body)
		answer(s, 200, body);
	else
		answer_message(s, 400, e.message);
}

static void show_upstreams(struct status *st, struct stream *s, const struct uri *uri)
{
	struct status_report r = report_of(st);
	json_t *body = upstreams_show(&r, uri->path, uri->query, &s->arena);

	if (body)
		answer(s, 200, body);
	else
		answer_message(s, 404, "Not found");
}

/* admin-api.md 8.13: statistics are the other client's. */
static void show_dns(struct status *st, struct stream *s, const struct uri *uri)
{
	(void)st, (void)uri;
	answer_message(s, 501, "not implemented with the legacy DNS client");
}

static void show_level(struct status *st, struct stream *s, const struct uri *uri)
{
	struct err e;
	(void)st, (void)uri;
	level_guard_show(&e);
	answer_message(s, 200, e.message);
}

#define LEVEL_PATH "/debug/node/log-level/"

static void change_level(struct status *st, struct stream *s, const struct uri *uri)
{
	struct err e;
	struct slice level = slice_from(uri->path, sizeof LEVEL_PATH - 1);
	int code = level_guard_change(st->level, level, argument(uri->query, S("timeout")), &e);
	answer_message(s, code, e.message);
}

/* ---- orders ----------------------------------------------------------------------------------------------------
 */

static json_t *order_answer(struct status *st, int code, json_t *body)
{
	struct status_report r = report_of(st);
	return json_pack("{s:s%,s:i,s:o}", "node", r.node_id.ptr ? r.node_id.ptr : "", r.node_id.len, "status", code,
	        "body", body);
}

json_t *status_order_explain(struct status *st, const json_t *order)
{
	struct status_report r = report_of(st);
	const char *query = json_string_value(json_object_get(order, "query"));
	const char *node = json_string_value(json_object_get(order, "node"));
	struct arena a;
	struct err e;

	if (!query || !node || !slice_eq(slice_cstr(node), r.node_id))
		return NULL;
	arena_init(&a);
	json_t *body = explain(&r, slice_cstr(query), &a, &e);
	if (body && !explain_shorten(body, EXPLANATION_MAX)) {
		json_decref(body);
		body = NULL;
		err_set(&e, "the answer is too long to be sent; ask the status listener of this data plane");
	}
	json_t *out = order_answer(st, body ? 200 : 400, body ? body : json_pack("{s:s}", "message", e.message));
	arena_fini(&a);
	return out;
}

json_t *status_order_level(struct status *st, const json_t *order)
{
	const char *level = json_string_value(json_object_get(order, "level"));
	const char *timeout = json_string_value(json_object_get(order, "timeout"));
	struct err e;
	int code = 200;

	if (level)
		code = level_guard_change(
		        st->level, slice_cstr(level), timeout ? slice_cstr(timeout) : (struct slice){0}, &e);
	else
		level_guard_show(&e);
	return order_answer(st, code, json_pack("{s:s}", "message", e.message));
}

/* ---- requests ---------------------------------------------------------------------------------------------------
 */

static const struct endpoint {
	struct slice method, path;
	bool is_prefix;
	void (*serve)(struct status *st, struct stream *s, const struct uri *uri); /* NULL: reads its body first */
	void (*end)(struct status *st, struct stream *s, struct slice body);
} endpoints[] = {
        {SLICE("GET"), SLICE("/status"), false, show_status, NULL},
        {SLICE("GET"), SLICE("/status/ready"), false, show_ready, NULL},
        {SLICE("POST"), SLICE("/status/ready"), false, NULL, end_ready},
        {SLICE("GET"), SLICE("/metrics"), false, show_metrics, NULL},
        {SLICE("GET"), SLICE("/status/dns"), false, show_dns, NULL},
        {SLICE("GET"), SLICE("/upstreams"), true, show_upstreams, NULL},
        {SLICE("GET"), SLICE("/explain"), false, show_explanation, NULL},
        {SLICE("GET"), SLICE("/debug/node/log-level"), false, show_level, NULL},
        {SLICE("PUT"), SLICE(LEVEL_PATH), true, change_level, NULL},
};

struct exchange_state {
	const struct endpoint *endpoint; /* that waits for its body */
	char body[BODY_MAX];
	size_t len;
};

static const struct endpoint *find(struct slice method, struct slice path, bool *path_known)
{
	struct slice asked = slice_eq(method, S("HEAD")) ? S("GET") : method;
	*path_known = false;
	for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
		const struct endpoint *e = &endpoints[i];
		if (e->is_prefix ? !slice_starts(path, e->path) : !slice_eq(path, e->path))
			continue;
		*path_known = true;
		if (slice_eq(asked, e->method))
			return e;
	}
	return NULL;
}

static void on_request(struct stream *s)
{
	struct status *st = s->server->context;
	struct exchange_state *x = s->data;
	struct uri uri;
	bool known;

	if (!uri_split(s->request.target, &uri)) {
		answer_message(s, 400, "Bad request");
		return;
	}
	const struct endpoint *e = find(s->request.method, uri.path, &known);
	if (!e)
		answer_message(s, known ? 405 : 404, known ? "Method not allowed" : "Not found");
	else if (e->serve)
		e->serve(st, s, &uri);
	else {
		x->endpoint = e;
		stream_read_body(s, true);
	}
}

static void on_bad_request(struct stream *s, const struct h1_error *why)
{
	answer_message(s, why->status == 494 ? 400 : why->status, why->why);
}

/* The server refuses bodies above BODY_MAX. */
static void on_body(struct stream *s, struct slice piece, bool last)
{
	struct exchange_state *x = s->data;
	if (piece.len)
		memcpy(x->body + x->len, piece.ptr, piece.len);
	x->len += piece.len;
	if (last)
		x->endpoint->end(s->server->context, s, slice_of(x->body, x->len));
}

static void on_drained(struct stream *s)
{
	(void)s;
}

static void on_end(struct stream *s)
{
	struct status *st = s->server->context;
	access_write_stream(&st->access_log, s, s->request.target);
}

static void on_abort(struct stream *s, enum stream_abort why)
{
	(void)why;
	on_end(s);
}

static const struct stream_ops ops = {
        .on_request = on_request,
        .on_bad_request = on_bad_request,
        .on_body = on_body,
        .on_drained = on_drained,
        .on_done = on_end,
        .on_abort = on_abort,
};

static void on_accept(struct listener *l, int fd, void *arg)
{
	struct status *st = arg;
	server_accept(&st->server, listener_spec(l), fd, NULL);
}

struct status *status_start(
        struct loop *l, struct slice listen, const struct access_log *log, status_fn fill, void *arg, struct err *e)
{
	struct status *st = calloc(1, sizeof *st);
	struct listen_spec *specs;
	size_t n;

	if (!st)
		abort();
	*st = (struct status){.fill = fill, .arg = arg};
	arena_init(&st->arena);
	server_init(&st->server, l, &ops, st);
	st->server.stream_size = sizeof(struct exchange_state);
	st->server.max_body = BODY_MAX;
	st->level = level_guard_new(l);
	access_writer_init(&st->access_log, log);
	if (!listen_parse(&st->arena, listen, &specs, &n, e)) {
		err_prefix(e, "status_listen");
		status_stop(st);
		return NULL;
	}
	st->listeners = calloc(n + 1, sizeof(struct listener *));
	for (size_t i = 0; i < n; i++) {
		st->listeners[i] = listener_open(l, &specs[i], on_accept, st, e);
		if (!st->listeners[i]) {
			status_stop(st);
			return NULL;
		}
		st->count++;
	}
	return st;
}

static void close_listeners(struct status *st)
{
	for (size_t i = 0; i < st->count; i++)
		listener_close(st->listeners[i]);
	st->count = 0;
}

void status_drain(struct status *st)
{
	close_listeners(st);
	server_drain(&st->server);
}

bool is_status_idle(const struct status *st)
{
	return st->count > 0 || !st->server.conns;
}

void status_stop(struct status *st)
{
	close_listeners(st);
	free(st->listeners);
	server_close(&st->server);
	level_guard_free(st->level);
	access_writer_fini(&st->access_log);
	arena_fini(&st->arena);
	free(st);
}
