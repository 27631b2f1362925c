/* clustering: which nodes there are, and how they are. Kong's two endpoints (admin-api.md 8.9) answer only on a node
 * whose role is control_plane, as clients tell the two kinds of installation apart by that; the overview (users.md
 * 2.1) answers everywhere. */
#include "common/core/release.h"
#include "cp/admin/dependencies.h"
#include "cp/admin/errors.h"
#include "cp/admin/info.h"
#include "cp/admin/list.h"
#include "cp/publish/guard.h"
#include "cp/publish/nodes.h"
#include "cp/publish/peers.h"
#include "cp/publish/publish.h"
#include "cp/publish/target_health.h"
#include "cp/store/memory.h"

static bool check_role(struct admin_call *c)
{
	if (slice_eq(c->env->settings->role, S("control_plane")))
		return true;
	admin_fail(c, 400,
	        "this endpoint is only available when Kong is configured to run as Control Plane for the cluster");
	return false;
}

/* How its targets are: entities.md 4.17 has no such thing, and clients pass over what they do not know. */
static void add_targets(json_t *node)
{
	struct uuid id;

	if (json_is_object(json_object_get(node, "targets"))) /* another control plane's, as that has said */
		return;
	if (uuid_parse(slice_cstr(json_string_value(json_object_get(node, "id"))), &id))
		json_object_set_new(node, "targets", target_health_summary(&id));
}

void admin_clustering_nodes(struct admin_call *c)
{
	struct slice after;
	int64_t size;

	if (!check_role(c) || !admin_list_size(c, false, &size) || !admin_list_offset(c, &after))
		return;
	json_t *all = json_array(), *page = json_array(), *node;
	struct slice last = {0}, next = {0};
	size_t i;
	publish_nodes(all);
	json_array_foreach(all, i, node)
	{
		struct slice id = slice_cstr(json_string_value(json_object_get(node, "id")));
		if (slice_is_set(after) && slice_cmp(id, after) <= 0)
			continue;
		if ((int64_t)json_array_size(page) == size) {
			next = admin_offset_encode(c->arena, last);
			break;
		}
		add_targets(node);
		json_array_append(page, node);
		last = id;
	}
	admin_list_answer(c, page, next, S(""));
	json_decref(all);
}

void admin_clustering_status(struct admin_call *c)
{
	if (!check_role(c))
		return;
	json_t *all = json_array(), *out = json_object(), *node;
	size_t i;
	publish_nodes(all);
	json_array_foreach(all, i, node)
	{
		json_t *row = json_object();
		static const char *const keys[] = {"config_hash", "hostname", "ip", "last_seen"};
		for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
			json_t *value = json_object_get(node, keys[k]);
			json_object_set_new(row, keys[k], value ? json_incref(value) : json_null());
		}
		json_object_set_new(out, json_string_value(json_object_get(node, "id")), row);
	}
	json_decref(all);
	c->response->status = 200;
	c->response->json = out;
}

/* ---- overview -------------------------------------------------------------------------------------------------- */

/* The store as it is at this moment; *version stays 0 when it cannot be read. */
static json_t *store_json(struct admin_call *c, uint64_t *version, json_t *problems)
{
	const struct settings *s = c->env->settings;
	struct text epoch = {0};
	struct err e = {""};
	bool ok = store_position(c->store, &epoch, version, &e);

	text_fini(&epoch);
	if (!ok)
		json_array_append_new(problems, json_sprintf("store: %s", e.message));
	json_t *address = is_without_database(s) ? json_string("memory")
	                                         : json_sprintf("%.*s:%d/%.*s", SLICE_ARG(s->pg_host),
	                                                   (int)s->pg_port, SLICE_ARG(s->pg_database));
	return json_pack(
	        "{s:b, s:o, s:s?}", "reachable", (int)ok, "address", address, "error", ok ? NULL : e.message);
}

static json_t *this_node(const struct admin_call *c, uint64_t version)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:b}", "id", c->env->node_id, "name", c->env->hostname,
	        "hostname", c->env->hostname, "release", GATEHOUSE_RELEASE, "config_version", (json_int_t)version,
	        "reachable", 1);
}

void admin_clustering_overview(struct admin_call *c)
{
	json_t *problems = json_array(), *data_planes = json_array();
	uint64_t version = 0;
	json_t *node;
	size_t i;

	json_t *store = store_json(c, &version, problems), *control_planes = json_array();
	json_array_append_new(control_planes, this_node(c, version));
	peers_overview(control_planes, problems);
	struct err held;
	if (guard_describe(&held))
		json_array_append_new(problems, json_string(held.message));
	nodes_overview(version, data_planes, problems);
	json_array_foreach(data_planes, i, node) add_targets(node);
	if (json_array_size(data_planes) == 0)
		json_array_append_new(problems, json_string("no data plane is connected"));
	bool is_readable = json_is_true(json_object_get(store, "reachable"));
	json_t *redis = is_readable ? admin_redis_servers(c, problems) : json_array();
	json_t *certificates = is_readable ? admin_certificate_days(c, problems) : json_array();
	c->response->status = 200;
	c->response->json = json_pack("{s:b, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "ok",
	        json_array_size(problems) == 0, "config_version", (json_int_t)version, "store", store,
	        "control_planes", control_planes, "data_planes", data_planes, "redis", redis, "certificates",
	        certificates, "problems", problems);
}
