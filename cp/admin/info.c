/* info: GET / and the small fixed answers. See info.h. */
#include "cp/admin/info.h"

#include <unistd.h>

#include "common/core/release.h"
#include "common/plugin/registry.h"
#include "cp/admin/configuration.h"
#include "cp/admin/errors.h"
#include "cp/admin/list.h"

/* ---- GET / ----------------------------------------------------------------------------------------------------- */

static json_t *available_plugins(const struct settings *s)
{
	json_t *out = json_object();

	for (size_t i = 0; i < registry_count(); i++) {
		const struct plugin *p = registry_at(i);
		json_object_set_new(out, p->name,
		        json_pack("{s:s%, s:i}", "version", s->kong_version.ptr, s->kong_version.len, "priority",
		                p->priority));
	}
	return out;
}

static bool note_name(const json_t *row, void *arg)
{
	const char *name = json_string_value(json_object_get(row, "name"));
	return json_object_set_new(arg, name ? name : "", json_true()) == 0;
}

/* The distinct names of configured plugins; NULL: the answer is ready. */
static json_t *configured_plugins(struct admin_call *c)
{
	json_t *seen = json_object(), *names = NULL, *value;
	const char *name;

	if (admin_each_row(c, kinds_by_name(S("plugins")), NULL, (struct page){0}, note_name, seen)) {
		names = json_array();
		json_object_foreach(seen, name, value) json_array_append_new(names, json_string(name));
	}
	json_decref(seen);
	return names;
}

void admin_info(struct admin_call *c)
{
	const struct settings *s = c->env->settings;
	struct text epoch = {0};
	struct err e;
	uint64_t version = 0;
	json_t *enabled = configured_plugins(c);

	if (!enabled)
		return;
	if (!store_position(c->store, &epoch, &version, &e))
		version = 0; /* the rows were read a moment ago; the number is a courtesy */
	text_fini(&epoch);
	c->response->status = 200;
	c->response->json = json_pack(
	        "{s:s, s:s%, s:s, s:s, s:s, s:{s:i, s:i}, s:{s:o, s:o}, s:s, s:o, s:{s:i, s:[]}}", "tagline",
	        "Welcome to kong", "version", s->kong_version.ptr, s->kong_version.len, "edition", "community",
	        "hostname", c->env->hostname, "node_id", c->env->node_id, "timers", "running", 0, "pending", 0,
	        "plugins", "available_on_server", available_plugins(s), "enabled_in_cluster", enabled, "lua_version",
	        "none: gatehouse " GATEHOUSE_RELEASE, "configuration", admin_configuration(c->arena, s, version),
	        "pids", "master", (int)getpid(), "workers");
}

/* ---- fixed answers --------------------------------------------------------------------------------------------- */

void admin_robots(struct admin_call *c)
{
	c->response->status = 200;
	c->response->text = S("User-agent: *\nDisallow: /\n");
	c->response->type = S("text/plain");
}

void admin_status_dns(struct admin_call *c)
{
	admin_fail(c, 501, "not implemented with the legacy DNS client");
}

void admin_timers(struct admin_call *c)
{
	c->response->status = 200;
	c->response->json = json_pack("{s:{s:i, s:i}, s:{s:{}, s:{s:i, s:i, s:i, s:i}, s:{}}}", "worker", "id", 0,
	        "count", 1, "stats", "flamegraph", "sys", "running", 0, "pending", 0, "waiting", 0, "total", 0,
	        "timers");
}

/* Filters are WebAssembly, which is off. Clients take this answer as "not available here". */
void admin_filter_chains(struct admin_call *c)
{
	admin_fail(c, 400, "this endpoint is only available when wasm is enabled");
}

/* There is no cache in a control plane: nothing is ever found, and emptying it succeeds. */
void admin_cache_delete(struct admin_call *c)
{
	c->response->status = 204;
}

void admin_cache_item(struct admin_call *c)
{
	if (c->request->method == ADMIN_DELETE)
		c->response->status = 204;
	else
		admin_not_found(c);
}
