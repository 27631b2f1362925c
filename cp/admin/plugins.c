/* plugins: what is checked of a plugin beyond its schema (entities.md 4.5): that it can see the protocols of what it
 * is attached to, and that its own compile() accepts the configuration. */
#include "common/entity/route.h"
#include "common/plugin/entity.h"
#include "cp/admin/crud.h"
#include "cp/admin/errors.h"
#include "cp/admin/list.h"
#include "cp/admin/rules.h"

/* ---- protocols ------------------------------------------------------------------------------------------------- */

static bool has_protocol(const json_t *list, const char *name)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), name) == 0)
			return true;
	return false;
}

static bool share_a_protocol(const json_t *plugin, const json_t *route)
{
	const json_t *wanted = json_object_get(plugin, "protocols"), *offered = json_object_get(route, "protocols");

	for (size_t i = 0; i < json_array_size(wanted); i++)
		if (has_protocol(offered, json_string_value(json_array_get(wanted, i))))
			return true;
	return false;
}

static bool attached_to(const json_t *record, const char *field, struct uuid *id)
{
	const char *text = json_string_value(json_object_get(json_object_get(record, field), "id"));
	return text && uuid_parse(slice_cstr(text), id);
}

static bool check_route(
        struct admin_call *c, struct store *st, const json_t *record, const struct uuid *id, struct violations *v)
{
	struct fault f = {0};
	json_t *route = store_get(st, &route_schema, &(struct store_key){.id = id}, NULL, &f);

	if (!route && f.code) {
		admin_fault(c, &f, NULL);
		return false;
	}
	if (route && !share_a_protocol(record, route)) /* that there is no such route is found by the store */
		violations_add(v, "protocols", "must match the associated route's protocols");
	json_decref(route);
	return true;
}

struct search {
	const json_t *plugin;
	bool any, match;
};

static bool look_at_route(const json_t *route, void *arg)
{
	struct search *s = arg;

	s->any = true;
	s->match = share_a_protocol(s->plugin, route);
	return !s->match;
}

static bool check_service(struct admin_call *c, const json_t *record, const struct uuid *id, struct violations *v)
{
	struct search s = {.plugin = record};
	struct store_scope scope = {.field = schema_reference_to(&route_schema, "services"), .id = id};

	if (!admin_each_row(c, &route_schema, &scope, (struct page){0}, look_at_route, &s))
		return false;
	if (s.any && !s.match)
		violations_add(v, "protocols",
		        "must match the protocols of at least one route pointing to this Plugin's service");
	return true;
}

static bool check_protocols(struct admin_call *c, struct store *st, const json_t *record, struct violations *v)
{
	struct uuid id;

	if (attached_to(record, "route", &id))
		return check_route(c, st, record, &id, v);
	if (attached_to(record, "service", &id))
		return check_service(c, record, &id, v);
	return true;
}

static bool check(struct admin_call *c, struct store *st, const json_t *record, struct violations *v)
{
	if (st && !check_protocols(c, st, record, v))
		return false;
	if (!has_violations(v))
		plugin_check_config(record, v);
	return true;
}

static bool is_plain_missing(const json_t *input)
{
	return !json_object_get(input, "name");
}

const struct admin_rules admin_plugin_rules = {
        .kind = "plugins", .check = check, .is_plain_missing = is_plain_missing};
