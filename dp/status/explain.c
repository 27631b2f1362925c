/* explain: see explain.h. The router explains itself (router_explain); here its words are joined by what comes after
 * routing: the chain, the upstream's path and where the request would go. */
#include "dp/status/explain.h"

#include "common/http/uri.h"
#include "dp/config/snapshot.h"

enum { HEADERS_MAX = 100, HTTP_PORT = 80, HTTPS_PORT = 443 };

/* ---- the question ------------------------------------------------------------------------------------------- */

struct question {
	struct router_request request;
	struct slice url;
	struct head head;
	struct header headers[HEADERS_MAX];
};

static bool add_header(struct question *q, struct slice line, struct err *e)
{
	struct slice rest = line, name = slice_trim(slice_cut(&rest, ':'));

	if (!slice_is_set(rest) || name.len == 0)
		return err_set(e, "header '%.*s', expected name:value", SLICE_ARG(line));
	if (slice_ieq(name, S("host"))) {
		q->request.host = slice_trim(rest);
		return true;
	}
	if (q->head.count == HEADERS_MAX)
		return err_set(e, "more than %d headers", HEADERS_MAX);
	q->headers[q->head.count++] = (struct header){name, slice_trim(rest), HEADER_OTHER};
	return true;
}

static bool take_argument(struct question *q, struct slice name, struct slice value, struct err *e)
{
	if (slice_eq(name, S("header")))
		return add_header(q, value, e);
	if (slice_eq(name, S("url")))
		q->url = value;
	else if (slice_eq(name, S("method")))
		q->request.method = value;
	else if (slice_eq(name, S("sni")))
		q->request.sni = value;
	else
		return err_set(e, "unknown argument '%.*s', expected url, method, header or sni", SLICE_ARG(name));
	return true;
}

/* "https://h.test:8443/a?b=1" */
static bool split_url(struct question *q, struct arena *a, struct err *e)
{
	struct router_request *r = &q->request;
	struct slice rest = q->url;
	struct uri uri;
	bool tls = slice_starts(rest, S("https://"));

	if (!tls && !slice_starts(rest, S("http://")))
		return err_set(e, "url '%.*s', expected http://host/path or https://host/path", SLICE_ARG(rest));
	r->scheme = tls ? S("https") : S("http");
	r->listener_port = tls ? HTTPS_PORT : HTTP_PORT;
	rest = slice_from(rest, r->scheme.len + 3);
	size_t end = 0;
	while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
		end++;
	struct slice host = slice_of(rest.ptr, end), target = slice_from(rest, end);
	if (!slice_is_set(r->host))
		r->host = host;
	if (!slice_is_set(r->sni) && tls)
		r->sni = slice_cut(&(struct slice){host.ptr, host.len}, ':');
	if (target.len == 0 || target.ptr[0] != '/')
		target = ARENA_JOIN(a, S("/"), target);
	if (!uri_split(target, &uri) || !uri_normalise(a, uri.path, &r->path))
		return err_set(e, "the path of '%.*s' is answered with 400", SLICE_ARG(q->url));
	r->query = uri.query;
	return true;
}

static bool read_question(struct question *q, struct slice query, struct arena *a, struct err *e)
{
	struct slice name, value;

	q->head.headers = q->headers;
	q->request = (struct router_request){.method = S("GET"), .head = &q->head, .arena = a};
	while (query_next(&query, &name, &value))
		if (!take_argument(q, uri_decode(a, name, true),
		            slice_is_set(value) ? uri_decode(a, value, true) : S(""), e))
			return false;
	if (!slice_is_set(q->url))
		return err_set(e, "url is missing, expected url=http://host/path");
	return split_url(q, a, e);
}

/* ---- the answer --------------------------------------------------------------------------------------------- */

/* Bytes that are no UTF-8 are escaped. */
static json_t *text_json(struct arena *a, struct slice s)
{
	json_t *text = slice_is_set(s) ? json_stringn(s.ptr, s.len) : json_null();

	if (text)
		return text;
	struct slice escaped = uri_escape(a, s);
	return json_stringn(escaped.ptr, escaped.len);
}

static json_t *entity_json(struct arena *a, const struct uuid *id, struct slice name)
{
	char text[UUID_TEXT + 1];

	uuid_format(id, text);
	return json_pack("{s:s,s:o}", "id", text, "name", text_json(a, name));
}

static json_t *candidates_json(struct arena *a, const struct router_explanation *x)
{
	json_t *list = json_array();

	for (size_t i = 0; i < x->count; i++) {
		const struct router_candidate *c = &x->candidates[i];
		json_array_append_new(
		        list, json_pack("{s:o,s:o,s:b,s:s}", "route", entity_json(a, &c->route->id, c->route->name),
		                      "paths", text_json(a, c->paths), "matches", c->fits, "why", c->why));
	}
	return list;
}

static const char *origin_of(const struct plugin_instance *i)
{
	if (!i)
		return "consumers only";
	if (i->route_id)
		return i->service_id ? "route and service" : "route";
	return i->service_id ? "service" : "global";
}

static json_t *chain_json(const struct chain *c)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < c->count; i++) {
		const struct chain_link *link = &c->links[i];
		char id[UUID_TEXT + 1] = "";
		if (link->instance)
			uuid_format(&link->instance->id, id);
		json_array_append_new(
		        list, json_pack("{s:s,s:i,s:s*,s:s,s:b}", "name", link->plugin->name, "priority",
		                      link->plugin->priority, "id", link->instance ? id : NULL, "from",
		                      origin_of(link->instance), "for_consumers_too", link->has_consumer_rows));
	}
	return list;
}

static json_t *destination_json(struct arena *a, const struct route_plan *plan)
{
	json_t *targets = json_array();

	if (!plan->upstream)
		return json_pack("{s:o,s:i,s:o}", "host", text_json(a, plan->destination->host), "port",
		        plan->destination->port, "targets", targets);
	for (size_t i = 0; i < plan->upstream->targets_count; i++) {
		const struct target_def *t = &plan->upstream->targets[i];
		json_array_append_new(targets, json_pack("{s:o,s:i,s:I}", "host", text_json(a, t->host), "port",
		                                       t->port, "weight", (json_int_t)t->weight));
	}
	return json_pack("{s:o,s:o}", "upstream", text_json(a, plan->upstream->upstream->name), "targets", targets);
}

static json_t *service_json(const struct question *q, const struct route_plan *plan, const struct router_match *m,
        enum router_flavor flavor)
{
	struct arena *a = q->request.arena;
	const struct service *sv = plan->service;

	if (!sv)
		return json_null();
	struct slice path = uri_escape(a, router_upstream_path(a, sv->path, m, q->request.path, flavor));
	json_t *out = entity_json(a, &sv->id, sv->name);
	json_object_set_new(out, "protocol", text_json(a, sv->protocol));
	json_object_set_new(out, "path", text_json(a, path));
	json_object_set_new(out, "query", text_json(a, q->request.query));
	json_object_set_new(out, "destination", destination_json(a, plan));
	return out;
}

static json_t *request_json(const struct question *q)
{
	struct arena *a = q->request.arena;

	return json_pack("{s:o,s:o,s:o,s:o}", "method", text_json(a, q->request.method), "scheme",
	        text_json(a, q->request.scheme), "host", text_json(a, q->request.host), "path",
	        text_json(a, uri_escape(a, q->request.path)));
}

json_t *explain(const struct status_report *r, struct slice query, struct arena *a, struct err *e)
{
	struct question *q = arena_new(a, struct question);
	struct router_explanation x;

	if (!read_question(q, query, a, e))
		return NULL;
	if (!r->snapshot) {
		err_set(e, "this data plane has no configuration yet");
		return NULL;
	}
	router_explain(r->snapshot->router, &q->request, &x);
	json_t *out = json_pack("{s:I,s:o,s:o,s:I,s:I,s:I}", "config_version", (json_int_t)r->snapshot->version,
	        "request", request_json(q), "considered", candidates_json(a, &x), "left_out", (json_int_t)x.left_out,
	        "routes_of_other_hosts", (json_int_t)x.other_hosts, "routes_of_other_paths",
	        (json_int_t)x.other_paths);
	struct route_plan plan = {.chain = r->snapshot->global};
	if (x.has_match)
		snapshot_plan(r->snapshot, x.match.route, &plan);
	json_object_set_new(
	        out, "route", x.has_match ? entity_json(a, &plan.route->id, plan.route->name) : json_null());
	json_object_set_new(out, "answers_with_https_redirect",
	        json_boolean(x.has_match && plan.https_only && slice_eq(q->request.scheme, S("http"))));
	json_object_set_new(out, "plugins", chain_json(plan.chain));
	json_object_set_new(
	        out, "service", x.has_match ? service_json(q, &plan, &x.match, r->router->flavor) : json_null());
	return out;
}

bool explain_shorten(json_t *answer, size_t max)
{
	json_t *list = json_object_get(answer, "considered");
	json_int_t left_out = json_integer_value(json_object_get(answer, "left_out"));

	while (json_dumpb(answer, NULL, 0, JSON_COMPACT) > max) {
		if (json_array_size(list) == 0)
			return false;
		json_array_remove(list, json_array_size(list) - 1);
		json_object_set_new(answer, "left_out", json_integer(++left_out));
	}
	return true;
}
