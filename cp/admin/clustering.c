/* clustering: which data planes there are (admin-api.md 8.9). Only for a node whose role is control_plane, as clients
 * tell the two kinds of installation apart by that. */
#include "cp/admin/errors.h"
#include "cp/admin/info.h"
#include "cp/admin/list.h"
#include "cp/publish/publish.h"

static bool check_role(struct admin_call *c)
{
	if (slice_eq(c->env->settings->role, S("control_plane")))
		return true;
	admin_fail(c, 400,
	        "this endpoint is only available when Kong is configured to run as Control Plane for the cluster");
	return false;
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
