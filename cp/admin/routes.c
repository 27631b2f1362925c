/* routes: see routes.h. */
#include "cp/admin/routes.h"

#include "cp/admin/admins.h"
#include "cp/admin/audit.h"
#include "cp/admin/auth.h"
#include "cp/admin/body.h"
#include "cp/admin/config.h"
#include "cp/admin/consumer_groups.h"
#include "cp/admin/crud.h"
#include "cp/admin/errors.h"
#include "cp/admin/hint.h"
#include "cp/admin/info.h"
#include "cp/admin/list.h"
#include "cp/admin/log_level.h"
#include "cp/admin/nodes.h"
#include "cp/admin/openapi.h"
#include "cp/admin/rules.h"
#include "cp/admin/schemas.h"
#include "cp/admin/sign.h"
#include "cp/admin/tags.h"
#include "cp/admin/targets.h"
#include "cp/admin/versions.h"
#include "cp/admin/wait.h"

/* Literals before parameters: the first that matches is meant. */
static const struct admin_route table[] = {
        {"/", ADMIN_GET, 0, false, admin_info, "What this node is: versions, plugins, settings without secrets"},
        {"/status", ADMIN_GET, 0, false, admin_status, "Memory, connections, and whether the database answers"},
        {"/metrics", ADMIN_GET, 0, false, admin_metrics, "Figures for Prometheus, as text"},
        {"/status/dns", ADMIN_GET, 0, false, admin_status_dns, "Statistics of the DNS client"},
        {"/timers", ADMIN_GET, 0, false, admin_timers, "Timers of the process"},
        {"/robots.txt", ADMIN_GET, 0, false, admin_robots, "Asks robots to stay away"},
        {"/endpoints", ADMIN_GET, 0, false, admin_endpoints, "Every path that is answered"},
        {"/openapi.json", ADMIN_GET, 0, false, admin_openapi, "This document"},
        {"/config", ADMIN_COLLECTION, 0, true, admin_config, "The whole configuration as one document"},
        {"/filter-chains", ADMIN_COLLECTION, 0, true, admin_filter_chains, "WebAssembly filters, which are off"},
        {"/filter-chains/:filter_chains", ADMIN_ITEM, 0, true, admin_filter_chains,
                "WebAssembly filters, which are off"},
        {"/routes/:routes/filter-chains", ADMIN_COLLECTION, 0, true, admin_filter_chains,
                "WebAssembly filters, which are off"},
        {"/routes/:routes/filter-chains/:filter_chains", ADMIN_ITEM, 0, true, admin_filter_chains,
                "WebAssembly filters, which are off"},
        {"/filter-chains/:filter_chains/route", ADMIN_ITEM, 0, true, admin_filter_chains,
                "WebAssembly filters, which are off"},
        {"/filter-chains/:filter_chains/service", ADMIN_ITEM, 0, true, admin_filter_chains,
                "WebAssembly filters, which are off"},
        {"/routes/:routes/filters/all", ADMIN_GET, 0, false, admin_filter_chains,
                "WebAssembly filters, which are off"},
        {"/routes/:routes/filters/disabled", ADMIN_GET, 0, false, admin_filter_chains,
                "WebAssembly filters, which are off"},
        {"/routes/:routes/filters/enabled", ADMIN_GET, 0, false, admin_filter_chains,
                "WebAssembly filters, which are off"},
        {"/services/:services/filter-chains", ADMIN_COLLECTION, 0, true, admin_filter_chains,
                "WebAssembly filters, which are off"},
        {"/services/:services/filter-chains/:filter_chains", ADMIN_ITEM, 0, true, admin_filter_chains,
                "WebAssembly filters, which are off"},
        {"/versions", ADMIN_GET, 0, false, admin_versions, "What was changed, newest first"},
        {"/versions/:versions", ADMIN_GET, 0, false, admin_version,
                "One version, or with N..M what is different in M, field by field"},
        {"/versions/:versions/progress", ADMIN_GET, 0, false, admin_progress, "Which data planes have a version"},
        {"/versions/:versions/rollback", ADMIN_POST, 0, false, admin_rollback,
                "Make a new version whose content is that of this one"},
        {"/versions/:versions/publish", ADMIN_POST, 0, false, admin_version_publish,
                "Let data planes have a version that the guard holds back (publish_guard)"},
        {"/consumer_groups/:consumer_groups/consumers", ADMIN_COLLECTION | ADMIN_DELETE, 0, false, admin_memberships,
                "The consumers of a group"},
        {"/consumer_groups/:consumer_groups/consumers/:consumers", ADMIN_GET | ADMIN_PUT | ADMIN_DELETE, 0, false,
                admin_membership, "One consumer of a group"},
        {"/consumers/:consumers/consumer_groups", ADMIN_COLLECTION | ADMIN_DELETE, 0, false, admin_memberships,
                "The groups of a consumer"},
        {"/consumers/:consumers/consumer_groups/:consumer_groups", ADMIN_GET | ADMIN_PUT | ADMIN_DELETE, 0, false,
                admin_membership, "One group of a consumer"},
        {"/clustering/data-planes", ADMIN_GET, 0, false, admin_clustering_nodes,
                "Data planes: which version each runs, and when it was last heard of"},
        {"/clustering/data-planes/:data_planes/revoke", ADMIN_POST, 0, false, admin_node_revoke,
                "Let a node in no more, from now on and for ever: its certificates are worth nothing"},
        {"/clustering/revoked", ADMIN_GET, 0, false, admin_nodes_revoked, "The nodes that are let in no more"},
        {"/clustering/tokens", ADMIN_COLLECTION, 0, false, admin_join_tokens,
                "Tokens by which new nodes join: role, hosts, uses, ttl; a new one is shown once"},
        {"/clustering/tokens/:id", ADMIN_DELETE, 0, false, admin_join_token, "Take a token back"},
        {"/clustering/status", ADMIN_GET, 0, false, admin_clustering_status,
                "The same by node id, as older clients read it"},
        {"/clustering/overview", ADMIN_GET, 0, false, admin_clustering_overview,
                "Control plane, data planes and what they depend on, at a glance"},
        {"/explain", ADMIN_GET, 0, false, admin_explain,
                "Which route a request would take and why, by the configuration that a data plane serves"},
        {"/cache", ADMIN_DELETE, 0, false, admin_cache_delete, "Empty the cache"},
        {"/cache/:key", ADMIN_GET | ADMIN_DELETE, 0, false, admin_cache_item, "One thing in the cache"},
        {"/proxy-cache", ADMIN_DELETE, 0, false, admin_proxy_cache, "Delete all answers that data planes keep"},
        {"/proxy-cache/:cache_key", ADMIN_GET | ADMIN_DELETE, 0, false, admin_proxy_cache_item,
                "An answer that data planes keep"},
        {"/proxy-cache/:plugin_id/caches/:cache_key", ADMIN_GET | ADMIN_DELETE, 0, false, admin_proxy_cache_of_plugin,
                "An answer that data planes keep for a configuration of proxy-cache"},
        {"/debug/node/log-level", ADMIN_GET, 0, false, admin_log_level_get, "What is logged"},
        {"/debug/node/log-level/:log_level", ADMIN_PUT, 0, false, admin_log_level_put,
                "Log more or less for a while"},
        {"/debug/cluster/log-level", ADMIN_GET, 0, false, admin_log_level_cluster_get,
                "What is logged, here, by the other control planes and by each data plane"},
        {"/debug/cluster/log-level/:log_level", ADMIN_PUT, 0, false, admin_log_level_cluster_put,
                "Log more or less for a while, here, on the other control planes and on all data planes"},
        {"/debug/cluster/control-planes-nodes/log-level/:log_level", ADMIN_PUT, 0, false,
                admin_log_level_control_planes_put, "Change on all control planes what is logged, for a while"},
        {"/tags", ADMIN_COLLECTION, 0, false, admin_tags, "Which entities have which tags"},
        {"/tags/:tags", ADMIN_GET, ADMIN_ITEM, false, admin_tags_one, "Which entities have this tag"},
        {"/schemas/plugins/validate", ADMIN_POST, 0, false, admin_schema_validate_plugin,
                "Check a plugin without storing it"},
        {"/schemas/plugins/:name", ADMIN_GET, 0, false, admin_schema_plugin, "The fields of a plugin"},
        {"/schemas/vaults/validate", ADMIN_POST, 0, false, admin_schema_validate_vault,
                "Check a vault without storing it"},
        {"/schemas/vaults/:name", ADMIN_GET, 0, false, admin_schema_vault, "The fields of a vault"},
        {"/schemas/filters/:name", ADMIN_GET, 0, false, admin_schema_filter, "The fields of a WebAssembly filter"},
        {"/schemas/:db_entity_name/validate", ADMIN_POST, 0, false, admin_schema_validate,
                "Check an entity without storing it"},
        {"/schemas/:name", ADMIN_GET, 0, false, admin_schema_entity, "The fields of an entity"},
        {"/plugins/enabled", ADMIN_GET, 0, false, admin_plugins_enabled, "The plugins that this node has"},
        {"/plugins/schema/:name", ADMIN_GET, 0, false, admin_plugin_config_schema,
                "The configuration of a plugin, as older clients read it"},
        {"/upstreams/:upstreams/health", ADMIN_GET, 0, false, admin_upstream_health,
                "Health of an upstream and its targets"},
        {"/upstreams/:upstreams/targets/all", ADMIN_GET, 0, false, admin_targets_all,
                "All targets of an upstream, also those of weight 0"},
        {"/audit/requests", ADMIN_GET, 0, false, admin_audit_requests,
                "Who asked for which write, from where, and what became of it; newest first"},
        {"/admins", ADMIN_COLLECTION, 0, false, admin_admins,
                "Those who may use the Admin API; a new one comes with a token, shown once"},
        {"/admins/:admins", ADMIN_ITEM, 0, false, admin_admins_item, "One who may use the Admin API"},
        {"/admins/:admins/token", ADMIN_POST | ADMIN_DELETE, 0, false, admin_admins_token,
                "Make a new token, shown once, or take it away; the old one ends"},
        {"/upstreams/:upstreams/targets/:targets/healthy", ADMIN_PUT | ADMIN_POST, 0, true, admin_target_mark,
                "Take a target for healthy"},
        {"/upstreams/:upstreams/targets/:targets/unhealthy", ADMIN_PUT | ADMIN_POST, 0, true, admin_target_mark,
                "Take a target for unhealthy"},
        {"/upstreams/:upstreams/targets/:targets/:address/healthy", ADMIN_PUT | ADMIN_POST, 0, true,
                admin_target_mark, "Take an address of a target for healthy"},
        {"/upstreams/:upstreams/targets/:targets/:address/unhealthy", ADMIN_PUT | ADMIN_POST, 0, true,
                admin_target_mark, "Take an address of a target for unhealthy"},
};

size_t admin_routes_count(void)
{
	return sizeof table / sizeof table[0];
}

const struct admin_route *admin_routes_at(size_t i)
{
	return &table[i];
}

static bool matches(const char *pattern, const struct admin_request *r, struct slice params[4])
{
	struct slice rest = slice_cstr(pattern + 1);
	size_t i = 0, n = 0;

	if (rest.len == 0)
		return r->segment_count == 0;
	for (; slice_is_set(rest); i++) {
		struct slice part = slice_cut(&rest, '/');
		if (i == r->segment_count)
			return false;
		if (part.ptr[0] == ':')
			params[n++] = r->segments[i];
		else if (!slice_eq(part, r->segments[i]))
			return false;
	}
	return i == r->segment_count;
}

const struct admin_route *admin_route_find(const struct admin_request *r, struct slice params[4])
{
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (matches(table[i].pattern, r, params))
			return &table[i];
	return NULL;
}

/* ---- below the kinds ------------------------------------------------------------------------------------------- */

const char *admin_nested_name(const struct schema *kind)
{
	return kind->nested_path ? kind->nested_path : kind->path;
}

/* /R/:r/C[/:c]: a kind that refers to R. */
static bool find_nested(const struct admin_request *r, struct admin_target *out)
{
	for (size_t i = 0; i < kinds_count(); i++) {
		const struct schema *kind = kinds_at(i);
		const char *name = admin_nested_name(kind);
		if (!name || !slice_eq(slice_cstr(name), r->segments[2]))
			continue;
		out->reference = schema_reference_to(kind, out->outer->name);
		if (!out->reference)
			continue;
		out->kind = kind;
		out->shape = r->segment_count == 3 ? SHAPE_NESTED_COLLECTION : SHAPE_NESTED_ITEM;
		if (r->segment_count == 4)
			out->key = r->segments[3];
		return true;
	}
	return false;
}

/* /C/:c/f: what field f refers to. */
static bool find_referred(const struct admin_request *r, struct admin_target *out)
{
	const struct field *f = r->segment_count == 3 ? schema_field(out->outer, r->segments[2]) : NULL;

	if (!f || f->type != TYPE_FOREIGN || admin_rules_of(out->outer)->hides_references)
		return false;
	out->reference = f;
	out->kind = kinds_by_name(slice_cstr(f->ref));
	out->shape = SHAPE_REFERRED;
	return out->kind != NULL;
}

bool admin_target_find(const struct admin_request *r, struct admin_target *out)
{
	const struct schema *first = r->segment_count > 0 ? kinds_by_path(r->segments[0]) : NULL;

	*out = (struct admin_target){0};
	if (!first || r->segment_count > 4 || admin_rules_of(first)->only_nested)
		return false;
	if (r->segment_count <= 2) {
		out->kind = first;
		out->shape = r->segment_count == 1 ? SHAPE_COLLECTION : SHAPE_ITEM;
		if (r->segment_count == 2)
			out->key = r->segments[1];
		return true;
	}
	out->outer = first;
	out->outer_key = r->segments[1];
	return find_nested(r, out) || find_referred(r, out);
}

unsigned admin_shape_methods(enum admin_shape shape)
{
	return shape == SHAPE_COLLECTION || shape == SHAPE_NESTED_COLLECTION ? ADMIN_COLLECTION : ADMIN_ITEM;
}

static admin_handler handler_of(enum admin_shape shape, enum admin_method method)
{
	switch (method) {
	case ADMIN_GET: return admin_shape_methods(shape) == ADMIN_COLLECTION ? admin_list : admin_get;
	case ADMIN_POST: return admin_create;
	case ADMIN_PUT: return admin_put;
	case ADMIN_PATCH: return admin_patch;
	case ADMIN_DELETE: return admin_delete;
	default: return NULL;
	}
}

/* ---- dispatch -------------------------------------------------------------------------------------------------- */

struct found {
	unsigned methods, advertised;
	bool raw_body;
	admin_handler handler;
};

static bool find(struct admin_call *c, struct found *out)
{
	const struct admin_route *route = admin_route_find(c->request, c->params);

	c->route = route;
	if (route) {
		*out = (struct found){.methods = route->methods,
		        .advertised = route->advertised ? route->advertised : route->methods,
		        .raw_body = route->raw_body,
		        .handler = route->handler};
		return true;
	}
	if (!admin_target_find(c->request, &c->target))
		return false;
	out->methods = out->advertised = admin_shape_methods(c->target.shape);
	out->handler = handler_of(c->target.shape, c->request->method);
	return true;
}

/* Nobody has to say who they are for OPTIONS, so with admin_auth on nothing is looked up. */
static bool is_missing_for_options(struct admin_call *c)
{
	const struct admin_target *t = &c->target;

	if (c->env->settings->admin_auth || t->shape != SHAPE_NESTED_ITEM || !t->kind ||
	        !admin_rules_of(t->kind)->options_need_row)
		return false;
	json_t *row = admin_find(c, t->kind, t->key, NULL);
	json_decref(row);
	return c->response->status != 0;
}

static void answer_options(struct admin_call *c, const struct found *found)
{
	if (is_missing_for_options(c))
		return;
	c->response->status = 204;
	c->response->allow = found->advertised | ADMIN_OPTIONS;
}

static void handle(struct admin_call *c, admin_handler handler)
{
	bool is_read = c->request->method == ADMIN_GET;

	if (is_read ? admin_look_back(c) : admin_sign(c) && admin_wait_read(c))
		handler(c);
	if (is_read)
		admin_look_ahead(c);
}

/* Who may log in, who did what, and which nodes belong to the cluster is for admins alone; by the first segment, so
 * that nothing below it is forgotten.
 */
static enum admin_role role_needed(const struct admin_request *r)
{
	if (r->segment_count > 0 && (slice_eq(r->segments[0], S("admins")) || slice_eq(r->segments[0], S("audit"))))
		return ADMIN_ROLE_ADMIN;
	if (r->segment_count > 0 && slice_eq(r->segments[0], S("clustering")) && r->method != ADMIN_GET)
		return ADMIN_ROLE_ADMIN;
	return r->method == ADMIN_GET ? ADMIN_ROLE_READ : ADMIN_ROLE_WRITE;
}

/* RFC 9110 15.5.6: with the methods that there are. */
static void answer_not_allowed(struct admin_call *c, const struct found *found)
{
	admin_not_allowed(c);
	c->response->allow = found->advertised | ADMIN_OPTIONS;
}

/* What is to be done with a request whose sender is known. */
static void answer(struct admin_call *c, const struct found *found, enum admin_parsed parsed)
{
	enum admin_method method = c->request->method;

	if (!found->methods)
		admin_not_found(c);
	else if (!(found->methods & method))
		answer_not_allowed(c, found);
	else if (!admin_authorise(c, role_needed(c->request)))
		return;
	else if (parsed == ADMIN_TOO_MANY_ARGS)
		admin_fail(c, 400, "Too many arguments");
	else if (!(method & ADMIN_HAS_BODY) || found->raw_body || admin_body_read(c))
		handle(c, found->handler);
}

static void answer_on_record(struct admin_call *c, const struct found *found, enum admin_parsed parsed)
{
	bool known = admin_authenticate(c);

	if (known || c->login_failed)
		admin_audit_begin(c);
	if (known)
		answer(c, found, parsed);
	admin_audit_end(c);
}

void admin_dispatch(struct admin_call *c)
{
	struct found found = {0};
	struct admin_request *request = arena_alloc(c->arena, sizeof *request);

	*request = *c->request;
	enum admin_parsed parsed = admin_request_parse(c->arena, request);
	c->request = request;
	bool exists = parsed != ADMIN_NO_PATH && find(c, &found);
	if (exists && request->method == ADMIN_OPTIONS)
		answer_options(c, &found);
	else
		answer_on_record(c, &found, parsed);
	admin_hint(c);
}
