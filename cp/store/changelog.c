/* changelog: what the publisher reads: the position, the changes since, a whole snapshot, and a bell (NOTIFY).
 *
 * Versions are dense, and lines of one version are numbered from 1: a reader checks that no line is missing, so a log
 * that was cut, or a database that was restored from an older backup, is noticed and never skipped over. */
#include "common/core/clock.h"
#include "cp/store/presence.h"
#include "cp/store/store_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { CHUNK = 1000 }; /* rows held at a time */

static bool fail(struct err *e, const struct pg_error *pe)
{
	return err_set(e, "%s", pe->text.message);
}

bool store_clock(struct store *st, int64_t *unix_ms, struct err *e)
{
	struct pg_error pe;
	PGresult *r = NULL;

	*unix_ms = clock_wall_ms();
	if (st->is_memory)
		return true;
	r = pg_query(&st->pg, "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint", NULL, &pe);
	if (!r)
		return fail(e, &pe);
	*unix_ms = (int64_t)pg_uint(r, 0, 0);
	PQclear(r);
	return true;
}

bool store_position(struct store *st, struct text *epoch, uint64_t *version, struct err *e)
{
	if (st->is_memory) {
		memory_position(epoch, version);
		return true;
	}
	struct pg_error pe;
	PGresult *r = pg_query(&st->pg, "SELECT epoch, version FROM gatehouse_meta, config_version", NULL, &pe);

	if (!r)
		return fail(e, &pe);
	bool ok = PQntuples(r) == 1;
	if (ok) {
		text_clear(epoch);
		text_put(epoch, pg_value(r, 0, 0));
		*version = pg_uint(r, 0, 1);
	} else {
		err_set(e, "the database \"%s\" holds no version; run the migrations", st->pg.database);
	}
	PQclear(r);
	return ok;
}

bool store_stamp(struct store *st, uint64_t version, struct text *stamp, struct err *e)
{
	struct pg_error pe;
	char number[24];

	text_clear(stamp);
	if (st->is_memory)
		return true;
	snprintf(number, sizeof number, "%" PRIu64, version);
	PGresult *r = pg_query(
	        &st->pg, "SELECT at::text FROM versions WHERE version = $1::bigint", PG_PARAMS(number), &pe);
	if (!r)
		return fail(e, &pe);
	if (PQntuples(r) == 1)
		text_put(stamp, pg_value(r, 0, 0));
	PQclear(r);
	return true;
}

bool store_renew_epoch(struct store *st, struct slice epoch, struct err *e)
{
	struct pg_error pe;
	char old[64];

	if (st->is_memory)
		return true;
	snprintf(old, sizeof old, "%.*s", SLICE_ARG(epoch));
	return pg_run(&st->pg,
	               "WITH new AS (UPDATE gatehouse_meta SET epoch = gen_random_uuid() WHERE epoch = $1::uuid)"
	               " SELECT pg_notify('gatehouse', '')",
	               PG_PARAMS(old), &pe) ||
	       fail(e, &pe);
}

/* ---- snapshot -------------------------------------------------------------------------------------------------- */

static bool send_rows(const struct schema *kind, const PGresult *r, store_row_fn fn, void *arg, struct err *e)
{
	for (int i = 0; i < PQntuples(r); i++)
		if (!fn(kind, pg_value(r, i, 0), arg, e))
			return false;
	return true;
}

/* *rows: how many there were; 0 at the end of the cursor. */
static bool send_chunk(
        struct store *st, const struct schema *kind, store_row_fn fn, void *arg, int *rows, struct err *e)
{
	struct pg_error pe;
	char sql[64];

	snprintf(sql, sizeof sql, "FETCH %d FROM snapshot", CHUNK);
	PGresult *r = pg_query(&st->pg, sql, NULL, &pe);
	if (!r)
		return fail(e, &pe);
	*rows = PQntuples(r);
	bool ok = send_rows(kind, r, fn, arg, e);
	PQclear(r);
	return ok;
}

static bool send_kind(struct store *st, const struct schema *kind, store_row_fn fn, void *arg, struct err *e)
{
	struct pg_error pe;
	int rows = 0;

	text_clear(&st->sql);
	text_puts(&st->sql, "DECLARE snapshot NO SCROLL CURSOR FOR ");
	sql_select_all(&st->sql, kind);
	if (!pg_run(&st->pg, text_cstr(&st->sql), NULL, &pe))
		return fail(e, &pe);
	do {
		if (!send_chunk(st, kind, fn, arg, &rows, e))
			return false;
	} while (rows == CHUNK);
	return pg_run(&st->pg, "CLOSE snapshot", NULL, &pe) || fail(e, &pe);
}

static bool begin_snapshot(struct store *st, uint64_t *version, struct err *e)
{
	struct pg_error pe;
	PGresult *r = pg_query(&st->pg,
	        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT version FROM config_version", NULL, &pe);

	st->pg.pinned = true;
	if (!r)
		return fail(e, &pe);
	bool ok = PQntuples(r) == 1;
	if (ok)
		*version = pg_uint(r, 0, 0);
	else
		err_set(e, "the database \"%s\" holds no version; run the migrations", st->pg.database);
	PQclear(r);
	return ok;
}

bool store_send_rows(struct store *st, store_row_fn fn, void *arg, struct err *e)
{
	bool ok = true;

	for (size_t i = 0; ok && i < kinds_count(); i++)
		ok = send_kind(st, kinds_at(i), fn, arg, e);
	return ok;
}

bool store_snapshot(struct store *st, uint64_t *version, store_row_fn fn, void *arg, struct err *e)
{
	if (st->is_memory)
		return memory_snapshot(version, fn, arg, e);
	bool ok = begin_snapshot(st, version, e) && store_send_rows(st, fn, arg, e);
	store_rollback(st); /* it only read */
	return ok;
}

/* ---- changes --------------------------------------------------------------------------------------------------- */

/* The last line that was delivered. */
struct place {
	uint64_t version, seq;
	bool started; /* a line beyond the caller's version was seen */
};

static bool is_next(const struct place *p, uint64_t version, uint64_t seq)
{
	if (p->started && version == p->version)
		return seq == p->seq + 1;
	return version == p->version + 1 && seq == 1;
}

static bool send_change(const PGresult *r, int row, struct place *p, store_change_fn fn, void *arg, struct err *e)
{
	uint64_t version = pg_uint(r, row, 0), seq = pg_uint(r, row, 1);
	const struct schema *kind = kinds_by_name(pg_value(r, row, 2));
	struct uuid id;

	if (!is_next(p, version, seq))
		return err_set(e,
		        "the changelog does not reach back to version %" PRIu64 ": it goes on with %" PRIu64,
		        p->version, version);
	*p = (struct place){.version = version, .seq = seq, .started = true};
	/* a newer control plane may write kinds that this one does not know */
	if (!kind || !uuid_parse(pg_value(r, row, 3), &id))
		return true;
	return fn(version, kind, &id, pg_value(r, row, 4), arg, e);
}

static PGresult *next_chunk(struct store *st, const struct place *p, struct err *e)
{
	struct pg_error pe;
	char version[24], seq[24], limit[24];

	snprintf(version, sizeof version, "%" PRIu64, p->version);
	/* nothing of the caller's own version is wanted */
	snprintf(seq, sizeof seq, "%" PRIu64, p->started ? p->seq : INT32_MAX);
	snprintf(limit, sizeof limit, "%d", CHUNK);
	PGresult *r = pg_query(&st->pg,
	        "SELECT version, seq, kind, id, doc FROM changelog WHERE (version, seq) > ($1::bigint, $2::integer)"
	        " ORDER BY version, seq LIMIT $3::integer",
	        PG_PARAMS(version, seq, limit), &pe);
	if (!r)
		fail(e, &pe);
	return r;
}

/* Nothing came: right only when the database is at the caller's version. */
static bool check_position(struct store *st, const struct place *p, uint64_t current, struct err *e)
{
	if (p->started || current == p->version)
		return true;
	return err_set(e, "the changelog does not reach back to version %" PRIu64 ": the database is at %" PRIu64,
	        p->version, current);
}

static bool current_version(struct store *st, uint64_t *version, struct err *e)
{
	struct text epoch = {0};
	bool ok = store_position(st, &epoch, version, e);

	text_fini(&epoch);
	return ok;
}

bool store_changes(struct store *st, uint64_t after, store_change_fn fn, void *arg, struct err *e)
{
	struct place p = {.version = after};
	uint64_t current = 0;
	int rows = CHUNK;
	bool ok = current_version(st, &current, e);

	if (st->is_memory)
		return memory_changes(after, fn, arg, e);
	while (ok && rows == CHUNK) {
		PGresult *r = next_chunk(st, &p, e);
		rows = r ? PQntuples(r) : 0;
		ok = r != NULL;
		for (int i = 0; ok && i < rows; i++)
			ok = send_change(r, i, &p, fn, arg, e);
		PQclear(r);
	}
	return ok && check_position(st, &p, current, e);
}

/* ---- the bell -------------------------------------------------------------------------------------------------- */

static int listen_to(struct store *st, const char *sql, struct err *e)
{
	struct pg_error pe;

	if (!pg_run(&st->listener, sql, NULL, &pe)) {
		fail(e, &pe);
		return -1;
	}
	/* from here on a lost connection is reported, not mended: a new one would be deaf */
	st->listener.pinned = true;
	return PQsocket(st->listener.conn);
}

int store_listen(struct store *st, struct err *e)
{
	if (st->is_memory)
		return st->bell = memory_listen(st->bell, e);
	return listen_to(st, "LISTEN gatehouse", e);
}

int store_listen_to_peers(struct store *st, struct err *e)
{
	return listen_to(st, "LISTEN gatehouse_peers", e);
}

bool store_drain(struct store *st)
{
	uint64_t rings;

	if (st->is_memory)
		return st->bell >= 0 && read(st->bell, &rings, sizeof rings) > 0;
	PGconn *conn = st->listener.conn;
	PGnotify *n;

	if (!conn || !PQconsumeInput(conn)) {
		pg_disconnect(&st->listener);
		st->listener.pinned = false;
		return false;
	}
	while ((n = PQnotifies(conn)))
		PQfreemem(n);
	return true;
}
