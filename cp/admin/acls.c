/* acls: below a consumer they are also addressed by the name of the group (plugins.md 2.1). */
#include "common/crypto/digest.h"
#include "common/http/error_body.h"
#include "cp/admin/crud.h"
#include "cp/admin/errors.h"
#include "cp/admin/rules.h"
#include "cp/store/faults.h"

/* Looks like what data planes answer with, where all else here has the Admin API's own form. */
static void answer_missing(struct admin_call *c)
{
	struct uuid u = uuid_v4();
	char id[2 * sizeof u.bytes + 1];

	digest_hex(u.bytes, sizeof u.bytes, id);
	c->response->status = 404;
	c->response->text = error_body(c->arena, ERROR_JSON, S("Not found"), slice_cstr(id));
	c->response->type = error_body_type(ERROR_JSON);
}

static json_t *find(struct admin_call *c, struct slice key)
{
	const struct schema *kind = c->target.kind;
	struct store_scope scope;
	struct uuid consumer;
	struct fault f = {0};

	if (c->target.shape != SHAPE_NESTED_ITEM) {
		fault_invalid_id(&f);
		admin_fault(c, &f, kind);
		return NULL;
	}
	if (!admin_find_scope(c, &scope, &consumer))
		return NULL;
	struct store_key by = {.field = schema_field(kind, S("group")), .value = key};
	json_t *row = store_get(c->store, kind, &by, &scope, &f);
	if (!row && f.code)
		admin_fault(c, &f, kind);
	else if (!row && c->request->method != ADMIN_PUT)
		answer_missing(c);
	return row;
}

static void put_key(struct admin_call *c, struct slice key)
{
	if (!json_object_get(c->input, "group"))
		json_object_set_new(c->input, "group", json_stringn(key.ptr, key.len));
}

const struct admin_rules admin_acl_rules = {
        .kind = "acls",
        .find = find,
        .put_key = put_key,
        .options_need_row = true,
};
