/* consumers: the one field filter there is, GET /consumers?custom_id= (admin-api.md 5). */
#include "cp/admin/crud.h"
#include "cp/admin/errors.h"
#include "cp/admin/list.h"
#include "cp/admin/rules.h"

static bool list(struct admin_call *c, const struct store_scope *scope)
{
	struct slice custom_id;
	struct fault f = {0};

	if (c->target.outer || !admin_query(c->request, S("custom_id"), &custom_id))
		return false;
	if (custom_id.len == 0) {
		admin_fail(c, 400, "custom_id must be an unempty string");
		return true;
	}
	struct store_key by = {.field = schema_field(c->target.kind, S("custom_id")), .value = custom_id};
	json_t *row = store_get(c->store, c->target.kind, &by, NULL, &f);
	if (!row && f.code) {
		admin_fault(c, &f, c->target.kind);
		return true;
	}
	json_t *data = json_array();
	if (row)
		json_array_append_new(data, admin_render(c, c->target.kind, row));
	json_decref(row);
	admin_list_answer(c, data, (struct slice){0}, S(""));
	return true;
}

const struct admin_rules admin_consumer_rules = {.kind = "consumers", .list = list};
