/* prune: old history goes. Part of versions.h.
 *
 * The oldest version that can be read moves up in the transaction that removes the lines before it, so a reader sees
 * either both or neither. Only the changelog shrinks: what is in force is in the tables of the kinds. */
#include <inttypes.h>

#include "cp/store/store_private.h"
#include "cp/store/versions.h"

/* The lock makes several control planes take turns; who does not get it has nothing to do. $1 versions, $2 days, $3
 * limit. NULL: no such bound. */
static const char TARGET[] =
        "SELECT oldest, least(oldest + $3::bigint, version + 1 - $4::bigint, greatest("
        "  CASE WHEN $1::bigint > 0 THEN version + 1 - $1::bigint END,"
        "  CASE WHEN $2::bigint > 0 THEN"
        "    coalesce((SELECT min(v.version) FROM versions v WHERE v.at >= now() - make_interval(days => $2::integer)), version)"
        "  END))"
        " FROM gatehouse_meta, config_version"
        " WHERE pg_try_advisory_xact_lock(hashtextextended('gatehouse prune', 0))";

static const char *number(struct store *st, uint64_t n)
{
	return arena_printf(&st->scratch, "%" PRIu64, n).ptr;
}

/* *to: the oldest version that is to be kept; not beyond *from when there is nothing to drop. */
static bool find_target(struct store *st, const struct retention *keep, unsigned limit, uint64_t *from, uint64_t *to,
        struct fault *fault)
{
	text_clear(&st->sql);
	text_puts(&st->sql, TARGET);
	PGresult *r = store_query(st,
	        PG_PARAMS(number(st, (uint64_t)keep->versions), number(st, (uint64_t)keep->days), number(st, limit),
	                number(st, STORE_KEPT_ALWAYS)),
	        fault);
	*from = *to = 0;
	if (r && PQntuples(r) == 1 && !PQgetisnull(r, 0, 1)) {
		*from = pg_uint(r, 0, 0);
		*to = PQgetvalue(r, 0, 1)[0] == '-' ? 0 : pg_uint(r, 0, 1);
	}
	PQclear(r);
	return r != NULL;
}

static bool drop_before(struct store *st, uint64_t oldest, struct fault *fault)
{
	struct pg_error e;
	const char *sql = arena_printf(&st->scratch,
	        "UPDATE gatehouse_meta SET oldest = %" PRIu64 "; DELETE FROM changelog WHERE version <= %" PRIu64
	        "; DELETE FROM versions WHERE version < %" PRIu64 "; COMMIT",
	        oldest, oldest, oldest)
	                          .ptr;

	return pg_run(&st->pg, sql, NULL, &e) || fault_database(fault, &e);
}

bool store_prune(
        struct store *st, const struct retention *keep, unsigned limit, uint64_t *dropped, struct fault *fault)
{
	struct pg_error e;
	uint64_t from, to;

	if (st->is_memory) {
		*dropped = 0;
		return true;
	}
	*dropped = 0;
	if (keep->versions == 0 && keep->days == 0)
		return true;
	arena_reset(&st->scratch);
	if (!pg_run(&st->pg, "BEGIN", NULL, &e))
		return fault_database(fault, &e);
	st->pg.pinned = true;
	bool ok = find_target(st, keep, limit, &from, &to, fault);
	if (ok && to > from) {
		ok = drop_before(st, to, fault);
		*dropped = ok ? to - from : 0;
	}
	store_rollback(st); /* what is not committed; and the end of the connection's pinning */
	return ok;
}
