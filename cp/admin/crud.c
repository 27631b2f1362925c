/* crud: see crud.h. Which path is which target is decided in routes.c. */
#include "cp/admin/crud.h"

#include "common/core/clock.h"
#include "common/schema/load.h"
#include "cp/admin/body.h"
#include "cp/admin/errors.h"
#include "cp/admin/rules.h"
#include "cp/admin/warn.h"
#include "cp/store/faults.h"

/* ---- reading --------------------------------------------------------------------------------------------------- */

static json_t *find_by(
        struct admin_call *c, const struct schema *kind, const struct store_key *key, const struct store_scope *scope)
{
	struct fault f = {0};
	json_t *row = store_get(c->store, kind, key, scope, &f);

	if (!row && f.code)
		admin_fault(c, &f, kind);
	return row;
}

json_t *admin_find(struct admin_call *c, const struct schema *kind, struct slice key, const struct store_scope *scope)
{
	const struct admin_rules *rules = admin_rules_of(kind);
	struct uuid id;
	struct fault f = {0};
	struct store_key by = {0};

	if (uuid_parse(key, &id))
		by.id = &id;
	else if (rules->find)
		return rules->find(c, key);
	else
		by = (struct store_key){.field = schema_endpoint_key(kind), .value = key};
	if (by.id || by.field)
		return find_by(c, kind, &by, scope);
	fault_invalid_id(&f);
	admin_fault(c, &f, kind);
	return NULL;
}

json_t *admin_find_or_404(
        struct admin_call *c, const struct schema *kind, struct slice key, const struct store_scope *scope)
{
	json_t *row = admin_find(c, kind, key, scope);

	if (!row && !c->response->status)
		admin_not_found(c);
	return row;
}

/* Where a reference of a row leads; false: nowhere. */
static bool referred_id(const json_t *row, const struct field *f, struct uuid *out)
{
	const char *id = json_string_value(json_object_get(json_object_get(row, f->name), "id"));
	return id && uuid_parse(slice_cstr(id), out);
}

struct uuid admin_row_id(const json_t *row)
{
	struct uuid id = {0};

	uuid_parse(slice_cstr(json_string_value(json_object_get(row, "id"))), &id);
	return id;
}

bool admin_find_scope(struct admin_call *c, struct store_scope *scope, struct uuid *id)
{
	*scope = (struct store_scope){0};
	if (!c->target.outer)
		return true;
	json_t *outer = admin_find_or_404(c, c->target.outer, c->target.outer_key, NULL);
	if (!outer)
		return false;
	*id = admin_row_id(outer);
	*scope = (struct store_scope){.field = c->target.reference, .id = id};
	json_decref(outer);
	return true;
}

json_t *admin_render(struct admin_call *c, const struct schema *kind, const json_t *row)
{
	const struct admin_rules *rules = admin_rules_of(kind);
	json_t *rendered = schema_render(kind, row, true);

	if (rules->decorate)
		rules->decorate(c, rendered);
	return rendered;
}

/* Answers with a row, unless rendering it has failed. */
static bool answer_row(struct admin_call *c, int status, const struct schema *kind, const json_t *row)
{
	json_t *rendered = admin_render(c, kind, row);

	if (c->response->status) {
		json_decref(rendered);
		return false;
	}
	c->response->status = status;
	c->response->json = rendered;
	return true;
}

/* The entity that c->target.outer refers to. *outer is the row that refers. NULL with status 0: unset. */
static json_t *find_referred(struct admin_call *c, json_t **outer)
{
	struct uuid id;

	*outer = admin_find_or_404(c, c->target.outer, c->target.outer_key, NULL);
	if (!*outer || !referred_id(*outer, c->target.reference, &id))
		return NULL;
	return find_by(c, c->target.kind, &(struct store_key){.id = &id}, NULL);
}

static json_t *find_target(struct admin_call *c)
{
	struct store_scope scope;
	struct uuid id;
	json_t *outer = NULL;

	if (c->target.shape != SHAPE_REFERRED)
		return admin_find_scope(c, &scope, &id) ? admin_find(c, c->target.kind, c->target.key, &scope) : NULL;
	json_t *row = find_referred(c, &outer);
	json_decref(outer);
	return row;
}

void admin_get(struct admin_call *c)
{
	json_t *row = find_target(c);

	if (row)
		answer_row(c, 200, c->target.kind, row);
	else if (!c->response->status && !c->target.outer && admin_rules_of(c->target.kind)->missing_is_typed)
		admin_missing(c, c->target.kind, c->target.key);
	else if (!c->response->status)
		admin_not_found(c);
	json_decref(row);
}

/* ---- units ----------------------------------------------------------------------------------------------------- */

void admin_in_unit(struct admin_call *c, bool (*change)(struct admin_call *c))
{
	struct fault f = {0};
	uint64_t version = 0;

	if (!store_begin(c->store, &f)) {
		admin_fault(c, &f, NULL);
		return;
	}
	if (!change(c)) {
		store_rollback(c->store);
		return;
	}
	if (!store_commit(c->store, &version, &f)) {
		admin_fault(c, &f, NULL);
		return;
	}
	c->response->is_write = true;
	c->response->version = version;
}

/* ---- writing one record ---------------------------------------------------------------------------------------- */

struct write {
	const struct schema *kind;
	enum load_op op;
	const json_t *existing; /* NULL: new */
	json_t *input;
};

/* input -> complete, checked record; a new reference, or NULL with the answer. */
static json_t *load_record(struct admin_call *c, const struct write *w)
{
	struct load_options options = {
	        .op = w->op, .existing = w->existing, .now_ms = clock_wall_ms(), .target = kinds_by_name};
	const struct admin_rules *rules = admin_rules_of(w->kind);
	struct violations v = {0};
	json_t *record = NULL;

	if (!schema_load(w->kind, w->input, &options, &record, &v)) {
		admin_violations(c, &v);
		return NULL;
	}
	bool ok = !rules->check || rules->check(c, c->store, record, &v);
	if (ok && !has_violations(&v))
		return record;
	if (ok)
		admin_violations(c, &v);
	violations_fini(&v);
	json_decref(record);
	return NULL;
}

static bool store_record(struct admin_call *c, const struct write *w, const json_t *record)
{
	struct fault f = {0};
	uint64_t version;
	bool ok = w->existing ? store_update(c->store, w->kind, record, &version, &f)
	                      : store_insert(c->store, w->kind, record, &version, &f);

	if (!ok)
		admin_fault(c, &f, w->kind);
	return ok;
}

/* The record as stored; a new reference, or NULL with the answer. */
static json_t *write_record(struct admin_call *c, const struct write *w)
{
	struct fault f = {0};

	if (!store_resolve_refs(c->store, w->kind, w->input, &f)) {
		admin_fault(c, &f, w->kind);
		return NULL;
	}
	json_t *record = load_record(c, w);
	if (!record || store_record(c, w, record))
		return record;
	json_decref(record);
	return NULL;
}

/* Writes the request's body as the target's kind and answers with the record. */
static bool write_input(struct admin_call *c, enum load_op op, const json_t *existing, int status)
{
	const struct schema *kind = c->target.kind;

	if (!admin_body_prepare(c, kind, op == LOAD_UPDATE ? existing : NULL))
		return false;
	const struct admin_rules *rules = admin_rules_of(kind);
	json_t *record = write_record(
	        c, &(struct write){.kind = kind, .op = op, .existing = existing, .input = c->input});
	if (!record)
		return false;
	bool ok = (!rules->written || rules->written(c, op, record)) && answer_row(c, status, kind, record);
	if (ok)
		admin_warn(c, kind, record);
	json_decref(record);
	return ok;
}

json_t *admin_insert(struct admin_call *c, const struct schema *kind, json_t *input)
{
	return write_record(c, &(struct write){.kind = kind, .op = LOAD_CREATE, .input = input});
}

void admin_set_reference(json_t *input, const struct field *f, const struct uuid *id)
{
	char text[UUID_TEXT + 1];

	uuid_format(id, text);
	json_object_set_new(input, f->name, json_pack("{s:s}", "id", text));
}

/* ---- POST ------------------------------------------------------------------------------------------------------ */

static bool create(struct admin_call *c)
{
	struct store_scope scope;
	struct uuid parent;

	if (!admin_find_scope(c, &scope, &parent))
		return false;
	if (scope.field)
		admin_set_reference(c->input, scope.field, &parent);
	return write_input(c, LOAD_CREATE, NULL, 201);
}

void admin_create(struct admin_call *c)
{
	admin_in_unit(c, create);
}

/* ---- PUT ------------------------------------------------------------------------------------------------------- */

/* The path says which row is meant, whatever the body says; only a new row found by its key may bring its own id. */
static void put_key_into_input(struct admin_call *c, const json_t *existing)
{
	const struct admin_rules *rules = admin_rules_of(c->target.kind);
	const struct field *field = schema_endpoint_key(c->target.kind);
	struct slice key = c->target.key;
	bool is_id = is_uuid(key);

	if (existing || is_id)
		json_object_del(c->input, "id");
	if (is_id && !existing)
		json_object_set_new(c->input, "id", json_stringn(key.ptr, key.len));
	else if (!is_id && rules->put_key)
		rules->put_key(c, key);
	else if (!is_id && field)
		json_object_set_new(c->input, field->name, json_stringn(key.ptr, key.len));
}

static bool replace(struct admin_call *c)
{
	struct store_scope scope;
	struct uuid parent, owner;

	if (!admin_find_scope(c, &scope, &parent))
		return false;
	json_t *row = admin_find(c, c->target.kind, c->target.key, NULL);
	if (c->response->status)
		return false;
	if (row && scope.field && (!referred_id(row, scope.field, &owner) || !uuid_eq(&owner, &parent))) {
		json_decref(row);
		admin_not_found(c);
		return false;
	}
	bool ok = admin_body_prepare(c, c->target.kind, NULL);
	put_key_into_input(c, row);
	if (scope.field)
		admin_set_reference(c->input, scope.field, &parent);
	ok = ok && write_input(c, row ? LOAD_REPLACE : LOAD_CREATE, row, 200);
	json_decref(row);
	return ok;
}

/* Points the reference of `outer` to the record that has just been written. */
static bool link_to_new(struct admin_call *c, const json_t *outer)
{
	const struct schema *kind = c->target.outer;
	json_t *input = json_object();
	struct uuid id = admin_row_id(c->response->json);

	admin_set_reference(input, c->target.reference, &id);
	json_t *record = write_record(
	        c, &(struct write){.kind = kind, .op = LOAD_UPDATE, .existing = outer, .input = input});
	bool ok = record != NULL;
	json_decref(record);
	json_decref(input);
	return ok;
}

static bool replace_referred(struct admin_call *c)
{
	json_t *outer = NULL, *row = find_referred(c, &outer);
	bool ok = false;

	if (!c->response->status) {
		json_object_del(c->input, "id");
		ok = write_input(c, row ? LOAD_REPLACE : LOAD_CREATE, row, 200) && (row || link_to_new(c, outer));
	}
	json_decref(row);
	json_decref(outer);
	return ok;
}

void admin_put(struct admin_call *c)
{
	if (admin_rules_of(c->target.kind)->put_is_patch)
		admin_patch(c);
	else
		admin_in_unit(c, c->target.shape == SHAPE_REFERRED ? replace_referred : replace);
}

/* ---- PATCH ----------------------------------------------------------------------------------------------------- */

static void answer_missing(struct admin_call *c)
{
	const struct admin_rules *rules = admin_rules_of(c->target.kind);

	if (c->target.outer || (rules->is_plain_missing && rules->is_plain_missing(c->input)))
		admin_not_found(c);
	else
		admin_missing(c, c->target.kind, c->target.key);
}

static bool update(struct admin_call *c)
{
	json_t *row = find_target(c);

	if (!row) {
		if (!c->response->status)
			answer_missing(c);
		return false;
	}
	json_object_del(c->input, "id");
	bool ok = write_input(c, LOAD_UPDATE, row, 200);
	json_decref(row);
	return ok;
}

void admin_patch(struct admin_call *c)
{
	admin_in_unit(c, update);
}

/* ---- DELETE ---------------------------------------------------------------------------------------------------- */

/* Deleting what is not there succeeds at the top level, so that a repeated request is harmless. */
static bool delete_missing(struct admin_call *c)
{
	if (c->response->status)
		return false;
	if (c->target.outer)
		admin_not_found(c);
	else
		c->response->status = 204;
	return !c->target.outer;
}

bool admin_remove(struct admin_call *c, const struct schema *kind, const struct uuid *id)
{
	const struct admin_rules *rules = admin_rules_of(kind);
	struct fault f = {0};
	uint64_t version;

	if (rules->removable && !rules->removable(c, id))
		return false;
	if (store_delete(c->store, kind, id, &version, &f))
		return true;
	admin_fault(c, &f, kind);
	return false;
}

static bool delete_row(struct admin_call *c)
{
	json_t *row = find_target(c);

	if (!row)
		return delete_missing(c);
	struct uuid id = admin_row_id(row);
	json_decref(row);
	if (!admin_remove(c, c->target.kind, &id))
		return false;
	c->response->status = 204;
	return true;
}

void admin_delete(struct admin_call *c)
{
	if (c->target.shape != SHAPE_REFERRED) {
		admin_in_unit(c, delete_row);
		return;
	}
	json_t *row = find_target(c);
	if (row)
		admin_not_allowed(c);
	else if (!c->response->status)
		admin_not_found(c);
	json_decref(row);
}
