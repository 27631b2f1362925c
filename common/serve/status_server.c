/* status_server: see status_server.h. */
#include "common/serve/status_server.h"

#include <stdlib.h>

#include "common/http/form.h"
#include "common/serve/access_log.h"

struct status_server {
	struct server server;
	struct arena arena;
	struct listener **listeners;
	size_t count;
	const struct status_endpoint *endpoints;
	size_t endpoint_count;
	void *arg;
	struct access_writer access_log;
};

/* ---- answers --------------------------------------------------------------------------------------------------- */

void status_answer_text(struct stream *s, int code, struct slice type, struct slice text)
{
	struct head out;
	head_init(&out, &s->arena);
	out.status = code;
	out.content_length = (int64_t)text.len;
	if (type.len)
		head_add_id(&out, HEADER_CONTENT_TYPE, type);
	stream_respond(s, &out, text, true);
}

void status_answer(struct stream *s, int code, json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT);
	status_answer_text(s, code, S("application/json; charset=utf-8"), slice_cstr(text));
	free(text);
	json_decref(body);
}

void status_answer_message(struct stream *s, int code, const char *message)
{
	status_answer(s, code, json_pack("{s:s}", "message", message));
}

void status_show_live(void *arg, struct stream *s, const struct uri *uri)
{
	(void)arg, (void)uri;
	status_answer_message(s, 200, "live");
}

static bool is_draining(struct stream *s, struct slice body)
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

bool status_says_draining(struct stream *s, struct slice body)
{
	if (is_draining(s, body))
		return true;
	status_answer_message(s, 400, "expected status=draining");
	return false;
}

struct slice status_argument(struct slice query, struct slice wanted)
{
	struct slice name, value;
	while (query_next(&query, &name, &value))
		if (slice_eq(name, wanted))
			return slice_is_set(value) ? value : S("");
	return (struct slice){0};
}

/* ---- requests -------------------------------------------------------------------------------------------------- */

struct exchange_state {
	const struct status_endpoint *endpoint; /* that waits for its body */
	char body[STATUS_BODY_MAX];
	size_t len;
};

static const struct status_endpoint *find(
        const struct status_server *sv, struct slice method, struct slice path, bool *path_known)
{
	struct slice asked = slice_eq(method, S("HEAD")) ? S("GET") : method;
	*path_known = false;
	for (size_t i = 0; i < sv->endpoint_count; i++) {
		const struct status_endpoint *e = &sv->endpoints[i];
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
	struct status_server *sv = s->server->context;
	struct exchange_state *x = s->data;
	struct uri uri;
	bool known;

	if (!uri_split(s->request.target, &uri)) {
		status_answer_message(s, 400, "Bad request");
		return;
	}
	const struct status_endpoint *e = find(sv, s->request.method, uri.path, &known);
	if (!e)
		status_answer_message(s, known ? 405 : 404, known ? "Method not allowed" : "Not found");
	else if (e->serve)
		e->serve(sv->arg, s, &uri);
	else {
		x->endpoint = e;
		stream_read_body(s, true);
	}
}

static void on_bad_request(struct stream *s, const struct h1_error *why)
{
	status_answer_message(s, why->status == 494 ? 400 : why->status, why->why);
}

/* The server refuses bodies above STATUS_BODY_MAX. */
static void on_body(struct stream *s, struct slice piece, bool last)
{
	struct status_server *sv = s->server->context;
	struct exchange_state *x = s->data;
	if (piece.len)
		memcpy(x->body + x->len, piece.ptr, piece.len);
	x->len += piece.len;
	if (last)
		x->endpoint->end(sv->arg, s, slice_of(x->body, x->len));
}

static void on_drained(struct stream *s)
{
	(void)s;
}

static void on_end(struct stream *s)
{
	struct status_server *sv = s->server->context;
	access_write_stream(&sv->access_log, s, s->request.target);
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

/* ---- starting and stopping ------------------------------------------------------------------------------------- */

static void on_accept(struct listener *l, int fd, void *arg)
{
	struct status_server *sv = arg;
	server_accept(&sv->server, listener_spec(l), fd, NULL);
}

static bool open_all(struct status_server *sv, struct slice listen, struct err *e)
{
	struct listen_spec *specs;
	size_t n;

	if (!listen_parse(&sv->arena, listen, &specs, &n, e))
		return err_prefix(e, "status_listen");
	sv->listeners = calloc(n + 1, sizeof(struct listener *));
	if (!sv->listeners)
		abort();
	for (; sv->count < n; sv->count++) {
		sv->listeners[sv->count] = listener_open(sv->server.loop, &specs[sv->count], on_accept, sv, e);
		if (!sv->listeners[sv->count])
			return err_prefix(e, "status_listen");
	}
	return true;
}

struct status_server *status_server_start(struct loop *l, struct slice listen, const struct access_log *log,
        const struct status_endpoint *endpoints, size_t count, void *arg, struct err *e)
{
	struct status_server *sv = calloc(1, sizeof *sv);

	if (!sv)
		abort();
	*sv = (struct status_server){.endpoints = endpoints, .endpoint_count = count, .arg = arg};
	arena_init(&sv->arena);
	server_init(&sv->server, l, &ops, sv);
	sv->server.stream_size = sizeof(struct exchange_state);
	sv->server.max_body = STATUS_BODY_MAX;
	access_writer_init(&sv->access_log, log);
	if (open_all(sv, listen, e))
		return sv;
	status_server_stop(sv);
	return NULL;
}

static void close_listeners(struct status_server *sv)
{
	for (size_t i = 0; i < sv->count; i++)
		listener_close(sv->listeners[i]);
	sv->count = 0;
}

void status_server_drain(struct status_server *sv)
{
	close_listeners(sv);
	server_drain(&sv->server);
}

bool is_status_server_idle(const struct status_server *sv)
{
	return sv->count > 0 || !sv->server.conns;
}

void status_server_stop(struct status_server *sv)
{
	if (!sv)
		return;
	close_listeners(sv);
	free(sv->listeners);
	server_close(&sv->server);
	access_writer_fini(&sv->access_log);
	arena_fini(&sv->arena);
	free(sv);
}
