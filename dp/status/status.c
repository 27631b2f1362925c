/* status: see status.h. */
#include "dp/status/status.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/http/uri.h"

struct status {
	struct server server;
	struct arena arena;
	struct listener **listeners;
	size_t count;
	status_fn fill;
	void *arg;
};

static void answer(struct stream *s, int code, json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT);
	struct head out;
	head_init(&out, &s->arena);
	out.status = code;
	out.content_length = (int64_t)strlen(text);
	head_add_id(&out, HEADER_CONTENT_TYPE, S("application/json; charset=utf-8"));
	stream_respond(s, &out, slice_cstr(text), true);
	free(text);
	json_decref(body);
}

static void answer_message(struct stream *s, int code, const char *message)
{
	answer(s, code, json_pack("{s:s}", "message", message));
}

/* Kong's configuration_hash: 32 hexadecimal digits, zeros when there is none. Ours is made of epoch and version. */
static json_t *hash_of(const struct status_report *r)
{
	char text[33];
	snprintf(text, sizeof text, "%016llx%016llx", (unsigned long long)(r->version ? slice_hash(r->epoch) : 0),
	        (unsigned long long)r->version);
	return json_string(text);
}

static json_t *status_body(const struct status_report *r)
{
	const struct server_stats *p = &r->proxy;
	json_t *server = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "connections_accepted", (json_int_t)p->accepted,
	        "connections_handled", (json_int_t)p->handled, "connections_active", (json_int_t)p->active,
	        "connections_reading", (json_int_t)p->reading, "connections_writing", (json_int_t)p->writing,
	        "connections_waiting", (json_int_t)p->waiting, "total_requests", (json_int_t)p->requests);
	json_t *own = json_pack("{s:s%,s:I,s:s%,s:b,s:s}", "epoch", r->epoch.ptr ? r->epoch.ptr : "", r->epoch.len,
	        "config_version", (json_int_t)r->version, "node_id", r->node_id.ptr ? r->node_id.ptr : "",
	        r->node_id.len, "connected", r->connected, "error", r->error);
	return json_pack("{s:{s:[],s:{}},s:o,s:o,s:o}", "memory", "workers_lua_vms", "lua_shared_dicts", "server",
	        server, "configuration_hash", hash_of(r), "gatehouse", own);
}

static void answer_ready(struct stream *s, const struct status_report *r)
{
	if (r->draining)
		answer_message(s, 503, "draining");
	else if (!r->has_config)
		answer_message(s, 503, "no configuration available (configuration hash is not initialized)");
	else
		answer_message(s, 200, "ready");
}

static void on_request(struct stream *s)
{
	struct status *st = s->server->context;
	struct status_report r = {.error = ""};
	struct uri uri;
	bool reads = slice_eq(s->request.method, S("GET")) || slice_eq(s->request.method, S("HEAD"));

	if (!uri_split(s->request.target, &uri)) {
		answer_message(s, 400, "Bad request");
		return;
	}
	st->fill(st->arg, &r);
	if (slice_eq(uri.path, S("/status")))
		reads ? answer(s, 200, status_body(&r)) : answer_message(s, 405, "Method not allowed");
	else if (slice_eq(uri.path, S("/status/ready")))
		reads ? answer_ready(s, &r) : answer_message(s, 405, "Method not allowed");
	else
		answer_message(s, 404, "Not found");
}

static void on_bad_request(struct stream *s, const struct h1_error *why)
{
	answer_message(s, why->status == 494 ? 400 : why->status, why->why);
}

static void on_body(struct stream *s, struct slice piece, bool last)
{
	(void)s, (void)piece, (void)last;
}

static void on_end(struct stream *s)
{
	(void)s;
}

static void on_abort(struct stream *s, enum stream_abort why)
{
	(void)s, (void)why;
}

static const struct stream_ops ops = {
        .on_request = on_request,
        .on_bad_request = on_bad_request,
        .on_body = on_body,
        .on_drained = on_end,
        .on_done = on_end,
        .on_abort = on_abort,
};

static void on_accept(struct listener *l, int fd, void *arg)
{
	struct status *st = arg;
	server_accept(&st->server, listener_spec(l), fd, NULL);
}

struct status *status_start(struct loop *l, struct slice listen, status_fn fill, void *arg, struct err *e)
{
	struct status *st = calloc(1, sizeof *st);
	struct listen_spec *specs;
	size_t n;

	if (!st)
		abort();
	*st = (struct status){.fill = fill, .arg = arg};
	arena_init(&st->arena);
	server_init(&st->server, l, &ops, st);
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

void status_stop(struct status *st)
{
	for (size_t i = 0; i < st->count; i++)
		listener_close(st->listeners[i]);
	free(st->listeners);
	server_close(&st->server);
	arena_fini(&st->arena);
	free(st);
}
