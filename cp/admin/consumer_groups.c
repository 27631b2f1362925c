/* consumer_groups: see consumer_groups.h. A membership is a row between a group and a consumer; seen from either side
 * the other one is what a list shows. The path says which side is asked.
 *
 * The surprising part: GET of one group shows it twice, as itself and under `consumer_group`, because that is where
 * go-kong (decK, Terraform) looks for it. */
#include "cp/admin/consumer_groups.h"

#include "common/entity/consumer.h"
#include "common/entity/consumer_group.h"
#include "cp/admin/crud.h"
#include "cp/admin/errors.h"
#include "cp/admin/list.h"
#include "cp/admin/rules.h"

/* From which side memberships are looked at. */
struct side {
	const struct schema *outer, *inner;  /* /outer/:outer_key/inner */
	const char *outer_name, *inner_name; /* of the references, and in answers */
	const char *input;                   /* the body's field that names the other one */
	const char *list;                    /* what a POST shows the others under */
};

static const struct side of_group = {
        &consumer_group_schema, &consumer_schema, "consumer_group", "consumer", "consumer", "consumers"};
static const struct side of_consumer = {
        &consumer_schema, &consumer_group_schema, "consumer", "consumer_group", "group", "consumer_groups"};

static const struct field *reference(const char *name)
{
	return schema_field(&group_membership_schema, slice_cstr(name));
}

static struct uuid id_at(const json_t *membership, const char *name)
{
	return admin_row_id(json_object_get(membership, name));
}

/* ---- finding --------------------------------------------------------------------------------------------------- */

/* Memberships of one side on a page; NULL with the answer. */
static json_t *memberships(
        struct admin_call *c, const struct side *side, const struct uuid *outer, const struct page *page, bool *more)
{
	struct store_scope scope = {.field = reference(side->outer_name), .id = outer};
	struct fault f = {0};
	json_t *rows = store_list(c->store, &group_membership_schema, &scope, page, more, &f);

	if (!rows)
		admin_fault(c, &f, NULL);
	return rows;
}

struct search {
	const struct side *side;
	struct uuid inner;
	json_t *found;
};

static bool look_at(const json_t *row, void *arg)
{
	struct search *s = arg;
	struct uuid id = id_at(row, s->side->inner_name);

	if (uuid_eq(&id, &s->inner))
		s->found = json_incref((json_t *)row);
	return !s->found;
}

/* The membership between the two; NULL when there is none, or with the answer. */
static json_t *find_membership(
        struct admin_call *c, const struct side *side, const json_t *outer, const json_t *inner)
{
	struct uuid id = admin_row_id(outer);
	struct search s = {.side = side, .inner = admin_row_id(inner)};
	struct store_scope scope = {.field = reference(side->outer_name), .id = &id};

	admin_each_row(c, &group_membership_schema, &scope, (struct page){0}, look_at, &s);
	return s.found;
}

/* ---- lists ----------------------------------------------------------------------------------------------------- */

static json_t *others_of(struct admin_call *c, const struct side *side, const json_t *rows)
{
	json_t *data = json_array();
	char text[UUID_TEXT + 1];

	for (size_t i = 0; i < json_array_size(rows) && !c->response->status; i++) {
		struct uuid id = id_at(json_array_get(rows, i), side->inner_name);
		uuid_format(&id, text);
		json_t *row = admin_find(c, side->inner, slice_of(text, UUID_TEXT), NULL);
		if (row)
			json_array_append_new(data, admin_render(c, side->inner, row));
		json_decref(row);
	}
	return data;
}

static void answer_list(struct admin_call *c, const struct side *side)
{
	struct page page = {0};
	bool more;
	json_t *outer = admin_find_or_404(c, side->outer, c->params[0], NULL);

	if (outer && admin_list_size(c, false, &page.size) && admin_list_offset(c, &page.after)) {
		struct uuid id = admin_row_id(outer);
		json_t *rows = memberships(c, side, &id, &page, &more);
		if (rows) {
			struct slice last = admin_list_last_id(rows);
			admin_list_answer(c, others_of(c, side, rows),
			        more ? admin_offset_encode(c->arena, last) : (struct slice){0}, S(""));
		}
		json_decref(rows);
	}
	json_decref(outer);
}

/* ---- joining --------------------------------------------------------------------------------------------------- */

static bool join(struct admin_call *c, const struct side *side, const json_t *outer, const json_t *inner)
{
	struct uuid a = admin_row_id(outer), b = admin_row_id(inner);
	json_t *input = json_object();

	admin_set_reference(input, reference(side->outer_name), &a);
	admin_set_reference(input, reference(side->inner_name), &b);
	json_t *made = admin_insert(c, &group_membership_schema, input);
	json_decref(input);
	json_decref(made);
	return made != NULL;
}

/* The other one that the body names: by id or key, as text or as the object of a reference. NULL with the answer. */
static json_t *named_in_body(struct admin_call *c, const struct side *side, const json_t *value)
{
	const struct field *key = schema_endpoint_key(side->inner);
	const json_t *text = value;

	if (json_is_object(value))
		text = json_object_get(value, json_object_get(value, "id") ? "id" : key->name);
	if (!json_is_string(text) || json_string_length(text) == 0) {
		struct violations v = {0};
		violations_add(
		        &v, side->input, value ? "expected an id or a %s" : "required field missing", key->name);
		admin_violations(c, &v);
		return NULL;
	}
	return admin_find_or_404(c, side->inner, slice_of(json_string_value(text), json_string_length(text)), NULL);
}

/* One or a list of them; those that joined are put into `joined`. */
static bool join_named(
        struct admin_call *c, const struct side *side, const json_t *outer, const json_t *value, json_t *joined)
{
	size_t n = json_is_array(value) ? json_array_size(value) : 1;
	bool ok = true;

	for (size_t i = 0; ok && i < n; i++) {
		json_t *inner = named_in_body(c, side, json_is_array(value) ? json_array_get(value, i) : value);
		ok = inner && join(c, side, outer, inner);
		if (ok)
			json_array_append_new(joined, admin_render(c, side->inner, inner));
		json_decref(inner);
	}
	return ok;
}

static bool post(struct admin_call *c, const struct side *side)
{
	json_t *outer = admin_find_or_404(c, side->outer, c->params[0], NULL), *joined = json_array();
	bool ok = outer && join_named(c, side, outer, json_object_get(c->input, side->input), joined);

	if (ok) {
		c->response->status = 201;
		c->response->json = json_pack(
		        "{s:o, s:O}", side->outer_name, schema_render(side->outer, outer, true), side->list, joined);
	}
	json_decref(joined);
	json_decref(outer);
	return ok;
}

/* ---- leaving --------------------------------------------------------------------------------------------------- */

static bool leave_all(struct admin_call *c, const struct side *side)
{
	json_t *outer = admin_find_or_404(c, side->outer, c->params[0], NULL);
	bool ok = outer != NULL, more = true;

	while (ok && more) {
		struct uuid id = admin_row_id(outer);
		json_t *rows = memberships(c, side, &id, &(struct page){.size = ADMIN_PAGE_MAX}, &more);
		ok = rows != NULL;
		for (size_t i = 0; ok && i < json_array_size(rows); i++) {
			struct uuid row = admin_row_id(json_array_get(rows, i));
			ok = admin_remove(c, &group_membership_schema, &row);
		}
		json_decref(rows);
	}
	if (ok)
		c->response->status = 204;
	json_decref(outer);
	return ok;
}

/* ---- one membership -------------------------------------------------------------------------------------------- */

static bool change_one(struct admin_call *c, const struct side *side, const json_t *outer, const json_t *inner)
{
	json_t *row = find_membership(c, side, outer, inner);
	bool ok = !c->response->status;

	if (ok && c->request->method == ADMIN_PUT) {
		ok = row || join(c, side, outer, inner);
	} else if (ok && !row) {
		admin_not_found(c);
		ok = false;
	} else if (ok && c->request->method == ADMIN_DELETE) {
		struct uuid id = admin_row_id(row);
		ok = admin_remove(c, &group_membership_schema, &id);
	}
	json_decref(row);
	return ok;
}

static bool one(struct admin_call *c, const struct side *side)
{
	json_t *outer = admin_find_or_404(c, side->outer, c->params[0], NULL);
	json_t *inner = outer ? admin_find_or_404(c, side->inner, c->params[1], NULL) : NULL;
	bool ok = inner && change_one(c, side, outer, inner);

	if (ok && c->request->method == ADMIN_DELETE) {
		c->response->status = 204;
	} else if (ok) {
		c->response->status = 200;
		c->response->json = schema_render(side->inner, inner, true);
	}
	json_decref(inner);
	json_decref(outer);
	return ok;
}

/* ---- handlers -------------------------------------------------------------------------------------------------- */

static const struct side *side_of(const struct admin_call *c)
{
	return slice_eq(c->request->segments[0], slice_cstr(consumer_group_schema.path)) ? &of_group : &of_consumer;
}

static bool post_asked(struct admin_call *c)
{
	return post(c, side_of(c));
}

static bool leave_all_asked(struct admin_call *c)
{
	return leave_all(c, side_of(c));
}

static bool one_asked(struct admin_call *c)
{
	return one(c, side_of(c));
}

void admin_memberships(struct admin_call *c)
{
	if (c->request->method == ADMIN_GET)
		answer_list(c, side_of(c));
	else
		admin_in_unit(c, c->request->method == ADMIN_POST ? post_asked : leave_all_asked);
}

void admin_membership(struct admin_call *c)
{
	if (c->request->method == ADMIN_GET)
		one_asked(c);
	else
		admin_in_unit(c, one_asked);
}

static bool decorate(struct admin_call *c, json_t *rendered)
{
	bool is_alone = c->request->method == ADMIN_GET && c->target.shape == SHAPE_ITEM;

	if (is_alone)
		json_object_set_new(rendered, "consumer_group", json_copy(rendered));
	return true;
}

const struct admin_rules admin_consumer_group_rules = {.kind = "consumer_groups", .decorate = decorate};
