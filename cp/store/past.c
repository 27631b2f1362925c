/* past: states of earlier versions, read and compared. Part of versions.h.
 *
 * Whether a version is still kept is asked inside the transaction that reads: what is dropped meanwhile is not
 * missed, because the transaction sees the database as it was when it began. */
#include <inttypes.h>

#include "cp/store/store_private.h"
#include "cp/store/versions.h"

static bool begin_reading(struct store *st, struct fault *fault)
{
	struct pg_error e;

	if (!pg_run(&st->pg, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL, &e))
		return fault_database(fault, &e);
	st->pg.pinned = true;
	return true;
}

bool store_look_back(struct store *st, uint64_t version, struct fault *fault)
{
	if (st->is_memory)
		return fault_no_history(fault);
	if (!begin_reading(st, fault))
		return false;
	if (!store_has_version(st, version, fault)) {
		store_look_ahead(st);
		return false;
	}
	st->at = version;
	return true;
}

void store_look_ahead(struct store *st)
{
	st->at = SQL_PRESENT;
	store_rollback(st); /* it only read */
}

/* ---- differences ----------------------------------------------------------------------------------------------- */

/* The first change of a record within the range tells what it was, the last one what it became. */
static const char DIFFERENCES[] =
        "SELECT kind, id, first.before, last.doc FROM"
        " (SELECT DISTINCT ON (kind, id) kind, id, before FROM changelog WHERE version > $1::bigint AND version <= $2::bigint"
        " AND (kind, id) > ($3, $4::uuid) ORDER BY kind, id, version, seq) first JOIN"
        " (SELECT DISTINCT ON (kind, id) kind, id, doc FROM changelog WHERE version > $1::bigint AND version <= $2::bigint"
        " AND (kind, id) > ($3, $4::uuid) ORDER BY kind, id, version DESC, seq DESC) last USING (kind, id)"
        " WHERE before::text IS DISTINCT FROM doc::text ORDER BY kind, id LIMIT $5::bigint";

static const char *number(struct store *st, uint64_t n)
{
	return arena_printf(&st->scratch, "%" PRIu64, n).ptr;
}

static json_t *state(const PGresult *r, int row, int column)
{
	struct slice doc = pg_value(r, row, column);
	json_t *out = slice_is_set(doc) ? json_loadb(doc.ptr, doc.len, 0, NULL) : NULL;
	return out ? out : json_null();
}

static json_t *difference(const PGresult *r, int row, bool reversed)
{
	return json_pack("{s:s, s:s, s:o, s:o}", "kind", PQgetvalue(r, row, 0), "id", PQgetvalue(r, row, 1),
	        reversed ? "to" : "from", state(r, row, 2), reversed ? "from" : "to", state(r, row, 3));
}

static PGresult *read_differences(struct store *st, const struct difference_page *page, struct fault *fault)
{
	uint64_t low = page->from < page->to ? page->from : page->to,
	         high = page->from < page->to ? page->to : page->from;

	if (!store_has_version(st, low, fault) || !store_has_version(st, high, fault))
		return NULL;
	arena_reset(&st->scratch);
	text_clear(&st->sql);
	text_puts(&st->sql, DIFFERENCES);
	return store_query(st,
	        PG_PARAMS(number(st, low), number(st, high), arena_cstr(&st->scratch, page->after_kind),
	                slice_is_set(page->after_id) ? arena_cstr(&st->scratch, page->after_id)
	                                             : "00000000-0000-0000-0000-000000000000",
	                number(st, (uint64_t)page->size + 1)),
	        fault);
}

json_t *store_differences(struct store *st, const struct difference_page *page, bool *more, struct fault *fault)
{
	if (st->is_memory) {
		fault_no_history(fault);
		return NULL;
	}
	*more = false;
	if (!begin_reading(st, fault))
		return NULL;
	PGresult *r = read_differences(st, page, fault);
	json_t *out = r ? json_array() : NULL;
	for (int i = 0; r && i < PQntuples(r) && i < page->size; i++)
		json_array_append_new(out, difference(r, i, page->from > page->to));
	*more = r && PQntuples(r) > page->size;
	PQclear(r);
	store_look_ahead(st);
	return out;
}
