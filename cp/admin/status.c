/* status: GET /status (admin-api.md 8.2). */
#include "common/serve/node_status.h"
#include "cp/admin/errors.h"
#include "cp/admin/info.h"
#include "cp/store/memory.h"

/* Unset: not there. A bare name has an empty value. */
static struct slice argument(const struct admin_call *c, struct slice name)
{
	struct slice value = {0};
	if (admin_query(c->request, name, &value) && !slice_is_set(value))
		value = S("");
	return value;
}

void admin_status(struct admin_call *c)
{
	struct size_form form;
	struct err e;

	if (!size_form_read(argument(c, S("unit")), argument(c, S("scale")), &form, &e)) {
		admin_fail(c, 400, "%s", e.message);
		return;
	}
	c->response->status = 200;
	c->response->json = json_pack(
	        "{s:o, s:o}", "memory", node_memory_json(&form), "server", node_server_json(&c->stats));
	if (is_without_database(c->env->settings)) {
		char hash[MD5_HEX + 1];
		memory_hash(hash);
		json_object_set_new(c->response->json, "configuration_hash", json_string(hash));
	} else {
		json_object_set_new(
		        c->response->json, "database", json_pack("{s:b}", "reachable", (int)store_ping(c->store)));
	}
}
