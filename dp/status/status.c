/* status: see status.h. Every answer is short and made at once, but for POST, which waits for its small body. */
#include "dp/status/status.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/serve/level_guard.h"
#include "common/serve/node_metrics.h"
#include "common/serve/node_status.h"
#include "common/serve/status_server.h"
#include "dp/config/order_inbox.h"
#include "dp/status/explain.h"
#include "dp/status/metrics.h"
#include "dp/status/upstreams.h"

enum { EXPLANATION_MAX = ORDER_RESULT_MAX - 1024 };

struct status {
	struct status_server *server;
	status_fn fill;
	void *arg;
	struct level_guard *level;
	bool told_to_drain; /* by POST /status/ready */
};

static struct status_report report_of(struct status *st)
{
	struct status_report r = {.error = ""};

	st->fill(st->arg, &r);
	r.draining |= st->told_to_drain;
	return r;
}

/* ---- /status --------------------------------------------------------------------------------------------------- */

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

static void show_status(void *arg, struct stream *s, const struct uri *uri)
{
	struct status *st = arg;
	struct size_form form;
	struct err e;
	if (!size_form_read(
	            status_argument(uri->query, S("unit")), status_argument(uri->query, S("scale")), &form, &e)) {
		status_answer_message(s, 400, e.message);
		return;
	}
	struct status_report r = report_of(st);
	status_answer(s, 200, status_body(&r, &form));
}

/* ---- /status/ready --------------------------------------------------------------------------------------------- */

static void show_ready(void *arg, struct stream *s, const struct uri *uri)
{
	struct status *st = arg;
	struct status_report r = report_of(st);
	(void)uri;
	if (r.draining)
		status_answer_message(s, 503, "draining");
	else if (!r.has_config)
		status_answer_message(s, 503, "no configuration available (configuration hash is not initialized)");
	else
		status_answer_message(s, 200, "ready");
}

static void end_ready(void *arg, struct stream *s, struct slice body)
{
	struct status *st = arg;

	if (!status_says_draining(s, body))
		return;
	st->told_to_drain = true;
	status_answer_text(s, 204, S(""), S(""));
}

/* ---- /metrics, /explain, /debug
 * -------------------------------------------------------------------------------------------
 */

static void show_metrics(void *arg, struct stream *s, const struct uri *uri)
{
	struct status *st = arg;
	struct status_report r = report_of(st);
	struct text out = {0};
	(void)uri;
	metrics_render(&r, &out);
	status_answer_text(s, 200, S(NODE_METRICS_TYPE), text_slice(&out));
	text_fini(&out);
}

static void show_explanation(void *arg, struct stream *s, const struct uri *uri)
{
	struct status *st = arg;
	struct status_report r = report_of(st);
	struct err e;

	json_t *body = explain(&r, uri->query, &s->arena, &e);
	if (body)
		status_answer(s, 200, body);
	else
		status_answer_message(s, 400, e.message);
}

static void show_upstreams(void *arg, struct stream *s, const struct uri *uri)
{
	struct status *st = arg;
	struct status_report r = report_of(st);
	json_t *body = upstreams_show(&r, uri->path, uri->query, &s->arena);

	if (body)
		status_answer(s, 200, body);
	else
		status_answer_message(s, 404, "Not found");
}

/* admin-api.md 8.13: statistics are the other client's. */
static void show_dns(void *arg, struct stream *s, const struct uri *uri)
{
	(void)arg, (void)uri;
	status_answer_message(s, 501, "not implemented with the legacy DNS client");
}

static void show_level(void *arg, struct stream *s, const struct uri *uri)
{
	struct err e;
	(void)arg, (void)uri;
	level_guard_show(&e);
	status_answer_message(s, 200, e.message);
}

#define LEVEL_PATH "/debug/node/log-level/"

static void change_level(void *arg, struct stream *s, const struct uri *uri)
{
	struct status *st = arg;
	struct err e;
	struct slice level = slice_from(uri->path, sizeof LEVEL_PATH - 1);
	int code = level_guard_change(st->level, level, status_argument(uri->query, S("timeout")), &e);
	status_answer_message(s, code, e.message);
}

/* ---- orders ---------------------------------------------------------------------------------------------------- */

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

/* ---- the listener ---------------------------------------------------------------------------------------------- */

static const struct status_endpoint endpoints[] = {
        {SLICE("GET"), SLICE("/status"), false, show_status, NULL},
        {SLICE("GET"), SLICE("/status/live"), false, status_show_live, NULL},
        {SLICE("GET"), SLICE("/status/ready"), false, show_ready, NULL},
        {SLICE("POST"), SLICE("/status/ready"), false, NULL, end_ready},
        {SLICE("GET"), SLICE("/metrics"), false, show_metrics, NULL},
        {SLICE("GET"), SLICE("/status/dns"), false, show_dns, NULL},
        {SLICE("GET"), SLICE("/upstreams"), true, show_upstreams, NULL},
        {SLICE("GET"), SLICE("/explain"), false, show_explanation, NULL},
        {SLICE("GET"), SLICE("/debug/node/log-level"), false, show_level, NULL},
        {SLICE("PUT"), SLICE(LEVEL_PATH), true, change_level, NULL},
};

struct status *status_start(
        struct loop *l, struct slice listen, const struct access_log *log, status_fn fill, void *arg, struct err *e)
{
	struct status *st = calloc(1, sizeof *st);

	if (!st)
		abort();
	*st = (struct status){.fill = fill, .arg = arg};
	st->level = level_guard_new(l);
	st->server = status_server_start(l, listen, log, endpoints, sizeof endpoints / sizeof *endpoints, st, e);
	if (st->server)
		return st;
	status_stop(st);
	return NULL;
}

void status_drain(struct status *st)
{
	status_server_drain(st->server);
}

bool is_status_idle(const struct status *st)
{
	return is_status_server_idle(st->server);
}

void status_stop(struct status *st)
{
	status_server_stop(st->server);
	level_guard_free(st->level);
	free(st);
}
