/* store_write: insert, update, delete. Part of store.h.
 *
 * Each row statement writes its line of the changelog in the same breath (sql.c). Deletes cascade here and not in the
 * database, because every removed record must be a change of its own; the database's foreign keys are the safety net.
 */
#include "cp/store/store_private.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *dump(struct store *st, const json_t *record)
{
	char *text = json_dumps(record, JSON_COMPACT);
	if (!text)
		return NULL;
	const char *kept = arena_cstr(&st->scratch, slice_cstr(text));
	free(text);
	return kept;
}

static const char *number(struct store *st, uint64_t n)
{
	return arena_printf(&st->scratch, "%" PRIu64, n).ptr;
}

/* Runs the statement in st->sql; *touched: the row was there, and was changed. */
static bool change(struct store *st, const struct schema *kind, enum store_op op, const char *what, bool *touched,
        struct pg_error *e)
{
	const struct pg_params *params = PG_PARAMS(
	        number(st, st->unit.base + 1), number(st, st->unit.changes + 1), what);
	PGresult *r = pg_query(&st->pg, text_cstr(&st->sql), params, e);

	if (!r)
		return false;
	*touched = pg_affected(r) > 0;
	if (*touched && !kind->is_private) {
		st->unit.changes++;
		st->unit.tallies[kinds_index(kind)].of[op]++;
	}
	PQclear(r);
	return true;
}

/* ---- before a record is stored --------------------------------------------------------------------------------- */

/* A reference to a kind that this release does not have cannot point to anything. */
static bool check_references(const struct schema *kind, const json_t *record, struct fault *fault)
{
	for_each_field(f, kind)
	{
		if (f->type != TYPE_FOREIGN || !is_column(f) || kinds_by_name(slice_cstr(f->ref)))
			continue;
		const char *id = json_string_value(json_object_get(json_object_get(record, f->name), "id"));
		if (id)
			return fault_foreign(fault, f, id);
	}
	return true;
}

static bool check_id(const json_t *record, struct fault *fault)
{
	const char *id = json_string_value(json_object_get(record, "id"));
	return (id && is_uuid(slice_cstr(id))) || fault_invalid_id(fault);
}

static bool remove_rows(struct store *st, const struct schema *kind, const PGresult *ids, struct fault *fault)
{
	for (int i = 0; i < PQntuples(ids); i++)
		if (!store_remove(st, kind, PQgetvalue(ids, i, 0), fault))
			return false;
	return true;
}

/* Nobody sees an expired row any more, so its id and keys are free. */
static bool make_room(struct store *st, const struct schema *kind, const char *doc, struct fault *fault)
{
	if (!kind->has_ttl)
		return true;
	text_clear(&st->sql);
	sql_select_expired_twins(&st->sql, kind);
	PGresult *r = store_query(st, PG_PARAMS(doc), fault);
	bool ok = r && remove_rows(st, kind, r, fault);
	PQclear(r);
	return ok;
}

/* ---- insert and update ----------------------------------------------------------------------------------------- */

static bool put(struct store *st, const struct schema *kind, const json_t *record, enum store_op op, bool *touched,
        struct fault *fault)
{
	struct pg_error e;
	const char *doc = dump(st, record);

	if (!doc)
		return fault_set(fault, 8, 500, NULL, "a record of '%s' cannot be written as JSON", kind->name);
	if (!make_room(st, kind, doc, fault))
		return false;
	text_clear(&st->sql);
	(op == STORE_CREATE ? sql_insert : sql_update)(&st->sql, kind);
	return change(st, kind, op, doc, touched, &e) || fault_write(fault, &e, kind, record);
}

bool store_insert(
        struct store *st, const struct schema *kind, const json_t *record, uint64_t *version, struct fault *fault)
{
	bool own, touched;

	if (st->is_memory)
		return fault_read_only(fault);
	if (!check_id(record, fault) || !check_references(kind, record, fault) || !store_enter(st, &own, fault))
		return false;
	bool ok = put(st, kind, record, STORE_CREATE, &touched, fault);
	return store_leave(st, own, ok, version, fault);
}

/* An update that touched nothing: the same record again (fine) or a missing row. */
static bool check_present(struct store *st, const struct schema *kind, const json_t *record, struct fault *fault)
{
	const char *id = json_string_value(json_object_get(record, "id"));

	text_clear(&st->sql);
	sql_select(&st->sql, kind, SQL_PRESENT, schema_field(kind, S("id")), NULL);
	PGresult *r = store_query(st, PG_PARAMS(id), fault);
	bool there = r && PQntuples(r) > 0;
	if (r && !there)
		fault_missing(fault, id);
	PQclear(r);
	return there;
}

bool store_update(
        struct store *st, const struct schema *kind, const json_t *record, uint64_t *version, struct fault *fault)
{
	bool own, touched = false;

	if (st->is_memory)
		return fault_read_only(fault);
	if (!check_id(record, fault) || !check_references(kind, record, fault) || !store_enter(st, &own, fault))
		return false;
	bool ok = put(st, kind, record, STORE_UPDATE, &touched, fault) &&
	          (touched || check_present(st, kind, record, fault));
	return store_leave(st, own, ok, version, fault);
}

/* ---- delete ---------------------------------------------------------------------------------------------------- */

static bool refuse_referenced(struct store *st, const struct schema *child, const struct field *f,
        const struct schema *parent, const char *id, struct fault *fault)
{
	if (f->on_delete != ON_DELETE_RESTRICT)
		return true;
	text_clear(&st->sql);
	sql_select_is_referred(&st->sql, child, f);
	PGresult *r = store_query(st, PG_PARAMS(id), fault);
	bool free_to_go = r && PQntuples(r) == 0;
	if (r && !free_to_go)
		fault_referenced(fault, child, parent);
	PQclear(r);
	return free_to_go;
}

static bool cascade(struct store *st, const struct schema *child, const struct field *f, const struct schema *parent,
        const char *id, struct fault *fault)
{
	bool restricted = f->on_delete == ON_DELETE_RESTRICT;

	if (restricted && !child->has_ttl)
		return true;
	text_clear(&st->sql);
	sql_select_referring(&st->sql, child, f, restricted);
	PGresult *r = store_query(st, PG_PARAMS(id), fault);
	bool ok = r && remove_rows(st, child, r, fault);
	PQclear(r);
	return ok;
}

typedef bool (*referrer_fn)(struct store *st, const struct schema *child, const struct field *f,
        const struct schema *parent, const char *id, struct fault *fault);

static bool each_referrer(
        struct store *st, const struct schema *parent, const char *id, referrer_fn fn, struct fault *fault)
{
	for (size_t i = 0; i < kinds_count(); i++) {
		const struct schema *child = kinds_at(i);
		for_each_field(f, child)
		{
			if (f->type != TYPE_FOREIGN || !is_column(f) || strcmp(f->ref, parent->name) != 0)
				continue;
			if (!fn(st, child, f, parent, id, fault))
				return false;
		}
	}
	return true;
}

bool store_remove(struct store *st, const struct schema *kind, const char *id, struct fault *fault)
{
	struct pg_error e;
	bool touched;

	/* all that forbids it first, so that a refusal has changed nothing at this level */
	if (!each_referrer(st, kind, id, refuse_referenced, fault) || !each_referrer(st, kind, id, cascade, fault))
		return false;
	text_clear(&st->sql);
	sql_delete(&st->sql, kind);
	return change(st, kind, STORE_DELETE, id, &touched, &e) || fault_write(fault, &e, kind, NULL);
}

bool store_delete(
        struct store *st, const struct schema *kind, const struct uuid *id, uint64_t *version, struct fault *fault)
{
	char text[UUID_TEXT + 1];
	bool own;

	if (st->is_memory)
		return fault_read_only(fault);
	if (!store_enter(st, &own, fault))
		return false;
	uuid_format(id, text);
	return store_leave(st, own, store_remove(st, kind, text, fault), version, fault);
}

/* ---- expiry ---------------------------------------------------------------------------------------------------- */

static PGresult *expired_rows(struct store *st, const struct schema *kind, size_t limit, struct fault *fault)
{
	text_clear(&st->sql);
	sql_select_expired(&st->sql, kind, limit);
	return store_query(st, NULL, fault);
}

static bool purge_kind(
        struct store *st, const struct schema *kind, size_t limit, uint64_t *version, struct fault *fault)
{
	bool own;
	PGresult *r = expired_rows(st, kind, limit, fault);

	if (!r || PQntuples(r) == 0) { /* nothing to do is the rule: then no lock is taken */
		bool ok = r != NULL;
		PQclear(r);
		return ok;
	}
	PQclear(r);
	if (!store_enter(st, &own, fault))
		return false;
	/* again under the lock: another control plane may have been here */
	r = expired_rows(st, kind, limit, fault);
	bool ok = r && remove_rows(st, kind, r, fault);
	PQclear(r);
	return store_leave(st, own, ok, version, fault);
}

bool store_purge_expired(struct store *st, size_t limit, uint64_t *version, struct fault *fault)
{
	if (st->is_memory) {
		*version = 0;
		return true;
	}
	*version = 0;
	for (size_t i = 0; i < kinds_count(); i++) {
		uint64_t made = 0;
		if (!kinds_at(i)->has_ttl)
			continue;
		if (!purge_kind(st, kinds_at(i), limit, &made, fault))
			return false;
		if (made > 0)
			*version = made;
	}
	return true;
}
