/* restore: a new version with the content of an earlier one. Part of versions.h.
 *
 * Rows may have swapped names, and parents may have come and gone with their children, so no order of single writes
 * is right in general. Therefore: references are checked at the end; of every kind, the rows that differ are removed,
 * and only then do they come back as they were. What has not changed is not touched, and the work is that of the
 * changes since, however many rows there are. */
#include <inttypes.h>

#include "cp/store/store_private.h"
#include "cp/store/versions.h"

static const char *number(struct store *st, uint64_t n)
{
	return arena_printf(&st->scratch, "%" PRIu64, n).ptr;
}

static bool set_constraints(struct store *st, const char *when, struct fault *fault)
{
	struct pg_error e;

	if (pg_run(&st->pg, arena_printf(&st->scratch, "SET CONSTRAINTS ALL %s", when).ptr, NULL, &e))
		return true;
	if (strcmp(e.sqlstate, "23503") != 0)
		return fault_database(fault, &e);
	return fault_set(fault, 4, 400, NULL, "a record of that version refers to one that it does not have: %s",
	        e.text.message);
}

/* Nobody drops history while it is needed: the row stays locked until the unit ends. */
static bool hold_history(struct store *st, uint64_t version, struct fault *fault)
{
	struct pg_error e;

	return (pg_run(&st->pg, "SELECT FROM gatehouse_meta FOR SHARE", NULL, &e) || fault_database(fault, &e)) &&
	       store_has_version(st, version, fault);
}

static bool remove_rows(struct store *st, size_t kind, uint64_t version, struct fault *fault)
{
	text_clear(&st->sql);
	sql_restore_remove(&st->sql, kinds_at(kind), version);
	PGresult *r = store_query(st, PG_PARAMS(number(st, st->unit.base + 1), number(st, st->unit.changes)), fault);
	for (int op = 0; r && op < 3; op++) { /* the columns are in the order of enum store_op */
		unsigned n = (unsigned)pg_uint(r, 0, op);
		st->unit.tallies[kind].of[op] += n;
		st->unit.changes += n;
	}
	PQclear(r);
	return r != NULL;
}

static bool insert_rows(struct store *st, size_t kind, struct fault *fault)
{
	const unsigned *of = st->unit.tallies[kind].of;
	struct pg_error e;

	if (of[STORE_CREATE] + of[STORE_UPDATE] == 0)
		return true;
	text_clear(&st->sql);
	sql_restore_insert(&st->sql, kinds_at(kind));
	return pg_run(&st->pg, text_cstr(&st->sql), PG_PARAMS(number(st, st->unit.base + 1)), &e) ||
	       fault_write(fault, &e, kinds_at(kind), NULL);
}

static bool restore(struct store *st, uint64_t version, struct fault *fault)
{
	bool ok = hold_history(st, version, fault) && set_constraints(st, "DEFERRED", fault);

	for (size_t i = 0; ok && i < kinds_count(); i++)
		ok = remove_rows(st, i, version, fault);
	for (size_t i = 0; ok && i < kinds_count(); i++)
		ok = insert_rows(st, i, fault);
	return ok && set_constraints(st, "IMMEDIATE", fault);
}

bool store_restore(struct store *st, uint64_t version, uint64_t *made, struct fault *fault)
{
	bool own;

	if (st->is_memory)
		return fault_read_only(fault);
	if (!store_enter(st, &own, fault))
		return false;
	return store_leave(st, own, restore(st, version, fault), made, fault);
}
