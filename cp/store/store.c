/* store: the handle and its write units. Reads are in store_read.c, writes in store_write.c.
 *
 * A unit begins by locking the one row of config_version. That puts all writers of all control planes in one order,
 * which is why versions are dense and why the order of versions is the order of commits. */
#include "cp/store/store_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct store *store_unconnected(const struct settings *s)
{
	struct store *st = calloc(1, sizeof *st);

	if (!st)
		abort();
	pg_init(&st->pg, s);
	pg_init(&st->listener, s);
	arena_init(&st->scratch);
	arena_init(&st->signed_on);
	st->at = SQL_PRESENT;
	st->bell = -1;
	st->is_memory = is_without_database(s);
	return st;
}

struct store *store_open(const struct settings *s, struct err *e)
{
	struct store *st = store_unconnected(s);
	struct pg_error pe;

	if (st->is_memory || pg_connect(&st->pg, &pe))
		return st;
	err_set(e, "%s", pe.text.message);
	store_close(st);
	return NULL;
}

void store_close(struct store *st)
{
	if (!st)
		return;
	memory_unlisten(st->bell);
	pg_fini(&st->pg);
	pg_fini(&st->listener);
	text_fini(&st->sql);
	arena_fini(&st->scratch);
	arena_fini(&st->signed_on);
	free(st);
}

bool store_ping(struct store *st)
{
	struct pg_error e;
	if (st->is_memory)
		return true;
	return pg_run(&st->pg, "SELECT 1", NULL, &e);
}

PGresult *store_query(struct store *st, const struct pg_params *params, struct fault *fault)
{
	struct pg_error e;
	PGresult *r = pg_query(&st->pg, text_cstr(&st->sql), params, &e);

	if (!r) {
		st->unit.failed = st->unit.open;
		fault_database(fault, &e);
	}
	return r;
}

/* ---- units ----------------------------------------------------------------------------------------------------- */

static void end_unit(struct store *st)
{
	st->unit = (struct unit){0};
	st->pg.pinned = false;
}

bool store_begin(struct store *st, struct fault *fault)
{
	struct pg_error e;

	if (st->is_memory)
		return st->unit.open = true;
	assert(!st->unit.open);
	PGresult *r = pg_query(&st->pg,
	        "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT version FROM config_version FOR UPDATE", NULL, &e);
	if (!r) {
		store_rollback(st);
		return fault_database(fault, &e);
	}
	if (PQntuples(r) != 1) {
		PQclear(r);
		store_rollback(st);
		return fault_set(fault, 8, 500, NULL, "the database \"%s\" holds no version; run the migrations",
		        st->pg.database);
	}
	st->unit = (struct unit){.open = true, .base = pg_uint(r, 0, 0)};
	st->pg.pinned = true;
	PQclear(r);
	return true;
}

void store_rollback(struct store *st)
{
	struct pg_error e;

	/* a connection that cannot even roll back is dropped: the server then does it */
	if (st->pg.conn && PQtransactionStatus(st->pg.conn) != PQTRANS_IDLE && !pg_run(&st->pg, "ROLLBACK", NULL, &e))
		pg_disconnect(&st->pg);
	end_unit(st);
}

static struct slice signed_text(struct store *st, struct slice s)
{
	return slice_is_set(s) && is_pg_text(s) ? arena_dup(&st->signed_on, s) : S("");
}

void store_sign(struct store *st, const struct store_signature *by)
{
	arena_reset(&st->signed_on);
	st->signature = (struct store_signature){.author = signed_text(st, by->author),
	        .message = signed_text(st, by->message),
	        .source = signed_text(st, by->source)};
}

void store_sign_message(struct store *st, struct slice message)
{
	st->signature.message = signed_text(st, message);
}

/* {"services":{"created":1,"updated":0,"deleted":0}} of the kinds that the unit changed. */
static struct slice counts_json(struct store *st)
{
	struct text t = {0};

	for (size_t i = 0; i < kinds_count(); i++) {
		const unsigned *of = st->unit.tallies[i].of;
		if (of[STORE_CREATE] + of[STORE_UPDATE] + of[STORE_DELETE] > 0)
			text_printf(&t, "%c\"%s\":{\"created\":%u,\"updated\":%u,\"deleted\":%u}",
			        t.len > 0 ? ',' : '{', kinds_at(i)->name, of[STORE_CREATE], of[STORE_UPDATE],
			        of[STORE_DELETE]);
	}
	text_putc(&t, '}');
	struct slice out = arena_dup(&st->scratch, text_slice(&t));
	text_fini(&t);
	return out;
}

/* The version's own row, and the new number. */
static void put_version(struct store *st, uint64_t version)
{
	const struct slice texts[] = {
	        st->signature.author, st->signature.message, st->signature.source, counts_json(st)};

	text_printf(&st->sql,
	        "UPDATE config_version SET version = %" PRIu64
	        "; INSERT INTO versions (version, author, message, source, counts) VALUES (%" PRIu64,
	        version, version);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		text_puts(&st->sql, ", ");
		pg_put_literal(&st->pg, &st->sql, texts[i]);
	}
	text_printf(&st->sql, "); NOTIFY gatehouse, '%" PRIu64 "'; ", version);
}

static void put_commit(struct store *st, uint64_t version)
{
	text_clear(&st->sql);
	if (version > 0)
		put_version(st, version);
	if (st->audit)
		audit_put(st, version);
	text_puts(&st->sql, "COMMIT");
}

bool store_commit(struct store *st, uint64_t *version, struct fault *fault)
{
	struct pg_error e;
	uint64_t next = st->unit.changes > 0 ? st->unit.base + 1 : 0;

	if (st->is_memory) { /* whoever got here has written nothing */
		st->unit.open = false;
		*version = 0;
		return true;
	}
	assert(st->unit.open);
	if (st->unit.failed) {
		store_rollback(st);
		return fault_set(
		        fault, 8, 500, NULL, "a write of this transaction failed, so all of it was rolled back");
	}
	put_commit(st, next);
	st->pg.is_unreplicated = false;
	if (!pg_run(&st->pg, text_cstr(&st->sql), NULL, &e)) {
		bool lost = !st->pg.conn;
		store_rollback(st);
		fault_database(fault, &e);
		if (!lost)
			return false;
		return fault_set(
		        fault, 8, 503, NULL, "%s; it is not known whether the change was made", e.text.message);
	}
	end_unit(st);
	st->audit = NULL;
	*version = next;
	if (st->pg.is_unreplicated)
		return fault_set(fault, 8, 503, NULL,
		        "the database has the change and its standby may not: nobody waits for that any more; whether it"
		        " outlives a fail-over is not known");
	return true;
}

bool store_enter(struct store *st, bool *own, struct fault *fault)
{
	*own = !st->unit.open;
	arena_reset(&st->scratch);
	return *own ? store_begin(st, fault) : true;
}

bool store_leave(struct store *st, bool own, bool ok, uint64_t *version, struct fault *fault)
{
	if (ok && own)
		return store_commit(st, version, fault);
	if (ok)
		*version = st->unit.changes > 0 ? st->unit.base + 1 : 0;
	else if (own)
		store_rollback(st);
	else
		st->unit.failed = true;
	return ok;
}
