/* openapi_paths: what can be asked at each path, for openapi.c. */
#include "cp/admin/openapi.h"

#include <stdio.h>

#include "cp/admin/config.h"
#include "cp/admin/consumer_groups.h"
#include "cp/admin/info.h"
#include "cp/admin/paths.h"
#include "cp/admin/rules.h"
#include "cp/admin/versions.h"

static const struct {
	enum admin_method method;
	const char *name;
} methods[] = {{ADMIN_GET, "get"}, {ADMIN_POST, "post"}, {ADMIN_PUT, "put"}, {ADMIN_PATCH, "patch"},
        {ADMIN_DELETE, "delete"}};

/* ---- parameters ------------------------------------------------------------------------------------------------ */

static json_t *path_parameter(struct slice name)
{
	const struct schema *kind = kinds_by_name(name);
	const struct field *key = kind ? schema_endpoint_key(kind) : NULL;
	json_t *out = json_pack("{s:s%,s:s,s:b,s:{s:s}}", "name", name.ptr, name.len, "in", "path", "required", 1,
	        "schema", "type", "string");

	if (kind)
		json_object_set_new(out, "description",
		        json_sprintf(key ? "id or %s of one of %s" : "id%.0s of one of %s", key ? key->name : "",
		                kind->name));
	return out;
}

/* One for each {name} of the pattern. */
static json_t *path_parameters(struct slice pattern)
{
	json_t *out = json_array();

	for (struct slice rest = slice_from(pattern, 1); slice_is_set(rest);) {
		struct slice part = slice_cut(&rest, '/');
		if (part.len > 2 && part.ptr[0] == '{')
			json_array_append_new(out, path_parameter(slice_of(part.ptr + 1, part.len - 2)));
	}
	return out;
}

static void add_query(json_t *parameters, const char *name)
{
	json_array_append_new(parameters, json_pack("{s:s+}", "$ref", "#/components/parameters/", name));
}

static void add_queries(json_t *parameters, const char *const *names)
{
	for (; *names; names++)
		add_query(parameters, *names);
}

/* What a path below the kinds understands beyond its own name. */
static void add_kind_queries(json_t *parameters, const struct admin_path *path, enum admin_method method)
{
	static const char *const writes[] = {"message", "wait", "wait_timeout", NULL}, *const past[] = {
	                                                                                       "version", NULL};
	static const char *const pages[] = {"size", "offset", NULL};

	if (!path->kind->is_private) /* which has no versions */
		add_queries(parameters, method == ADMIN_GET ? past : writes);
	if (method != ADMIN_GET || admin_shape_methods(path->shape) != ADMIN_COLLECTION)
		return;
	add_queries(parameters, pages);
	if (path->shape == SHAPE_COLLECTION)
		add_query(parameters, "tags");
}

/* The same of lines of the table. */
static void add_route_queries(json_t *parameters, const struct admin_route *route)
{
	static const struct {
		const char *pattern;
		const char *names[9];
	} known[] = {
	        {"/audit/requests", {"size", "offset", "admin", "method", "path", "after", "before", "status"}},
	        {"/versions", {"size", "offset"}},
	        {"/versions/:versions/rollback", {"message", "wait", "wait_timeout"}},
	        {"/tags", {"size", "offset"}},
	        {"/tags/:tags", {"size", "offset"}},
	        {"/clustering/data-planes", {"size", "offset"}},
	        {"/clustering/data-planes/:data_planes/revoke", {"message"}},
	        {"/status", {"unit", "scale"}},
	        {"/debug/node/log-level/:log_level", {"seconds"}},
	        {"/debug/cluster/log-level/:log_level", {"seconds"}},
	        {"/debug/cluster/control-planes-nodes/log-level/:log_level", {"seconds"}},
	        {"/explain", {"url", "asked_method", "header", "sni", "dp"}},
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(known[i].pattern, route->pattern) == 0)
			add_queries(parameters, known[i].names);
}

/* ---- bodies ---------------------------------------------------------------------------------------------------- */

static json_t *media(const char *schema)
{
	return json_pack("{s:{s:s+}}", "schema", "$ref", "#/components/schemas/", schema);
}

static json_t *entity_body(struct arena *a, const struct schema *kind, bool whole)
{
	const char *name = whole ? arena_printf(a, "%s.new", kind->name).ptr : kind->name;

	return json_pack("{s:{s:o,s:o,s:o}}", "content", "application/json", media(name),
	        "application/x-www-form-urlencoded", media(name), "multipart/form-data", media(name));
}

static json_t *any_body(void)
{
	return json_pack("{s:{s:{}}}", "content", "application/json");
}

/* ---- answers --------------------------------------------------------------------------------------------------- */

static json_t *json_answer(const char *description, json_t *media_type)
{
	return json_pack("{s:s,s:{s:o}}", "description", description, "content", "application/json", media_type);
}

static json_t *list_schema(const struct schema *kind)
{
	return json_pack("{s:{s:s,s:[s,s],s:{s:{s:s,s:{s:s+}},s:{s:[s,s],s:s},s:{s:s,s:s}}}}", "schema",            //
	        "type", "object", "required", "data", "next", "properties",                                         //
	        "data", "type", "array", "items", "$ref", "#/components/schemas/", kind->name,                      //
	        "next", "type", "string", "null", "description", "Path of the next page; null: this was the last.", //
	        "offset", "type", "string", "description", "What the next page is asked with; absent on the last.");
}

static void add_refusal(json_t *answers, const char *status, const char *response)
{
	json_object_set_new(answers, status, json_pack("{s:s+}", "$ref", "#/components/responses/", response));
}

static void add_refusals(json_t *answers, enum admin_method method, bool is_item)
{
	bool has_body = method & ADMIN_HAS_BODY;

	add_refusal(answers, "400", "Invalid");
	add_refusal(answers, "401", "LoginNeeded");
	add_refusal(answers, "403", "NotAllowed");
	if (is_item)
		add_refusal(answers, "404", "NotFound");
	if (method != ADMIN_GET)
		add_refusal(answers, "405", "ReadOnly");
	if (has_body)
		add_refusal(answers, "409", "Conflict");
	if (has_body)
		add_refusal(answers, "413", "TooLarge");
	if (has_body)
		add_refusal(answers, "415", "UnknownMediaType");
	add_refusal(answers, "429", "TooManyLogins");
	add_refusal(answers, "default", "Failed");
}

static json_t *success(const struct admin_path *path, enum admin_method method)
{
	const struct schema *kind = path->kind;

	switch (method) {
	case ADMIN_DELETE: return json_pack("{s:{s:s}}", "204", "description", "It is gone.");
	case ADMIN_POST: return json_pack("{s:o}", "201", json_answer("Created, in full.", media(kind->name)));
	case ADMIN_GET:
		if (admin_shape_methods(path->shape) == ADMIN_COLLECTION)
			return json_pack("{s:o}", "200", json_answer("A page of them.", list_schema(kind)));
		return json_pack("{s:o}", "200", json_answer("It, in full.", media(kind->name)));
	default: return json_pack("{s:o}", "200", json_answer("As it is now, in full.", media(kind->name)));
	}
}

/* What lines of the table answer when all is well, where it is not what their method stands for. */
static const struct {
	const char *pattern;
	unsigned methods;
	const char *statuses; /* "": nothing is ever well */
} unusual[] = {
        {"/config", ADMIN_POST, "200 201 304"},
        {"/versions/:versions/rollback", ADMIN_POST, "200 201"},
        {"/clustering/data-planes/:data_planes/revoke", ADMIN_POST, "200"},
        {"/versions/:versions/publish", ADMIN_POST, "200"},
        {"/schemas/plugins/validate", ADMIN_POST, "200"},
        {"/schemas/vaults/validate", ADMIN_POST, "200"},
        {"/schemas/:db_entity_name/validate", ADMIN_POST, "200"},
        {"/schemas/filters/:name", ADMIN_GET, ""},
        {"/admins/:admins/token", ADMIN_POST | ADMIN_DELETE, "200"},
        {"/upstreams/:upstreams/targets/:targets/healthy", ADMIN_PUT | ADMIN_POST, "204"},
        {"/upstreams/:upstreams/targets/:targets/unhealthy", ADMIN_PUT | ADMIN_POST, "204"},
        {"/upstreams/:upstreams/targets/:targets/:address/healthy", ADMIN_PUT | ADMIN_POST, "204"},
        {"/upstreams/:upstreams/targets/:targets/:address/unhealthy", ADMIN_PUT | ADMIN_POST, "204"},
        {"/tags", ADMIN_POST, ""},
        {"/cache/:key", ADMIN_GET, ""},
        {"/status/dns", ADMIN_GET, "501"},
};

static const char *usual_status(enum admin_method method)
{
	return method == ADMIN_DELETE ? "204" : method == ADMIN_POST ? "201" : "200";
}

static const char *statuses_of(const struct admin_route *route, enum admin_method method)
{
	if (route->handler == admin_filter_chains)
		return "";
	for (size_t i = 0; i < sizeof unusual / sizeof unusual[0]; i++)
		if ((unusual[i].methods & method) && strcmp(unusual[i].pattern, route->pattern) == 0)
			return unusual[i].statuses;
	return usual_status(method);
}

static json_t *status_json(const char *status)
{
	static const char *const words[][2] = {{"200", "Done; the answer says what it is now."}, {"201", "Created."},
	        {"204", "Done; there is nothing to say."}, {"304", "It is what there is already."},
	        {"501", "There are no such figures."}};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(words[i][0], status) == 0)
			return json_pack("{s:s}", "description", words[i][1]);
	return json_pack("{s:s}", "description", "Done.");
}

static bool makes_version(const struct admin_route *route)
{
	return route->handler == admin_config || route->handler == admin_rollback ||
	       route->handler == admin_memberships || route->handler == admin_membership;
}

static json_t *route_answers(const struct admin_route *route, enum admin_method method)
{
	json_t *answers = json_object();
	struct slice rest = slice_cstr(statuses_of(route, method));
	char status[4];

	while (rest.len > 0) {
		struct slice one = slice_cut(&rest, ' ');
		snprintf(status, sizeof status, "%.*s", SLICE_ARG(one));
		json_object_set_new(answers, status, status_json(status));
	}
	return answers;
}

/* ---- operations ------------------------------------------------------------------------------------------------ */

static const char *verb(const struct admin_path *path, enum admin_method method)
{
	switch (method) {
	case ADMIN_POST: return "Create one of";
	case ADMIN_PUT:
		return admin_rules_of(path->kind)->put_is_patch ? "Change fields of one of"
		                                                : "Create or replace one of";
	case ADMIN_PATCH: return "Change fields of one of";
	case ADMIN_DELETE: return "Remove one of";
	default: return admin_shape_methods(path->shape) == ADMIN_COLLECTION ? "List" : "Read one of";
	}
}

static json_t *summary(const struct admin_path *path, enum admin_method method)
{
	const char *what = verb(path, method), *kind = path->kind->name;

	switch (path->shape) {
	case SHAPE_NESTED_COLLECTION:
	case SHAPE_NESTED_ITEM: return json_sprintf("%s %s that belong to one of %s", what, kind, path->outer->name);
	case SHAPE_REFERRED:
		return json_sprintf(
		        "%s %s: the %s of one of %s", what, kind, path->reference->name, path->outer->name);
	default: return json_sprintf("%s %s", what, kind);
	}
}

/* "get services.routes._" for GET /services/{services}/routes/{routes}: unique, and stable while the path is. */
static json_t *operation_id(struct arena *a, const struct admin_path *path, const char *method)
{
	char *id = arena_cstr(a, path->pattern);
	size_t n = 0;

	for (const char *at = path->pattern.ptr + 1; at < path->pattern.ptr + path->pattern.len; at++) {
		if (*at == '/')
			id[n++] = '.';
		else if (*at != '{' && *at != '}')
			id[n++] = *at;
	}
	return json_sprintf("%s:%.*s", method, (int)n, id);
}

static json_t *kind_operation(struct arena *a, const struct admin_path *path, enum admin_method method)
{
	bool is_item = path->shape != SHAPE_COLLECTION;
	json_t *answers = success(path, method), *parameters = path_parameters(path->pattern);

	add_refusals(answers, method, is_item);
	if (method != ADMIN_GET && !path->kind->is_private)
		add_refusal(answers, "202", "NotYetLive");
	add_kind_queries(parameters, path, method);
	json_t *out = json_pack("{s:o,s:[s],s:o,s:o}", "summary", summary(path, method), "tags", path->kind->name,
	        "parameters", parameters, "responses", answers);
	if (method & ADMIN_HAS_BODY)
		json_object_set_new(out, "requestBody", entity_body(a, path->kind, method != ADMIN_PATCH));
	return out;
}

static json_t *route_operation(const struct admin_path *path, enum admin_method method)
{
	json_t *answers = route_answers(path->route, method), *parameters = path_parameters(path->pattern);

	add_route_queries(parameters, path->route);
	if (method != ADMIN_GET && makes_version(path->route))
		add_refusal(answers, "202", "NotYetLive");
	add_refusals(answers, method, slice_find(path->pattern, '{') >= 0 || path->route->handler == admin_explain);
	json_t *out = json_pack("{s:s,s:[s],s:o,s:o}", "summary", path->route->doc, "tags", "node", "parameters",
	        parameters, "responses", answers);
	if (method & ADMIN_HAS_BODY)
		json_object_set_new(out, "requestBody", any_body());
	return out;
}

static json_t *path_item(struct arena *a, const struct admin_path *path)
{
	json_t *item = json_object();

	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
		if (!(path->methods & methods[i].method))
			continue;
		json_t *operation = path->kind ? kind_operation(a, path, methods[i].method)
		                               : route_operation(path, methods[i].method);
		json_object_set_new(operation, "operationId", operation_id(a, path, methods[i].name));
		json_object_set_new(item, methods[i].name, operation);
	}
	return item;
}

json_t *admin_openapi_paths(struct arena *a)
{
	size_t n;
	const struct admin_path *paths = admin_paths(a, &n);
	json_t *out = json_object();

	for (size_t i = 0; i < n; i++)
		json_object_set_new(out, arena_cstr(a, paths[i].pattern), path_item(a, &paths[i]));
	return out;
}
