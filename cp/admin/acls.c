/* acls: below a consumer, a membership is addressed by its group too (admin-api.md 7.4). Consumer and group are
 * looked up before anybody asks what the method is, and a group that is not there is answered in the form of the
 * proxy's errors: scripts of our users know both. */
#include "common/http/error_body.h"
#include "cp/admin/crud.h"
#include "cp/admin/errors.h"
#include "cp/admin/list.h"
#include "cp/admin/rules.h"
#include "cp/store/faults.h"

struct search {
	struct slice group;
	json_t *found;
};

static bool look_at(const json_t *row, void *arg)
{
	struct search *s = arg;
	const json_t *group = json_object_get(row, "group");

	if (slice_eq(slice_of(json_string_value(group), json_string_length(group)), s->group))
		s->found = json_incref((json_t *)row);
	return !s->found;
}

/* Without a consumer a group says nothing: ids only. */
static json_t *find(struct admin_call *c, struct slice group)
{
	struct search s = {.group = group};
	struct store_scope scope;
	struct uuid consumer;

	if (!c->target.outer) {
		struct fault f = {0};
		fault_invalid_id(&f);
		admin_fault(c, &f, c->target.kind);
		return NULL;
	}
	if (admin_find_scope(c, &scope, &consumer))
		admin_each_row(c, c->target.kind, &scope, (struct page){0}, look_at, &s);
	return s.found;
}

static void put_key(struct admin_call *c, struct slice group)
{
	if (!json_object_get(c->input, "group"))
		json_object_set_new(c->input, "group", json_stringn(group.ptr, group.len));
}

static void answer_unknown_group(struct admin_call *c)
{
	struct uuid random = uuid_v4();
	char id[UUID_TEXT + 1];
	size_t n = 0;

	uuid_format(&random, id);
	for (const char *at = id; *at; at++)
		if (*at != '-')
			id[n++] = *at;
	c->response->status = 404;
	c->response->text = error_body(c->arena, ERROR_JSON, S("Not found"), arena_dup(c->arena, slice_of(id, n)));
	c->response->type = error_body_type(ERROR_JSON);
}

static bool before(struct admin_call *c)
{
	struct store_scope scope;
	struct uuid consumer;

	if (c->target.shape != SHAPE_NESTED_ITEM || is_uuid(c->target.key))
		return true;
	if (!admin_find_scope(c, &scope, &consumer))
		return false;
	json_t *row = find(c, c->target.key);
	if (!row && !c->response->status && c->request->method != ADMIN_PUT)
		answer_unknown_group(c);
	json_decref(row);
	return !c->response->status;
}

const struct admin_rules admin_acl_rules = {.kind = "acls", .find = find, .put_key = put_key, .before = before};
